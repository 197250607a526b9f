// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/messageserror.h"
#include "providers/embeddings/embeddings.h"
#include "providers/messages/messagesdecoder.h"
#include "providers/messages/messagewriter.h"
#include "providers/messages/verbatimmessages.h"

#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

/// The Messages API towards clients, and embeddings: what golden cases (tests/golden/messages*) cannot show.
class tst_Messages : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void tellsInterleavedCallsOneAfterTheOther();
    void putsThoughtsIntoOneBlock();
    void tellsRefusals();
    void anEmptyAnswerIsWhole();
    void endingChangesNothing();
    void refuses_data();
    void refuses();
    void thinkingBecomesAWord_data();
    void thinkingBecomesAWord();
    void passesOnTheClientsHeaders();
    void countsTokens();
    void errorsHaveAnthropicsWords_data();
    void errorsHaveAnthropicsWords();
    void embeddingsAreRefused_data();
    void embeddingsAreRefused();
    void embeddingsPassThrough();
    void embeddingsThatAreNone();

private:
    static AnswerIdentity identity() { return {"msg_1", "slug", Timestamp::fromMs(5000)}; }
    // Names of the events with their index, one a line.
    static QString outline(const QByteArray &stream)
    {
        QStringList lines;
        for (const QByteArray &frame : QByteArray(stream).replace("\n\n", "\x01").split('\x01')) {
            const QJsonObject event = QJsonDocument::fromJson(frame.mid(frame.indexOf("\ndata: ") + 7)).object();
            const QString index =
                event.contains("index"_L1) ? QString::number(event.value("index"_L1).toInt()) : QString();
            if (!event.isEmpty())
                lines.append(event.value("type"_L1).toString() + index);
        }
        return lines.join(u' ');
    }
    static QByteArray written(AnswerEncoder &encoder, const middle::Events &events)
    {
        QByteArray out;
        for (const middle::Event &event : events)
            out += encoder.write(event);
        return out;
    }
};

void tst_Messages::tellsInterleavedCallsOneAfterTheOther()
{
    using namespace middle;
    MessageWriter writer(identity(), true);
    const QByteArray early = written(
        writer, {TextDelta{"hm"}, CallStart{0, "a", "f"}, CallStart{1, "b", "g"}, CallArguments{1, "{}"}, CallEnd{1}});
    QCOMPARE(outline(early),
             u"message_start content_block_start0 content_block_delta0 content_block_stop0 content_block_start1"_s);
    const QByteArray late = written(writer, {CallArguments{0, "{}"}, CallEnd{0}, Finish{FinishReason::ToolCalls}});
    QCOMPARE(
        outline(late),
        u"content_block_delta1 content_block_stop1 content_block_start2 content_block_delta2 content_block_stop2"_s);
    QCOMPARE(outline(writer.end({})), u"message_delta message_stop"_s);
}

void tst_Messages::putsThoughtsIntoOneBlock()
{
    using namespace middle;
    MessageWriter writer(identity(), false);
    QVERIFY(written(writer,
                    {ReasoningDelta{"One"}, ItemEnd(), ReasoningDelta{"two"}, ItemEnd(), Opaque{"p", "m", "x"},
                     Opaque{"p", "m", "y"}, TextDelta{"!"}, Finish()})
                .isEmpty());
    const QByteArray message = writer.end(
        {.usage = {.inFresh = 1, .inCached = 2, .inWrite = 3, .inWriteLong = 4, .outText = 5, .outReasoning = 6}});
    QCOMPARE(
        message,
        R"({"id":"msg_1","type":"message","role":"assistant","model":"slug","content":[)"
        R"({"type":"thinking","thinking":"One\n\ntwo","signature":"v1.p.m.eA"},)"
        R"({"type":"redacted_thinking","data":"v1.p.m.eQ"},{"type":"text","text":"!"}],)"
        R"("stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"cache_creation_input_tokens":7,)"
        R"("cache_read_input_tokens":2,"cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":4},)"
        R"("output_tokens":11,"output_tokens_details":{"thinking_tokens":6}}})"_ba);
}

void tst_Messages::tellsRefusals()
{
    MessageWriter writer(identity(), false);
    written(writer, {middle::RefusalDelta{"No."}, middle::Finish()});
    const QByteArray message = writer.end({});
    QVERIFY(message.contains(R"({"type":"text","text":"No."})") && message.contains(R"("stop_reason":"refusal")"));
}

void tst_Messages::anEmptyAnswerIsWhole()
{
    MessageWriter writer(identity(), true);
    QVERIFY(written(writer, {middle::Start(), middle::Finish()}).isEmpty());
    QCOMPARE(outline(writer.end({})), u"message_start message_delta message_stop"_s);
}

