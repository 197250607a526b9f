// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/os.h"
#include "unit/http/mutations.h"
#include "unit/http/refusals.h"
#include "unit/http/testserver.h"

#include <QtCore/QCoreApplication>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtCore/QUuid>
#include <QtTest/QTest>

#include <memory>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

const QByteArray Get = "GET /a HTTP/1.1\r\nHost: gateway\r\n\r\n";

QByteArray postOf(const QByteArray &path, const QByteArray &body)
{
    return "POST " + path + " HTTP/1.1\r\nHost: gateway\r\nContent-Length: " + QByteArray::number(body.size())
        + "\r\n\r\n" + body;
}

/// Sends without end, as fast as the server takes it.
class Flood : public RawClient
{
public:
    Flood(const QTcpServer &server, const QByteArray &first) : RawClient(server)
    {
        QObject::connect(this, &QTcpSocket::connected, this, [this, first] { write(first); });
        QObject::connect(this, &QTcpSocket::bytesWritten, this, [this](qint64 bytes) {
            sent += bytes;
            if (bytesToWrite() < m_block.size())
                write(m_block);
        });
    }
    qint64 sent = 0;

private:
    const QByteArray m_block = QByteArray(256 * 1024, 'x');
};

} // namespace

/// What the guard does with bytes and with time, seen from a raw socket in front of a real server.
class tst_Guard : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void refuses_data();
    void refuses();
    void refusesByteByByte_data() { refuses_data(); }
    void refusesByteByByte();
    void sendsNoBodyToHeadWhenItRefuses();
    void acceptsARequestByteByByte();
    void acceptsABodyOfExactlyTheLimit();
    void agreesWithQtAboutMutatedRequests();

    void invitesABodyThatWaits();
    void doesNotInviteABodyThatIsHere();
    void refusesBeforeInviting();

    void answersOnlyTheFirstOfTwoRequests_data();
    void answersOnlyTheFirstOfTwoRequests();
    void endsBehindAnAnswerThatWasDisturbed();
    void endsWhenTheNextRequestDoesNotWaitForTheAnswer();

    void endsASlowHead();
    void endsASilentConnection();
    void endsAnIdleConnection();
    void endsAStalledBody();
    void endsABodyThatCrawls();
    void endsAClientThatDoesNotRead();
    void endsAClientThatDoesNotLeave();

    void servesOthersBesideSlowClients();
    void servesOthersBesideAFlood_data();
    void servesOthersBesideAFlood();
};

void tst_Guard::refuses_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<ErrorCode>("code");
    for (const RefusedRequest &request : refusedRequests())
        QTest::newRow(request.name) << request.text << request.code;
}

void tst_Guard::refuses()
{
    QFETCH(const QByteArray, text);
    QFETCH(const ErrorCode, code);
    TestServer server;
    RawClient client(server);
    client.write(text);
    QTRY_VERIFY(client.isOver);

    const ErrorRow &row = errorRow(code);
    QCOMPARE(client.status(), row.status);
    QCOMPARE(client.header("connection"), QByteArray("close"));
    QCOMPARE(client.header("content-type"), QByteArray("application/json; charset=utf-8"));
    QCOMPARE(client.header("content-length").toInt(), client.body().size());
    QVERIFY(!QUuid::fromString(QLatin1StringView(client.header("x-request-id"))).isNull());
    const QJsonObject error = QJsonDocument::fromJson(client.body())["error"_L1].toObject();
    QCOMPARE(error["type"_L1].toString(), row.type);
    QCOMPARE(error["code"_L1].toString(), row.word);
    QCOMPARE(server.requests, 0);
    QTRY_COMPARE(server.ended, 1);
}

void tst_Guard::refusesByteByByte()
{
    QFETCH(const QByteArray, text);
    QFETCH(const ErrorCode, code);
    if (text.size() > 1000)
        return; // takes its time and shows nothing new
    TestServer server;
    RawClient client(server);
    QTRY_COMPARE(client.state(), QAbstractSocket::ConnectedState);
    for (qsizetype i = 0; i < text.size() && client.received.isEmpty(); ++i) {
        client.write(text.constData() + i, 1);
        client.flush();
        QCoreApplication::processEvents();
    }
    QTRY_VERIFY(client.isOver);
    QCOMPARE(client.status(), errorRow(code).status);
    QCOMPARE(server.requests, 0);
}

