// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/curlclient.h"

#include "unit/net/scriptedserver.h"

#include <QtTest/QSignalSpy>
#include <QtTest/QTest>

#include <memory>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

HttpCall callTo(const QByteArray &url, HttpMethod method = HttpMethod::Post)
{
    HttpCall call;
    call.method = method;
    call.url = url;
    call.allowPrivateAddress = true;
    return call;
}

/// An answer of which the test collects every part.
struct Collected
{
    explicit Collected(HttpReply *from) : reply(from)
    {
        QObject::connect(from, &HttpReply::headArrived, from, [this] { ++heads; });
        QObject::connect(from, &HttpReply::bytesArrived, from, [this] { body += reply->takeBytes(); });
        QObject::connect(from, &HttpReply::finished, from, [this] { ++ends; });
    }
    QPointer<HttpReply> reply;
    QByteArray body;
    int heads = 0;
    int ends = 0;
};

} // namespace

class tst_CurlClient : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void init();
    void cleanup();

    void answersArriveWhole();
    void headersAreFoundWhateverTheirCase();
    void whatIsSent_data();
    void whatIsSent();
    void callsThatCannotBeSent_data();
    void callsThatCannotBeSent();
    void statusOfFourHundredIsAnAnswer();
    void interimAnswersAreSkipped();
    void headHasNoBody();
    void redirectsAreNotFollowed();
    void streamsArriveAsTheyCome();
    void compressedBytesStayAsTheyAre();

    void connectionsAreKept();
    void aHundredCallsAtATime();
    void closedIdleConnectionIsNotUsed();
    void deadKeptConnection_data();
    void deadKeptConnection();

    void nothingIsSignalledBeforeTheEventLoop();
    void deletedBeforeTheHead();
    void deletedRightAfterSending();
    void deletedInItsOwnSlot_data();
    void deletedInItsOwnSlot();
    void deletedInTheSlotOfAnother();
    void clientDeletedWithCallsInFlight();
    void clientDeletedInASlot_data();
    void clientDeletedInASlot();
    void nextCallSentFromASlot();

    void dyingUpstream_data();
    void dyingUpstream();
    void connectionRefused();
    void unknownName();
    void tlsThatIsNone();
    void firstByteTimeout();
    void interimAnswersDoNotStopTheClock();
    void idleTimeout();
    void bytesKeepTheCallAlive();
    void connectTimeout();
    void pausedCallsDoNotTimeOut();

    void addressRefused_data();
    void addressRefused();
    void keptConnectionToAPrivateAddressIsNotShared();

    void sizeLimit_data();
    void sizeLimit();
    void endlessHeadIsRefused();
    void pausedReaderHoldsBackTheUpstream();
    void pausedReplyGivesItsEndOnlyAfterResuming();
    void tooManyBytesWhileResuming();

private:
    HttpReply *send(HttpCall call) { return m_client->send(std::move(call), m_owner.get()); }
    void start(ScriptedServer::Answer answer) { m_server = std::make_unique<ScriptedServer>(std::move(answer)); }
    /// A server that gives everybody this answer.
    void startWith(const QByteArray &answer)
    {
        start([answer](QTcpSocket &socket, const ScriptedServer::Request &) { socket.write(answer); });
    }
    void startMute()
    {
        start([](QTcpSocket &, const ScriptedServer::Request &) {});
    }

    std::unique_ptr<ScriptedServer> m_server;
    std::unique_ptr<CurlClient> m_client;
    std::unique_ptr<QObject> m_owner;
};

void tst_CurlClient::initTestCase()
{
    for (const char *name : {"http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"})
        qunsetenv(name);
}

void tst_CurlClient::init()
{
    m_client = std::make_unique<CurlClient>();
    m_owner = std::make_unique<QObject>();
}

void tst_CurlClient::cleanup()
{
    m_owner.reset();
    m_client.reset();
    m_server.reset();
}

void tst_CurlClient::answersArriveWhole()
{
    startWith(ScriptedServer::ok(R"({"ok":true})"));
    Collected call(send(callTo(m_server->url())));
    QCOMPARE(call.reply->status(), 0);
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.heads, 1);
    QCOMPARE(call.reply->status(), 200);
    QCOMPARE(call.body, R"({"ok":true})");
    QCOMPARE(call.reply->error(), NetError::None);
    QVERIFY(call.reply->isFinished());
    QVERIFY(call.reply->mayHaveBeenReceived());
    QVERIFY(call.reply->errorText().isEmpty());
}

