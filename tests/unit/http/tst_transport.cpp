// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/os.h"
#include "unit/http/testserver.h"
#include "unit/http/testtls.h"

#include <QtCore/QElapsedTimer>
#include <QtCore/QThread>
#include <QtCore/QUuid>
#include <QtNetwork/QSslSocket>
#include <QtTest/QSignalSpy>
#include <QtTest/QTest>

#include <memory>
#include <sys/socket.h>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

QByteArray requestOf(const QByteArray &line, const QByteArray &headers = {})
{
    return line + "\r\nHost: gateway\r\n" + headers + "\r\n";
}

/// Writes into a stream for as long as there is room.
qint64 fill(HttpExchange &exchange, qint64 most)
{
    const QByteArray piece(1000, 'x');
    qint64 bytes = 0;
    while (bytes < most) {
        bytes += piece.size();
        if (!exchange.write(piece))
            break;
    }
    return bytes;
}

} // namespace

/// What an exchange says and hears, seen from both of its sides.
class tst_Transport : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void handsOverTheWholeRequest();
    void repliesWithOneWholeAnswer();
    void addsHeadersButNoLines();
    void answersHeadWithoutABody();
    void answersHeadOfAStreamWithoutABody();
    void answersOptions();
    void sends204WithoutLength();
    void tellsTheStatusOfEachRequestOnce();
    void ignoresUpgrades();
    void closesForThoseWhoWantIt_data();
    void closesForThoseWhoWantIt();
    void keepsAConnectionForAThousandRequests();

    void streamsInChunks();
    void streamsUntilTheEndInHttp10();
    void holdsBackWhenTheClientReadsSlowly();
    void boundsAnEndlessStream();

    void tellsOnceThatTheClientHasLeft_data();
    void tellsOnceThatTheClientHasLeft();
    void saysNothingAboutClientsThatLeaveAfterTheAnswer();
    void deletesExchangesThatAreOver();

    void drains();
    void drainsAtOnceWithoutConnections();
    void abortsAll();
    void tellsRunningExchangesWhenItIsDestroyed();
    void refusesUselessDescriptors();

    void speaksTls();
    void holdsBackOverTls();
    void endsHandshakesThatDoNotHappen();
    void livesOnAnotherThread();
};

void tst_Transport::handsOverTheWholeRequest()
{
    TestServer server;
    RawClient client(server);
    client.write(requestOf("PATCH /later/a%20b?c=%0A&d HTTP/1.1", "X-A: 1\r\nContent-Length: 5\r\nX-A: 2\r\n")
                 + "hello");
    QTRY_COMPARE(server.requests, 1);
    const HttpRequest &request = server.waiting.front()->request();
    QCOMPARE(request.method, HttpMethod::Patch);
    QCOMPARE(request.path, QByteArray("/later/a%20b"));
    QCOMPARE(request.query, QByteArray("c=%0A&d"));
    QCOMPARE(request.headers, (HttpHeaders{{"Host", "gateway"}, {"X-A", "1"}, {"Content-Length", "5"}, {"X-A", "2"}}));
    QCOMPARE(request.body, QByteArray("hello"));
    QCOMPARE(request.peer, QHostAddress(QHostAddress::LocalHost));
    QVERIFY(!QUuid::fromString(QLatin1StringView(request.requestId)).isNull());
    QCOMPARE(request.requestId.size(), 36);
}

void tst_Transport::repliesWithOneWholeAnswer()
{
    TestServer server;
    RawClient client(server);
    client.write(requestOf("GET /later HTTP/1.1"));
    QTRY_COMPARE(server.requests, 1);
    const QByteArray id = server.waiting.front()->request().requestId;
    server.waiting.front()->addHeader("x-a", "1");
    server.waiting.front()->reply(201, "{}");
    QTRY_VERIFY(client.hasAnswer());
    QCOMPARE(client.received,
             "HTTP/1.1 201 Created\r\ndate: " + client.header("date")
                 + "\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: 2\r\nx-request-id: " + id
                 + "\r\nx-a: 1\r\n\r\n{}");
    QVERIFY(!client.isOver);
}