void tst_Guard::sendsNoBodyToHeadWhenItRefuses()
{
    TestServer server;
    RawClient client(server);
    client.write("HEAD /a HTTP/1.1\r\nHost: gateway\r\nContent-Length: x\r\n\r\n");
    QTRY_VERIFY(client.isOver);
    QCOMPARE(client.status(), 400);
    QVERIFY(client.header("content-length").toInt() > 0);
    QVERIFY(client.body().isEmpty());
}

void tst_Guard::acceptsARequestByteByByte()
{
    TestServer server;
    RawClient client(server);
    QTRY_COMPARE(client.state(), QAbstractSocket::ConnectedState);
    for (const char c : postOf("/a?b=c", "hello")) {
        QVERIFY(client.received.isEmpty());
        client.write(&c, 1);
        client.flush();
        QCoreApplication::processEvents();
    }
    QTRY_VERIFY(client.hasAnswer());
    QCOMPARE(client.body(), QByteArray("/a b=c hello"));
    QCOMPARE(server.requests, 1);
}

void tst_Guard::acceptsABodyOfExactlyTheLimit()
{
    TestServer server;
    RawClient client(server);
    const QByteArray body(10 * 1024 * 1024, 'x');
    client.write(postOf("/a", body));
    QTRY_VERIFY(client.hasAnswer());
    QCOMPARE(client.status(), 200);
    QVERIFY(client.body() == "/a  " + body);
}

/// Two parsers read every request: what the check lets through, Qt must understand the same way.
void tst_Guard::agreesWithQtAboutMutatedRequests()
{
    QRandomGenerator random(testSeed());
    TestServer server;
    int tried = 0;
    while (tried < 300) {
        const QByteArray text = mutatedRequest(random);
        HeadCheck check{HeadLimits()};
        if (check.take(text) != HeadCheck::State::Complete)
            continue;
        const qsizetype head = check.size();
        const RequestHead read = check.takeHead();
        if (text.size() - head < read.bodyBytes)
            continue;
        ++tried;
        RawClient client(server);
        client.write(text);
        QVERIFY2(until([&] { return client.hasAnswer() || client.isOver; }), text.toPercentEncoding().constData());
        QVERIFY2(client.status() == 200, text.toPercentEncoding().constData());
        const QByteArray expected = read.request.path + ' ' + read.request.query + ' ' + text.mid(head, read.bodyBytes);
        QCOMPARE(client.body(), read.request.method == HttpMethod::Head ? QByteArray() : expected);
    }
    QCOMPARE(server.requests, tried);
}