void tst_CurlClient::headersAreFoundWhateverTheirCase()
{
    startWith(ScriptedServer::ok("{}", "X-Request-ID:  abc \r\nX-Empty:\r\nX-Twice: 1\r\nX-Twice: 2\r\n"));
    Collected call(send(callTo(m_server->url())));
    QVERIFY(call.reply->header("x-request-id").isEmpty());
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->header("x-request-id"), "abc");
    QCOMPARE(call.reply->header("CONTENT-TYPE"), "application/json");
    QCOMPARE(call.reply->header("x-empty"), "");
    QCOMPARE(call.reply->header("x-twice"), "1");
    QCOMPARE(call.reply->header("x-request"), "");
    QCOMPARE(call.reply->header("HTTP/1.1 200 OK"), "");
}

void tst_CurlClient::whatIsSent_data()
{
    QTest::addColumn<HttpMethod>("method");
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QByteArray>("requestLine");
    QTest::addColumn<QByteArray>("length"); // of the body as the head tells it
    const QByteArray none;
    QTest::newRow("GET has no body") << HttpMethod::Get << none << QByteArray("GET") << none;
    QTest::newRow("POST tells its length")
        << HttpMethod::Post << QByteArray("{}") << QByteArray("POST") << QByteArray("2");
    QTest::newRow("POST without a body tells zero")
        << HttpMethod::Post << none << QByteArray("POST") << QByteArray("0");
    QTest::newRow("zero bytes are part of a body")
        << HttpMethod::Post << QByteArray("a\0b", 3) << QByteArray("POST") << QByteArray("3");
    QTest::newRow("a large body goes without asking first")
        << HttpMethod::Post << QByteArray(3'000'000, 'x') << QByteArray("POST") << QByteArray("3000000");
    QTest::newRow("PUT sends its body") << HttpMethod::Put << QByteArray("{}") << QByteArray("PUT") << QByteArray("2");
    QTest::newRow("PATCH sends its body")
        << HttpMethod::Patch << QByteArray("{}") << QByteArray("PATCH") << QByteArray("2");
    QTest::newRow("DELETE may be bare") << HttpMethod::Delete << none << QByteArray("DELETE") << none;
    QTest::newRow("DELETE may have a body")
        << HttpMethod::Delete << QByteArray("{}") << QByteArray("DELETE") << QByteArray("2");
    QTest::newRow("OPTIONS is bare") << HttpMethod::Options << none << QByteArray("OPTIONS") << none;
}

void tst_CurlClient::whatIsSent()
{
    QFETCH(HttpMethod, method);
    QFETCH(QByteArray, body);
    QFETCH(QByteArray, requestLine);
    QFETCH(QByteArray, length);
    startWith(ScriptedServer::ok("{}"));

    // A handle that has just served something else must not remember it.
    HttpCall before = callTo(m_server->url("/before"), HttpMethod::Put);
    before.headers = {{"x-secret", "of somebody else"}};
    before.body = "before";
    Collected first(send(before));
    QTRY_COMPARE(first.ends, 1);

    HttpCall call = callTo(m_server->url("/v1/x?y=z"), method);
    call.headers = {{"Authorization", "Bearer k"}, {"x-empty", ""}, {"Content-Length", "7"}, {"Expect", "x"}};
    call.body = body;
    Collected second(send(call));
    QTRY_COMPARE(second.ends, 1);
    QCOMPARE(second.reply->error(), NetError::None);

    const QByteArray head = m_server->requests.last().head;
    QVERIFY2(head.startsWith(requestLine + " /v1/x?y=z HTTP/1.1\r\n"), head.constData());
    QCOMPARE(m_server->requests.last().body, body);
    QVERIFY(head.contains("\r\nAuthorization: Bearer k\r\n"));
    QVERIFY(head.contains("\r\nx-empty:"));
    QVERIFY(head.contains("\r\nAccept-Encoding: identity\r\n"));
    QVERIFY(!head.contains("Expect"));
    QVERIFY(!head.contains("x-secret"));
    QVERIFY(!head.contains("Content-Type"));
    QVERIFY(!head.contains("Transfer-Encoding"));
    QCOMPARE(head.count("Content-Length: "), length.isEmpty() ? 0 : 1);
    QVERIFY(length.isEmpty() || head.contains("Content-Length: " + length + "\r\n"));
}

