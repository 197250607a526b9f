// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/clock.h"
#include "http/answerhead.h"
#include "http/errorbody.h"
#include "unit/http/recordingexchange.h"

#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtCore/QUuid>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_ErrorBody : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void saysWhatTheContractSays_data();
    void saysWhatTheContractSays();
    void escapesMessages();
    void answersAnExchange();
    void writesAWholeClosingAnswer();
    void writesDates();
};

void tst_ErrorBody::saysWhatTheContractSays_data()
{
    QTest::addColumn<Error>("error");
    QTest::addColumn<int>("status");
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<HttpHeaders>("headers");
    QTest::newRow("an error has type, code, message and no param")
        << Error{ErrorCode::BudgetExhausted, u"No balance."_s} << 402
        << QByteArray(
               R"({"error":{"type":"payment_required","code":"budget_exhausted","message":"No balance.","param":null}})")
        << HttpHeaders{};
    QTest::newRow("a validation error names the field")
        << Error{ErrorCode::ValidationError, u"Too long."_s, u"metadata.name"_s} << 422
        << QByteArray(
               R"({"error":{"type":"validation_error","code":"validation_error","message":"Too long.","param":"metadata.name"}})")
        << HttpHeaders{};
    QTest::newRow("a missing key is told which scheme to use")
        << Error{ErrorCode::Unauthorized, u"No."_s} << 401
        << QByteArray(R"({"error":{"type":"unauthorized","code":"unauthorized","message":"No.","param":null}})")
        << HttpHeaders{{"www-authenticate", "Bearer"}};
    QTest::newRow("a rate limit says who refused and until when")
        << Error{ErrorCode::RateLimitExceeded, u"Slow down."_s, {}, 7, u"eu_rpm"_s} << 429
        << QByteArray(R"({"error":{"type":"rate_limit_exceeded","code":"rate_limit_exceeded","message":"Slow down.",)"
                      R"("param":null,"denied_by":"eu_rpm","retry_after":7}})")
        << HttpHeaders{{"retry-after", "7"}};
    QTest::newRow("an outage says when to come back, in the header only")
        << Error{ErrorCode::DatabaseUnavailable, u"Later."_s, {}, 1} << 503
        << QByteArray(
               R"({"error":{"type":"service_unavailable","code":"database_unavailable","message":"Later.","param":null}})")
        << HttpHeaders{{"retry-after", "1"}};
    QTest::newRow("what must not be repeated says so")
        << Error{ErrorCode::IdempotencyConflict, u"Other body."_s, {}, 0, {}, false} << 409
        << QByteArray(
               R"({"error":{"type":"conflict","code":"idempotency_conflict","message":"Other body.","param":null}})")
        << HttpHeaders{{"x-should-retry", "false"}};
}

void tst_ErrorBody::saysWhatTheContractSays()
{
    QFETCH(const Error, error);
    QTEST(errorStatus(error), "status");
    QTEST(errorBody(error), "body");
    QTEST(errorHeaders(error), "headers");
}

void tst_ErrorBody::escapesMessages()
{
    const QString message = u"\"quoted\" \\ \n und Umlaute äöü"_s;
    const auto document = QJsonDocument::fromJson(errorBody({ErrorCode::InvalidJson, message}));
    QCOMPARE(document["error"_L1]["message"_L1].toString(), message);
}

void tst_ErrorBody::answersAnExchange()
{
    RecordingExchange exchange;
    const Error error{ErrorCode::RateLimitExceeded, u"Slow down."_s, {}, 7, u"eu_rpd"_s, false};
    replyError(exchange, error);
    QCOMPARE(exchange.status, 429);
    QCOMPARE(exchange.body, errorBody(error));
    QCOMPARE(exchange.headers, (HttpHeaders{{"retry-after", "7"}, {"x-should-retry", "false"}}));
}

void tst_ErrorBody::writesAWholeClosingAnswer()
{
    const Error error{ErrorCode::TooManyConnections, u"Too many connections."_s, {}, 1};
    const QByteArray answer = closingAnswer(error);
    QVERIFY(answer.startsWith("HTTP/1.1 503 Service Unavailable\r\n"));
    QVERIFY(answer.endsWith("\r\n\r\n" + errorBody(error)));
    QVERIFY(answer.contains("\r\nconnection: close\r\n"));
    QVERIFY(answer.contains("\r\nretry-after: 1\r\n"));
    QVERIFY(answer.contains("\r\ncontent-length: " + QByteArray::number(errorBody(error).size()) + "\r\n"));
    const qsizetype id = answer.indexOf("x-request-id: ") + 14;
    QVERIFY(!QUuid::fromString(QLatin1StringView(answer.sliced(id, 36))).isNull());
}

void tst_ErrorBody::writesDates()
{
    QCOMPARE(httpDate(Timestamp::fromMs(784'111'777'999)), QByteArray("Sun, 06 Nov 1994 08:49:37 GMT"));
}

QTEST_APPLESS_MAIN(tst_ErrorBody)
#include "tst_errorbody.moc"