void tst_Messages::endingChangesNothing()
{
    MessageWriter writer(identity(), true);
    written(writer, {middle::TextDelta{"x"}, middle::Finish()});
    const QByteArray first = writer.end({});
    QCOMPARE(writer.end({}), first);
    QCOMPARE(outline(writer.fail({ErrorCode::DatabaseUnavailable, u"No."_s}, "{}", {})), u"error"_s);
}

void tst_Messages::refuses_data()
{
    QTest::addColumn<QByteArray>("members");
    QTest::addColumn<int>("code");
    QTest::addColumn<QString>("param");
    const auto row = [](const char *name, const QByteArray &members, ErrorCode code, const QString &param) {
        QTest::newRow(name) << members << int(code) << param;
    };
    const auto block = [&row](const char *name, const QByteArray &role, const QByteArray &json, ErrorCode code,
                              const QString &param) {
        row(name, R"("messages":[{"role":")" + role + R"(","content":[)" + json + "]}]", code,
            u"messages[0].content[0]"_s + param);
    };
    using enum ErrorCode;
    row("sampling beyond its bounds", R"("temperature":1.5)", ValidationError, u"temperature"_s);
    row("a limit of nothing", R"("max_tokens":0)", ValidationError, u"max_tokens"_s);
    row("stop words that are none", R"("stop_sequences":["a",1])", ValidationError, u"stop_sequences"_s);
    row("a tier with another price", R"("service_tier":"priority")", UnsupportedParameter, u"service_tier"_s);
    row("a region with another price", R"("inference_geo":"us")", UnsupportedParameter, u"inference_geo"_s);
    row("a summary on the way", R"("context_management":{"edits":[{"type":"clear"},{"type":"compact_1"}]})",
        UnsupportedParameter, u"context_management.edits[1].type"_s);
    row("a container", R"("container":"c_1")", UnsupportedParameter, u"container"_s);
    row("a role that nobody has", R"("messages":[{"role":"tool","content":"x"}])", ValidationError,
        u"messages[0].role"_s);
    row("a message without content", R"("messages":[{"role":"user"}])", ValidationError, u"messages[0].content"_s);
    row("a format without a schema", R"("output_config":{"format":{"type":"json_schema"}})", ValidationError,
        u"output_config.format"_s);
    row("a schema that is none", R"("tools":[{"name":"f","input_schema":[]}])", ValidationError,
        u"tools[0].input_schema"_s);
    row("a choice of its own", R"("tools":[{"name":"f"}],"tool_choice":{"type":"perhaps"})", ValidationError,
        u"tool_choice.type"_s);
    row("system texts that are none", R"("system":[{"type":"image"}])", ValidationError, u"system[0].type"_s);
    block("a block without a type", "user", R"({"text":"x"})", ValidationError, {});
    block("a call by the user", "user", R"({"type":"tool_use","id":"c","name":"f","input":{}})", UnsupportedParameter,
          u".type"_s);
    block("a call without a name", "assistant", R"({"type":"tool_use","id":"c","input":{}})", ValidationError, {});
    block("a result without its call", "user", R"({"type":"tool_result","content":"x"})", ValidationError,
          u".tool_use_id"_s);
    block("a stored image", "user", R"({"type":"image","source":{"type":"file","file_id":"f"}})", UnsupportedParameter,
          u".source"_s);
    block("an image nowhere", "user", R"({"type":"image"})", UnsupportedParameter, u".source"_s);
    block("what only Anthropic knows", "user", R"({"type":"search_result"})", UnsupportedParameter, u".type"_s);
    block("the same in a result", "user",
          R"({"type":"tool_result","tool_use_id":"c","content":[{"type":"search_result"}]})", UnsupportedParameter,
          u".content[0].type"_s);
}

void tst_Messages::refuses()
{
    QFETCH(QByteArray, members);
    const QByteArray body =
        R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],)" + members + '}';
    const auto parsed = parseMessagesRequest(body);
    const Result<middle::Request> request = parsed ? middleRequest(*parsed) : Result<middle::Request>(parsed.error());
    QVERIFY(!request);
    QTEST(int(request.error().code), "code");
    QTEST(request.error().param, "param");
    QVERIFY(!request.error().message.isEmpty());
}

