// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/chatcodec.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtCore/QElapsedTimer>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_ChatCodec : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void encodes_data();
    void encodes();
    void keepsTheClientsBytes();
    void readsUsage_data();
    void readsUsage();
    void rewritesAnAnswer();
    void completesWhatCompatibleServersLeaveOut();
    void putsInAnEstimateWithoutUsage();
    void refusesWhatIsNoCompletion_data();
    void refusesWhatIsNoCompletion();
    void streams();
    void hidesUsageFromClientsThatDidNotAsk();
    void failsOnErrorsInsideAStream();
    void estimatesWhatIsCountedBeyondBelief_data();
    void estimatesWhatIsCountedBeyondBelief();
    void keepsAnEventOnOneLine();
    void encodesManyMembersInNoTime();
};

static ChatRequest parsed(const QByteArray &body)
{
    auto request = parseChatRequest(body);
    if (!request)
        qFatal("the test's own request is wrong: %s", qPrintable(request.error().message));
    return *request;
}

static QJsonObject object(const QByteArray &json)
{
    return QJsonDocument::fromJson(json).object();
}

static ChatIdentity identity()
{
    return { "chatcmpl-ours", "slug", Timestamp::fromMs(5'000) };
}

void tst_ChatCodec::encodes_data()
{
    QTest::addColumn<QByteArray>("members");
    QTest::addColumn<QByteArray>("expected");
    QTest::addColumn<QByteArrayList>("dropped");
    const QByteArray messages = R"("messages":[{"role":"user","content":"hi"}])";
    const auto row = [&](const char *name, const QByteArray &members, const QByteArray &expected, QByteArrayList dropped = {}) {
        QTest::newRow(name) << R"({"model":"slug",)" + messages + members + "}"
                            << R"({"model":"real-id",)" + messages + expected + "}" << dropped;
    };
    row("the model's own id", "", "");
    row("usage is asked for in every stream", R"(,"stream":true)", R"(,"stream":true,"stream_options":{"include_usage":true})");
    row("other stream options stay", R"(,"stream":true,"stream_options":{"include_usage":false,"x":1})",
        R"(,"stream":true,"stream_options":{"include_usage":true,"x":1})");
    row("the limit gets the server's name", R"(,"max_tokens":7)", R"(,"max_completion_tokens":7)");
    row("nothing is stored at the provider", R"(,"store":true,"metadata":{"a":"b"})", "", { "store", "metadata" });
    row("other price tiers are dropped", R"(,"service_tier":"flex")", "", { "service_tier" });
    row("the default tier stays", R"(,"service_tier":"auto")", R"(,"service_tier":"auto")");
    row("unknown members stay as they were written", R"(,"x":  1.0E3)", R"(,"x":  1.0E3)");
    row("a repeated name travels once", R"(,"seed":1,"seed":2)", R"(,"seed":2)");
    row("what the server refuses is dropped", R"(,"logit_bias":{"5":1})", "", { "logit_bias" });
}

void tst_ChatCodec::encodes()
{
    QFETCH(QByteArray, members);
    QFETCH(QByteArray, expected);
    QFETCH(QByteArrayList, dropped);
    ChatTarget target;
    target.providerModelId = "real-id";
    target.maxTokensField = "max_completion_tokens";
    target.dropFields = { "logit_bias" };
    const EncodedChat encoded = encodeChat(parsed(members), target);
    QCOMPARE(encoded.body, expected);
    QCOMPARE(encoded.dropped, dropped);
}

void tst_ChatCodec::keepsTheClientsBytes()
{
    const QByteArray body = R"({"messages":[{"role":"user","content":"\u00e9 \ud83d\ude00","name":"a"}],"model":"slug","user":"é"})";
    ChatTarget target;
    target.providerModelId = "slug";
    QCOMPARE(encodeChat(parsed(body), target).body, body);
}

void tst_ChatCodec::readsUsage_data()
{
    QTest::addColumn<QByteArray>("usage");
    QTest::addColumn<bool>("beside");
    QTest::addColumn<QList<qint64>>("counters"); // fresh, cached, write, text, reasoning
    using Counters = QList<qint64>;
    QTest::newRow("plain") << R"({"prompt_tokens":25,"completion_tokens":8,"total_tokens":33})"_ba << false << Counters { 25, 0, 0, 8, 0 };
    QTest::newRow("cached is part of the prompt")
        << R"({"prompt_tokens":25,"completion_tokens":8,"total_tokens":33,"prompt_tokens_details":{"cached_tokens":5}})"_ba << false
        << Counters { 20, 5, 0, 8, 0 };
    QTest::newRow("reasoning inside the completion")
        << R"({"prompt_tokens":10,"completion_tokens":30,"total_tokens":40,"completion_tokens_details":{"reasoning_tokens":20}})"_ba
        << false << Counters { 10, 0, 0, 10, 20 };
    QTest::newRow("reasoning beside the completion, as the total tells")
        << R"({"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":94},)"
           R"("prompt_tokens_details":{"cached_tokens":6}})"_ba
        << true << Counters { 26, 6, 0, 9, 94 };
    QTest::newRow("written to the cache")
        << R"({"prompt_tokens":3300,"completion_tokens":20,"total_tokens":3320,"prompt_tokens_details":{"cache_write_tokens":3207}})"_ba
        << false << Counters { 93, 0, 3207, 20, 0 };
    QTest::newRow("more cached than prompted: not a part of it")
        << R"({"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":9}})"_ba << false
        << Counters { 5, 9, 0, 1, 0 };
    QTest::newRow("null details") << R"({"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":null})"_ba << false
                                  << Counters { 5, 0, 0, 1, 0 };
}

void tst_ChatCodec::readsUsage()
{
    QFETCH(QByteArray, usage);
    QFETCH(bool, beside);
    QFETCH(QList<qint64>, counters);
    ChatTarget target;
    target.countsReasoningBeside = beside;
    const QByteArray body = R"({"choices":[{"message":{"content":"x"}}],"usage":)" + usage + "}";
    const auto answer = decodeChatAnswer(body, target, identity(), 0);
    QVERIFY(answer);
    QVERIFY(answer->usage);
    const Usage &found = *answer->usage;
    QCOMPARE(QList<qint64>({ found.inFresh, found.inCached, found.inWrite, found.outText, found.outReasoning }), counters);
    // The client's numbers and the log's are the same.
    const QJsonObject shown = object(answer->body).value("usage"_L1).toObject();
    QCOMPARE(shown.value("prompt_tokens"_L1).toInteger(), found.prompt());
    QCOMPARE(shown.value("completion_tokens"_L1).toInteger(), found.completion());
}

void tst_ChatCodec::rewritesAnAnswer()
{
    const auto answer = decodeChatAnswer(
        R"({"id":"chatcmpl-theirs","object":"chat.completion","created":1,"model":"real-id","service_tier":"default",)"
        R"("system_fingerprint":"fp","choices":[{"index":0,"message":{"role":"assistant","content":"Hi!"},"finish_reason":"stop"}],)"
        R"("usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"x":1}})",
        {}, identity(), 0);
    QVERIFY(answer);
    QCOMPARE(answer->body,
             R"({"id":"chatcmpl-ours","object":"chat.completion","created":1,"model":"slug",)"
             R"("choices":[{"index":0,"message":{"role":"assistant","content":"Hi!"},"finish_reason":"stop"}],)"
             R"("usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"x":1}})");
    QCOMPARE(answer->outputBytes, 3);
}

