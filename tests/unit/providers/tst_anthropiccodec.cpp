// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/anthropic/anthropiccodec.h"

#include "providers/middle/answer.h"
#include "providers/upstreamstream.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;
using middle::Part;

/// What chat completions cannot say; the rest is in tests/golden/anthropic.
class tst_AnthropicCodec : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void carriesTheKey();
    void givesThinkingBackToItsModelOnly_data();
    void givesThinkingBackToItsModelOnly();
    void thinksOnInALoopWhoseThinkingItHas();
    void showsReasoningToThoseWhoAsk_data();
    void showsReasoningToThoseWhoAsk();
    void sendsResultsOfAllKinds();
    void completesSchemas_data();
    void completesSchemas();
    void marksAContinuedPrompt();
    void keepsThinkingForLater();
    void readsLongArguments();
    void boundsWhatItKeeps_data();
    void boundsWhatItKeeps();
};

static UpstreamTarget target(Thinking thinking = Thinking::Adaptive)
{
    UpstreamTarget target { .provider = "anthropic", .model = "claude-x", .maxOutputTokens = 64'000 };
    target.quirks.thinking = thinking;
    return target;
}

static middle::Request hello()
{
    middle::Request request;
    request.turns = { { middle::Role::User, { Part { .content = middle::Text { "Hello" } } } } };
    return request;
}

// A question, a call with what the model thought before it, and the result.
static middle::Request inALoop(const middle::Opaque &opaque)
{
    middle::Request request = hello();
    request.turns += { middle::Role::Assistant,
                       { Part { .content = opaque }, Part { .content = middle::ToolCall { "toolu_1", "f", "{}" } } } };
    request.turns += { middle::Role::User,
                       { Part { .content = middle::ToolResult { "toolu_1", { middle::Text { "r" } } } } } };
    return request;
}

static QJsonObject sent(const middle::Request &request, const UpstreamTarget &to = target())
{
    const auto call = AnthropicCodec().encode(request, to);
    if (!call)
        qFatal("%s", qPrintable(call.error().message));
    return QJsonDocument::fromJson(call->body).object();
}

static middle::Events decoded(const QByteArray &stream)
{
    UpstreamStream upstream(AnthropicCodec().decoder({}, target()));
    middle::Events events = upstream.feed(stream);
    events += upstream.end();
    return events;
}

static QByteArray frame(const QByteArray &json)
{
    return "data: " + json + "\n\n";
}

void tst_AnthropicCodec::carriesTheKey()
{
    QCOMPARE(AnthropicCodec().authorization("sk-ant-1"), (HttpHeaders { { "x-api-key", "sk-ant-1" } }));
}

void tst_AnthropicCodec::givesThinkingBackToItsModelOnly_data()
{
    QTest::addColumn<QByteArray>("provider");
    QTest::addColumn<QByteArray>("model");
    QTest::addColumn<QByteArray>("blob");
    QTest::addColumn<QByteArray>("expected");
    const QByteArray thinking = R"({"signature":"s","thinking":"t","type":"thinking"})";
    const QByteArray redacted = R"({"data":"d","type":"redacted_thinking"})";
    QTest::newRow("thinking") << "anthropic"_ba << "claude-x"_ba << thinking << thinking;
    QTest::newRow("redacted thinking") << "anthropic"_ba << "claude-x"_ba << redacted << redacted;
    QTest::newRow("another model's") << "anthropic"_ba << "claude-y"_ba << thinking << QByteArray();
    QTest::newRow("another provider's") << "google"_ba << "claude-x"_ba << thinking << QByteArray();
    QTest::newRow("without a signature") << "anthropic"_ba << "claude-x"_ba << R"({"type":"thinking","thinking":"t"})"_ba << QByteArray();
    QTest::newRow("something else that a client slips in")
        << "anthropic"_ba << "claude-x"_ba << R"({"type":"document","source":{"type":"url","url":"https://a"}})"_ba << QByteArray();
    QTest::newRow("members that do not belong there") << "anthropic"_ba << "claude-x"_ba
        << R"({"type":"thinking","thinking":"t","signature":"s","cache_control":{"type":"ephemeral"}})"_ba << thinking;
    QTest::newRow("what would break out of its place")
        << "anthropic"_ba << "claude-x"_ba << R"(null]}],"tools":[{"type":"web_search_20250305"}],"x":[{"y":[{)"_ba << QByteArray();
}

void tst_AnthropicCodec::givesThinkingBackToItsModelOnly()
{
    QFETCH(QByteArray, provider);
    QFETCH(QByteArray, model);
    QFETCH(QByteArray, blob);
    QFETCH(QByteArray, expected);
    const QJsonObject body = sent(inALoop({ provider, model, blob }));
    QVERIFY(!body.contains("tools"_L1));
    const QJsonArray blocks = body.value("messages"_L1).toArray().at(1).toObject().value("content"_L1).toArray();
    QCOMPARE(blocks.size(), expected.isEmpty() ? 1 : 2);
    if (!expected.isEmpty())
        QCOMPARE(QJsonDocument(blocks.at(0).toObject()).toJson(QJsonDocument::Compact), expected);
}

void tst_AnthropicCodec::thinksOnInALoopWhoseThinkingItHas()
{
    middle::Request request = inALoop({ "anthropic", "claude-x", R"({"type":"thinking","thinking":"t","signature":"s"})" });
    request.effort = "low";
    QCOMPARE(sent(request, target(Thinking::Budget)).value("thinking"_L1).toObject().value("budget_tokens"_L1).toInt(), 2048);
    request = inALoop({ "anthropic", "claude-y", R"({"type":"thinking","thinking":"t","signature":"s"})" });
    request.effort = "low";
    QVERIFY(!sent(request, target(Thinking::Budget)).contains("thinking"_L1));
}

void tst_AnthropicCodec::showsReasoningToThoseWhoAsk_data()
{
    QTest::addColumn<int>("thinking");
    QTest::addColumn<QByteArray>("effort");
    QTest::addColumn<QByteArray>("expected");
    QTest::newRow("a model that always thinks") << int(Thinking::Always) << QByteArray() << R"({"display":"summarized","type":"adaptive"})"_ba;
    QTest::newRow("adaptive") << int(Thinking::Adaptive) << "high"_ba << R"({"display":"summarized","type":"adaptive"})"_ba;
    QTest::newRow("by budget") << int(Thinking::Budget) << "low"_ba << R"({"budget_tokens":2048,"display":"summarized","type":"enabled"})"_ba;
    QTest::newRow("nothing to show") << int(Thinking::Adaptive) << "none"_ba << R"({"type":"disabled"})"_ba;
    QTest::newRow("not asked to think") << int(Thinking::Adaptive) << QByteArray() << R"({})"_ba;
}

void tst_AnthropicCodec::showsReasoningToThoseWhoAsk()
{
    QFETCH(int, thinking);
    QFETCH(QByteArray, effort);
    middle::Request request = hello();
    request.effort = effort;
    request.summary = "auto";
    const QJsonObject body = sent(request, target(Thinking(thinking)));
    QTEST(QJsonDocument(body.value("thinking"_L1).toObject()).toJson(QJsonDocument::Compact), "expected");
}

void tst_AnthropicCodec::sendsResultsOfAllKinds()
{
    middle::Request request = hello();
    request.turns += { middle::Role::Assistant, { Part { .content = middle::ToolCall { "toolu_1", "f", "{}" } } } };
    middle::ToolResult result { .callId = "toolu_1", .isError = true };
    result.content = { middle::Text { "see" }, middle::Image { .mimeType = "image/png", .base64 = "AA==" },
                       middle::File { .mimeType = "application/pdf", .base64 = "JVBERi0=" } };
    request.turns += { middle::Role::User, { Part { .content = result } } };
    const QJsonObject block
        = sent(request).value("messages"_L1).toArray().at(2).toObject().value("content"_L1).toArray().at(0).toObject();
    QCOMPARE(block.value("is_error"_L1).toBool(), true);
    QStringList types;
    const QJsonArray content = block.value("content"_L1).toArray();
    for (const QJsonValue &piece : content)
        types.append(piece.toObject().value("type"_L1).toString());
    QCOMPARE(types, QStringList({ u"text"_s, u"image"_s, u"document"_s }));
}

void tst_AnthropicCodec::completesSchemas_data()
{
    QTest::addColumn<QByteArray>("parameters");
    QTest::addColumn<QByteArray>("expected");
    const QByteArray empty = R"({"properties":{},"type":"object"})";
    QTest::newRow("none") << QByteArray() << empty;
    QTest::newRow("empty") << "{}"_ba << empty;
    QTest::newRow("empty, with blanks") << " {\n } "_ba << empty;
    QTest::newRow("no object") << "[]"_ba << empty;
    QTest::newRow("no JSON") << "{"_ba << empty;
    QTest::newRow("without a type") << R"( { "required": ["a"] })"_ba << R"({"required":["a"],"type":"object"})"_ba;
    QTest::newRow("with a type") << R"({"type":"object","x":1})"_ba << R"({"type":"object","x":1})"_ba;
}

void tst_AnthropicCodec::completesSchemas()
{
    QFETCH(QByteArray, parameters);
    middle::Request request = hello();
    request.tools = { { .name = "f", .parameters = parameters } };
    const QJsonObject tool = sent(request).value("tools"_L1).toArray().at(0).toObject();
    QTEST(QJsonDocument(tool.value("input_schema"_L1).toObject()).toJson(QJsonDocument::Compact), "expected");
}

void tst_AnthropicCodec::marksAContinuedPrompt()
{
    middle::Request request = hello();
    QVERIFY(!sent(request).contains("cache_control"_L1));
    request.isContinued = true;
    QVERIFY(sent(request).contains("cache_control"_L1));
}

void tst_AnthropicCodec::keepsThinkingForLater()
{
    const middle::Events events = decoded(
        frame(R"({"type":"message_start","message":{"id":"msg_1","model":"claude-x-2026"}})")
        + frame(R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}})")
        + frame(R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"a"}})")
        + frame(R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\"b"}})")
        + frame(R"({"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s1"}})")
        + frame(R"({"type":"content_block_stop","index":0})")
        + frame(R"({"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"d"}})")
        + frame(R"({"type":"content_block_stop","index":1})")
        + frame(R"({"type":"message_delta","delta":{"stop_reason":"end_turn"}})") + frame(R"({"type":"message_stop"})"));
    middle::AnswerCollector collector;
    for (const middle::Event &each : events)
        QVERIFY(collector.add(each));
    QVERIFY(std::get<middle::Start>(events.first()) == (middle::Start { "msg_1", "claude-x-2026" }));
    const QList<Part> expected
        = { Part { .content = middle::Reasoning { "a\"b" } },
            Part { .content = middle::Opaque { "anthropic", "claude-x",
                                               R"({"type":"thinking","thinking":"a\"b","signature":"s1"})" } },
            Part { .content = middle::Opaque { "anthropic", "claude-x", R"({"type":"redacted_thinking","data":"d"})" } } };
    QVERIFY(collector.answer().parts == expected);
}

