// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/headcheck.h"
#include "unit/http/mutations.h"
#include "unit/http/refusals.h"

#include <QtTest/QTest>

using namespace assistiv;
using State = HeadCheck::State;

namespace {

/// How often a header of that name begins a line, found in the simplest way there is.
qsizetype countLines(const QByteArray &head, const QByteArray &name)
{
    return head.toLower().count("\n" + name + ":");
}

} // namespace

class tst_HeadCheck : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void refuses_data();
    void refuses();
    void readsTargets_data();
    void readsTargets();
    void readsMethods();
    void readsFields();
    void acceptsWhatIsExactlyAtALimit();
    void toleratesEmptyLinesBeforeTheRequest();
    void isReadyForTheNextRequest();
    void knowsWhoWantsTheConnectionClosed_data();
    void knowsWhoWantsTheConnectionClosed();
    void http10NeedsNoHostAndExpectsNothing();
    void survivesMutatedRequests();

private:
    static HeadCheck accepted(const QByteArray &text)
    {
        HeadCheck check{HeadLimits()};
        [&] { QCOMPARE(check.take(text), State::Complete); }();
        return check;
    }
};

void tst_HeadCheck::refuses_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<ErrorCode>("code");
    for (const RefusedRequest &request : refusedRequests())
        QTest::newRow(request.name) << request.text << request.code;
}

void tst_HeadCheck::refuses()
{
    QFETCH(const QByteArray, text);
    QFETCH(const ErrorCode, code);

    HeadCheck atOnce{HeadLimits()};
    QCOMPARE(atOnce.take(text), State::Refused);
    QCOMPARE(atOnce.refusal().code, code);
    QVERIFY(!atOnce.refusal().message.isEmpty());

    HeadCheck inBytes{HeadLimits()};
    State state = State::Reading;
    for (qsizetype i = 0; i < text.size() && state == State::Reading; ++i)
        state = inBytes.take(text.sliced(i, 1));
    QCOMPARE(state, State::Refused);
    QCOMPARE(inBytes.refusal().code, code);
}

void tst_HeadCheck::readsTargets_data()
{
    QTest::addColumn<QByteArray>("target");
    QTest::addColumn<QByteArray>("path");
    QTest::addColumn<QByteArray>("query");
    QTest::newRow("a path") << QByteArray("/v1/models") << QByteArray("/v1/models") << QByteArray();
    QTest::newRow("a path with a query") << QByteArray("/a?b=c&d") << QByteArray("/a") << QByteArray("b=c&d");
    QTest::newRow("an empty query") << QByteArray("/a?") << QByteArray("/a") << QByteArray();
    QTest::newRow("a question mark in the query") << QByteArray("/a?b?c") << QByteArray("/a") << QByteArray("b?c");
    QTest::newRow("encoded characters stay encoded")
        << QByteArray("/a%2Fb?c=%20") << QByteArray("/a%2Fb") << QByteArray("c=%20");
    QTest::newRow("an encoded line break in the query")
        << QByteArray("/a?b=%0A") << QByteArray("/a") << QByteArray("b=%0A");
    QTest::newRow("nothing is normalised")
        << QByteArray("//a/../b/./c//") << QByteArray("//a/../b/./c//") << QByteArray();
    QTest::newRow("a URL") << QByteArray("http://gateway:8790/v1/models?a=b") << QByteArray("/v1/models")
                           << QByteArray("a=b");
    QTest::newRow("a URL in capitals") << QByteArray("HTTPS://[::1]/v1") << QByteArray("/v1") << QByteArray();
    QTest::newRow("a URL without a path") << QByteArray("http://gateway") << QByteArray("/") << QByteArray();
    QTest::newRow("a URL with nothing but a query")
        << QByteArray("http://gateway?a=b") << QByteArray("/") << QByteArray("a=b");
}

void tst_HeadCheck::readsTargets()
{
    QFETCH(const QByteArray, target);
    HeadCheck check = accepted(withTarget(target));
    const HttpRequest request = check.takeHead().request;
    QTEST(request.path, "path");
    QTEST(request.query, "query");
}