void tst_ChatCodec::completesWhatCompatibleServersLeaveOut()
{
    const auto answer = decodeChatAnswer(R"({"choices":[{"message":{"content":"Hi!"}}]})", {}, identity(), 4);
    QVERIFY(answer);
    const QJsonObject json = object(answer->body);
    QCOMPARE(json.value("id"_L1).toString(), u"chatcmpl-ours"_s);
    QCOMPARE(json.value("object"_L1).toString(), u"chat.completion"_s);
    QCOMPARE(json.value("created"_L1).toInteger(), 5);
    QCOMPARE(json.value("model"_L1).toString(), u"slug"_s);
}

void tst_ChatCodec::putsInAnEstimateWithoutUsage()
{
    const auto answer = decodeChatAnswer(R"({"choices":[{"message":{"content":"12345"}}]})", {}, identity(), 4);
    QVERIFY(answer);
    QVERIFY(!answer->usage);
    const QJsonObject usage = object(answer->body).value("usage"_L1).toObject();
    QCOMPARE(usage.value("prompt_tokens"_L1).toInteger(), 4);
    QCOMPARE(usage.value("completion_tokens"_L1).toInteger(), 2);
    QCOMPARE(usage.value("total_tokens"_L1).toInteger(), 6);
}

void tst_ChatCodec::refusesWhatIsNoCompletion_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::newRow("HTML") << "<html>"_ba;
    QTest::newRow("nothing") << ""_ba;
    QTest::newRow("half an answer") << R"({"choices":[{"message":{"con)"_ba;
    QTest::newRow("no choices") << R"({"choices":[]})"_ba;
    QTest::newRow("a choice without a message") << R"({"choices":[{}]})"_ba;
    QTest::newRow("an array") << "[]"_ba;
}

void tst_ChatCodec::refusesWhatIsNoCompletion()
{
    QFETCH(QByteArray, body);
    const auto answer = decodeChatAnswer(body, {}, identity(), 0);
    QVERIFY(!answer);
    QCOMPARE(int(answer.error().code), int(ErrorCode::ProviderError));
}