void tst_Guard::invitesABodyThatWaits()
{
    TestServer server;
    RawClient client(server);
    client.write("POST /a HTTP/1.1\r\nHost: gateway\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    QTRY_COMPARE(client.received, QByteArray("HTTP/1.1 100 Continue\r\n\r\n"));
    QCOMPARE(server.requests, 0);
    client.received.clear();
    client.write("hello");
    QTRY_VERIFY(client.hasAnswer());
    QCOMPARE(client.body(), QByteArray("/a  hello"));
}

void tst_Guard::doesNotInviteABodyThatIsHere()
{
    TestServer server;
    RawClient client(server);
    client.write("POST /a HTTP/1.1\r\nHost: gateway\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello");
    QTRY_VERIFY(client.hasAnswer());
    QCOMPARE(client.status(), 200);
}

void tst_Guard::refusesBeforeInviting()
{
    TestServer server;
    RawClient client(server);
    client.write("POST /a HTTP/1.1\r\nHost: gateway\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n");
    QTRY_VERIFY(client.isOver);
    QCOMPARE(client.status(), 413);
}

void tst_Guard::answersOnlyTheFirstOfTwoRequests_data()
{
    QTest::addColumn<QByteArray>("first");
    QTest::addColumn<QByteArray>("second");
    QTest::newRow("two at once") << Get << Get;
    QTest::newRow("a body and a request at once") << postOf("/a", "hello") << Get;
    QTest::newRow("a slow one and a fast one") << postOf("/later", "hello") << Get;
    QTest::newRow("a body that is longer than announced") << postOf("/a", "hello") << QByteArray("world");
    QTest::newRow("a line break behind the body") << postOf("/a", "hello") << QByteArray("\r\n");
}

void tst_Guard::answersOnlyTheFirstOfTwoRequests()
{
    QFETCH(const QByteArray, first);
    QFETCH(const QByteArray, second);
    TestServer server;
    RawClient client(server);
    client.write(first + second);
    QTRY_COMPARE(server.requests, 1);
    if (!server.waiting.empty())
        server.waiting.front()->reply(200, TestServer::echoOf(server.waiting.front()->request()));
    QTRY_VERIFY(client.isOver);
    QCOMPARE(client.status(), 200);
    QCOMPARE(client.header("connection"), QByteArray("close"));
    QCOMPARE(client.body().size(), client.header("content-length").toInt());
    QCOMPARE(client.received.count("HTTP/1.1"), 1);
    QCOMPARE(server.requests, 1);
}

void tst_Guard::endsBehindAnAnswerThatWasDisturbed()
{
    TestServer server;
    RawClient client(server);
    client.write(postOf("/later", "hello"));
    QTRY_COMPARE(server.requests, 1);
    const auto exchange = server.waiting.front();
    exchange->beginStream("text/event-stream");
    exchange->write("data: 1\n\n");
    QTRY_VERIFY(client.received.contains("data: 1"));
    client.write(Get);
    QVERIFY(client.flush());
    QTRY_COMPARE(client.bytesToWrite(), 0);
    exchange->write("data: 2\n\n");
    QTRY_VERIFY(client.received.contains("data: 2"));
    exchange->endStream();
    QTRY_VERIFY(client.isOver);
    QVERIFY(client.received.endsWith("\r\n0\r\n\r\n"));
    QCOMPARE(client.received.count("HTTP/1.1"), 1);
    QCOMPARE(server.requests, 1);
}

void tst_Guard::endsWhenTheNextRequestDoesNotWaitForTheAnswer()
{
    TestServer server;
    RawClient client(server);
    client.stopReading();
    client.write("GET /later HTTP/1.1\r\nHost: gateway\r\n\r\n");
    QTRY_COMPARE(server.requests, 1);
    const QByteArray body(32 * 1024 * 1024, 'x');
    server.waiting.front()->reply(200, body);
    client.write(Get);
    QVERIFY(!QTest::qWaitFor([&] { return client.isOver; }, 50));
    client.goOnReading();
    QTRY_VERIFY(client.isOver);
    QVERIFY(client.body() == body);
    QCOMPARE(server.requests, 1);
}

void tst_Guard::endsASlowHead()
{
    TestServer server;
    RawClient client(server);
    client.write("GET /a HTTP/1.1\r\nHost: gat");
    QTRY_COMPARE(server.transport.connectionCount(), 1);
    QVERIFY(!QTest::qWaitFor([&] { return client.isOver; }, 50));
    server.clock.advanceMs(9'999);
    QVERIFY(!QTest::qWaitFor([&] { return client.isOver; }, 50));
    server.clock.advanceMs(1);
    QTRY_VERIFY(client.isOver);
    QCOMPARE(client.status(), 408);
}

void tst_Guard::endsASilentConnection()
{
    TestServer server;
    RawClient client(server);
    QTRY_COMPARE(server.transport.connectionCount(), 1);
    server.clock.advanceMs(10'000);
    QTRY_VERIFY(client.isOver);
    QVERIFY(client.received.isEmpty());
    QTRY_COMPARE(server.ended, 1);
}

void tst_Guard::endsAnIdleConnection()
{
    TestServer server;
    RawClient client(server);
    client.write(Get);
    QTRY_VERIFY(client.hasAnswer());
    server.clock.advanceMs(74'999);
    QVERIFY(!QTest::qWaitFor([&] { return client.isOver; }, 50));
    server.clock.advanceMs(1);
    QTRY_VERIFY(client.isOver);
    QCOMPARE(client.received.count("HTTP/1.1"), 1);
}

void tst_Guard::endsAStalledBody()
{
    TestServer server;
    RawClient client(server);
    client.write("POST /a HTTP/1.1\r\nHost: gateway\r\nContent-Length: 1000000\r\n\r\nhello");
    QTRY_COMPARE(server.transport.connectionCount(), 1);
    QVERIFY(!QTest::qWaitFor([&] { return client.isOver; }, 50));
    server.clock.advanceMs(30'000);
    QTRY_VERIFY(client.isOver);
    QCOMPARE(client.status(), 408);
    QCOMPARE(server.requests, 0);
}

void tst_Guard::endsABodyThatCrawls()
{
    TestServer server;
    RawClient client(server);
    // 64 KiB at 16 KiB/s: 34 s in all, however diligently it crawls.
    client.write("POST /a HTTP/1.1\r\nHost: gateway\r\nContent-Length: 65536\r\n\r\n");
    int seconds = 0;
    while (!client.isOver && seconds < 60) {
        client.write("x");
        if (!QTest::qWaitFor([&] { return client.isOver; }, 10))
            server.clock.advanceMs(1'000);
        ++seconds;
    }
    QVERIFY2(seconds >= 34 && seconds < 60, QByteArray::number(seconds).constData());
    QCOMPARE(client.status(), 408);
}

void tst_Guard::endsAClientThatDoesNotRead()
{
    TestServer server;
    RawClient client(server);
    client.stopReading();
    client.write("GET /later HTTP/1.1\r\nHost: gateway\r\n\r\n");
    QTRY_COMPARE(server.requests, 1);
    server.waiting.front()->reply(200, QByteArray(32 * 1024 * 1024, 'x'));
    QVERIFY(!QTest::qWaitFor([&] { return server.ended > 0; }, 50));
    server.clock.advanceMs(30'000);
    QTRY_COMPARE(server.ended, 1);
}

void tst_Guard::endsAClientThatDoesNotLeave()
{
    TestServer server;
    RawClient client(server);
    client.stopReading(); // and so never gets to see that the server has finished
    client.write("GET /a HTTP/1.0\r\n\r\n");
    QTRY_COMPARE(server.requests, 1);
    QVERIFY(!QTest::qWaitFor([&] { return server.ended > 0; }, 50));
    server.clock.advanceMs(2'000);
    QTRY_COMPARE(server.ended, 1);
}

void tst_Guard::servesOthersBesideSlowClients()
{
    TestServer server;
    RawClient good(server);
    std::vector<std::unique_ptr<RawClient>> slow;
    for (int i = 0; i < 200; ++i)
        slow.push_back(std::make_unique<RawClient>(server));
    QTRY_COMPARE(server.transport.connectionCount(), 201);

    const QByteArray drip = "GET /a HTTP/1.1\r\nHost: gateway\r\nX-Slow: aaaaaaaaaaaaaaaaaaaa";
    for (int second = 0; second < 12; ++second) {
        for (const auto &client : slow) {
            if (!client->isOver)
                client->write(drip.constData() + second, 1);
        }
        good.received.clear();
        good.write(Get);
        QVERIFY(until([&] { return good.hasAnswer(); }));
        QCOMPARE(good.status(), 200);
        server.clock.advanceMs(1'000);
        QVERIFY(!QTest::qWaitFor([&] { return good.isOver; }, 10));
    }
    for (const auto &client : slow) {
        QVERIFY(until([&] { return client->isOver; }));
        QCOMPARE(client->status(), 408);
    }
    QCOMPARE(server.transport.connectionCount(), 1);
    QVERIFY(!good.isOver);
}

void tst_Guard::servesOthersBesideAFlood_data()
{
    QTest::addColumn<QByteArray>("first");
    QTest::addColumn<int>("status");
    QTest::newRow("of headers") << QByteArray("GET /a HTTP/1.1\r\nHost: gateway\r\nX-A: ") << 431;
    QTest::newRow("of a request line") << QByteArray("GET /") << 414;
    QTest::newRow("of a declared body") << QByteArray(
        "POST /a HTTP/1.1\r\nHost: gateway\r\nContent-Length: 1073741824\r\n\r\n")
                                        << 413;
    QTest::newRow("of an undeclared body") << QByteArray("POST /a HTTP/1.1\r\nHost: gateway\r\n\r\n") << 200;
    QTest::newRow("of chunks") << QByteArray(
        "POST /a HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n40000000\r\n")
                               << 411;
    QTest::newRow("during an answer") << QByteArray("GET /later HTTP/1.1\r\nHost: gateway\r\n\r\n") << 0;
}

void tst_Guard::servesOthersBesideAFlood()
{
    QFETCH(const QByteArray, first);
    TestServer server;
    RawClient good(server);
    Flood flood(server, first);
    const qint64 before = os::residentBytes();
    constexpr qint64 Gigabyte = 1024 * 1024 * 1024;
    int answers = 0;
    while (!flood.isOver && flood.sent < Gigabyte && answers < 5'000) {
        good.received.clear();
        good.write(Get);
        QVERIFY(until([&] { return good.hasAnswer(); }));
        QCOMPARE(good.status(), 200);
        ++answers;
        if (answers == 100)
            server.clock.advanceMs(2'000); // the time to leave is up for those that were refused
    }
    QFETCH(const int, status);
    QTRY_VERIFY(flood.isOver);
    QCOMPARE(flood.status(), status);
    QVERIFY(flood.sent < Gigabyte);
    QVERIFY2(os::residentBytes() - before < 32 * 1024 * 1024, "what was sent is kept somewhere");
}

QTEST_GUILESS_MAIN(tst_Guard)
#include "tst_guard.moc"