void tst_CurlClient::callsThatCannotBeSent_data()
{
    QTest::addColumn<QByteArray>("url");
    QTest::addColumn<QByteArray>("name");
    QTest::addColumn<QByteArray>("value");
    const QByteArray good("http://127.0.0.1:1/");
    QTest::newRow("a line feed in a value is refused") << good << QByteArray("a") << QByteArray("b\nc: d");
    QTest::newRow("a carriage return in a value is refused") << good << QByteArray("a") << QByteArray("b\rc: d");
    QTest::newRow("a zero byte in a value is refused") << good << QByteArray("a") << QByteArray("b\0c", 3);
    QTest::newRow("a line feed in a name is refused") << good << QByteArray("a\nb") << QByteArray("c");
    QTest::newRow("a colon in a name is refused") << good << QByteArray("a:b") << QByteArray("c");
    QTest::newRow("an empty name is refused") << good << QByteArray() << QByteArray("c");
    QTest::newRow("a zero byte in the address is refused")
        << QByteArray("http://a\0b/", 11) << QByteArray("a") << QByteArray("b");
    QTest::newRow("an empty address is refused") << QByteArray() << QByteArray("a") << QByteArray("b");
    QTest::newRow("files are no address") << QByteArray("file:///etc/passwd") << QByteArray("a") << QByteArray("b");
    QTest::newRow("other protocols are refused")
        << QByteArray("gopher://127.0.0.1/") << QByteArray("a") << QByteArray("b");
}

void tst_CurlClient::callsThatCannotBeSent()
{
    QFETCH(QByteArray, url);
    QFETCH(QByteArray, name);
    QFETCH(QByteArray, value);
    HttpCall call = callTo(url);
    call.headers = {{name, value}};
    Collected sent(send(call));
    QVERIFY(sent.reply);
    QVERIFY(!sent.reply->isFinished());
    QTRY_COMPARE(sent.ends, 1);
    QCOMPARE(sent.reply->error(), NetError::Connect);
    QVERIFY(!sent.reply->mayHaveBeenReceived());
    QVERIFY(!sent.reply->errorText().isEmpty());
}

void tst_CurlClient::statusOfFourHundredIsAnAnswer()
{
    startWith("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}");
    Collected call(send(callTo(m_server->url())));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->status(), 429);
    QCOMPARE(call.reply->header("retry-after"), "7");
    QCOMPARE(call.body, "{}");
    QCOMPARE(call.reply->error(), NetError::None);
}

void tst_CurlClient::interimAnswersAreSkipped()
{
    startWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ScriptedServer::ok("{}"));
    Collected call(send(callTo(m_server->url())));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.heads, 1);
    QCOMPARE(call.reply->status(), 200);
    QCOMPARE(call.reply->header("link"), "");
    QCOMPARE(call.body, "{}");
}

void tst_CurlClient::headHasNoBody()
{
    startWith("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    Collected call(send(callTo(m_server->url(), HttpMethod::Head)));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->error(), NetError::None);
    QCOMPARE(call.reply->header("content-length"), "1000");
    QVERIFY(call.body.isEmpty());
    QVERIFY(m_server->requests.last().head.startsWith("HEAD / "));
}

void tst_CurlClient::redirectsAreNotFollowed()
{
    startWith("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
    Collected call(send(callTo(m_server->url(), HttpMethod::Get)));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->status(), 302);
    QCOMPARE(m_server->requests.size(), 1);
}

void tst_CurlClient::streamsArriveAsTheyCome()
{
    startWith("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    Collected call(send(callTo(m_server->url())));
    QTRY_COMPARE(call.heads, 1);
    QVERIFY(call.body.isEmpty());

    QTcpSocket &socket = *m_server->sockets.first();
    socket.write(ScriptedServer::chunk("data: 1\n\n"));
    QTRY_COMPARE(call.body, "data: 1\n\n");
    socket.write(ScriptedServer::chunk("data: 2\n\n"));
    QTRY_COMPARE(call.body, "data: 1\n\ndata: 2\n\n");
    socket.write("5\r\nda"); // not even a whole chunk
    QTRY_COMPARE(call.body, "data: 1\n\ndata: 2\n\nda");
    QCOMPARE(call.ends, 0);
    socket.write("ta:\r\n0\r\nX-Trailer: 1\r\n\r\n");
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.body, "data: 1\n\ndata: 2\n\ndata:");
    QCOMPARE(call.heads, 1);
    QCOMPARE(call.reply->error(), NetError::None);
}

void tst_CurlClient::compressedBytesStayAsTheyAre()
{
    startWith(ScriptedServer::ok("not really gzip", "Content-Encoding: gzip\r\n"));
    Collected call(send(callTo(m_server->url())));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->error(), NetError::None);
    QCOMPARE(call.body, "not really gzip");
}

void tst_CurlClient::connectionsAreKept()
{
    startWith(ScriptedServer::ok("{}"));
    for (int i = 0; i < 20; ++i) {
        Collected call(send(callTo(m_server->url())));
        QTRY_COMPARE(call.ends, 1);
        QCOMPARE(call.body, "{}");
        if (i % 2)
            delete call.reply;
    }
    QCOMPARE(m_server->sockets.size(), 1);
    QCOMPARE(m_server->requests.size(), 20);
}

