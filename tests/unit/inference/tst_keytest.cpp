// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/keytest.h"

#include "net/curlclient.h"
#include "unit/net/scriptedserver.h"

#include <QtTest/QTest>

#include <memory>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

using Headers = QList<std::pair<QByteArray, QByteArray>>;

const QByteArray Secret = "sk-test-0123456789abcdef";

/// A test of a key against a server on this machine, to its end.
struct Trial
{
    explicit Trial(ScriptedServer::Answer answer, const ProviderAccess &about = {})
        : server(std::move(answer)), access(about)
    {
        access.baseUrl = server.url(access.baseUrl);
        access.options.allowPrivateAddress = true;
        if (access.secret.isNull())
            access.secret = Secret;
    }

    KeyTest *start()
    {
        auto *test = new KeyTest(client, Clock::system(), access, &owner);
        test->start([this](const KeyTest::Outcome &came) {
            outcome = came;
            ++ends;
        });
        return test;
    }
    void run()
    {
        start();
        QTRY_COMPARE_WITH_TIMEOUT(ends, 1, 15'000);
    }
    QByteArray sent(const QByteArray &header) const
    {
        const QByteArray head = '\n' + server.requests.constFirst().head.toLower();
        const qsizetype at = head.indexOf('\n' + header + ": ");
        return at < 0 ? QByteArray() : head.mid(at + header.size() + 3, head.indexOf('\r', at) - at - header.size() - 3);
    }

    ScriptedServer server;
    ProviderAccess access;
    CurlClient client;
    QObject owner;
    KeyTest::Outcome outcome;
    int ends = 0;
};

ScriptedServer::Answer saying(const QByteArray &bytes)
{
    return [bytes](QTcpSocket &socket, const ScriptedServer::Request &) { socket.write(bytes); };
}

QByteArray withStatus(int status, const QByteArray &body, const QByteArray &moreHeaders = {})
{
    return ScriptedServer::ok(body, moreHeaders).replace("200 OK", QByteArray::number(status) + " No");
}

} // namespace

/// What a provider is asked for a test of a key, and what its answers mean.
class tst_KeyTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void asksInTheWordsOfTheKind_data();
    void asksInTheWordsOfTheKind();
    void sendsWhatTheProviderWantsBesides();
    void theSandboxIsNotAsked();
    void answersMeanWhatTheyMeanOfACall_data();
    void answersMeanWhatTheyMeanOfACall();
    void theKeyIsInNoMessage();
    void nobodyThere();
    void addressesOfThisMachineNeedPermission();
    void listsAreBounded();
    void refusalsAreBounded();
    void deletingItCancelsTheCall();
};

void tst_KeyTest::asksInTheWordsOfTheKind_data()
{
    QTest::addColumn<ProviderKind>("kind");
    QTest::addColumn<QByteArray>("base");
    QTest::addColumn<QByteArray>("secret");
    QTest::addColumn<QByteArray>("line");
    QTest::addColumn<Headers>("headers");

    const QByteArray key = Secret;
    QTest::newRow("OpenAI and compatible servers")
        << ProviderKind::OpenAi << "/v1"_ba << key << "GET /v1/models HTTP/1.1"_ba
        << Headers { { "authorization", "bearer " + key }, { "accept", "application/json" }, { "content-type", {} } };
    QTest::newRow("servers without a key")
        << ProviderKind::OpenAi << "/v1"_ba << "none"_ba << "GET /v1/models HTTP/1.1"_ba << Headers { { "authorization", {} } };
    QTest::newRow("xAI") << ProviderKind::Xai << "/v1"_ba << key << "GET /v1/models HTTP/1.1"_ba
                         << Headers { { "authorization", "bearer " + key } };
    QTest::newRow("Anthropic") << ProviderKind::Anthropic << QByteArray() << key << "GET /v1/models?limit=1000 HTTP/1.1"_ba
                               << Headers { { "x-api-key", key }, { "anthropic-version", "2023-06-01" }, { "authorization", {} } };
    QTest::newRow("Google") << ProviderKind::Google << "/v1beta"_ba << key << "GET /v1beta/models?pageSize=1000 HTTP/1.1"_ba
                            << Headers { { "x-goog-api-key", key }, { "authorization", {} } };
}

