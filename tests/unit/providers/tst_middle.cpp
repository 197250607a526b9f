// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/middle/answer.h"
#include "providers/registry.h"
#include "providers/upstreamstream.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace assistiv::middle;
using namespace Qt::StringLiterals;

class tst_Middle : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void collectsAnAnswer();
    void collectsCallsThatAreWrittenAtOnce();
    void joinsLogprobs();
    void collectsNoMoreThanItsLimit();
    void ignoresPiecesOfUnknownCalls();
    void bills_data();
    void bills();
    void namesWhatFitsAHeader();
    void finishes_data();
    void finishes();
    void endsOnceWhateverTheDecoderSays();
    void endsAStreamThatIsTooLong();
    void findsTheWayToAProvider();
};

void tst_Middle::collectsAnAnswer()
{
    AnswerCollector collector;
    const Events events = { Start { "id", "model" },
                            ReasoningDelta { "Let " },
                            ReasoningDelta { "me" },
                            ItemEnd(),
                            Opaque { "anthropic", "m", "{}" },
                            TextDelta { "a" },
                            TextDelta { "" },
                            TextDelta { "b" },
                            ItemEnd(),
                            TextDelta { "c" },
                            RefusalDelta { "no" },
                            UsageReport { Usage { .outText = 1 } },
                            Finish { FinishReason::Length } };
    for (const Event &event : events)
        QVERIFY(collector.add(event));
    const QList<Part> expected = { { .content = Reasoning { "Let me" } },
                                   { .content = Opaque { "anthropic", "m", "{}" } },
                                   { .content = Text { "ab" } },
                                   { .content = Text { "c" } },
                                   { .content = Refusal { "no" } } };
    QVERIFY(collector.answer().parts == expected);
    QVERIFY(collector.answer().finish == FinishReason::Length);
}

void tst_Middle::collectsCallsThatAreWrittenAtOnce()
{
    AnswerCollector collector;
    const Events events = { CallStart { 0, "c0", "f" },   CallArguments { 0, "{\"a\"" },  CallStart { 1, "c1", "g", "sign", "p/m" },
                            CallArguments { 1, "{}" },    CallArguments { 0, ":1}" },     CallEnd { 0 },
                            CallEnd { 1 },                TextDelta { "after" },          Finish { FinishReason::ToolCalls } };
    for (const Event &event : events)
        QVERIFY(collector.add(event));
    const QList<Part> expected = { { .content = ToolCall { "c0", "f", "{\"a\":1}" } },
                                   { .content = ToolCall { "c1", "g", "{}", "sign", "p/m" } },
                                   { .content = Text { "after" } } };
    QVERIFY(collector.answer().parts == expected);
}

void tst_Middle::joinsLogprobs()
{
    AnswerCollector collector;
    for (const char *piece : { "[]", "[1]", "[]", "[2,3]", "" })
        QVERIFY(collector.add(TextDelta { "x", piece }));
    QCOMPARE(collector.answer().logprobs, "[1,2,3]"_ba);
}

void tst_Middle::collectsNoMoreThanItsLimit()
{
    AnswerCollector collector;
    const QByteArray half(AnswerCollector::MaximumBytes / 2, 'x');
    QVERIFY(collector.add(TextDelta { half }));
    QVERIFY(!collector.add(TextDelta { half }));

    // Nothing in each of them, but too many of them.
    AnswerCollector empty;
    int taken = 0;
    while (empty.add(CallStart()))
        ++taken;
    QVERIFY(taken <= AnswerCollector::MaximumBytes / qsizetype(sizeof(Part)) + 1);
}

void tst_Middle::ignoresPiecesOfUnknownCalls()
{
    AnswerCollector collector;
    QVERIFY(collector.add(CallArguments { 0, "x" }));
    QVERIFY(collector.add(CallArguments { -1, "x" }));
    QVERIFY(collector.answer().parts.isEmpty());
}