void tst_Messages::thinkingBecomesAWord_data()
{
    QTest::addColumn<QByteArray>("members");
    QTest::addColumn<QByteArray>("effort");
    QTest::addColumn<QByteArray>("summary");
    QTest::newRow("not said") << R"("top_k":0)"_ba
                              << ""_ba
                              << ""_ba;
    QTest::newRow("off") << R"("thinking":{"type":"disabled"},"output_config":{"effort":"high"})"_ba
                         << "none"_ba
                         << ""_ba;
    QTest::newRow("a little") << R"("thinking":{"type":"enabled","budget_tokens":1024})"_ba
                              << "low"_ba
                              << "auto"_ba;
    QTest::newRow("more") << R"("thinking":{"type":"enabled","budget_tokens":8192})"_ba
                          << "medium"_ba
                          << "auto"_ba;
    QTest::newRow("much") << R"("thinking":{"type":"enabled","budget_tokens":8193})"_ba
                          << "high"_ba
                          << "auto"_ba;
    QTest::newRow("as the model likes") << R"("thinking":{"type":"adaptive","display":"omitted"})"_ba
                                        << ""_ba
                                        << ""_ba;
    QTest::newRow("a word wins") << R"("thinking":{"type":"adaptive"},"output_config":{"effort":"max"})"_ba
                                 << "max"_ba
                                 << "auto"_ba;
    QTest::newRow("in any order")
        << R"("output_config":{"effort":"low"},"thinking":{"type":"enabled","budget_tokens":9000})"_ba
        << "low"_ba
        << "auto"_ba;
}

void tst_Messages::thinkingBecomesAWord()
{
    QFETCH(QByteArray, members);
    const auto parsed = parseMessagesRequest(
        R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],)" + members + '}');
    QVERIFY(parsed);
    const auto request = middleRequest(*parsed);
    QVERIFY(request);
    QTEST(request->effort, "effort");
    QTEST(request->summary, "summary");
}

void tst_Messages::passesOnTheClientsHeaders()
{
    const auto request =
        parseMessagesRequest(R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]})");
    const UpstreamTarget target{
        .provider = "anthropic", .model = "claude-1", .options = {.anthropicVersion = "2030-01-01"}};
    const auto call = verbatimMessages(*request, {"2023-06-01", "a-1,b-2"}, target, identity())->call();
    const HttpHeaders wanted{{"anthropic-version", "2023-06-01"}, {"anthropic-beta", "a-1,b-2"}};
    QCOMPARE(call->headers, wanted);
    const auto silent = verbatimMessages(*request, {}, target, identity())->call();
    QCOMPARE(silent->headers, (HttpHeaders{{"anthropic-version", "2030-01-01"}}));
    QVERIFY(!silent->streams);
}

void tst_Messages::countsTokens()
{
    const QByteArray body =
        R"({"model":"m","system":"12345678","messages":[{"role":"user","content":[{"type":"text","text":"1234"},)"
        R"({"type":"image","source":{}}]}]})";
    QVERIFY(!parseMessagesRequest(body));
    const auto request = parseMessagesRequest(body, MessagesPurpose::Count);
    QVERIFY(request);
    QCOMPARE(request->estimatedPromptTokens(), 1003);
    const auto count = tokenCount(*request, {}, {.provider = "anthropic", .model = "claude-1"});
    QCOMPARE(count->call()->path, "/v1/messages/count_tokens");
    count->feed(R"({"input_tokens)");
    count->feed(R"(":14})");
    QVERIFY(count->bodyEnded().isComplete);
    QCOMPARE(count->end({}), R"({"input_tokens":14})");
    QCOMPARE(count->consumption().usage, Usage());
    for (const QByteArray &none : {"{}"_ba, R"({"input_tokens":-1})"_ba, "x"_ba, ""_ba}) {
        const auto bad = tokenCount(*request, {}, {});
        bad->feed(none);
        QVERIFY2(bad->bodyEnded().failure, none.constData());
    }
}

void tst_Messages::errorsHaveAnthropicsWords_data()
{
    QTest::addColumn<int>("code");
    QTest::addColumn<QString>("type");
    using enum ErrorCode;
    const auto row = [](ErrorCode code, const char *type) {
        QTest::newRow(errorRow(code).word.data()) << int(code) << QString::fromLatin1(type);
    };
    row(InvalidJson, "invalid_request_error");
    row(ValidationError, "invalid_request_error");
    row(MethodNotAllowed, "invalid_request_error");
    row(Unauthorized, "authentication_error");
    row(BudgetExhausted, "billing_error");
    row(Forbidden, "permission_error");
    row(ModelNotFound, "not_found_error");
    row(PayloadTooLarge, "request_too_large");
    row(RateLimitExceeded, "rate_limit_error");
    row(Internal, "api_error");
    row(ProviderAuthFailed, "api_error");
    row(ProviderRateLimited, "overloaded_error");
    row(ProviderTimeout, "timeout_error");
}

