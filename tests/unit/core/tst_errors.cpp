// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/errors.h"
#include "core/result.h"

#include <QtCore/QSet>
#include <QtTest/QtTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

// The last name of the enumeration: all codes lie between 0 and it.
constexpr int LastCode = int(ErrorCode::RequestTimeout);

} // namespace

class tst_Errors : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void everyCodeHasExactlyOneRow();
    void wordsAndTypesAreWellFormed();
    void aStatusBelongsToOneType();
    void contract_data();
    void contract();
    void aResultHoldsEither();
    void aResultWithoutValue();
};

void tst_Errors::everyCodeHasExactlyOneRow()
{
    QCOMPARE(errorRows().size(), size_t(LastCode + 1));
    QSet<QString> pairs;
    for (int i = 0; i <= LastCode; ++i) {
        const ErrorRow &row = errorRow(ErrorCode(i));
        QVERIFY2(int(row.code) == i, qPrintable(u"code %1 has no row"_s.arg(i)));
        const QString pair = QString::number(row.status) + u' ' + row.word;
        QVERIFY2(!pairs.contains(pair), qPrintable(pair + u" belongs to two codes"_s));
        pairs.insert(pair);
    }
}

void tst_Errors::wordsAndTypesAreWellFormed()
{
    const QRegularExpression snake(u"^[a-z]+(_[a-z]+)*$"_s);
    for (int i = 0; i <= LastCode; ++i) {
        const ErrorRow &row = errorRow(ErrorCode(i));
        QVERIFY2(row.status >= 400 && row.status < 600, qPrintable(QString(row.word)));
        QVERIFY2(snake.match(row.word).hasMatch(), qPrintable(QString(row.word)));
        QVERIFY2(snake.match(row.type).hasMatch(), qPrintable(QString(row.type)));
    }
}

void tst_Errors::aStatusBelongsToOneType()
{
    QHash<int, QString> typeOf;
    for (int i = 0; i <= LastCode; ++i) {
        const ErrorRow &row = errorRow(ErrorCode(i));
        if (typeOf.contains(row.status))
            QCOMPARE(QString(row.type), typeOf[row.status]);
        typeOf[row.status] = row.type;
    }
}

void tst_Errors::contract_data()
{
    QTest::addColumn<ErrorCode>("code");
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("type");
    QTest::addColumn<QString>("word");
    // The pairs that clients branch on (docs/contract/errors.md).
    QTest::newRow("key") << ErrorCode::Unauthorized << 401 << u"unauthorized"_s << u"unauthorized"_s;
    QTest::newRow("key type") << ErrorCode::Forbidden << 403 << u"forbidden"_s << u"forbidden"_s;
    QTest::newRow("suspended") << ErrorCode::BudgetSuspended << 402 << u"payment_required"_s << u"budget_suspended"_s;
    QTest::newRow("exhausted") << ErrorCode::BudgetExhausted << 402 << u"payment_required"_s << u"budget_exhausted"_s;
    QTest::newRow("wallet") << ErrorCode::WalletInsufficient << 402 << u"payment_required"_s << u"wallet_insufficient"_s;
    QTest::newRow("model") << ErrorCode::ModelNotFound << 404 << u"not_found"_s << u"model_not_found"_s;
    QTest::newRow("route") << ErrorCode::RouteNotFound << 404 << u"not_found"_s << u"not_found"_s;
    QTest::newRow("idempotency") << ErrorCode::IdempotencyConflict << 409 << u"conflict"_s << u"idempotency_conflict"_s;
    QTest::newRow("validation") << ErrorCode::ValidationError << 422 << u"validation_error"_s << u"validation_error"_s;
    QTest::newRow("minimum") << ErrorCode::IntegerBelowMinimum << 422 << u"validation_error"_s << u"integer_below_min_value"_s;
    QTest::newRow("rate") << ErrorCode::RateLimitExceeded << 429 << u"rate_limit_exceeded"_s << u"rate_limit_exceeded"_s;
    QTest::newRow("internal") << ErrorCode::Internal << 500 << u"internal_error"_s << u"internal_error"_s;
    QTest::newRow("database") << ErrorCode::DatabaseUnavailable << 503 << u"service_unavailable"_s << u"database_unavailable"_s;
    QTest::newRow("timeout") << ErrorCode::ProviderTimeout << 504 << u"upstream_timeout"_s << u"provider_timeout"_s;
}

void tst_Errors::contract()
{
    QFETCH(ErrorCode, code);
    const ErrorRow &row = errorRow(code);
    QTEST(row.status, "status");
    QTEST(QString(row.type), "type");
    QTEST(QString(row.word), "word");
}

void tst_Errors::aResultHoldsEither()
{
    const Result<QString> value = u"text"_s;
    QVERIFY(value.ok());
    QCOMPARE(*value, u"text"_s);
    QCOMPARE(value->size(), 4);

    const Result<QString> failure = Error { ErrorCode::ModelNotFound, u"No such model."_s };
    QVERIFY(!failure);
    QCOMPARE(failure.error().code, ErrorCode::ModelNotFound);
    QVERIFY(failure.error().mayRepeat);

    Result<std::unique_ptr<int>> moveOnly = std::make_unique<int>(7);
    QCOMPARE(*std::unique_ptr<int>(*std::move(moveOnly)), 7);
}

void tst_Errors::aResultWithoutValue()
{
    QVERIFY(Result<void>().ok());
    const Result<void> failure = Error { .code = ErrorCode::ShuttingDown };
    QVERIFY(!failure);
    QCOMPARE(failure.error(), (Error { .code = ErrorCode::ShuttingDown }));
}

QTEST_APPLESS_MAIN(tst_Errors)
#include "tst_errors.moc"
