// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/google/googlecodec.h"

#include "providers/middle/answer.h"
#include "providers/upstreamstream.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;
using middle::Part;

/// What chat completions cannot say; the rest is in tests/golden/google.
class tst_GoogleCodec : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void carriesTheKey();
    void givesSignaturesBackToTheirModelOnly_data();
    void givesSignaturesBackToTheirModelOnly();
    void signsTexts_data();
    void signsTexts();
    void keepsSignaturesForLater();
    void sendsBackWhatItGot();
    void showsThoughtsToThoseWhoAsk_data();
    void showsThoughtsToThoseWhoAsk();
    void sendsResultsOfAllKinds();
    void readsLongArguments();
    void boundsItsCalls();
};

static UpstreamTarget target(Thinking thinking = Thinking::Level)
{
    UpstreamTarget target { .provider = "google", .model = "gemini-x", .maxOutputTokens = 65'536 };
    target.quirks.thinking = thinking;
    return target;
}

static middle::Request hello()
{
    middle::Request request;
    request.turns = { { middle::Role::User, { Part { .content = middle::Text { "Hello" } } } } };
    return request;
}

static QJsonObject sent(const middle::Request &request, const UpstreamTarget &to = target())
{
    const auto call = GoogleCodec().encode(request, to);
    if (!call)
        qFatal("%s", qPrintable(call.error().message));
    return QJsonDocument::fromJson(call->body).object();
}

// The parts of one message, each as JSON.
static QStringList partsOf(const QJsonObject &body, int message)
{
    QStringList found;
    const QJsonArray parts = body.value("contents"_L1).toArray().at(message).toObject().value("parts"_L1).toArray();
    for (const QJsonValue &part : parts)
        found.append(QString::fromUtf8(QJsonDocument(part.toObject()).toJson(QJsonDocument::Compact)));
    return found;
}

static middle::Events decoded(const QByteArray &stream)
{
    UpstreamStream upstream(GoogleCodec().decoder({}, target()));
    middle::Events events = upstream.feed(stream);
    events += upstream.end();
    return events;
}

static QByteArray piece(const QByteArray &parts, const QByteArray &reason = {})
{
    return R"(data: {"responseId":"r","modelVersion":"gemini-x-001","candidates":[{"content":{"parts":[)" + parts + "]}"
        + (reason.isEmpty() ? QByteArray() : ",\"finishReason\":\"" + reason + '"') + "}]}\r\n\r\n";
}

static QList<Part> collected(const QByteArray &stream)
{
    middle::AnswerCollector collector;
    const middle::Events events = decoded(stream);
    for (const middle::Event &each : events) {
        if (!collector.add(each))
            qFatal("too large");
    }
    return collector.answer().parts;
}

void tst_GoogleCodec::carriesTheKey()
{
    QCOMPARE(GoogleCodec().authorization("AIza1"), (HttpHeaders { { "x-goog-api-key", "AIza1" } }));
}

void tst_GoogleCodec::givesSignaturesBackToTheirModelOnly_data()
{
    QTest::addColumn<QByteArray>("provider");
    QTest::addColumn<QByteArray>("model");
    QTest::addColumn<QByteArray>("blob");
    QTest::addColumn<QByteArray>("carried");
    QTest::addColumn<QByteArray>("signer");
    QTest::addColumn<QString>("expected");
    const QByteArray blob = R"({"call":"c1","thought_signature":"s"})";
    const QByteArray google = "google";
    const QByteArray own = "gemini-x";
    const QByteArray none;
    const QString placeholder = u"skip_thought_signature_validator"_s;
    QTest::newRow("its own") << google << own << blob << none << none << u"s"_s;
    QTest::newRow("its own, before what the call carries") << google << own << blob << "t"_ba << none << u"s"_s;
    QTest::newRow("what the call carries") << google << own << none << "t"_ba << "google/gemini-x"_ba << u"t"_s;
    QTest::newRow("what the call carries, from nobody knows where") << google << own << none << "t"_ba << none << u"t"_s;
    QTest::newRow("another model's") << google << "gemini-y"_ba << blob << none << none << placeholder;
    QTest::newRow("another model's that the call carries")
        << google << "gemini-y"_ba << blob << "s"_ba << "google/gemini-y"_ba << placeholder;
    QTest::newRow("another provider's") << "vertex"_ba << own << blob << "s"_ba << "vertex/gemini-x"_ba << placeholder;
    QTest::newRow("another call's") << google << own << R"({"call":"c2","thought_signature":"s"})"_ba << none << none << placeholder;
    QTest::newRow("nothing") << google << own << none << none << none << placeholder;
    QTest::newRow("members of other kinds")
        << google << own << R"({"call":"c1","thought_signature":{"a":1}})"_ba << none << none << placeholder;
    QTest::newRow("what would break out of its place")
        << google << own << R"("}]}],"tools":[{"googleSearch":{}}],"x":[{"y":[{)"_ba << none << none << placeholder;
}

void tst_GoogleCodec::givesSignaturesBackToTheirModelOnly()
{
    QFETCH(QByteArray, provider);
    QFETCH(QByteArray, model);
    QFETCH(QByteArray, blob);
    QFETCH(QByteArray, carried);
    QFETCH(QByteArray, signer);
    QFETCH(QString, expected);
    middle::Request request = hello();
    request.turns += { middle::Role::Assistant,
                       { Part { .content = middle::Opaque { provider, model, blob } },
                         Part { .content = middle::ToolCall { "c1", "f", "{}", carried, signer } } } };
    request.turns += { middle::Role::User, { Part { .content = middle::ToolResult { "c1", { middle::Text { "r" } } } } } };
    const QJsonObject body = sent(request);
    QVERIFY(!body.contains("tools"_L1));
    const QStringList call
        = { uR"({"functionCall":{"args":{},"id":"c1","name":"f"},"thoughtSignature":"%1"})"_s.arg(expected) };
    QCOMPARE(partsOf(body, 1), call);
}

void tst_GoogleCodec::signsTexts_data()
{
    QTest::addColumn<QList<Part>>("parts");
    QTest::addColumn<QStringList>("expected");
    const Part text { .content = middle::Text { "a" } };
    const Part sign { .content = middle::Opaque { "google", "gemini-x", R"({"thought_signature":"s"})" } };
    const Part others { .content = middle::Opaque { "google", "gemini-y", R"({"thought_signature":"s"})" } };
    const Part thought { .content = middle::Reasoning { "hm" } };
    const QString plain = uR"({"text":"a"})"_s;
    const QString signedText = uR"({"text":"a","thoughtSignature":"s"})"_s;
    const QString empty = uR"({"text":"","thoughtSignature":"s"})"_s;
    QTest::newRow("the text before it") << QList<Part> { text, text, sign } << QStringList { plain, signedText };
    QTest::newRow("no text twice") << QList<Part> { text, sign, sign } << QStringList { signedText, empty };
    QTest::newRow("no text at all") << QList<Part> { sign, text } << QStringList { empty, plain };
    QTest::newRow("a thought that does not go back") << QList<Part> { text, thought, sign } << QStringList { plain, empty };
    QTest::newRow("not by another model") << QList<Part> { text, others } << QStringList { plain };
}

void tst_GoogleCodec::signsTexts()
{
    QFETCH(QList<Part>, parts);
    middle::Request request = hello();
    request.turns += { middle::Role::Assistant, parts };
    QTEST(partsOf(sent(request), 1), "expected");
}

void tst_GoogleCodec::keepsSignaturesForLater()
{
    const QList<Part> parts = collected(
        piece(R"({"text":"Hm","thought":true},{"text":"a"})") + piece(R"({"text":"b"})")
        + piece(R"({"text":"","thoughtSignature":"s1"})")
        + piece(R"({"functionCall":{"name":"f","args":{"x":1},"id":"c1"},"thoughtSignature":"s2"},{"functionCall":{"name":"g","id":"c2"}})",
                "STOP"));
    const auto opaque = [](const QByteArray &blob) { return Part { .content = middle::Opaque { "google", "gemini-x", blob } }; };
    const QList<Part> expected
        = { Part { .content = middle::Reasoning { "Hm" } },
            Part { .content = middle::Text { "ab" } },
            opaque(R"({"thought_signature":"s1"})"),
            opaque(R"({"call":"c1","thought_signature":"s2"})"),
            Part { .content = middle::ToolCall { "c1", "f", R"({"x":1})", "s2", "google/gemini-x" } },
            Part { .content = middle::ToolCall { "c2", "g", "{}" } } };
    QVERIFY(parts == expected);
}

void tst_GoogleCodec::sendsBackWhatItGot()
{
    middle::Request request = hello();
    request.turns += { middle::Role::Assistant,
                       collected(piece(R"({"text":"a"},{"text":"","thoughtSignature":"s1"})")
                                 + piece(R"({"functionCall":{"name":"f","id":"c1"},"thoughtSignature":"s2"})", "STOP")) };
    request.turns += { middle::Role::User, { Part { .content = middle::ToolResult { "c1" } } } };
    QCOMPARE(partsOf(sent(request), 1),
             (QStringList { uR"({"text":"a","thoughtSignature":"s1"})"_s,
                            uR"({"functionCall":{"args":{},"id":"c1","name":"f"},"thoughtSignature":"s2"})"_s }));
    UpstreamTarget other = target();
    other.model = "gemini-y";
    QCOMPARE(partsOf(sent(request, other), 1),
             (QStringList { uR"({"text":"a"})"_s,
                            u"{\"functionCall\":{\"args\":{},\"id\":\"c1\",\"name\":\"f\"},"
                            "\"thoughtSignature\":\"skip_thought_signature_validator\"}"_s }));
}

void tst_GoogleCodec::showsThoughtsToThoseWhoAsk_data()
{
    QTest::addColumn<int>("thinking");
    QTest::addColumn<QByteArray>("effort");
    QTest::addColumn<QByteArray>("expected");
    QTest::newRow("by level") << int(Thinking::Level) << "high"_ba << R"({"includeThoughts":true,"thinkingLevel":"HIGH"})"_ba;
    QTest::newRow("as the model likes") << int(Thinking::Level) << QByteArray() << R"({"includeThoughts":true})"_ba;
    QTest::newRow("by budget") << int(Thinking::Budget) << "low"_ba << R"({"includeThoughts":true,"thinkingBudget":1024})"_ba;
    QTest::newRow("nothing to show") << int(Thinking::Budget) << "none"_ba << R"({"thinkingBudget":0})"_ba;
    QTest::newRow("not known to think") << int(Thinking::Unknown) << "high"_ba << "{}"_ba;
}

void tst_GoogleCodec::showsThoughtsToThoseWhoAsk()
{
    QFETCH(int, thinking);
    QFETCH(QByteArray, effort);
    middle::Request request = hello();
    request.effort = effort;
    request.summary = "auto";
    const QJsonObject generation = sent(request, target(Thinking(thinking))).value("generationConfig"_L1).toObject();
    QTEST(QJsonDocument(generation.value("thinkingConfig"_L1).toObject()).toJson(QJsonDocument::Compact), "expected");
}

void tst_GoogleCodec::sendsResultsOfAllKinds()
{
    middle::Request request = hello();
    request.turns += { middle::Role::Assistant, { Part { .content = middle::ToolCall { "c1", "f", "{}" } } } };
    middle::ToolResult result { .callId = "c1", .isError = true };
    result.content = { middle::Text { R"({"a":1})" }, middle::Image { .mimeType = "image/png", .base64 = "AA==" },
                       middle::File { .mimeType = "application/pdf", .base64 = "JVBERi0=" } };
    request.turns += { middle::Role::User, { Part { .content = middle::Text { "Well?" } }, Part { .content = result } } };
    const QStringList expected
        = { uR"({"functionResponse":{"id":"c1","name":"f","response":{"error":"{\"a\":1}"}}})"_s, uR"({"text":"Well?"})"_s,
            uR"({"inlineData":{"data":"AA==","mimeType":"image/png"}})"_s,
            uR"({"inlineData":{"data":"JVBERi0=","mimeType":"application/pdf"}})"_s };
    QCOMPARE(partsOf(sent(request), 2), expected);
}

void tst_GoogleCodec::readsLongArguments()
{
    const QByteArray text(1'048'576, 'x');
    const QList<Part> parts = collected(piece(R"({"functionCall":{"name":"f","args":{"a":")" + text + "\"}}}", "STOP"));
    const auto call = std::get<middle::ToolCall>(parts.first().content);
    QCOMPARE(call.arguments.size(), text.size() + 8);
    QVERIFY(QJsonDocument::fromJson(call.arguments).isObject());
}

void tst_GoogleCodec::boundsItsCalls()
{
    UpstreamStream upstream(GoogleCodec().decoder({}, target()));
    const QByteArray calls = piece(QByteArrayList(1'000, R"({"functionCall":{"name":"f"}})").join(','));
    int fed = 0;
    while (!upstream.isOver() && fed < 20) {
        upstream.feed(calls);
        ++fed;
    }
    QCOMPARE(fed, 11);
}

QTEST_APPLESS_MAIN(tst_GoogleCodec)
#include "tst_googlecodec.moc"
