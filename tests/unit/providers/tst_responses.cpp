// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/responses/opaquestate.h"
#include "providers/responses/responsescodec.h"
#include "providers/responses/responsesrequest.h"
#include "providers/responses/responsewriter.h"
#include "providers/upstreamstream.h"

#include "golden/responsestream.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;
using middle::FinishReason;
using middle::Role;

/// What the golden cases cannot show: history, several upstream calls in one response, what is stored.
class tst_Responses : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void keepsWhatAnExchangeNeeds();
    void putsHistoryBeforeTheInput();
    void looksUpReferences();
    void asksAgainWithItsOwnOutput();
    void countsThePrompt();
    void writesOneResponseOfSeveralCalls();
    void storesWhatItDoesNotShow();
    void keepsWhoseSignatureItIs();
    void failsAfterAnEndThatNeverLeft();
    void carriesLongArguments();
    void refusesWhatIsTooLarge();
    void sealsState();
    void opensNothingElse_data();
    void opensNothingElse();
};

static ResponsesRequest parsed(const QByteArray &members)
{
    const auto request = parseResponsesRequest("{\"model\":\"slug\"," + members + '}');
    if (!request)
        qFatal("%s", qPrintable(request.error().message));
    return *request;
}

static AnswerIdentity identity()
{
    return {"resp_1", "slug", Timestamp::fromMs(5'000)};
}

static QByteArray written(ResponseWriter &writer, const middle::Events &events)
{
    QByteArray all;
    for (const middle::Event &event : events)
        all += writer.write(event);
    return all;
}

static QJsonObject responseOf(const ResponseWriter &writer)
{
    return QJsonDocument::fromJson(writer.response()).object();
}

void tst_Responses::keepsWhatAnExchangeNeeds()
{
    const ResponsesRequest request =
        parsed(R"("input":"hi","store":false,"previous_response_id":"resp_0","thread_id":"t","tools":[
        {"type":"mcp","server_label":"a","server_url":"https://m/mcp","authorization":"Bearer sk-eu_1","require_approval":"never",
         "allowed_tools":["x","y"]},{"type":"mcp","server_label":"b","server_url":"https://m/mcp/b"},{"type":"function","name":"f"}])");
    QVERIFY(!request.store);
    QCOMPARE(request.previousResponseId, "resp_0"_ba);
    QCOMPARE(request.threadId, "t"_ba);
    QCOMPARE(request.mcpServers.size(), 2);
    QCOMPARE(request.mcpServers[0].authorization, "Bearer sk-eu_1"_ba);
    QVERIFY(request.mcpServers[0].allowedTools == QByteArrayList({"x", "y"}));
    QCOMPARE(request.mcpServers[1].place, "tools[1]"_ba);
    QVERIFY(!request.mcpServers[1].allowedTools);
    QCOMPARE(request.asked.tools.size(), 1);
    QVERIFY(!request.asked.echo.contains("sk-eu_"));
    QCOMPARE(request.input.size(), 1);
    QCOMPARE(request.input[0].json, R"({"type":"message","role":"user","content":"hi"})"_ba);
    QVERIFY(parsed(R"("input":"hi")").store);
}

void tst_Responses::putsHistoryBeforeTheInput()
{
    const ResponsesRequest request = parsed(R"("previous_response_id":"resp_0","instructions":"now","input":[
        {"role":"system","content":"late"},{"type":"function_call_output","call_id":"c","output":"7"}])");
    const QByteArrayList history = {
        R"({"role":"system","content":"early"})", R"({"role":"user","content":"hi"})",
        R"({"type":"message","role":"assistant","content":[{"type":"output_text","text":"so"}]})",
        R"({"type":"function_call","call_id":"c","name":"f","arguments":"{}"})"};
    const auto asked = askedWith(request, history);
    QVERIFY2(asked, asked ? "" : qPrintable(asked.error().message));
    QCOMPARE(asked->system.size(), 2);
    QCOMPARE(asked->system[0].text, "now"_ba);
    QCOMPARE(asked->system[1].text, "early"_ba);
    QCOMPARE(asked->turns.size(), 4);
    QVERIFY(asked->turns[0].role == Role::User && asked->turns[1].role == Role::Assistant);
    QCOMPARE(asked->turns[1].parts.size(), 2);
    QCOMPARE(asked->turns[1].parts[1].place, "previous_response_id"_ba);
    QVERIFY(asked->turns[2].role == Role::Developer);
    QCOMPARE(asked->turns[3].parts[0].place, "input[1]"_ba);
    QVERIFY(!asked->isContinued);
}

void tst_Responses::looksUpReferences()
{
    ResponsesRequest request =
        parsed(R"("input":[{"type":"item_reference","id":"msg_1"},{"id":"msg_2"},{"role":"user","content":"hi"}])");
    QVERIFY(request.hasReferences());
    QCOMPARE(request.input[1].reference, "msg_2"_ba);
    QVERIFY(askedWith(request, {}).error().code == ErrorCode::ResponseNotFound);
    for (ResponseItem &item : request.input) {
        if (item.json.isNull())
            item.json = R"({"type":"message","role":"assistant","content":"stored"})";
    }
    QVERIFY(!request.hasReferences());
    const auto asked = askedWith(request, {});
    QVERIFY(asked);
    QCOMPARE(asked->turns.size(), 2);
    QCOMPARE(asked->turns[0].parts.size(), 2);
}