void tst_KeyTest::asksInTheWordsOfTheKind()
{
    QFETCH(ProviderKind, kind);
    QFETCH(QByteArray, base);
    QFETCH(QByteArray, secret);
    QFETCH(QByteArray, line);
    QFETCH(Headers, headers);
    Trial trial(saying(ScriptedServer::ok(R"({"data":[{"id":"a"},{"id":"b"}]})")), { .kind = kind, .baseUrl = base, .secret = secret });
    trial.run();
    QCOMPARE(trial.server.requests.size(), 1);
    QVERIFY2(trial.server.requests.constFirst().head.startsWith(line), trial.server.requests.constFirst().head.constData());
    for (const auto &[name, value] : headers)
        QCOMPARE(trial.sent(name), value);
    QVERIFY(!trial.outcome.error);
    QCOMPARE(trial.outcome.models, (QStringList { u"a"_s, u"b"_s }));
    QCOMPARE(trial.outcome.upstreamStatus, 200);
}

void tst_KeyTest::sendsWhatTheProviderWantsBesides()
{
    ProviderAccess access { .kind = ProviderKind::Anthropic };
    access.options.anthropicVersion = "2026-10-21";
    access.options.extraHeaders = { { "x-team", "blue" } };
    Trial trial(saying(ScriptedServer::ok(R"({"data":[]})")), access);
    trial.run();
    QCOMPARE(trial.sent("anthropic-version"), "2026-10-21"_ba);
    QCOMPARE(trial.sent("x-team"), "blue"_ba);
    QVERIFY(!trial.outcome.error);
}

void tst_KeyTest::theSandboxIsNotAsked()
{
    Trial trial(saying({}), { .kind = ProviderKind::Sandbox });
    trial.start();
    QCOMPARE(trial.ends, 0); // never before start() returns
    QTRY_COMPARE(trial.ends, 1);
    QVERIFY(!trial.outcome.error);
    QCOMPARE(trial.outcome.models, QStringList { u"sandbox-echo"_s });
    QCOMPARE(trial.server.requests.size(), 0);
}

void tst_KeyTest::answersMeanWhatTheyMeanOfACall_data()
{
    QTest::addColumn<ProviderKind>("kind");
    QTest::addColumn<QByteArray>("answer");
    QTest::addColumn<ErrorCode>("code");
    QTest::addColumn<int>("status");

    const QByteArray refusal = R"({"error":{"message":"No.","code":"x"}})";
    const auto row = [](const char *name, const QByteArray &answer, ErrorCode code, int status,
                        ProviderKind kind = ProviderKind::OpenAi) { QTest::newRow(name) << kind << answer << code << status; };
    row("401", withStatus(401, refusal), ErrorCode::ProviderAuthFailed, 401);
    row("403", withStatus(403, refusal), ErrorCode::ProviderAuthFailed, 403);
    row("400 in Google's words", withStatus(400, R"({"error":{"code":400,"message":"no","details":[{"reason":"API_KEY_INVALID"}]}})"),
        ErrorCode::ProviderAuthFailed, 400, ProviderKind::Google);
    row("400 in xAI's words", withStatus(400, R"({"code":"x","error":"Incorrect API key provided."})"), ErrorCode::ProviderAuthFailed,
        400, ProviderKind::Xai);
    row("402", withStatus(402, refusal), ErrorCode::ProviderAuthFailed, 402);
    row("404", withStatus(404, refusal), ErrorCode::ProviderError, 404);
    row("429", withStatus(429, refusal, "Retry-After: 7\r\n"), ErrorCode::ProviderRateLimited, 429);
    row("500", withStatus(500, "<html>"), ErrorCode::ProviderError, 500);
    row("503", withStatus(503, refusal), ErrorCode::ProviderOverloaded, 503);
    row("504", withStatus(504, refusal), ErrorCode::ProviderTimeout, 504);
    row("a redirect", withStatus(302, {}, "Location: http://127.0.0.1:1/\r\n"), ErrorCode::ProviderError, 302);
    row("a page", ScriptedServer::ok("<!DOCTYPE html><html></html>", "Content-Type: text/html\r\n"), ErrorCode::ProviderError, 200);
    row("nothing", ScriptedServer::ok({}), ErrorCode::ProviderError, 200);
    row("something else", ScriptedServer::ok(R"({"models":{"a":1}})"), ErrorCode::ProviderError, 200);
    row("half a list", ScriptedServer::ok(R"({"data":[{"id":"a"})"), ErrorCode::ProviderError, 200);
    row("no HTTP", "220 mail.example ESMTP\r\n", ErrorCode::ProviderError, 0);
}