void tst_CurlClient::aHundredCallsAtATime()
{
    // Nobody gets an answer before everybody has asked, so they truly run side by side.
    start([this](QTcpSocket &, const ScriptedServer::Request &) {
        if (m_server->requests.size() < 100)
            return;
        for (int i = 0; i < 100; ++i)
            m_server->sockets[m_server->requests[i].connection - 1]->write(
                ScriptedServer::ok(m_server->requests[i].body));
    });
    std::vector<std::unique_ptr<Collected>> calls;
    for (int i = 0; i < 100; ++i) {
        HttpCall call = callTo(m_server->url());
        call.body = QByteArray::number(i);
        calls.push_back(std::make_unique<Collected>(send(call)));
    }
    for (int i = 0; i < 100; ++i) {
        QTRY_COMPARE(calls[size_t(i)]->ends, 1);
        QCOMPARE(calls[size_t(i)]->body, QByteArray::number(i));
    }
}

void tst_CurlClient::closedIdleConnectionIsNotUsed()
{
    startWith(ScriptedServer::ok("{}"));
    Collected first(send(callTo(m_server->url())));
    QTRY_COMPARE(first.ends, 1);
    m_server->sockets.first()->disconnectFromHost();
    QTRY_VERIFY(m_server->sockets.first()->state() != QTcpSocket::ConnectedState);

    Collected second(send(callTo(m_server->url())));
    QTRY_COMPARE(second.ends, 1);
    QCOMPARE(second.reply->error(), NetError::None);
    QCOMPARE(second.body, "{}");
    QCOMPARE(m_server->requests.size(), 2);
    QCOMPARE(m_server->requests.last().connection, 2);
}

void tst_CurlClient::deadKeptConnection_data()
{
    QTest::addColumn<HttpMethod>("method");
    QTest::addColumn<bool>("byReset");
    QTest::addColumn<bool>("sentAgain");
    QTest::newRow("a POST the upstream has read is not sent again") << HttpMethod::Post << false << false;
    QTest::newRow("a POST is not sent again after a reset") << HttpMethod::Post << true << false;
    QTest::newRow("a PUT is not sent again") << HttpMethod::Put << false << false;
    QTest::newRow("a PATCH is not sent again") << HttpMethod::Patch << false << false;
    QTest::newRow("a DELETE is not sent again") << HttpMethod::Delete << false << false;
    QTest::newRow("a GET is sent again") << HttpMethod::Get << false << true;
    QTest::newRow("a GET is sent again after a reset") << HttpMethod::Get << true << true;
    QTest::newRow("a HEAD is sent again") << HttpMethod::Head << false << true;
}

void tst_CurlClient::deadKeptConnection()
{
    QFETCH(HttpMethod, method);
    QFETCH(bool, byReset);
    QFETCH(bool, sentAgain);
    // The second request on a connection is read whole, and then the connection dies.
    start([byReset](QTcpSocket &socket, const ScriptedServer::Request &request) {
        if (request.onConnection == 1)
            socket.write(ScriptedServer::ok({}));
        else if (byReset)
            socket.abort();
        else
            socket.disconnectFromHost();
    });
    Collected first(send(callTo(m_server->url())));
    QTRY_COMPARE(first.ends, 1);
    HttpCall call = callTo(m_server->url(), method);
    if (method == HttpMethod::Post)
        call.body = "charge me once";
    Collected second(send(call));
    QTRY_COMPARE(second.ends, 1);
    QVERIFY(second.reply->mayHaveBeenReceived());
    QCOMPARE(m_server->requests[1].onConnection, 2);
    QCOMPARE(m_server->requests.size(), sentAgain ? 3 : 2);
    QCOMPARE(second.reply->error(), sentAgain ? NetError::None : NetError::Broken);
    QCOMPARE(second.reply->status(), sentAgain ? 200 : 0);
}

void tst_CurlClient::nothingIsSignalledBeforeTheEventLoop()
{
    startWith(ScriptedServer::ok("{}"));
    HttpReply *reply = send(callTo(m_server->url()));
    QSignalSpy heads(reply, &HttpReply::headArrived);
    QSignalSpy ends(reply, &HttpReply::finished);
    reply->pause();
    QTRY_COMPARE(heads.size(), 1);
    QVERIFY(ends.isEmpty());
    QSignalSpy bytes(reply, &HttpReply::bytesArrived);
    reply->resume();
    reply->pause();
    reply->resume();
    QVERIFY(bytes.isEmpty());
    QVERIFY(ends.isEmpty());
    QTRY_COMPARE(ends.size(), 1);
    QCOMPARE(bytes.size(), 1);
    QCOMPARE(reply->takeBytes(), "{}");
    QVERIFY(reply->takeBytes().isEmpty());
}