void tst_Messages::errorsHaveAnthropicsWords()
{
    QFETCH(int, code);
    const Error error{.code = ErrorCode(code),
                      .message = u"Why \"so\"?"_s,
                      .param = u"p"_s,
                      .retryAfterSeconds = 3,
                      .deniedBy = u"eu_rpm"_s};
    const QJsonObject body = QJsonDocument::fromJson(messagesErrorBody(error, "r-1")).object();
    QCOMPARE(body.value("type"_L1).toString(), u"error"_s);
    QCOMPARE(body.value("request_id"_L1).toString(), u"r-1"_s);
    const QJsonObject inner = body.value("error"_L1).toObject();
    QTEST(inner.value("type"_L1).toString(), "type");
    QCOMPARE(inner.value("code"_L1).toString(), QString(errorRow(error.code).word));
    QCOMPARE(inner.value("message"_L1).toString(), error.message);
    QCOMPARE(inner.value("param"_L1).toString(), error.param);
    QCOMPARE(inner.contains("denied_by"_L1), error.code == ErrorCode::RateLimitExceeded);
    QVERIFY(messagesErrorFrame(error).startsWith("event: error\ndata: {"));
}

void tst_Messages::embeddingsAreRefused_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QString>("param");
    const auto row = [](const char *name, const QByteArray &members, const QString &param) {
        QTest::newRow(name) << QByteArray(R"({"model":"m",)" + members + '}') << param;
    };
    QTest::newRow("no model") << R"({"input":"x"})"_ba << u"model"_s;
    row("no input", R"("user":"u")", u"input"_s);
    row("an empty text", R"("input":"")", u"input"_s);
    row("nothing", R"("input":[])", u"input"_s);
    row("an empty text among others", R"("input":["a",""])", u"input[1]"_s);
    row("no tokens", R"("input":[[]])", u"input[0]"_s);
    row("tokens that are none", R"("input":[1,-1])", u"input"_s);
    row("tokens and texts", R"("input":[1,"a"])", u"input"_s);
    row("too many", R"("input":[)" + QByteArray(R"("a",)").repeated(2048) + R"("a"])", u"input"_s);
    row("another encoding", R"("input":"a","encoding_format":"hex")", u"encoding_format"_s);
    row("no dimensions", R"("input":"a","dimensions":0)", u"dimensions"_s);
    row("a user that is no text", R"("input":"a","user":7)", u"user"_s);
}

void tst_Messages::embeddingsAreRefused()
{
    QFETCH(QByteArray, body);
    const auto request = parseEmbeddingsRequest(body);
    QVERIFY(!request);
    QCOMPARE(request.error().code, ErrorCode::ValidationError);
    QTEST(request.error().param, "param");
}

void tst_Messages::embeddingsPassThrough()
{
    const auto request =
        parseEmbeddingsRequest(R"({"model":"x","input":["12345",[1,2,3]],"model":"m","more":{"a":1.10}})");
    QVERIFY(request);
    QCOMPARE(request->model, "m");
    QCOMPARE(request->estimatedPromptTokens, 5);
    const auto dialogue = verbatimEmbeddings(*request, {.provider = "openai", .model = "embed-1"}, {{}, "slug", {}});
    const auto call = dialogue->call();
    QCOMPARE(call->path, "/embeddings");
    QVERIFY(!call->streams);
    QCOMPARE(call->body, R"({"input":["12345",[1,2,3]],"model":"embed-1","more":{"a":1.10}})");
    QVERIFY(!dialogue->consumption().isReported);
    QCOMPARE(dialogue->consumption().usage.prompt(), 5);
    dialogue->feed(R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10]}],)");
    dialogue->feed(R"("model":"embed-1-v2","usage":{"prompt_tokens":7,"total_tokens":7}})");
    QVERIFY(dialogue->bodyEnded().isComplete);
    QVERIFY(dialogue->consumption().isReported);
    QCOMPARE(dialogue->consumption().usage, Usage{.inFresh = 7});
    QCOMPARE(dialogue->end({.usage = {.inFresh = 7}}),
             R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10]}],"model":"slug",)"
             R"("usage":{"prompt_tokens":7,"total_tokens":7}})");
}

void tst_Messages::embeddingsThatAreNone()
{
    const auto request = parseEmbeddingsRequest(R"({"model":"m","input":"x"})");
    for (const QByteArray &body :
         {"{}"_ba, R"({"data":[]})"_ba, R"({"error":{"message":"no"}})"_ba, "<html>"_ba, ""_ba}) {
        const auto dialogue = verbatimEmbeddings(*request, {}, {});
        dialogue->feed(body);
        const auto step = dialogue->bodyEnded();
        QVERIFY2(step.failure && !step.isComplete, body.constData());
    }
}

QTEST_APPLESS_MAIN(tst_Messages)
#include "tst_messages.moc"
