// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/chat/chatprotocol.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_ChatProtocol : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void readsARequest();
    void readsAConversation();
    void readsToolChoices_data();
    void readsToolChoices();
    void refuses_data();
    void refuses();
    void writesAnAnswer();
    void writesAStream();
    void writesNothingBeforeThereIsSomethingToSee();
    void writesFailures();
};

static Result<middle::Request> decoded(const QByteArray &members)
{
    const QByteArray messages = members.contains("\"messages\"") ? "" : R"("messages":[{"role":"user","content":"hi"}],)";
    return ChatProtocol().decode(R"({"model":"slug",)" + messages + members + "}");
}

static AnswerIdentity identity()
{
    return { "chatcmpl-1", "slug", Timestamp::fromMs(5'000) };
}

void tst_ChatProtocol::readsARequest()
{
    const auto request = decoded(R"("stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":9,"stop":["a","b"],
        "temperature":0.25,"top_p":1,"seed":-3,"frequency_penalty":-1.5,"presence_penalty":2,"logit_bias":{"5": 1},"logprobs":true,
        "top_logprobs":3,"reasoning_effort":"high","verbosity":"low","user":"u","prompt_cache_key":"k","service_tier":"default",
        "parallel_tool_calls":false,"response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","strict":true,
        "schema":{"type":"object"}}},"tools":[{"type":"function","function":{"name":"f","description":"d","strict":false,
        "parameters":{"type": "object"}},"cache_control":{"type":"ephemeral","ttl":"1h"}}],"x-extra":{"a": [1]},"store":true,"n":1)");
    QVERIFY2(request, request ? "" : qPrintable(request.error().message));
    QCOMPARE(request->model, "slug"_ba);
    QVERIFY(request->stream && request->includeUsage && request->logprobs);
    QCOMPARE(request->maxTokens, std::optional<qint64>(9));
    QCOMPARE(request->stop, QByteArrayList({ "a", "b" }));
    QCOMPARE(request->temperature, std::optional(0.25));
    QCOMPARE(request->topP, std::optional(1.0));
    QCOMPARE(request->seed, std::optional<qint64>(-3));
    QCOMPARE(request->frequencyPenalty, std::optional(-1.5));
    QCOMPARE(request->presencePenalty, std::optional(2.0));
    QCOMPARE(request->logitBias, R"({"5":1})"_ba);
    QCOMPARE(request->topLogprobs, std::optional<qint64>(3));
    QCOMPARE(request->effort, "high"_ba);
    QCOMPARE(request->verbosity, "low"_ba);
    QCOMPARE(request->user, "u"_ba);
    QCOMPARE(request->cacheKey, "k"_ba);
    QCOMPARE(request->serviceTier, "default"_ba);
    QCOMPARE(request->parallelCalls, std::optional(false));
    QVERIFY((request->format
             == middle::Format { middle::Format::Kind::JsonSchema, "n", "d", R"({"type":"object"})", true }));
    QVERIFY((request->tools == QList<middle::Tool> { { "f", "d", R"({"type":"object"})", false, middle::CacheLife::Hour } }));
    QCOMPARE(request->nameOf(middle::Field::MaxTokens), "max_completion_tokens"_ba);
    // What a provider may still know is kept with its value; what none gets is only named.
    QVERIFY((request->others == QList<std::pair<QByteArray, QByteArray>> { { "x-extra", R"({"a":[1]})" } }));
    QCOMPARE(middle::namesOf(*request, { middle::Field::Other }), QByteArrayList({ "x-extra", "store" }));
}

void tst_ChatProtocol::readsAConversation()
{
    const auto request = decoded(R"("messages":[{"role":"system","content":"one"},{"role":"developer","content":[{"type":"text","text":"two"}]},
        {"role":"user","content":[{"type":"text","text":"look"},{"type":"image_url","image_url":{"url":"https://a/b","detail":"low"}}]},
        {"role":"assistant","content":null,"refusal":"no","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"},
         "extra_content":{"google":{"thought_signature":"sig"}}},{"id":"c2","function":{"name":"g"}}]},
        {"role":"tool","tool_call_id":"c1","content":"r1"},{"role":"tool","tool_call_id":"c2","content":[]},
        {"role":"system","content":"three"},{"role":"user","content":"end"}])");
    QVERIFY2(request, request ? "" : qPrintable(request.error().message));
    QVERIFY((request->system == QList<middle::SystemText> { { "one" }, { "two" } }));
    using middle::Part;
    const QList<middle::Turn> expected = {
        { middle::Role::User,
          { Part { .content = middle::Text { "look" }, .place = "messages[2].content[0]" },
            Part { .content = middle::Image { .url = "https://a/b", .detail = "low" }, .place = "messages[2].content[1]" } } },
        { middle::Role::Assistant,
          { Part { .content = middle::Refusal { "no" }, .place = "messages[3].refusal" },
            Part { .content = middle::ToolCall { "c1", "f", "{}", "sig" }, .place = "messages[3].tool_calls[0]" },
            Part { .content = middle::ToolCall { "c2", "g" }, .place = "messages[3].tool_calls[1]" } } },
        { middle::Role::User,
          { Part { .content = middle::ToolResult { "c1", { middle::Text { "r1" } } }, .place = "messages[4]" },
            Part { .content = middle::ToolResult { "c2" }, .place = "messages[5]" } } },
        { middle::Role::Developer, { Part { .content = middle::Text { "three" }, .place = "messages[6].content" } } },
        { middle::Role::User, { Part { .content = middle::Text { "end" }, .place = "messages[7].content" } } },
    };
    QCOMPARE(request->turns.size(), expected.size());
    for (qsizetype i = 0; i < expected.size(); ++i)
        QVERIFY2(request->turns[i] == expected[i], qPrintable(u"turn %1"_s.arg(i)));
}