void tst_CurlClient::deletedBeforeTheHead()
{
    startMute();
    HttpReply *reply = send(callTo(m_server->url()));
    QTRY_COMPARE(m_server->requests.size(), 1);
    delete reply;
    QTRY_COMPARE(m_server->disconnected, 1); // the upstream notices and can stop
}

void tst_CurlClient::deletedRightAfterSending()
{
    startWith(ScriptedServer::ok("{}"));
    delete send(callTo(m_server->url()));
    delete send(
        callTo("http://localhost:" + QByteArray::number(m_server->port()) + "/")); // while its name is looked up
    delete send(callTo("file:///")); // while its failure waits to be told
    Collected call(send(callTo(m_server->url())));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(m_server->requests.size(), 1);
}

void tst_CurlClient::deletedInItsOwnSlot_data()
{
    QTest::addColumn<int>("signal");
    QTest::newRow("in the slot of the head") << 0;
    QTest::newRow("in the slot of the bytes") << 1;
    QTest::newRow("in the slot of the end") << 2;
}

void tst_CurlClient::deletedInItsOwnSlot()
{
    QFETCH(int, signal);
    startWith(ScriptedServer::ok("{}"));
    constexpr void (HttpReply::*all[])() = {&HttpReply::headArrived, &HttpReply::bytesArrived, &HttpReply::finished};
    for (int round = 0; round < 3; ++round) {
        const QPointer<HttpReply> reply = send(callTo(m_server->url()));
        int called = 0;
        connect(reply, all[signal], this, [&called, reply] {
            ++called;
            delete reply;
        });
        QTRY_VERIFY(!reply);
        QCOMPARE(called, 1);
    }
    // The client is as good as before.
    Collected call(send(callTo(m_server->url())));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.body, "{}");
}

void tst_CurlClient::deletedInTheSlotOfAnother()
{
    // Both answers leave in one go, so both replies often have news in the same turn.
    start([this](QTcpSocket &, const ScriptedServer::Request &) {
        for (const auto &socket : std::as_const(m_server->sockets)) {
            if (m_server->requests.size() == 2 && socket)
                socket->write(ScriptedServer::ok("{}"));
        }
    });
    const QPointer<HttpReply> one = send(callTo(m_server->url()));
    const QPointer<HttpReply> two = send(callTo(m_server->url()));
    connect(one, &HttpReply::headArrived, this, [two] { delete two; });
    connect(two, &HttpReply::headArrived, this, [one] { delete one; });
    QTRY_VERIFY((one && one->isFinished() && !two) || (two && two->isFinished() && !one));
}

void tst_CurlClient::clientDeletedWithCallsInFlight()
{
    start([](QTcpSocket &socket, const ScriptedServer::Request &request) {
        if (request.body == "stream")
            socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + ScriptedServer::chunk("x"));
    });
    Collected waiting(send(callTo(m_server->url())));
    HttpCall streamCall = callTo(m_server->url());
    streamCall.body = "stream";
    Collected streaming(send(streamCall));
    QTRY_COMPARE(streaming.body, "x");
    QTRY_COMPARE(m_server->requests.size(), 2);
    Collected justSent(send(callTo(m_server->url())));
    Collected failing(send(callTo("file:///")));
    streaming.reply->pause();

    m_client.reset();
    QCOMPARE(waiting.ends + streaming.ends + justSent.ends + failing.ends, 0);
    for (Collected *call : {&waiting, &streaming, &justSent}) {
        QTRY_COMPARE(call->ends, 1);
        QCOMPARE(call->reply->error(), NetError::Broken);
        call->reply->resume();
        call->reply->pause();
        delete call->reply;
    }
    QTRY_COMPARE(failing.ends, 1);
    QTRY_COMPARE(m_server->disconnected, 2);
}

void tst_CurlClient::clientDeletedInASlot_data()
{
    deletedInItsOwnSlot_data();
}

void tst_CurlClient::clientDeletedInASlot()
{
    QFETCH(int, signal);
    startWith(ScriptedServer::ok("{}"));
    constexpr void (HttpReply::*all[])() = {&HttpReply::headArrived, &HttpReply::bytesArrived, &HttpReply::finished};
    Collected call(send(callTo(m_server->url())));
    Collected other(send(callTo(m_server->url())));
    connect(call.reply, all[signal], this, [this] { m_client.reset(); });
    QTRY_COMPARE(call.ends, 1);
    QTRY_COMPARE(other.ends, 1);
    QVERIFY(!m_client);
}

void tst_CurlClient::nextCallSentFromASlot()
{
    startWith(ScriptedServer::ok("{}"));
    int ended = 0;
    std::function<void()> next = [&] {
        HttpReply *reply = send(callTo(ended % 2 ? m_server->url() : QByteArray("file:///")));
        connect(reply, &HttpReply::finished, reply, [&, reply] {
            reply->deleteLater();
            if (++ended < 10)
                next();
        });
    };
    next();
    QTRY_COMPARE(ended, 10);
}