void tst_KeyTest::answersMeanWhatTheyMeanOfACall()
{
    QFETCH(ProviderKind, kind);
    QFETCH(QByteArray, answer);
    QFETCH(ErrorCode, code);
    QFETCH(int, status);
    Trial trial(saying(answer), { .kind = kind });
    trial.run();
    QVERIFY(trial.outcome.error);
    QCOMPARE(trial.outcome.error->code, code);
    QVERIFY(!trial.outcome.error->message.isEmpty());
    QCOMPARE(trial.outcome.upstreamStatus, status);
    QCOMPARE(trial.server.requests.size(), 1); // redirects are not followed, refusals not repeated
}

void tst_KeyTest::theKeyIsInNoMessage()
{
    Trial trial(saying(withStatus(400, R"({"error":{"message":"You sent )" + Secret + R"(, not sk-proj-abcdefghijklmnopqrstuvwx."}})")));
    trial.run();
    QVERIFY(trial.outcome.error);
    QVERIFY(trial.outcome.error->message.startsWith(u"You sent "_s));
    for (const QString &secret : { QString::fromLatin1(Secret), u"0123456"_s, u"abcdefghijkl"_s })
        QVERIFY2(!trial.outcome.error->message.contains(secret), qPrintable(trial.outcome.error->message));
}

void tst_KeyTest::nobodyThere()
{
    Trial trial(saying({}));
    trial.server.stopListening();
    trial.run();
    QVERIFY(trial.outcome.error);
    QCOMPARE(trial.outcome.error->code, ErrorCode::ProviderError);
    QCOMPARE(trial.outcome.error->message, u"The provider cannot be reached."_s);
    QCOMPARE(trial.outcome.upstreamStatus, 0);
}

void tst_KeyTest::addressesOfThisMachineNeedPermission()
{
    Trial trial(saying(ScriptedServer::ok(R"({"data":[]})")));
    trial.access.options.allowPrivateAddress = false;
    trial.run();
    QVERIFY(trial.outcome.error);
    QCOMPARE(trial.outcome.error->message, u"The provider's address is not allowed."_s);
    QCOMPARE(trial.server.requests.size(), 0);
}

void tst_KeyTest::listsAreBounded()
{
    Trial trial(saying(ScriptedServer::ok(R"({"data":[{"id":")" + QByteArray(5 * 1024 * 1024, 'x') + R"("}]})")));
    trial.run();
    QVERIFY(trial.outcome.error);
    QCOMPARE(trial.outcome.error->message, u"The provider's answer is too large."_s);
}

void tst_KeyTest::refusalsAreBounded()
{
    // It announces more than it sends: without a bound the test would wait for the rest.
    Trial trial(saying("HTTP/1.1 500 No\r\nContent-Length: 1000000\r\n\r\n" + QByteArray(100'000, 'x')));
    trial.run();
    QVERIFY(trial.outcome.error);
    QCOMPARE(trial.outcome.upstreamStatus, 500);
    QVERIFY(trial.outcome.latencyMs < 5'000);
}

void tst_KeyTest::deletingItCancelsTheCall()
{
    Trial trial([](QTcpSocket &, const ScriptedServer::Request &) {});
    KeyTest *test = trial.start();
    QTRY_COMPARE(trial.server.requests.size(), 1);
    delete test;
    QTRY_COMPARE(trial.server.disconnected, 1);
    QCOMPARE(trial.ends, 0);
}

QTEST_GUILESS_MAIN(tst_KeyTest)
#include "tst_keytest.moc"