void tst_ChatProtocol::readsToolChoices_data()
{
    QTest::addColumn<QByteArray>("choice");
    QTest::addColumn<int>("mode");
    QTest::addColumn<QByteArray>("name");
    QTest::addColumn<QByteArrayList>("allowed");
    using Mode = middle::ToolChoice::Mode;
    QTest::newRow("auto") << R"("auto")"_ba << int(Mode::Auto) << QByteArray() << QByteArrayList();
    QTest::newRow("none") << R"("none")"_ba << int(Mode::None) << QByteArray() << QByteArrayList();
    QTest::newRow("required") << R"("required")"_ba << int(Mode::Required) << QByteArray() << QByteArrayList();
    QTest::newRow("one function") << R"({"type":"function","function":{"name":"f"}})"_ba << int(Mode::Named) << "f"_ba << QByteArrayList();
    QTest::newRow("some functions")
        << R"({"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}})"_ba
        << int(Mode::Required) << QByteArray() << QByteArrayList { "f" };
}

void tst_ChatProtocol::readsToolChoices()
{
    QFETCH(QByteArray, choice);
    const auto request = decoded(R"("tool_choice":)" + choice);
    QVERIFY(request);
    QTEST(int(request->toolChoice.mode), "mode");
    QTEST(request->toolChoice.name, "name");
    QTEST(request->toolChoice.allowed, "allowed");
}

void tst_ChatProtocol::refuses_data()
{
    QTest::addColumn<QByteArray>("members");
    QTest::addColumn<int>("code");
    QTest::addColumn<QString>("param");
    const auto row = [](const char *name, const QByteArray &members, ErrorCode code, const QString &param) {
        QTest::newRow(name) << members << int(code) << param;
    };
    const auto message = [&row](const char *name, const QByteArray &member, ErrorCode code, const QString &param) {
        row(name, R"("messages":[{"role":"user","content":"hi"},)" + member + "]", code, u"messages[1]"_s + param);
    };
    using enum ErrorCode;
    row("what no server would take", R"("temperature":3)", ValidationError, u"temperature"_s);
    row("a seed that is no integer", R"("seed":1.5)", ValidationError, u"seed"_s);
    row("a user that is no text", R"("user":{})", ValidationError, u"user"_s);
    row("biases that are no object", R"("logit_bias":[])", ValidationError, u"logit_bias"_s);
    row("logprobs that are neither yes nor no", R"("logprobs":3)", ValidationError, u"logprobs"_s);
    row("a schema that is no object", R"("response_format":{"type":"json_schema","json_schema":{"name":"n","schema":[]}})",
        ValidationError, u"response_format.json_schema.schema"_s);
    row("parameters that are no object", R"("tools":[{"type":"function","function":{"name":"f","parameters":"x"}}])",
        ValidationError, u"tools[0].function.parameters"_s);
    row("a choice without a name", R"("tool_choice":{"type":"function"})", ValidationError, u"tool_choice.function.name"_s);
    row("a choice of something else", R"("tool_choice":{"type":"custom","custom":{"name":"x"}})", UnsupportedToolType,
        u"tool_choice.type"_s);
    row("a choice among nothing", R"("tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}})",
        ValidationError, u"tool_choice.allowed_tools.tools"_s);
    message("sound", R"({"role":"user","content":[{"type":"input_audio","input_audio":{}}]})", UnsupportedParameter,
            u".content[0].type"_s);
    message("earlier sound", R"({"role":"assistant","content":"x","audio":{"id":"a"}})", UnsupportedParameter, u".audio"_s);
    message("calls of the old kind", R"({"role":"assistant","content":"x","function_call":{"name":"f"}})", UnsupportedParameter,
            u".function_call"_s);
    message("calls without an id", R"({"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f"}}]})",
            ValidationError, u".tool_calls[0]"_s);
    message("calls without a function", R"({"role":"assistant","tool_calls":[{"id":"c"}]})", ValidationError, u".tool_calls[0]"_s);
    message("images of the assistant", R"({"role":"assistant","content":[{"type":"image_url","image_url":{"url":"https://a/b"}}]})",
            ValidationError, u".content[0]"_s);
    message("images in instructions", R"({"role":"system","content":[{"type":"image_url","image_url":{"url":"https://a/b"}}]})",
            ValidationError, u".content"_s);
    message("images as results",
            R"({"role":"tool","tool_call_id":"c","content":[{"type":"image_url","image_url":{"url":"https://a/b"}}]})",
            ValidationError, u".content"_s);
    message("data that is not in base64", R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png,abc"}}]})",
            ValidationError, u".content[0].image_url.url"_s);
    message("a file that is no data URL", R"({"role":"user","content":[{"type":"file","file":{"file_data":"hello"}}]})",
            ValidationError, u".content[0].file.file_data"_s);
    message("a stored file", R"({"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]})", UnsupportedParameter,
            u".content[0].file"_s);
}