void tst_AnthropicCodec::readsLongArguments()
{
    const QByteArray text(1'000, 'x');
    QByteArray stream = frame(R"({"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f"}})")
        + frame(R"({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":\""}})");
    for (int i = 0; i < 1'050; ++i)
        stream += frame(R"({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":")" + text + "\"}}");
    stream += frame(R"({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"\"}"}})")
        + frame(R"({"type":"content_block_stop","index":0})")
        + frame(R"({"type":"message_delta","delta":{"stop_reason":"tool_use"}})") + frame(R"({"type":"message_stop"})");
    middle::AnswerCollector collector;
    for (const middle::Event &each : decoded(stream))
        QVERIFY(collector.add(each));
    const auto call = std::get<middle::ToolCall>(collector.answer().parts.first().content);
    QCOMPARE(call.arguments.size(), 1'050'000 + 8);
    QVERIFY(QJsonDocument::fromJson(call.arguments).isObject());
}

void tst_AnthropicCodec::boundsWhatItKeeps_data()
{
    QTest::addColumn<QByteArray>("repeated");
    QTest::addColumn<int>("times");
    QTest::newRow("blocks without end") << frame(R"({"type":"content_block_start","index":0,"content_block":{"type":"x"}})") << 20'000;
    QTest::newRow("thinking without end")
        << frame(R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":")" + QByteArray(100'000, 'x') + "\"}}") << 200;
    QTest::newRow("a signature without end")
        << frame(R"({"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":")" + QByteArray(100'000, 'x') + "\"}}") << 200;
}

void tst_AnthropicCodec::boundsWhatItKeeps()
{
    QFETCH(QByteArray, repeated);
    QFETCH(int, times);
    UpstreamStream upstream(AnthropicCodec().decoder({}, target()));
    upstream.feed(frame(R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}})"));
    int fed = 0;
    while (!upstream.isOver() && fed < times) {
        upstream.feed(repeated);
        ++fed;
    }
    QVERIFY(upstream.isOver());
}

QTEST_APPLESS_MAIN(tst_AnthropicCodec)
#include "tst_anthropiccodec.moc"