void tst_HeadCheck::readsMethods()
{
    const auto methodOf = [](const QByteArray &word) {
        HeadCheck check = accepted(word + " / HTTP/1.1\r\nHost: a\r\n\r\n");
        return check.takeHead().request.method;
    };
    QCOMPARE(methodOf("GET"), HttpMethod::Get);
    QCOMPARE(methodOf("HEAD"), HttpMethod::Head);
    QCOMPARE(methodOf("POST"), HttpMethod::Post);
    QCOMPARE(methodOf("PUT"), HttpMethod::Put);
    QCOMPARE(methodOf("PATCH"), HttpMethod::Patch);
    QCOMPARE(methodOf("DELETE"), HttpMethod::Delete);
    QCOMPARE(methodOf("OPTIONS"), HttpMethod::Options);
    QCOMPARE(methodOf("TRACE"), HttpMethod::Other);
    QCOMPARE(methodOf("get"), HttpMethod::Other);

    HeadCheck check = accepted("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    QCOMPARE(check.takeHead().request.path, QByteArray("*"));
}

void tst_HeadCheck::readsFields()
{
    const QByteArray head =
        withHeaders("Content-Length: 5\r\nX-Empty:\r\nX-Blanks: \t a b \t\r\nX-Text: caf\xc3\xa9\r\n"
                    "Expect: 100-Continue\r\nUpgrade: h2c\r\n");
    HeadCheck check = accepted(head + "hello");
    QCOMPARE(check.size(), head.size());
    const RequestHead read = check.takeHead();
    QCOMPARE(read.bodyBytes, 5);
    QVERIFY(read.expectsContinue);
    QVERIFY(!read.isHttp10);
    QVERIFY(!read.wantsClose);
    QCOMPARE(read.request.headers.size(), 7);
    QCOMPARE(read.request.header("host").toByteArray(), QByteArray("gateway"));
    QVERIFY(read.request.header("x-empty").isEmpty());
    QCOMPARE(read.request.header("x-blanks").toByteArray(), QByteArray("a b"));
    QCOMPARE(read.request.header("x-text").toByteArray(), QByteArray("caf\xc3\xa9"));
}

void tst_HeadCheck::acceptsWhatIsExactlyAtALimit()
{
    const qsizetype around = QByteArray("GET / HTTP/1.1\r\n").size();
    const QByteArray longest = "/" + QByteArray(8 * 1024 - around, 'a');
    QCOMPARE(accepted(withTarget(longest)).takeHead().request.path, longest);

    const qsizetype head = withHeaders("X-A: \r\n").size();
    accepted(withHeaders("X-A: " + QByteArray(32 * 1024 - head, 'a') + "\r\n"));
    accepted(withHeaders(QByteArray("X-A: 1\r\n").repeated(99)));
    QCOMPARE(accepted(withHeaders("Content-Length: 10485760\r\n")).takeHead().bodyBytes, 10 * 1024 * 1024);
    QCOMPARE(accepted(withHeaders("Content-Length: 000\r\n")).takeHead().bodyBytes, 0);
}

void tst_HeadCheck::toleratesEmptyLinesBeforeTheRequest()
{
    HeadCheck check = accepted("\r\n\r\n" + withTarget("/a") + "body");
    QCOMPARE(check.size(), withTarget("/a").size() + 4);
    QCOMPARE(check.takeHead().request.path, QByteArray("/a"));
}

void tst_HeadCheck::isReadyForTheNextRequest()
{
    HeadCheck check = accepted(withHeaders("Content-Length: 5\r\nConnection: close\r\n"));
    check.takeHead();
    QCOMPARE(check.take(withTarget("/b")), State::Complete);
    const RequestHead second = check.takeHead();
    QCOMPARE(second.request.path, QByteArray("/b"));
    QCOMPARE(second.request.headers.size(), 1);
    QCOMPARE(second.bodyBytes, 0);
    QVERIFY(!second.wantsClose);
}

void tst_HeadCheck::knowsWhoWantsTheConnectionClosed_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<bool>("closes");
    QTest::newRow("HTTP/1.1 keeps it") << withHeaders("") << false;
    QTest::newRow("keep-alive keeps it") << withHeaders("Connection: keep-alive\r\n") << false;
    QTest::newRow("close closes it") << withHeaders("Connection: close\r\n") << true;
    QTest::newRow("close in a list closes it") << withHeaders("Connection: TE , Close\r\n") << true;
    QTest::newRow("close on a second line closes it") << withHeaders("Connection: TE\r\nConnection: close\r\n") << true;
    QTest::newRow("a longer word is not close") << withHeaders("Connection: closed\r\n") << false;
    QTest::newRow("HTTP/1.0 closes it") << QByteArray("GET / HTTP/1.0\r\n\r\n") << true;
}

void tst_HeadCheck::knowsWhoWantsTheConnectionClosed()
{
    QFETCH(const QByteArray, text);
    QTEST(accepted(text).takeHead().wantsClose, "closes");
}

void tst_HeadCheck::http10NeedsNoHostAndExpectsNothing()
{
    const RequestHead head =
        accepted("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n").takeHead();
    QVERIFY(head.isHttp10);
    QVERIFY(!head.expectsContinue);
    HeadCheck check{HeadLimits()};
    QCOMPARE(check.take("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), State::Refused);
}

void tst_HeadCheck::survivesMutatedRequests()
{
    const quint32 seed = testSeed();
    QRandomGenerator random(seed);
    int complete = 0;
    for (int round = 0; round < 30'000; ++round) {
        const QByteArray text = mutatedRequest(random);
        const QByteArray what = text.toPercentEncoding();

        HeadCheck atOnce{HeadLimits()};
        HeadCheck inPieces{HeadLimits()};
        const State state = atOnce.take(text);
        State pieced = State::Reading;
        for (qsizetype at = 0; at < text.size() && pieced == State::Reading;) {
            const QByteArray piece = text.mid(at, random.bounded(1, 30));
            pieced = inPieces.take(piece);
            at += piece.size();
        }
        QVERIFY2(state == pieced, what.constData());
        if (state != State::Complete)
            continue;

        ++complete;
        const QByteArray head = text.first(atOnce.size());
        QVERIFY2(atOnce.size() == inPieces.size(), what.constData());
        QVERIFY2(head.endsWith("\r\n\r\n") && !head.trimmed().contains("\r\n\r\n"), what.constData());
        QVERIFY2(head.count('\n') == head.count("\r\n") && head.count('\r') == head.count("\r\n"), what.constData());
        QVERIFY2(countLines(head, "content-length") <= 1, what.constData());
        QVERIFY2(countLines(head, "transfer-encoding") == 0, what.constData());
        const RequestHead read = atOnce.takeHead();
        QVERIFY2(countLines(head, "host") == 1 || (read.isHttp10 && countLines(head, "host") == 0), what.constData());
        const QByteArrayView length = read.request.header("content-length");
        QVERIFY2(read.bodyBytes == (length.isEmpty() ? 0 : length.toLongLong()), what.constData());
        QVERIFY2(inPieces.takeHead().request.headers == read.request.headers, what.constData());
    }
    QVERIFY2(complete > 1000, "the mutations leave nothing to accept");
}

QTEST_APPLESS_MAIN(tst_HeadCheck)
#include "tst_headcheck.moc"