void tst_Responses::asksAgainWithItsOwnOutput()
{
    const ResponsesRequest request = parsed(R"("input":"hi")");
    ResponseWriter writer(identity(), request.asked);
    written(writer,
            {middle::Start(), middle::ReasoningDelta{"hm"}, middle::Opaque{"p", "m", "blob"}, middle::TextDelta{"so"},
             middle::CallStart{0, "c", "f", "sig"}, middle::CallArguments{0, "{}"}, middle::CallEnd{0},
             middle::Finish{FinishReason::ToolCalls}});
    const auto asked = askedWith(request, {}, writer.storedItems());
    QVERIFY(asked);
    QVERIFY(asked->isContinued);
    QCOMPARE(asked->turns.size(), 2);
    const QList<middle::Part> &parts = asked->turns[1].parts;
    QCOMPARE(parts.size(), 3);
    QVERIFY((std::get<middle::Opaque>(parts[0].content) == middle::Opaque{"p", "m", "blob"}));
    QCOMPARE(std::get<middle::Text>(parts[1].content).text, "so"_ba);
    QVERIFY((std::get<middle::ToolCall>(parts[2].content) == middle::ToolCall{"c", "f", "{}", "sig"}));
}

void tst_Responses::countsThePrompt()
{
    const auto estimate = [](const QByteArray &members) { return parsed(members).asked.estimatedPromptTokens; };
    QCOMPARE(estimate(R"("input":"12345678")"), 2);
    QCOMPARE(estimate(R"("input":"123456789","instructions":"abc")"), 3);
    QCOMPARE(estimate(R"("input":[{"role":"user","content":[{"type":"input_image","image_url":"https://a"}]}])"), 1000);
    QCOMPARE(estimate(R"("input":"1234","tools":[{"type":"function","name":"f","parameters":{}}])"), 2);
}

void tst_Responses::writesOneResponseOfSeveralCalls()
{
    middle::Request request;
    request.stream = true;
    ResponseWriter writer(identity(), request);
    QByteArray stream = written(writer,
                                {middle::Start(), middle::CallStart{0, "c1", "f"}, middle::CallArguments{0, "{}"},
                                 middle::CallEnd{0}, middle::Finish{FinishReason::ToolCalls}});
    QCOMPARE(stream.count("response.output_item.done\n"), 1); // nothing stays open between the calls
    stream += written(writer,
                      {middle::Start(), middle::CallStart{0, "c2", "f"}, middle::CallArguments{0, "[]"},
                       middle::CallEnd{0}, middle::TextDelta{"Done"}, middle::Finish()});
    const Ending ending{{.inFresh = 7, .inCached = 2, .inWrite = 1, .outText = 3, .outReasoning = 4},
                        Timestamp::fromMs(9'000)};
    stream += writer.end(ending);
    QCOMPARE(golden::problemOfResponseStream(stream), QString());
    QVERIFY(stream.contains(writer.response()));
    QCOMPARE(writer.status(), QByteArrayView("completed"));
    const QJsonObject response = responseOf(writer);
    QCOMPARE(response.value("completed_at"_L1).toInt(), 9);
    QCOMPARE(response.value("output"_L1).toArray().size(), 3);
    QCOMPARE(response.value("output"_L1).toArray()[1].toObject().value("arguments"_L1).toString(), u"[]"_s);
    const QJsonObject usage{
        {u"input_tokens"_s, 10},
        {u"input_tokens_details"_s, QJsonObject{{u"cached_tokens"_s, 2}, {u"cache_write_tokens"_s, 1}}},
        {u"output_tokens"_s, 7},
        {u"output_tokens_details"_s, QJsonObject{{u"reasoning_tokens"_s, 4}}},
        {u"total_tokens"_s, 17}};
    QCOMPARE(response.value("usage"_L1).toObject(), usage);
    QCOMPARE(writer.storedItems().size(), 3);
}

void tst_Responses::storesWhatItDoesNotShow()
{
    for (const bool isWanted : {false, true}) {
        ResponseWriter writer(identity(), {.includeOpaque = isWanted});
        written(writer, {middle::Start(), middle::Opaque{"p", "m", "blob"}, middle::TextDelta{"Hi"}, middle::Finish()});
        const QByteArray answer = writer.end({});
        QCOMPARE(answer, writer.response());
        QCOMPARE(answer.contains("encrypted_content"), isWanted);
        QCOMPARE(writer.storedItems().size(), 2);
        QVERIFY(writer.storedItems().first().contains(sealedState({"p", "m", "blob"})));
        QVERIFY(answer.contains(writer.storedItems().last()));
    }
}

// Google's: another model that got it would refuse the conversation.
void tst_Responses::keepsWhoseSignatureItIs()
{
    ResponseWriter writer(identity(), {});
    written(writer, {middle::Start(), middle::CallStart{0, "c", "f", "c2ln", "google/gemini-1"},
                     middle::CallArguments{0, "{}"}, middle::CallEnd{0}, middle::Finish{FinishReason::ToolCalls}});
    writer.end({});
    const auto asked = askedWith(parsed(R"("input":[{"type":"function_call_output","call_id":"c","output":"7"}])"),
                                 writer.storedItems());
    QVERIFY2(asked, asked ? "" : qPrintable(asked.error().message));
    QCOMPARE(asked->turns.size(), 2);
    QCOMPARE(asked->turns[0].parts.size(), 1);
    const auto *call = std::get_if<middle::ToolCall>(&asked->turns[0].parts[0].content);
    QVERIFY(call);
    QCOMPARE(call->signature, "c2ln"_ba);
    QCOMPARE(call->signer, "google/gemini-1"_ba);
}

void tst_Responses::failsAfterAnEndThatNeverLeft()
{
    middle::Request request;
    request.stream = true;
    ResponseWriter writer(identity(), request);
    const QByteArray stream = written(writer, {middle::Start(), middle::TextDelta{"Hi"}, middle::Finish()});
    QCOMPARE(golden::problemOfResponseStream(stream + writer.end({})), QString());
    const QByteArray failed = writer.fail({ErrorCode::DatabaseUnavailable, u"later"_s}, "{}", {});
    QCOMPARE(golden::problemOfResponseStream(stream + failed), QString());
    QCOMPARE(writer.status(), QByteArrayView("failed"));
    QCOMPARE(responseOf(writer).value("error"_L1).toObject().value("code"_L1).toString(), u"database_unavailable"_s);
    writer.fail({ErrorCode::Internal, u"?"_s}, "{}", {});
    QCOMPARE(responseOf(writer).value("error"_L1).toObject().value("code"_L1).toString(), u"server_error"_s);

    // A client that wants one piece gets a plain error.
    ResponseWriter whole(identity(), {});
    QCOMPARE(whole.fail({ErrorCode::ProviderError, u"x"_s}, R"({"error":{}})", {}), R"({"error":{}})"_ba);
    QCOMPARE(responseOf(whole).value("status"_L1).toString(), u"failed"_s);
}

void tst_Responses::carriesLongArguments()
{
    const QByteArray arguments = "[" + QByteArray(1024 * 1024, '1') + ']';
    const QByteArray item = R"("output_index":0,"item":{"type":"function_call","call_id":"c","name":"f"}})";
    const QByteArray stream = R"(data: {"type":"response.output_item.added",)" + item
        + "\n\ndata: {\"type\":\"response.function_call_arguments.delta\",\"output_index\":0,\"delta\":\"" + arguments
        + "\"}\n\n" + R"(data: {"type":"response.output_item.done",)" + item
        + "\n\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}\n\n";
    UpstreamStream upstream(ResponsesCodec().decoder({}, {}));
    ResponseWriter writer(identity(), {});
    written(writer, upstream.feed(stream));
    QVERIFY(upstream.isOver());
    QCOMPARE(QJsonDocument::fromJson(writer.storedItems().value(0)).object().value("arguments"_L1).toString().toUtf8(), arguments);
}

void tst_Responses::refusesWhatIsTooLarge()
{
    ResponseWriter writer(identity(), {});
    const QByteArray piece(1024 * 1024, 'x');
    for (int i = 0; i < 64; ++i)
        writer.write(middle::TextDelta{piece});
    QVERIFY(!writer.isTooLarge() || writer.storedItems().isEmpty());
    writer.write(middle::TextDelta{piece});
    QVERIFY(writer.isTooLarge());
    ResponseWriter items(identity(), {});
    for (int i = 0; i < 150'000; ++i) {
        items.write(middle::TextDelta{"x"});
        items.write(middle::ItemEnd());
    }
    QVERIFY(items.isTooLarge());
}

void tst_Responses::sealsState()
{
    const middle::Opaque state{"openai", "gpt-4.1.mini", "{\"a\":\"\xc3\xbc\"}"};
    QVERIFY(openedState(sealedState(state)) == state);
    QVERIFY(sealedState(state).startsWith("v1.openai.gpt-4.1.mini."));
}

void tst_Responses::opensNothingElse_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::newRow("nothing") << QByteArray();
    QTest::newRow("a provider's own") << "gAAAAABo"_ba;
    QTest::newRow("another version") << "v2.p.m.YQ"_ba;
    QTest::newRow("no model") << "v1.p.YQ"_ba;
    QTest::newRow("no base64") << "v1.p.m.Y Q!"_ba;
}

void tst_Responses::opensNothingElse()
{
    QFETCH(QByteArray, text);
    QVERIFY(!openedState(text));
}

QTEST_APPLESS_MAIN(tst_Responses)
#include "tst_responses.moc"
