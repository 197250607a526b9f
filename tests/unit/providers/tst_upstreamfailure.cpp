// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/upstreamfailure.h"

#include <QtCore/QElapsedTimer>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_UpstreamFailure : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void mapsStatuses_data();
    void mapsStatuses();
    void takesKeysOutOfMessages();
    void takesAllPartsOfTheKeyOut_data();
    void takesAllPartsOfTheKeyOut();
    void longKeysAndMessagesTakeNoTime();
    void readsRetryAfter_data();
    void readsRetryAfter();
    void mapsNetworkFailures();
    void knowsRefusedState_data();
    void knowsRefusedState();
};

void tst_UpstreamFailure::mapsStatuses_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QByteArray>("retryAfter");
    QTest::addColumn<int>("code");
    QTest::addColumn<bool>("next");
    QTest::addColumn<int>("wait");
    const auto row = [](const char *name, int status, const QByteArray &body, const QByteArray &retryAfter, ErrorCode code,
                        bool next, int wait) {
        QTest::newRow(name) << status << body << retryAfter << int(code) << next << wait;
    };
    const QByteArray plain = R"({"error":{"message":"no","type":"x","code":null}})";
    row("bad request", 400, plain, "", ErrorCode::InvalidRequest, false, 0);
    row("unprocessable", 422, plain, "", ErrorCode::InvalidRequest, false, 0);
    row("too long, by code", 400, R"({"error":{"message":"m","code":"context_length_exceeded"}})", "",
        ErrorCode::ContextLengthExceeded, false, 0);
    row("too long, by words", 400, R"({"error":{"message":"This model's Maximum Context Length is 5"}})", "",
        ErrorCode::ContextLengthExceeded, false, 0);
    row("key refused", 401, plain, "", ErrorCode::ProviderAuthFailed, false, 0);
    row("key not allowed", 403, plain, "", ErrorCode::ProviderAuthFailed, false, 0);
    row("no credit", 429, R"({"error":{"message":"m","code":"insufficient_quota"}})", "", ErrorCode::ProviderAuthFailed, true, 0);
    row("model unknown there", 404, plain, "", ErrorCode::ProviderError, false, 0);
    row("request timeout", 408, plain, "", ErrorCode::ProviderTimeout, true, 0);
    row("too large", 413, plain, "", ErrorCode::PayloadTooLarge, false, 0);
    row("rate limit", 429, plain, "", ErrorCode::ProviderRateLimited, true, 1);
    row("rate limit with a time", 429, plain, "7", ErrorCode::ProviderRateLimited, true, 7);
    row("server failure", 500, plain, "", ErrorCode::ProviderError, true, 0);
    row("overload", 503, plain, "3", ErrorCode::ProviderOverloaded, true, 3);
    row("overload, Anthropic's way", 529, plain, "", ErrorCode::ProviderOverloaded, true, 1);
    row("gateway timeout", 504, "<html>", "", ErrorCode::ProviderTimeout, true, 0);
    row("overload, with the time in Google's details", 503,
        R"({"error":{"code":503,"status":"UNAVAILABLE","details":[{"reason":"X"},{"retryDelay":"1.5s"}]}})", "",
        ErrorCode::ProviderOverloaded, true, 2);
    row("a header wins over details", 429, R"({"error":{"details":[{"retryDelay":"9s"}]}})", "4",
        ErrorCode::ProviderRateLimited, true, 4);
    row("details without a time", 429, R"({"error":{"details":{"retryDelay":"9s"}}})", "", ErrorCode::ProviderRateLimited,
        true, 1);
    row("a key that is none, by its reason", 400,
        R"({"error":{"message":"m","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}})", "",
        ErrorCode::ProviderAuthFailed, false, 0);
    row("too long, as Google says it", 400,
        R"({"error":{"message":"The input token count (9) exceeds the maximum number of tokens allowed (8)."}})", "",
        ErrorCode::ContextLengthExceeded, false, 0);
    row("a redirect is never followed", 302, "", "", ErrorCode::ProviderError, false, 0);
}

void tst_UpstreamFailure::mapsStatuses()
{
    QFETCH(int, status);
    QFETCH(QByteArray, body);
    QFETCH(QByteArray, retryAfter);
    const UpstreamFailure failure = failureFromStatus(status, body, retryAfterSeconds(retryAfter, {}), "key");
    QTEST(int(failure.error.code), "code");
    QTEST(failure.mayTryNext, "next");
    QTEST(failure.error.retryAfterSeconds, "wait");
    QVERIFY(!failure.error.message.isEmpty());
}

void tst_UpstreamFailure::takesKeysOutOfMessages()
{
    const QByteArray own = "own-secret-key-material";
    const auto failure = failureFromStatus(
        400, R"({"error":{"message":"bad sk-proj-abcdefghijkl and own-secret-key-material and secret-key-m only"}})", 0, own);
    QVERIFY(!failure.error.message.contains(u"abcdefghijkl"_s));
    QVERIFY(!failure.error.message.contains(u"own-secret"_s));
}