void tst_CurlClient::dyingUpstream_data()
{
    QTest::addColumn<QByteArray>("said");
    QTest::addColumn<int>("status");
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<NetError>("error");
    const auto row = [](const char *sentence, QByteArray said, int status, QByteArray body, NetError error) {
        QTest::newRow(sentence) << said << status << body << error;
    };
    row("dying before the head breaks the call", "", 0, "", NetError::Broken);
    row("dying inside the status line breaks the call", "HTTP/1.1 2", 0, "", NetError::Broken);
    row("dying inside the head breaks the call", "HTTP/1.1 200 OK\r\nContent-", 0, "", NetError::Broken);
    row("dying right after the head breaks the call", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, "",
        NetError::Broken);
    row("dying inside the body breaks the call", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", 200, "abc",
        NetError::Broken);
    row("dying inside a chunk breaks the call", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", 200,
        "abc", NetError::Broken);
    row("dying between chunks breaks the call", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        200, "abc", NetError::Broken);
    row("a bad chunk size breaks the call", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 200, "",
        NetError::Broken);
    row("what is not HTTP breaks the call", "SSH-2.0-OpenSSH_9.2\r\n", 0, "", NetError::Broken);
    row("without a length the close is the end", "HTTP/1.1 200 OK\r\n\r\nabc", 200, "abc", NetError::None);
}

void tst_CurlClient::dyingUpstream()
{
    QFETCH(QByteArray, said);
    QFETCH(int, status);
    QFETCH(QByteArray, body);
    QFETCH(NetError, error);
    start([said](QTcpSocket &socket, const ScriptedServer::Request &) {
        socket.write(said);
        socket.disconnectFromHost();
    });
    Collected call(send(callTo(m_server->url())));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->error(), error);
    QCOMPARE(call.reply->errorText().isEmpty(), error == NetError::None);
    QCOMPARE(call.reply->status(), status);
    QCOMPARE(call.heads, status ? 1 : 0);
    QCOMPARE(call.body, body);
    QVERIFY(call.reply->mayHaveBeenReceived());
    QCOMPARE(m_server->requests.size(), 1);
}

void tst_CurlClient::connectionRefused()
{
    startMute();
    const QByteArray url = m_server->url();
    m_server->stopListening();
    Collected call(send(callTo(url)));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->error(), NetError::Connect);
    QVERIFY(!call.reply->mayHaveBeenReceived());
    QVERIFY(!call.reply->errorText().isEmpty());
}

void tst_CurlClient::unknownName()
{
    // A name that no resolver needs to be asked about: a label may have 63 characters.
    Collected call(send(callTo("http://" + QByteArray(64, 'a') + ".invalid/")));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->error(), NetError::Connect);
    QVERIFY(!call.reply->mayHaveBeenReceived());
}

void tst_CurlClient::tlsThatIsNone()
{
    QTcpServer server;
    QVERIFY(server.listen(QHostAddress::LocalHost));
    connect(&server, &QTcpServer::newConnection, this,
            [&server] { server.nextPendingConnection()->write("this is no handshake\r\n"); });
    Collected call(send(callTo("https://127.0.0.1:" + QByteArray::number(server.serverPort()) + "/")));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->error(), NetError::Tls);
    QVERIFY(!call.reply->mayHaveBeenReceived());
}

void tst_CurlClient::firstByteTimeout()
{
    startMute();
    HttpCall httpCall = callTo(m_server->url());
    httpCall.firstByteTimeoutMs = 150;
    Collected patient(send(callTo(m_server->url()))); // its later deadline must not hide the earlier one
    Collected call(send(httpCall));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->error(), NetError::Timeout);
    QVERIFY(call.reply->mayHaveBeenReceived());
    QCOMPARE(patient.ends, 0);
    QTRY_COMPARE(m_server->disconnected, 1);
}

void tst_CurlClient::interimAnswersDoNotStopTheClock()
{
    startWith("HTTP/1.1 103 Early Hints\r\n\r\n");
    HttpCall httpCall = callTo(m_server->url());
    httpCall.firstByteTimeoutMs = 150;
    Collected call(send(httpCall));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->error(), NetError::Timeout);
    QCOMPARE(call.heads, 0);
}

void tst_CurlClient::idleTimeout()
{
    startWith("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    HttpCall httpCall = callTo(m_server->url());
    httpCall.idleTimeoutMs = 150;
    Collected call(send(httpCall));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->error(), NetError::Timeout);
    QCOMPARE(call.reply->status(), 200);
    QCOMPARE(call.body, "abc");
}

