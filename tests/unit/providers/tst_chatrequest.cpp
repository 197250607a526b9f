// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/chatrequest.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_ChatRequest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void accepts_data();
    void accepts();
    void refuses_data();
    void refuses();
    void readsWhatRoutingNeeds();
    void countsTextForEstimates();
    void knowsEscapedNames();
};

static QByteArray with(const QByteArray &members)
{
    return R"({"model":"m","messages":[{"role":"user","content":"hi"}])" + (members.isEmpty() ? "" : "," + members) + "}";
}

void tst_ChatRequest::accepts_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::newRow("the least there is") << with("");
    QTest::newRow("unknown members") << with(R"("some_future_field":{"a":[1]})");
    QTest::newRow("null as not given") << with(R"("temperature":null,"tools":null,"n":null,"stream":null)");
    QTest::newRow("temperature at both ends") << with(R"("temperature":2,"top_p":0)");
    QTest::newRow("a limit of one token") << with(R"("max_tokens":1)");
    QTest::newRow("one limit given twice under one name") << with(R"("max_tokens":1,"max_tokens":2)");
    QTest::newRow("four stop words") << with(R"("stop":["a","b","c","d"])");
    QTest::newRow("stream options with stream") << with(R"("stream":true,"stream_options":{"include_usage":true})");
    QTest::newRow("text modality") << with(R"("modalities":["text"])");
    QTest::newRow("an assistant turn with calls and no content")
        << QByteArray(R"({"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function",)"
                      R"("function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"1"}]})");
    QTest::newRow("image and file parts")
        << QByteArray(R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x"},)"
                      R"({"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}},)"
                      R"({"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,AA=="}}]}]})");
}

void tst_ChatRequest::accepts()
{
    QFETCH(QByteArray, body);
    const auto request = parseChatRequest(body);
    QVERIFY2(request.ok(), request ? "" : qPrintable(request.error().message));
    QCOMPARE(request->body, body);
}

void tst_ChatRequest::refuses_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<int>("code");
    QTest::addColumn<QString>("param");
    const auto row = [](const char *name, const QByteArray &body, ErrorCode code, const QString &param) {
        QTest::newRow(name) << body << int(code) << param;
    };
    const auto invalid = ErrorCode::ValidationError;
    row("nothing", "", invalid, u"model"_s);
    row("half an object", R"({"model":"m")", ErrorCode::InvalidJson, {});
    row("text behind the object", with("") + " x", ErrorCode::InvalidJson, {});
    row("invalid UTF-8", "{\"model\":\"\xff\"}", ErrorCode::InvalidJson, {});
    row("an array", "[]", invalid, {});
    row("no model", R"({"messages":[{"role":"user","content":"hi"}]})", invalid, u"model"_s);
    row("a number for a model", R"({"model":1,"messages":[{"role":"user","content":"hi"}]})", invalid, u"model"_s);
    row("no messages", R"({"model":"m"})", invalid, u"messages"_s);
    row("empty messages", R"({"model":"m","messages":[]})", invalid, u"messages"_s);
    row("an unknown role", R"({"model":"m","messages":[{"role":"robot","content":"x"}]})", invalid, u"messages[0].role"_s);
    row("a user turn without content", R"({"model":"m","messages":[{"role":"user"}]})", invalid, u"messages[0].content"_s);
    row("a tool turn without its call", R"({"model":"m","messages":[{"role":"tool","content":"x"}]})", invalid,
        u"messages[0].tool_call_id"_s);
    row("temperature above two", with(R"("temperature":2.01)"), invalid, u"temperature"_s);
    row("temperature as text", with(R"("temperature":"1")"), invalid, u"temperature"_s);
    row("a limit of zero", with(R"("max_tokens":0)"), invalid, u"max_tokens"_s);
    row("a limit with decimals", with(R"("max_tokens":1.5)"), invalid, u"max_tokens"_s);
    row("both limits", with(R"("max_tokens":5,"max_completion_tokens":5)"), invalid, u"max_tokens"_s);
    row("five stop words", with(R"("stop":["a","b","c","d","e"])"), invalid, u"stop"_s);
    row("stream options without stream", with(R"("stream_options":{"include_usage":true})"), invalid, u"stream_options"_s);
    row("stream as text", with(R"("stream":"yes")"), invalid, u"stream"_s);
    row("two answers", with(R"("n":2)"), ErrorCode::UnsupportedParameter, u"n"_s);
    row("audio output", with(R"("modalities":["text","audio"])"), ErrorCode::UnsupportedParameter, u"modalities"_s);
    row("old-style functions", with(R"("functions":[])"), ErrorCode::UnsupportedParameter, u"functions"_s);
    row("a hosted MCP tool", with(R"("tools":[{"type":"mcp","server_label":"x"}])"), ErrorCode::UnsupportedToolType,
        u"tools[0].type"_s);
    row("a tool without a name", with(R"("tools":[{"type":"function","function":{}}])"), invalid, u"tools[0].function.name"_s);
    row("audio input",
        R"({"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]})",
        ErrorCode::UnsupportedParameter, u"messages[0].content[0].type"_s);
    row("a file by id", R"({"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]})",
        ErrorCode::UnsupportedParameter, u"messages[0].content[0].file"_s);
    QByteArray tools = R"("tools":[)";
    for (int i = 0; i < 129; ++i)
        tools += (i ? "," : "") + QByteArray(R"({"type":"function","function":{"name":"f"}})");
    row("129 tools", with(tools + "]"), invalid, u"tools"_s);
}

void tst_ChatRequest::refuses()
{
    QFETCH(QByteArray, body);
    QFETCH(int, code);
    QFETCH(QString, param);
    const auto request = parseChatRequest(body);
    QVERIFY(!request);
    QCOMPARE(int(request.error().code), code);
    QCOMPARE(request.error().param, param);
}

void tst_ChatRequest::readsWhatRoutingNeeds()
{
    const auto request = parseChatRequest(
        with(R"("stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":77,"reasoning_effort":"none")"));
    QVERIFY(request);
    QCOMPARE(request->model, "m");
    QVERIFY(request->stream);
    QVERIFY(request->includeUsage);
    QCOMPARE(request->maxTokens, 77);
    QCOMPARE(request->maxTokensName, "max_completion_tokens");
    QVERIFY(request->reasoningIsOff);
    QVERIFY(!request->usesTools);
}

void tst_ChatRequest::countsTextForEstimates()
{
    const auto request = parseChatRequest(
        R"({"model":"m","messages":[{"role":"system","content":"12345"},{"role":"user","content":[{"type":"text","text":"678"},)"
        R"({"type":"image_url","image_url":{"url":"data:image/png;base64,AAAAAAAAAAAAAAAAAAAAAAAA"}}]}]})");
    QVERIFY(request);
    QCOMPARE(request->textBytes, 8); // base64 is never counted as text
    QCOMPARE(request->estimatedPromptTokens(), 2 + 1000);
}

void tst_ChatRequest::knowsEscapedNames()
{
    const auto request = parseChatRequest(R"({"mod\u0065l":"m","messages":[{"role":"user","content":"hi"}]})");
    QVERIFY(request);
    QCOMPARE(request->model, "m");
    QVERIFY(request->find("model"));
    QCOMPARE(request->valueOf(*request->find("model")).toByteArray(), "\"m\"");
}

QTEST_APPLESS_MAIN(tst_ChatRequest)
#include "tst_chatrequest.moc"