void tst_Transport::addsHeadersButNoLines()
{
    TestServer server;
    RawClient client(server);
    client.write(requestOf("GET /later HTTP/1.1"));
    QTRY_COMPARE(server.requests, 1);
    server.waiting.front()->addHeader("Content-Type", "text/html");
    server.waiting.front()->addHeader("location", "/a\r\nset-cookie: b");
    server.waiting.front()->reply(302, {});
    QTRY_VERIFY(client.hasAnswer());
    QVERIFY(!client.received.contains("application/json"));
    QCOMPARE(client.header("Content-Type"), QByteArray("text/html"));
    QCOMPARE(client.header("location"), QByteArray("/a  set-cookie: b"));
}

void tst_Transport::answersHeadWithoutABody()
{
    TestServer server;
    RawClient client(server);
    client.write(requestOf("HEAD /a HTTP/1.1"));
    QTRY_VERIFY(client.received.endsWith("\r\n\r\n"));
    QCOMPARE(client.header("content-length").toInt(), QByteArray("/a  ").size());
    client.received.clear();
    client.write(requestOf("GET /b HTTP/1.1"));
    QTRY_VERIFY(client.hasAnswer());
    QCOMPARE(client.body(), QByteArray("/b  "));
}

void tst_Transport::answersHeadOfAStreamWithoutABody()
{
    TestServer server;
    RawClient client(server);
    client.write(requestOf("HEAD /later HTTP/1.1"));
    QTRY_COMPARE(server.requests, 1);
    const auto exchange = server.waiting.front();
    QCOMPARE(exchange->request().method, HttpMethod::Head);
    exchange->beginStream("text/event-stream");
    QVERIFY(exchange->write("data: 1\n\n"));
    exchange->endStream();
    QTRY_VERIFY(client.received.endsWith("\r\n\r\n"));
    client.received.clear();
    client.write(requestOf("GET /b HTTP/1.1"));
    QTRY_VERIFY(client.hasAnswer());
    QVERIFY(client.received.startsWith("HTTP/1.1 200"));
}

void tst_Transport::answersOptions()
{
    TestServer server;
    RawClient client(server);
    client.write(requestOf("OPTIONS * HTTP/1.1"));
    QTRY_VERIFY(client.hasAnswer());
    QCOMPARE(client.body(), QByteArray("*  "));
}

void tst_Transport::sends204WithoutLength()
{
    TestServer server;
    RawClient client(server);
    client.write(requestOf("DELETE /empty HTTP/1.1"));
    QTRY_VERIFY(client.received.endsWith("\r\n\r\n"));
    QCOMPARE(client.status(), 204);
    QVERIFY(!client.received.contains("content-"));
    QVERIFY(!client.header("x-request-id").isEmpty());
    client.received.clear();
    client.write(requestOf("GET /b HTTP/1.1"));
    QTRY_VERIFY(client.hasAnswer());
}

void tst_Transport::tellsTheStatusOfEachRequestOnce()
{
    TestServer server;
    QList<std::pair<RouteGroup, int>> told;
    connect(&server.transport, &Transport::answered, &server,
            [&told](RouteGroup group, int status) { told.append({ group, status }); });
    RawClient client(server);
    client.write(requestOf("GET /empty HTTP/1.1"));
    QTRY_VERIFY(client.hasAnswer());
    client.received.clear();
    client.write(requestOf("GET /later HTTP/1.1"));
    QTRY_COMPARE(server.waiting.size(), size_t(1));
    server.waiting.front()->setGroup(RouteGroup::Inference);
    server.waiting.front()->beginStream("text/event-stream");
    server.waiting.front()->write("data: 1\n\n");
    server.waiting.front()->endStream();
    QTRY_VERIFY(client.received.endsWith("0\r\n\r\n"));
    client.write("NO SUCH REQUEST\r\n\r\n");
    QTRY_VERIFY(client.isOver);
    const QList<std::pair<RouteGroup, int>> wanted { { RouteGroup::None, 204 },
                                                     { RouteGroup::Inference, 200 },
                                                     { RouteGroup::None, 400 } };
    QCOMPARE(told, wanted);
}

/// Qt's server would turn into a WebSocket by itself.
void tst_Transport::ignoresUpgrades()
{
    TestServer server;
    RawClient client(server);
    for (const QByteArray protocol : {"websocket", "h2c"}) {
        client.received.clear();
        client.write(requestOf("GET /a HTTP/1.1", "Connection: Upgrade\r\nUpgrade: " + protocol + "\r\n"));
        QTRY_VERIFY(client.hasAnswer());
        QCOMPARE(client.status(), 200);
    }
}