void tst_CurlClient::bytesKeepTheCallAlive()
{
    startWith("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n");
    QTimer drip;
    int dripped = 0;
    connect(&drip, &QTimer::timeout, this, [&] {
        m_server->sockets.first()->write("x");
        if (++dripped == 8)
            drip.stop();
    });
    HttpCall httpCall = callTo(m_server->url());
    httpCall.firstByteTimeoutMs = 300;
    httpCall.idleTimeoutMs = 300;
    Collected call(send(httpCall));
    QTRY_COMPARE(call.heads, 1);
    drip.start(100); // 800 ms in all
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->error(), NetError::None);
    QCOMPARE(call.body.size(), 8);
}

void tst_CurlClient::connectTimeout()
{
    // Accepts, but never says a word of the TLS handshake.
    QTcpServer silent;
    QVERIFY(silent.listen(QHostAddress::LocalHost));
    HttpCall httpCall = callTo("https://127.0.0.1:" + QByteArray::number(silent.serverPort()) + "/");
    httpCall.connectTimeoutMs = 150;
    Collected call(send(httpCall));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->error(), NetError::Timeout);
    QVERIFY(!call.reply->mayHaveBeenReceived());
}

void tst_CurlClient::pausedCallsDoNotTimeOut()
{
    startWith("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
    HttpCall httpCall = callTo(m_server->url());
    httpCall.idleTimeoutMs = 200;
    Collected paused(send(httpCall));
    Collected control(send(httpCall));
    connect(paused.reply, &HttpReply::bytesArrived, paused.reply, &HttpReply::pause);
    QTRY_COMPARE(paused.body, "abc");
    QTRY_COMPARE(control.ends, 1);
    QCOMPARE(control.reply->error(), NetError::Timeout);
    QCOMPARE(paused.ends, 0);
    paused.reply->resume();
    QTRY_COMPARE(paused.ends, 1); // and then the clock runs again
    QCOMPARE(paused.reply->error(), NetError::Timeout);
}

void tst_CurlClient::addressRefused_data()
{
    QTest::addColumn<QByteArray>("host");
    QTest::newRow("loopback is refused") << QByteArray("127.0.0.1");
    QTest::newRow("a name of loopback is refused") << QByteArray("localhost");
    QTest::newRow("loopback as one number is refused") << QByteArray("2130706433");
    QTest::newRow("loopback in octal is refused") << QByteArray("0177.0.0.1");
    QTest::newRow("loopback in short is refused") << QByteArray("127.1");
    QTest::newRow("loopback in hexadecimal is refused") << QByteArray("0x7f000001");
    QTest::newRow("the unspecified address is refused") << QByteArray("0.0.0.0");
    QTest::newRow("IPv6 loopback is refused") << QByteArray("[::1]");
    QTest::newRow("mapped loopback is refused") << QByteArray("[::ffff:127.0.0.1]");
    QTest::newRow("cloud metadata is refused") << QByteArray("169.254.169.254");
    QTest::newRow("a private address is refused") << QByteArray("10.0.0.1");
}

void tst_CurlClient::addressRefused()
{
    QFETCH(QByteArray, host);
    startWith(ScriptedServer::ok("secret"));
    HttpCall httpCall = callTo("http://" + host + ':' + QByteArray::number(m_server->port()) + "/");
    httpCall.allowPrivateAddress = false;
    Collected call(send(httpCall));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->error(), NetError::AddressRefused);
    QCOMPARE(call.reply->errorText(), u"address not allowed"_s);
    QVERIFY(!call.reply->mayHaveBeenReceived());
    QVERIFY(m_server->sockets.isEmpty());
}

void tst_CurlClient::keptConnectionToAPrivateAddressIsNotShared()
{
    startWith(ScriptedServer::ok("secret"));
    Collected trusted(send(callTo(m_server->url())));
    QTRY_COMPARE(trusted.ends, 1);
    HttpCall httpCall = callTo(m_server->url());
    httpCall.allowPrivateAddress = false;
    Collected call(send(httpCall));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->error(), NetError::AddressRefused);
    QVERIFY(!call.reply->mayHaveBeenReceived());
    QVERIFY(call.body.isEmpty());
    QCOMPARE(m_server->requests.size(), 1);
}