void tst_UpstreamFailure::takesAllPartsOfTheKeyOut_data()
{
    QTest::addColumn<QString>("said");
    QTest::addColumn<QString>("told");
    QTest::newRow("the whole key") << u"no own-secret-key-material, sir"_s << u"no …, sir"_s;
    QTest::newRow("a part of it behind the whole") << u"own-secret-key-material and secret-key-m only"_s << u"… and … only"_s;
    QTest::newRow("a part of it before the whole") << u"-key-material.own-secret-key-material"_s << u"….…"_s;
    QTest::newRow("parts in a row") << u"(own-secrown-secret-key-material)"_s << u"(…)"_s;
    QTest::newRow("parts of the same length") << u"own-sec, cret-ke, aterial"_s << u"…, …, …"_s;
    QTest::newRow("seven characters") << u"[own-sec]"_s << u"[…]"_s;
    QTest::newRow("six may be chance") << u"[own-se]"_s << u"[own-se]"_s;
    QTest::newRow("nothing of it") << u"a secret"_s << u"a secret"_s;
}

void tst_UpstreamFailure::takesAllPartsOfTheKeyOut()
{
    QFETCH(QString, said);
    const QByteArray body = R"({"error":{"message":")" + said.toUtf8() + R"("}})";
    QTEST(failureFromStatus(400, body, 0, "own-secret-key-material").error.message, "told");

    // The beginning of keys is no secret.
    const auto ours = failureFromStatus(400, R"({"error":{"message":"sk-ant-0123456789 or sk-ant-own-secret-key"}})", 0,
                                        "sk-ant-own-secret-key");
    QCOMPARE(ours.error.message, u"sk-ant-… or sk-ant-…"_s);
}

void tst_UpstreamFailure::longKeysAndMessagesTakeNoTime()
{
    const QByteArray key(1024, 'k');
    const QByteArray body = R"({"error":{"message":")" + QByteArray(60'000, 'm') + R"("}})";
    QElapsedTimer timer;
    timer.start();
    for (int i = 0; i < 10; ++i)
        QCOMPARE(failureFromStatus(400, body, 0, key).error.message.size(), 2000);
    QVERIFY2(timer.elapsed() < 2'000, qPrintable(QString::number(timer.elapsed())));
}

void tst_UpstreamFailure::readsRetryAfter_data()
{
    QTest::addColumn<QByteArray>("header");
    QTest::addColumn<int>("seconds");
    QTest::newRow("milliseconds win, rounded up") << "1500 ms"_ba << 2;
    QTest::newRow("none") << ""_ba << 0;
    QTest::newRow("a number") << "12"_ba << 12;
    QTest::newRow("fractions are rounded up") << "1.2"_ba << 2;
    QTest::newRow("zero is one") << "0"_ba << 1;
    QTest::newRow("never longer than an hour") << "999999999999"_ba << 3600;
    QTest::newRow("a date that has passed") << "Wed, 21 Oct 2015 07:28:00 GMT"_ba << 1;
    QTest::newRow("nonsense") << "soon"_ba << 0;
}

void tst_UpstreamFailure::readsRetryAfter()
{
    QFETCH(QByteArray, header);
    const bool isMs = header.endsWith(" ms");
    QTEST(retryAfterSeconds(isMs ? "9"_ba : header, isMs ? header.chopped(3) : QByteArray()), "seconds");
}

void tst_UpstreamFailure::mapsNetworkFailures()
{
    QCOMPARE(int(failureFromNetwork(NetError::Timeout).error.code), int(ErrorCode::ProviderTimeout));
    QCOMPARE(int(failureFromNetwork(NetError::Connect).error.code), int(ErrorCode::ProviderError));
    QVERIFY(failureFromNetwork(NetError::Connect).mayTryNext);
    QVERIFY(!failureFromNetwork(NetError::AddressRefused).mayTryNext);
}

void tst_UpstreamFailure::knowsRefusedState_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<bool>("is");
    const auto row = [](const char *message, bool is, int status = 400) {
        QTest::newRow(qPrintable(u"%1 %2"_s.arg(status).arg(QLatin1StringView(message))))
            << status << QByteArray(R"({"type":"error","error":{"message":")").append(message) + R"("}})" << is;
    };
    row("messages.1.content.0: Invalid `signature` in `thinking` block", true);
    row("Expected `thinking` or `redacted_thinking`, but found `tool_use`.", true);
    row("The prefix of this conversation has changed.", true);
    row("Corrupted thought signature.", true);
    row("The encrypted content gAAA... could not be verified.", true);
    row("no", false);
    row("Invalid signature", false, 401);
    row("Invalid signature", false, 500);
    QTest::newRow("by its code") << 400 << R"({"error":{"message":"m","code":"invalid_encrypted_content"}})"_ba << true;
    QTest::newRow("a page about something else") << 400 << "<html>thinking</html>"_ba << false;
}

void tst_UpstreamFailure::knowsRefusedState()
{
    QFETCH(int, status);
    QFETCH(QByteArray, body);
    QFETCH(bool, is);
    QCOMPARE(refusesState({ .status = status, .body = body }), is);
}

QTEST_APPLESS_MAIN(tst_UpstreamFailure)
#include "tst_upstreamfailure.moc"