void tst_Middle::bills_data()
{
    QTest::addColumn<Events>("events");
    QTest::addColumn<bool>("reported");
    QTest::addColumn<qint64>("input");
    QTest::addColumn<qint64>("output");
    const UsageReport report { Usage { .inFresh = 7, .outText = 2, .outReasoning = 1 } };
    const Finish finish;
    QTest::newRow("as reported") << Events { report, TextDelta { "0123456789abcdefg" }, finish } << true << 7LL << 3LL;
    QTest::newRow("the last report counts") << Events { UsageReport { Usage { .inFresh = 1 } }, report, finish } << true << 7LL << 3LL;
    QTest::newRow("estimated without a report") << Events { TextDelta { "01234" }, CallStart { 0, "id", "f" }, CallArguments { 0, "{}" }, finish }
                                                << false << 50LL << 2LL;
    QTest::newRow("estimated when a report made no sense") << Events { report, UsageReport(), TextDelta { "01234" }, finish } << false << 50LL << 2LL;
    QTest::newRow("at least what was seen of an answer that broke off")
        << Events { report, TextDelta { "0123456789abcdefg" } } << false << 7LL << 5LL;
    QTest::newRow("the report, when it is ahead of what was seen") << Events { report, TextDelta { "0" } } << true << 7LL << 3LL;
    QTest::newRow("visible reasoning and refusals are output") << Events { ReasoningDelta { "0123" }, RefusalDelta { "0" } } << false << 50LL << 2LL;
}

void tst_Middle::bills()
{
    QFETCH(Events, events);
    Meter meter;
    for (const Event &event : std::as_const(events))
        meter.note(event);
    QTEST(meter.isReported(), "reported");
    QTEST(meter.usage(50).prompt(), "input");
    QTEST(meter.usage(50).completion(), "output");
}

void tst_Middle::namesWhatFitsAHeader()
{
    Request request;
    request.given = { { Field::Seed, "seed" },         { Field::Other, "a\r\nset-cookie: b" }, { Field::Other, "metadata" },
                      { Field::Other, "metadata" },    { Field::Stop, "stop" },                { Field::Other, "ü" },
                      { Field::Other, "messages[].name" }, { Field::Other, QByteArray(65, 'x') } };
    QCOMPARE(namesOf(request, { Field::Seed, Field::Other }), QByteArrayList({ "seed", "metadata", "messages[].name" }));
    for (int i = 0; i < 1000; ++i)
        request.given.append({ Field::Other, QByteArray::number(i) });
    QCOMPARE(namesOf(request, { Field::Other }).size(), 50);
}

void tst_Middle::finishes_data()
{
    QTest::addColumn<int>("reported");
    QTest::addColumn<bool>("hasCalls");
    QTest::addColumn<int>("told");
    const auto row = [](const char *name, FinishReason reported, bool hasCalls, FinishReason told) {
        QTest::newRow(name) << int(reported) << hasCalls << int(told);
    };
    row("an end", FinishReason::Stop, false, FinishReason::Stop);
    row("calls win over an end", FinishReason::Stop, true, FinishReason::ToolCalls);
    row("calls that are none", FinishReason::ToolCalls, false, FinishReason::Stop);
    row("a cut answer with calls stays cut", FinishReason::Length, true, FinishReason::Length);
    row("a filtered answer with calls stays filtered", FinishReason::ContentFilter, true, FinishReason::ContentFilter);
}

void tst_Middle::finishes()
{
    QFETCH(int, reported);
    QFETCH(bool, hasCalls);
    QTEST(int(finishReason(FinishReason(reported), hasCalls)), "told");
}

namespace {

/// Says for each event what it was made to say.
class ScriptedDecoder final : public StreamDecoder
{
public:
    ScriptedDecoder(Events onEach, Events atEnd) : m_onEach(std::move(onEach)), m_atEnd(std::move(atEnd)) {}
    void onEvent(const SseEvent &, Events &out) override { out += m_onEach; }
    void onEnd(Events &out) override { out += m_atEnd; }

private:
    const Events m_onEach;
    const Events m_atEnd;
};

QString kinds(const Events &events)
{
    QString all;
    for (const Event &event : events)
        all += std::holds_alternative<Finish>(event) ? u'F' : std::holds_alternative<Fail>(event) ? u'X' : u't';
    return all;
}

QString kindsAfter(const Events &onEach, const Events &atEnd, const QByteArray &bytes)
{
    UpstreamStream stream(std::make_unique<ScriptedDecoder>(onEach, atEnd));
    QString found = kinds(stream.feed(bytes));
    found += kinds(stream.feed(bytes));
    found += u'|';
    found += kinds(stream.end());
    found += kinds(stream.end());
    return stream.isOver() ? found : found + u" goes on"_s;
}

} // namespace