void tst_ChatProtocol::refuses()
{
    QFETCH(QByteArray, members);
    const auto request = decoded(members);
    QVERIFY(!request);
    QTEST(int(request.error().code), "code");
    QTEST(request.error().param, "param");
    QVERIFY(!request.error().message.isEmpty());
}

void tst_ChatProtocol::writesAnAnswer()
{
    middle::Answer answer;
    answer.parts = { { .content = middle::Reasoning { "hm" } },       { .content = middle::Text { "a\"b" } },
                     { .content = middle::Opaque { "p", "m", "x" } }, { .content = middle::ToolCall { "c", "f", "{}", "sig" } },
                     { .content = middle::Text { "c" } } };
    answer.finish = middle::FinishReason::ToolCalls;
    answer.logprobs = R"([{"token":"a"}])";
    const Usage usage { .inFresh = 1, .inCached = 2, .outText = 3, .outReasoning = 4 };
    const QByteArray expected
        = R"({"id":"chatcmpl-1","object":"chat.completion","created":5,"model":"slug","choices":[{"index":0,"message":{"role":"assistant",)"
          R"("content":"a\"bc","refusal":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"},)"
          R"("extra_content":{"google":{"thought_signature":"sig"}}}]},"logprobs":{"content":[{"token":"a"}],"refusal":null},)"
          R"("finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":7,"total_tokens":10,)"
          R"("prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":4}}})";
    QCOMPARE(ChatProtocol().encodeAnswer(answer, usage, identity(), {}), expected);
}

void tst_ChatProtocol::writesAStream()
{
    middle::Request request;
    request.includeUsage = true;
    const auto encoder = ChatProtocol().encoder(identity(), request);
    QByteArray stream;
    const middle::Events events
        = { middle::Start(),
            middle::CallStart { 0, "c", "f", "sig" },
            middle::CallArguments { 0, "{\n}" },
            middle::CallEnd { 0 },
            middle::TextDelta { "a", R"([{"token":"a"}])" },
            middle::Finish { middle::FinishReason::ToolCalls } };
    for (const middle::Event &event : events)
        stream += encoder->write(event);
    stream += encoder->end({ .inFresh = 1, .outText = 2 });
    const QByteArray head = R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":5,"model":"slug","choices":[)";
    const auto chunk = [&head](const QByteArray &delta, const QByteArray &logprobs = "null", const QByteArray &reason = "null") {
        return head + R"({"index":0,"delta":{)" + delta + R"(},"logprobs":)" + logprobs + R"(,"finish_reason":)" + reason
            + R"(}],"usage":null})" + "\n\n";
    };
    const QByteArray expected = chunk(R"("role":"assistant","content":"")")
        + chunk(R"("tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":""},)"
                R"("extra_content":{"google":{"thought_signature":"sig"}}}])")
        + chunk(R"("tool_calls":[{"index":0,"function":{"arguments":"{\n}"}}])")
        + chunk(R"("content":"a")", R"({"content":[{"token":"a"}],"refusal":null})") + chunk("", "null", R"("tool_calls")") + head
        + R"(],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"prompt_tokens_details":{"cached_tokens":0},)"
          R"("completion_tokens_details":{"reasoning_tokens":0}}})"
        + "\n\ndata: [DONE]\n\n";
    QCOMPARE(stream, expected);
}

void tst_ChatProtocol::writesNothingBeforeThereIsSomethingToSee()
{
    const auto encoder = ChatProtocol().encoder(identity(), {});
    const middle::Events silent = { middle::Start { "id", "m" },        middle::UsageReport { Usage() },
                                    middle::ReasoningDelta { "hm" },    middle::ItemEnd(),
                                    middle::Opaque { "p", "m", "x" },   middle::CallArguments { 0, "" },
                                    middle::CallEnd { 0 },              middle::Finish() };
    for (const middle::Event &event : silent)
        QVERIFY(encoder->write(event).isEmpty());
    QCOMPARE(encoder->write(middle::TextDelta { "a" }).count("data: "), 2);
    QCOMPARE(encoder->write(middle::TextDelta { "b" }).count("data: "), 1);
}

void tst_ChatProtocol::writesFailures()
{
    const auto encoder = ChatProtocol().encoder(identity(), {});
    QCOMPARE(encoder->fail({}, R"({"error":{}})"), "data: {\"error\":{}}\n\n"_ba);
}

QTEST_APPLESS_MAIN(tst_ChatProtocol)
#include "tst_chatprotocol.moc"