void tst_CurlClient::sizeLimit_data()
{
    QTest::addColumn<qint64>("limit");
    QTest::addColumn<qint64>("sent");
    QTest::addColumn<bool>("accepted");
    QTest::newRow("exactly the limit is accepted") << qint64(100'000) << qint64(100'000) << true;
    QTest::newRow("one byte more is refused") << qint64(100'000) << qint64(100'001) << false;
    QTest::newRow("much more is refused") << qint64(100'000) << qint64(10'000'000) << false;
    QTest::newRow("zero means no limit") << qint64(0) << qint64(10'000'000) << true;
}

void tst_CurlClient::sizeLimit()
{
    QFETCH(qint64, limit);
    QFETCH(qint64, sent);
    QFETCH(bool, accepted);
    startWith(ScriptedServer::ok(QByteArray(sent, 'x')));
    HttpCall httpCall = callTo(m_server->url());
    httpCall.maximumBytes = limit;
    Collected call(send(httpCall));
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.reply->error(), accepted ? NetError::None : NetError::TooLarge);
    QCOMPARE(call.body.size(), accepted ? sent : limit); // what fits is there
}

void tst_CurlClient::endlessHeadIsRefused()
{
    startWith("HTTP/1.1 200 OK\r\n" + QByteArray("X-More: and more\r\n").repeated(100'000));
    Collected call(send(callTo(m_server->url())));
    QTRY_COMPARE(call.ends, 1);
    QVERIFY(call.reply->error() == NetError::TooLarge || call.reply->error() == NetError::Broken);
    QCOMPARE(call.heads, 0);
}

void tst_CurlClient::pausedReaderHoldsBackTheUpstream()
{
    // Each connection gets as much as it takes, up to a total that no socket buffer holds.
    constexpr qint64 total = 64 * 1024 * 1024;
    QHash<QTcpSocket *, qint64> given;
    start([&given](QTcpSocket &socket, const ScriptedServer::Request &) {
        const auto refill = [&given, &socket] {
            while (socket.bytesToWrite() < 256 * 1024 && given[&socket] < total) {
                socket.write(QByteArray(64 * 1024, 'x'));
                given[&socket] += 64 * 1024;
            }
        };
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: " + QByteArray::number(total) + "\r\n\r\n");
        connect(&socket, &QTcpSocket::bytesWritten, &socket, refill);
        refill();
    });
    HttpCall httpCall = callTo(m_server->url());
    httpCall.maximumBytes = 0;

    HttpReply *paused = send(httpCall);
    qint64 pausedGot = 0;
    bool finished = false;
    connect(paused, &HttpReply::bytesArrived, this, [&] { pausedGot += paused->takeBytes().size(); });
    connect(paused, &HttpReply::finished, this, [&] { finished = true; });
    QMetaObject::Connection pausing = connect(paused, &HttpReply::bytesArrived, paused, &HttpReply::pause);
    QTRY_VERIFY(pausedGot > 0);

    // Time enough for another call to fetch everything is time enough for this one to show that it does not.
    HttpReply *control = send(httpCall);
    qint64 controlGot = 0;
    connect(control, &HttpReply::bytesArrived, this, [&] { controlGot += control->takeBytes().size(); });
    QTRY_COMPARE_WITH_TIMEOUT(controlGot, total, 60'000);
    QVERIFY(pausedGot < 1024 * 1024);
    QVERIFY(given[m_server->sockets.first()] < total / 2);
    QVERIFY(!finished);

    disconnect(pausing);
    paused->resume();
    QTRY_VERIFY_WITH_TIMEOUT(finished, 60'000);
    QCOMPARE(pausedGot, total);
    QCOMPARE(paused->error(), NetError::None);
}

void tst_CurlClient::pausedReplyGivesItsEndOnlyAfterResuming()
{
    startWith(ScriptedServer::ok(QByteArray(50'000, 'x')));
    HttpReply *reply = send(callTo(m_server->url()));
    Collected call(reply);
    reply->pause();
    QTRY_COMPARE(call.heads, 1);
    for (int i = 0; i < 10; ++i) {
        Collected other(send(callTo(m_server->url())));
        QTRY_COMPARE(other.ends, 1);
    }
    QCOMPARE(call.ends, 0);
    QVERIFY(call.body.isEmpty());
    reply->resume();
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(call.body, QByteArray(50'000, 'x'));
}

void tst_CurlClient::tooManyBytesWhileResuming()
{
    startWith(ScriptedServer::ok(QByteArray(50'000, 'x')));
    HttpCall httpCall = callTo(m_server->url());
    httpCall.maximumBytes = 100;
    HttpReply *reply = send(httpCall);
    Collected call(reply);
    reply->pause();
    QTRY_COMPARE(call.heads, 1);
    Collected other(send(callTo(m_server->url())));
    QTRY_COMPARE(other.ends, 1); // by then the first piece has come and is held
    reply->resume();
    QCOMPARE(call.ends, 0);
    QTRY_COMPARE(call.ends, 1);
    QCOMPARE(reply->error(), NetError::TooLarge);
    QCOMPARE(call.body.size(), 100);
}

QTEST_GUILESS_MAIN(tst_CurlClient)
#include "tst_curlclient.moc"