void tst_Middle::endsOnceWhateverTheDecoderSays()
{
    const TextDelta text { "x" };
    const Finish finish;
    const QByteArray event = "data: 1\n\n";
    QCOMPARE(kindsAfter({ text }, {}, event), u"tt|X"_s);
    QCOMPARE(kindsAfter({ text }, { finish }, event), u"tt|F"_s);
    QCOMPARE(kindsAfter({ text, finish }, {}, event), u"tF|"_s);
    QCOMPARE(kindsAfter({ text, finish, text, Fail() }, { Fail() }, event + event), u"tF|"_s);
    QCOMPARE(kindsAfter({ Fail(), finish }, { finish }, event), u"X|"_s);
    QCOMPARE(kindsAfter({ text }, { finish, Fail() }, "data:\n\n"), u"|F"_s);
    QCOMPARE(kindsAfter({ text }, {}, {}), u"|X"_s);
}

void tst_Middle::endsAStreamThatIsTooLong()
{
    UpstreamStream stream(std::make_unique<ScriptedDecoder>(Events(), Events { Finish() }));
    const Events events = stream.feed("data: " + QByteArray(SseReader::MaximumFrameBytes, 'x'));
    QCOMPARE(kinds(events), u"X"_s);
    QVERIFY(stream.isOver());
}

void tst_Middle::findsTheWayToAProvider()
{
    const auto way = [](ProviderKind kind, UpstreamApi api) { return passage(ClientApi::Chat, kind, api); };
    QCOMPARE(way(ProviderKind::OpenAi, UpstreamApi::Chat), Passage::Verbatim);
    QCOMPARE(way(ProviderKind::Xai, UpstreamApi::Chat), Passage::Verbatim);
    QCOMPARE(way(ProviderKind::Sandbox, UpstreamApi::Chat), Passage::Verbatim);
    QCOMPARE(way(ProviderKind::Anthropic, UpstreamApi::Messages), Passage::Translated);
    QCOMPARE(way(ProviderKind::Anthropic, UpstreamApi::Chat), Passage::None);
    QCOMPARE(way(ProviderKind::Google, UpstreamApi::GenerateContent), Passage::Translated);
    QCOMPARE(way(ProviderKind::Google, UpstreamApi::Chat), Passage::None);
    QVERIFY(providerCodec(ProviderKind::Google, UpstreamApi::GenerateContent));
    QVERIFY(providerCodec(ProviderKind::Anthropic, UpstreamApi::Messages));
    QCOMPARE(way(ProviderKind::OpenAi, UpstreamApi::Responses), Passage::Translated);
    QCOMPARE(way(ProviderKind::OpenAi, UpstreamApi::Messages), Passage::None);
    for (const ProviderKind kind : { ProviderKind::OpenAi, ProviderKind::Xai, ProviderKind::Sandbox })
        QCOMPARE(passage(ClientApi::Responses, kind, UpstreamApi::Chat), Passage::Translated);
    QCOMPARE(passage(ClientApi::Responses, ProviderKind::OpenAi, UpstreamApi::Responses), Passage::Translated);
    QCOMPARE(passage(ClientApi::Responses, ProviderKind::Anthropic, UpstreamApi::Messages), Passage::Translated);
    QVERIFY(providerCodec(ProviderKind::OpenAi, UpstreamApi::Chat) != providerCodec(ProviderKind::Xai, UpstreamApi::Chat));
}

QTEST_APPLESS_MAIN(tst_Middle)
#include "tst_middle.moc"