void tst_ChatCodec::streams()
{
    ChatStreamDecoder decoder({}, identity(), true);
    using Kind = ChatStreamDecoder::Kind;
    auto step = decoder.onEvent(R"({"id":"t","object":"chat.completion.chunk","created":1,"model":"r","system_fingerprint":"f",)"
                                R"("choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"}}],"usage":null})");
    QCOMPARE(int(step.kind), int(Kind::Forward));
    QCOMPARE(step.bytes, "data: {\"id\":\"chatcmpl-ours\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"slug\","
                         "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hello\"}}],\"usage\":null}\n\n");
    QVERIFY(!decoder.hasFinished());
    step = decoder.onEvent(R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})");
    QCOMPARE(int(step.kind), int(Kind::Forward));
    QVERIFY(decoder.hasFinished());
    step = decoder.onEvent(R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}})");
    QCOMPARE(int(step.kind), int(Kind::Forward));
    QVERIFY(decoder.usage());
    QCOMPARE(decoder.usage()->prompt(), 3);
    QCOMPARE(int(decoder.onEvent("[DONE]").kind), int(Kind::End));
    QCOMPARE(decoder.outputBytes(), 5);
}

void tst_ChatCodec::hidesUsageFromClientsThatDidNotAsk()
{
    ChatStreamDecoder decoder({}, identity(), false);
    const auto content = decoder.onEvent(R"({"created":1,"object":"chat.completion.chunk","choices":[{"delta":{"content":"a"}}],"usage":null})");
    QVERIFY(!content.bytes.contains("usage"));
    const auto usage = decoder.onEvent(R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}})");
    QCOMPARE(int(usage.kind), int(ChatStreamDecoder::Kind::Nothing));
    QVERIFY(decoder.usage());
}

void tst_ChatCodec::failsOnErrorsInsideAStream()
{
    ChatStreamDecoder decoder({}, identity(), false);
    QCOMPARE(int(decoder.onEvent(R"({"error":{"message":"overloaded","type":"server_error"}})").kind),
             int(ChatStreamDecoder::Kind::Failed));
    QCOMPARE(int(decoder.onEvent("{\"choices\":[{\"del").kind), int(ChatStreamDecoder::Kind::Failed));
}

void tst_ChatCodec::estimatesWhatIsCountedBeyondBelief_data()
{
    QTest::addColumn<QByteArray>("usage");
    QTest::newRow("sums that overflow") << QByteArray("{'prompt_tokens':9000000000000000000,'completion_tokens':9000000000000000000}");
    QTest::newRow("more than 64 bits hold") << QByteArray("{'prompt_tokens':5,'completion_tokens':10000000000000000000}");
    QTest::newRow("a negative count") << QByteArray("{'prompt_tokens':5,'completion_tokens':-8}");
    QTest::newRow("a fraction") << QByteArray("{'prompt_tokens':5,'completion_tokens':8.5}");
    QTest::newRow("a text") << QByteArray("{'prompt_tokens':5,'completion_tokens':'8'}");
}

void tst_ChatCodec::estimatesWhatIsCountedBeyondBelief()
{
    QFETCH(QByteArray, usage);
    usage.replace("'", "\"");
    const auto answer = decodeChatAnswer("{\"created\":1,\"choices\":[{\"message\":{\"content\":\"12345\"}}],\"usage\":" + usage + '}',
                                         {}, identity(), 3);
    QVERIFY(answer);
    QVERIFY(!answer->usage);
    QVERIFY(answer->body.contains("\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5"));

    ChatStreamDecoder decoder({}, identity(), true);
    QCOMPARE(int(decoder.onEvent("{\"choices\":[],\"usage\":" + usage + '}').kind), int(ChatStreamDecoder::Kind::Nothing));
    const auto step = decoder.onEvent("{\"choices\":[{\"delta\":{}}],\"usage\":" + usage + '}');
    QVERIFY(!step.bytes.contains("usage"));
    QVERIFY(!decoder.usage());
}

void tst_ChatCodec::keepsAnEventOnOneLine()
{
    ChatStreamDecoder decoder({}, identity(), false);
    const auto step = decoder.onEvent("{\"choices\":\n[{\"delta\":\n{\"content\":\"a\"}}]}");
    QCOMPARE(int(step.kind), int(ChatStreamDecoder::Kind::Forward));
    QCOMPARE(step.bytes.indexOf('\n'), step.bytes.size() - 2);
}

void tst_ChatCodec::encodesManyMembersInNoTime()
{
    QByteArray body = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]";
    for (int i = 0; i < 200'000; ++i)
        body += ",\"x" + QByteArray::number(i) + "\":1";
    const auto request = parseChatRequest(body + '}');
    QVERIFY(request);
    QElapsedTimer timer;
    timer.start();
    QVERIFY(encodeChat(*request, {}).body.size() > 200'000);
    QVERIFY(timer.elapsed() < 10'000);
}

QTEST_APPLESS_MAIN(tst_ChatCodec)
#include "tst_chatcodec.moc"