void tst_Transport::closesForThoseWhoWantIt_data()
{
    QTest::addColumn<QByteArray>("request");
    QTest::newRow("Connection: close") << requestOf("GET /a HTTP/1.1", "Connection: close\r\n");
    QTest::newRow("HTTP/1.0") << QByteArray("GET /a HTTP/1.0\r\n\r\n");
    QTest::newRow("HTTP/1.0 even with keep-alive") << QByteArray("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    QTest::newRow("HTTP/1.0 with a body") << QByteArray("POST /a HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi");
}

void tst_Transport::closesForThoseWhoWantIt()
{
    QFETCH(const QByteArray, request);
    TestServer server;
    RawClient client(server);
    client.write(request);
    QTRY_VERIFY(client.isOver);
    QCOMPARE(client.status(), 200);
    QCOMPARE(client.header("connection"), QByteArray("close"));
    QCOMPARE(client.body().size(), client.header("content-length").toInt());
    QTRY_COMPARE(server.ended, 1);
}

void tst_Transport::keepsAConnectionForAThousandRequests()
{
    TestServer server;
    RawClient client(server);
    QElapsedTimer timer;
    timer.start();
    for (int i = 0; i < 1000; ++i) {
        const QByteArray body = QByteArray::number(i);
        client.received.clear();
        client.write(requestOf("POST /a HTTP/1.1", "Content-Length: " + QByteArray::number(body.size()) + "\r\n")
                     + body);
        QVERIFY(until([&] { return client.hasAnswer(); }));
        QCOMPARE(client.body(), "/a  " + body);
    }
    qInfo("%.1f us per request, client included", double(timer.nsecsElapsed()) / 1e6);
    QCOMPARE(server.requests, 1000);
    QCOMPARE(server.transport.connectionCount(), 1);
    QVERIFY(!client.isOver);
}

void tst_Transport::streamsInChunks()
{
    TestServer server;
    RawClient client(server);
    client.write(requestOf("GET /later HTTP/1.1"));
    QTRY_COMPARE(server.requests, 1);
    const auto exchange = server.waiting.front();
    exchange->addHeader("x-a", "1");
    exchange->beginStream("text/event-stream");
    QTRY_VERIFY(client.received.endsWith("\r\n\r\n"));
    QCOMPARE(client.status(), 200);
    QCOMPARE(client.header("content-type"), QByteArray("text/event-stream"));
    QCOMPARE(client.header("transfer-encoding"), QByteArray("chunked"));
    QCOMPARE(client.header("cache-control"), QByteArray("no-cache"));
    QCOMPARE(client.header("x-accel-buffering"), QByteArray("no"));
    QCOMPARE(client.header("x-a"), QByteArray("1"));
    QVERIFY(!client.header("x-request-id").isEmpty());

    QVERIFY(exchange->write("data: 1\n\n"));
    QVERIFY(exchange->write({}));
    QVERIFY(exchange->write("data: 234567890\n\n"));
    QTRY_COMPARE(client.body(), QByteArray("9\r\ndata: 1\n\n\r\n11\r\ndata: 234567890\n\n\r\n"));
    exchange->endStream();
    QTRY_VERIFY(client.received.endsWith("\r\n0\r\n\r\n"));

    client.received.clear();
    client.write(requestOf("GET /b HTTP/1.1"));
    QTRY_VERIFY(client.hasAnswer());
}

void tst_Transport::streamsUntilTheEndInHttp10()
{
    TestServer server;
    RawClient client(server);
    client.write("GET /later HTTP/1.0\r\n\r\n");
    QTRY_COMPARE(server.requests, 1);
    const auto exchange = server.waiting.front();
    exchange->beginStream("text/event-stream");
    exchange->write("data: 1\n\n");
    exchange->write("data: 2\n\n");
    exchange->endStream();
    QTRY_VERIFY(client.isOver);
    QCOMPARE(client.body(), QByteArray("data: 1\n\ndata: 2\n\n"));
    QCOMPARE(client.header("transfer-encoding"), QByteArray());
    QCOMPARE(client.header("connection"), QByteArray("close"));
}

void tst_Transport::holdsBackWhenTheClientReadsSlowly()
{
    TestServer server;
    RawClient client(server);
    client.stopReading();
    client.write(requestOf("GET /later HTTP/1.1"));
    QTRY_COMPARE(server.requests, 1);
    const auto exchange = server.waiting.front();
    QSignalSpy writable(exchange, &HttpExchange::writable);
    exchange->beginStream("text/plain");
    qint64 written = 0;
    qint64 atOnce = 0;
    do { // the system takes a few megabytes by itself
        atOnce = fill(*exchange, 100'000'000);
        written += atOnce;
        QVERIFY2(atOnce < 1'000'000, "write() lets too much wait");
    } while (QTest::qWaitFor([&] { return !writable.isEmpty() && (writable.clear(), true); }, 100));

    client.goOnReading();
    QTRY_COMPARE(writable.size(), 1);
    written += fill(*exchange, 1000);
    exchange->endStream();
    QTRY_VERIFY(client.received.endsWith("\r\n0\r\n\r\n"));
    QCOMPARE(client.body().count('x'), written);
}

void tst_Transport::boundsAnEndlessStream()
{
    TestServer server;
    RawClient client(server);
    client.stopReading();
    client.write(requestOf("GET /later HTTP/1.1"));
    QTRY_COMPARE(server.requests, 1);
    const auto exchange = server.waiting.front();
    QSignalSpy gone(exchange, &HttpExchange::gone);
    connect(exchange, &HttpExchange::writable, exchange, [exchange] { fill(*exchange, 1'000'000'000); });
    const qint64 before = os::residentBytes();
    exchange->beginStream("text/plain");
    fill(*exchange, 1'000'000'000);
    QVERIFY(!QTest::qWaitFor([&] { return !gone.isEmpty(); }, 200));
    QVERIFY(os::residentBytes() - before < 16 * 1024 * 1024);
    QTRY_VERIFY((server.clock.advanceMs(30'000), gone.size() == 1));
}

void tst_Transport::tellsOnceThatTheClientHasLeft_data()
{
    QTest::addColumn<bool>("streaming");
    QTest::addColumn<QString>("manner");
    for (const bool streaming : {false, true}) {
        const auto row = [&](const char *how) {
            QTest::addRow("%s %s", how, streaming ? "during a stream" : "before the answer")
                << streaming << QString::fromLatin1(how);
        };
        row("closes");
        row("resets");
        row("closes one half");
    }
}

void tst_Transport::tellsOnceThatTheClientHasLeft()
{
    QFETCH(const bool, streaming);
    QFETCH(const QString, manner);
    TestServer server;
    RawClient client(server);
    client.write(requestOf("GET /later HTTP/1.1"));
    QTRY_COMPARE(server.requests, 1);
    const auto exchange = server.waiting.front();
    int gone = 0;
    // The moment at which a listener would touch everything it has.
    connect(exchange, &HttpExchange::gone, this, [&gone, exchange, streaming] {
        ++gone;
        QVERIFY(exchange->isGone());
        exchange->addHeader("x-a", "1");
        if (streaming) {
            QVERIFY(exchange->write("data: 2\n\n"));
            exchange->endStream();
        } else {
            exchange->reply(200, "{}");
        }
        exchange->beginStream("text/plain");
    });
    if (streaming) {
        exchange->beginStream("text/plain");
        exchange->write("data: 1\n\n");
        QTRY_VERIFY(client.received.contains("data: 1"));
    }
    QCOMPARE(gone, 0);
    if (manner == u"closes one half")
        ::shutdown(int(client.socketDescriptor()), SHUT_WR);
    else if (manner == u"resets") {
        const linger atOnce{1, 0};
        ::setsockopt(int(client.socketDescriptor()), SOL_SOCKET, SO_LINGER, &atOnce, sizeof atOnce);
        client.abort();
    } else {
        client.disconnectFromHost();
    }
    QTRY_COMPARE(gone, 1);
    QTRY_VERIFY(exchange.isNull());
    QCOMPARE(gone, 1);
    QCOMPARE(server.ended, 1);
    QCOMPARE(server.transport.connectionCount(), 0);
}

void tst_Transport::saysNothingAboutClientsThatLeaveAfterTheAnswer()
{
    TestServer server;
    RawClient client(server);
    client.write(requestOf("GET /later HTTP/1.1"));
    QTRY_COMPARE(server.requests, 1);
    const auto exchange = server.waiting.front();
    QSignalSpy gone(exchange, &HttpExchange::gone);
    exchange->reply(200, "{}");
    client.abort();
    QTRY_COMPARE(server.ended, 1);
    QVERIFY(exchange.isNull());
    QVERIFY(gone.isEmpty());
}

void tst_Transport::deletesExchangesThatAreOver()
{
    TestServer server;
    RawClient client(server);
    client.write(requestOf("GET /later HTTP/1.1"));
    QTRY_COMPARE(server.requests, 1);
    const auto exchange = server.waiting.front();
    exchange->reply(200, "{}");
    QVERIFY(!exchange.isNull());
    QVERIFY(!exchange->isGone());
    QTRY_VERIFY(exchange.isNull());
}

void tst_Transport::drains()
{
    TestServer server;
    RawClient idle(server);
    RawClient active(server);
    RawClient streaming(server);
    RawClient half(server);
    idle.write(requestOf("GET /a HTTP/1.1"));
    QTRY_VERIFY(idle.hasAnswer());
    active.write(requestOf("GET /later HTTP/1.1"));
    QTRY_COMPARE(server.requests, 2);
    streaming.write(requestOf("GET /later HTTP/1.1"));
    QTRY_COMPARE(server.requests, 3);
    server.waiting[1]->beginStream("text/plain");
    half.write(requestOf("POST /a HTTP/1.1", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
    QTRY_VERIFY(half.received.startsWith("HTTP/1.1 100 "));
    half.received.clear();

    server.transport.drain();
    QTRY_VERIFY(idle.isOver);
    QCOMPARE(server.transport.connectionCount(), 3);

    server.waiting[0]->reply(200, "{}");
    QTRY_VERIFY(active.isOver);
    QCOMPARE(active.header("connection"), QByteArray("close"));
    half.write("hello");
    QTRY_VERIFY(half.isOver);
    QCOMPARE(half.status(), 200);
    QCOMPARE(half.header("connection"), QByteArray("close"));

    RawClient late(server);
    QTRY_VERIFY(late.isOver);
    QVERIFY(!server.lastAdopted);
    QVERIFY(late.received.isEmpty());

    QCOMPARE(server.drained, 0);
    server.waiting[1]->endStream();
    QTRY_VERIFY(streaming.isOver);
    QVERIFY(streaming.received.endsWith("0\r\n\r\n"));
    QTRY_COMPARE(server.drained, 1);
    QCOMPARE(server.ended, 4);
}

void tst_Transport::drainsAtOnceWithoutConnections()
{
    TestServer server;
    server.transport.drain();
    QCOMPARE(server.drained, 0);
    QTRY_COMPARE(server.drained, 1);
}

void tst_Transport::abortsAll()
{
    TestServer server;
    RawClient client(server);
    client.write(requestOf("GET /later HTTP/1.1"));
    QTRY_COMPARE(server.requests, 1);
    QSignalSpy gone(server.waiting.front(), &HttpExchange::gone);
    server.transport.drain();
    server.transport.abortAll();
    QCOMPARE(gone.size(), 1);
    QCOMPARE(server.drained, 1);
    QTRY_VERIFY(client.isOver);
}

void tst_Transport::tellsRunningExchangesWhenItIsDestroyed()
{
    auto server = std::make_unique<TestServer>();
    RawClient client(*server);
    client.write(requestOf("GET /later HTTP/1.1"));
    QTRY_COMPARE(server->requests, 1);
    const auto exchange = server->waiting.front();
    QSignalSpy gone(exchange, &HttpExchange::gone);
    server.reset();
    QCOMPARE(gone.size(), 1);
    exchange->reply(200, "{}");
    QTRY_VERIFY(exchange.isNull());
    QTRY_VERIFY(client.isOver);
}

void tst_Transport::refusesUselessDescriptors()
{
    TestServer server;
    QVERIFY(!server.transport.adopt(-1));
    QCOMPARE(server.transport.connectionCount(), 0);
    QCOMPARE(server.ended, 0);
}

void tst_Transport::speaksTls()
{
    TestServer server;
    server.transport.setTls(testTls());
    QSslSocket client;
    client.setPeerVerifyMode(QSslSocket::VerifyNone);
    client.connectToHostEncrypted(u"127.0.0.1"_s, server.serverPort());
    QTRY_VERIFY(client.isEncrypted());
    for (int i = 0; i < 3; ++i) {
        client.write(requestOf("POST /a HTTP/1.1", "Content-Length: 100000\r\n") + QByteArray(100'000, 'x'));
        QByteArray received;
        QTRY_VERIFY((received += client.readAll()).endsWith(QByteArray(1000, 'x')) && received.size() > 100'000);
        QVERIFY(received.startsWith("HTTP/1.1 200 OK\r\n"));
    }
    client.write(requestOf("GET /a HTTP/1.1", "Connection: close\r\n"));
    QTRY_COMPARE(client.state(), QAbstractSocket::UnconnectedState);
    QVERIFY(client.readAll().endsWith("/a  "));

    QSslSocket refused;
    refused.setPeerVerifyMode(QSslSocket::VerifyNone);
    refused.connectToHostEncrypted(u"127.0.0.1"_s, server.serverPort());
    refused.write(requestOf("GET /a HTTP/1.1", "Content-Length: x\r\n"));
    QByteArray received;
    QTRY_VERIFY((received += refused.readAll()).contains("malformed_request"));
    server.clock.advanceMs(2'000);
    QTRY_COMPARE(refused.state(), QAbstractSocket::UnconnectedState);
    QTRY_COMPARE(server.ended, 2);
}

void tst_Transport::holdsBackOverTls()
{
    TestServer server;
    server.transport.setTls(testTls());
    QSslSocket client;
    client.setPeerVerifyMode(QSslSocket::VerifyNone);
    client.setReadBufferSize(1024);
    client.connectToHostEncrypted(u"127.0.0.1"_s, server.serverPort());
    client.write(requestOf("GET /later HTTP/1.1"));
    QTRY_COMPARE(server.requests, 1);
    const auto exchange = server.waiting.front();
    QSignalSpy gone(exchange, &HttpExchange::gone);
    connect(exchange, &HttpExchange::writable, exchange, [exchange] { fill(*exchange, 1'000'000'000); });
    exchange->beginStream("text/plain");
    fill(*exchange, 1'000'000'000);
    QVERIFY(!QTest::qWaitFor([&] { return !gone.isEmpty(); }, 200));
    QTRY_VERIFY((server.clock.advanceMs(30'000), gone.size() == 1));
}

void tst_Transport::endsHandshakesThatDoNotHappen()
{
    TestServer server;
    server.transport.setTls(testTls());
    RawClient silent(server);
    RawClient plain(server);
    plain.write(requestOf("GET /a HTTP/1.1"));
    QTRY_VERIFY(plain.isOver);
    QTRY_COMPARE(server.transport.connectionCount(), 1);
    server.clock.advanceMs(9'000);
    QTRY_VERIFY((server.clock.advanceMs(1'000), silent.isOver));
    QTRY_COMPARE(server.ended, 2);
    QCOMPARE(server.requests, 0);
}

/// As in the program: accepted here, served there.
void tst_Transport::livesOnAnotherThread()
{
    QThread worker;
    auto *transport = new Transport({}, [](HttpExchange *exchange) { exchange->reply(200, exchange->request().body); });
    transport->moveToThread(&worker);
    connect(&worker, &QThread::finished, transport, &QObject::deleteLater);
    worker.start();

    class Acceptor : public QTcpServer
    {
    public:
        explicit Acceptor(Transport *transport) : m_transport(transport) { listen(QHostAddress::LocalHost, 0); }

    protected:
        void incomingConnection(qintptr descriptor) override
        {
            QMetaObject::invokeMethod(
                m_transport, [t = m_transport, descriptor] { t->adopt(descriptor); }, Qt::QueuedConnection);
        }

    private:
        Transport *m_transport;
    };
    Acceptor acceptor(transport);

    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 20; ++i)
        clients.push_back(std::make_unique<RawClient>(acceptor));
    for (int round = 0; round < 50; ++round) {
        for (const auto &client : clients) {
            client->received.clear();
            client->write(requestOf("POST /a HTTP/1.1", "Content-Length: 5\r\n") + "hello");
        }
        for (const auto &client : clients) {
            QVERIFY(until([&] { return client->hasAnswer(); }));
            QCOMPARE(client->body(), QByteArray("hello"));
        }
    }
    worker.quit();
    QVERIFY(worker.wait());
    for (const auto &client : clients)
        QTRY_VERIFY(client->isOver);
}

QTEST_GUILESS_MAIN(tst_Transport)
#include "tst_transport.moc"
