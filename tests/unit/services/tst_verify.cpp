// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "ledger/settlementstore.h"
#include "services/pairing.h"
#include "services/services.h"
#include "services/verify.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

/// verifyBooks() on books with everything in them: silent while they are right, and naming the row for every way to
/// spoil them.
class tst_Verify : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }

    void healthyBooksPass();
    void corruptions_data();
    void corruptions();
    void swappedRowsAreNamed();
    void saysSoInJson();
    void stopsAtAsMuchAsAnybodyReads();
    void pairsInSeveralRounds();
};

namespace {

constexpr Money dollars(qint64 amount)
{
    return Money::fromMicros(amount * 1'000'000);
}

/// Two platforms with every kind of row that can come to be.
class Books
{
public:
    ScratchDatabase scratch{ScratchDatabase::currentDialect()};
    Services services{scratch.context()};
    PlatformId acme = platform(u"acme"_s, R"({"default_budget_usd": 5})");
    PlatformId other = platform(u"other"_s, "{}");
    EndUserId alice = user(acme, u"alice"_s);
    EndUserId bob = user(acme, u"bob"_s);
    EndUserId carol = user(acme, u"carol"_s);
    EndUserId gone = user(acme, u"gone"_s);
    EndUserId free = user(other, u"free"_s); // without a budget
    EndUserId zoe = user(other, u"zoe"_s);

    Books()
    {
        book(acme, WalletRowType::TopUp, dollars(100));
        book(acme, WalletRowType::Refund, dollars(2));
        book(acme, WalletRowType::Adjustment, -dollars(1));
        book(other, WalletRowType::TopUp, dollars(50));

        write([&] { // replaces the automatic budget
            return services.budgets.create(acme, alice,
                                           {.max = dollars(10),
                                            .period = BudgetPeriod::Monthly,
                                            .autoReplenish = true,
                                            .replenishAmount = dollars(8),
                                            .lowBalanceThreshold = dollars(1)},
                                           {});
        });
        write([&] { return services.budgets.create(other, zoe, {.max = dollars(3)}, {}); });
        once(u"topup"_s, alice, &Budgets::topUp, dollars(5));
        once(u"debit"_s, alice, &Budgets::debit, dollars(2));
        suspend(alice, true);
        suspend(alice, false);
        call(acme, alice, Money::fromMicros(9));
        call(acme, alice, Money()); // a model without a price
        call(acme, alice, dollars(12)); // reaches the threshold
        call(acme, alice, Money::fromMicros(7), false);
        call(acme, {}, Money::fromMicros(30)); // with the platform's key
        call(other, free, Money::fromMicros(11));
        call(other, zoe, Money::fromMicros(13));

        // Words of clients are only words.
        write([&] { return services.budgets.topUp(acme, bob, dollars(1), {.reason = u"period_reset"_s}, {}); });
        call(acme, bob, Money::fromMicros(5));
        // Deactivated while a call runs, opened anew, deactivated and woken up.
        write([&] { return services.budgets.deactivate(acme, carol, {}); });
        call(acme, carol, Money::fromMicros(21));
        write([&] { return services.budgets.create(acme, carol, {.max = dollars(4)}, {}); });
        call(acme, carol, Money::fromMicros(22));
        write([&] { return services.budgets.deactivate(acme, carol, {}); });
        write(
            [&] { return services.budgets.patch(acme, carol, {.period = BudgetPeriod::Daily, .isActive = true}, {}); });

        call(acme, gone, Money::fromMicros(40));
        const BudgetId budgetOfGone = budget(gone);
        write([&] { return services.endUsers.remove(acme, gone); });
        call(acme, gone, Money::fromMicros(41), true, budgetOfGone); // it ran while its user was deleted

        // More than two months later: one reset, however many boundaries were missed.
        scratch.clock.advanceMs(70LL * 24 * 3600 * 1000);
        call(acme, alice, Money::fromMicros(17));
        write([&] { return services.budgets.resetDue(100); });
        write([&] {
            return services.budgets.patch(acme, alice, {.max = dollars(20), .lowBalanceThreshold = {{dollars(30)}}},
                                          {});
        });
        write([&] { return services.wallets.topUp(acme, dollars(1), u"last"_s, {}); });
        const PlatformId closed = platform(u"closed"_s, "{}");
        call(closed, user(closed, u"somebody"_s), Money::fromMicros(3));
        write([&] { return services.platforms.remove(closed); });
    }

    VerifyReport verify()
    {
        Transaction snapshot(scratch.db());
        return valueOf(verifyBooks(scratch.db()));
    }

    /// The only column of the only row.
    QString text(const QString &sql)
    {
        Query query = scratch.db().prepare(sql);
        mustSucceed(query.exec());
        if (!query.next())
            qFatal("no row: %s", qUtf8Printable(sql));
        return query.text(0);
    }
    void run(const QString &sql) { mustSucceed(scratch.db().run(sql)); }

    /// {alice} and the like become quoted ids.
    QString named(QString sql)
    {
        for (const auto &[name, id] :
             std::initializer_list<std::pair<QString, QString>>{{u"{acme}"_s, acme.toString()},
                                                                {u"{other}"_s, other.toString()},
                                                                {u"{alice}"_s, alice.toString()},
                                                                {u"{bob}"_s, bob.toString()},
                                                                {u"{carol}"_s, carol.toString()},
                                                                {u"{gone}"_s, gone.toString()},
                                                                {u"{zoe}"_s, zoe.toString()}})
            sql.replace(name, u'\'' + id + u'\'');
        return sql;
    }

private:
    template <typename Fn> void write(Fn fn) { (void)wrote(fn); }
    template <typename Fn> auto wrote(Fn fn)
    {
        scratch.clock.advanceMs(1);
        return valueOrVoid(scratch.attempt(fn));
    }
    template <typename T> static T valueOrVoid(Result<T> result) { return valueOf(std::move(result)); }
    static int valueOrVoid(const Result<void> &result)
    {
        mustSucceed(result);
        return 0;
    }

    PlatformId platform(const QString &slug, const QByteArray &settings)
    {
        return wrote([&] { return services.platforms.create({.name = slug, .slug = slug, .settings = settings}); })
            .platform.id;
    }
    EndUserId user(const PlatformId &platform, const QString &externalId)
    {
        return wrote([&] { return services.endUsers.create(platform, {.externalId = externalId}); }).user.id;
    }
    void book(const PlatformId &platform, WalletRowType type, Money amount)
    {
        write([&] { return services.wallets.adjust(platform, type, amount, {}, {}); });
    }
    void suspend(const EndUserId &user, bool isSuspended)
    {
        write([&] { return services.budgets.patch(acme, user, {.isSuspended = isSuspended}, {}); });
    }
    /// With a key and the answer that is kept for it.
    void once(const QString &key, const EndUserId &user,
              Result<BudgetWrite> (Budgets::*booking)(const PlatformId &, const EndUserId &, Money, const LedgerNote &,
                                                      const Actor &),
              Money amount)
    {
        write([&]() -> Result<void> {
            const auto booked = (services.budgets.*booking)(acme, user, amount, {}, {.idempotencyKey = key});
            if (!booked)
                return booked.error();
            return services.idempotency.store(
                acme, key, user, {u"f"_s, 200, R"({"id":")" + booked->row->id.toString().toUtf8() + "\"}"});
        });
    }
    BudgetId budget(const EndUserId &user)
    {
        Query query = scratch.db().prepare(u"SELECT id FROM budgets WHERE end_user_id = ?"_s);
        mustSucceed(query.bind(user).exec());
        return query.next() ? query.id<BudgetId>(0) : BudgetId();
    }
    void call(const PlatformId &platform, const EndUserId &user, Money cost, bool isBillable = true,
              const BudgetId &on = {})
    {
        Settlement s;
        s.id = LogRowId::create();
        s.platform = platform;
        s.endUser = user;
        s.budget = on.isNull() ? budget(user) : on;
        s.requestId = "request";
        s.requestType = "chat.completion";
        s.modelSlug = "m";
        s.providerModelId = "m";
        s.cost = cost;
        s.isBillable = isBillable;
        s.status = isBillable ? CallStatus::Success : CallStatus::Error;
        s.metadata = "{}";
        s.createdAt = scratch.clock.now();
        write([&] { return SettlementStore(scratch.context(), services.budgets).apply({&s}); });
    }
};

QString ledgerRow(const QString &user, const QString &which)
{
    return u"SELECT id FROM budget_transactions WHERE end_user_id = %1 AND %2 ORDER BY seq LIMIT 1"_s.arg(user, which);
}

QString walletRow(const QString &which)
{
    return u"SELECT id FROM wallet_transactions WHERE platform_id = {acme} AND %1 ORDER BY seq LIMIT 1"_s.arg(which);
}

QString logRow(const QString &which)
{
    return u"SELECT id FROM request_logs WHERE %1 ORDER BY seq LIMIT 1"_s.arg(which);
}

const QString BudgetOfAlice = u"SELECT id FROM budgets WHERE end_user_id = {alice}"_s;
const QString WalletOfAcme = u"SELECT id FROM wallets WHERE platform_id = {acme}"_s;

} // namespace

void tst_Verify::healthyBooksPass()
{
    Books books;
    const VerifyReport report = books.verify();
    QVERIFY2(report.ok(), report.toJson().constData());
    QCOMPARE(report.wallets, 2);
    QCOMPARE(report.budgets, 4);
    QCOMPARE(report.rows,
             books
                 .text(u"SELECT (SELECT count(*) FROM budget_transactions) + (SELECT count(*) FROM request_logs) "
                       "+ (SELECT count(*) FROM wallet_transactions)"_s)
                 .toLongLong());
}

void tst_Verify::corruptions_data()
{
    QTest::addColumn<QString>("table");
    QTest::addColumn<QString>("row"); // selects what must be named, before it is spoiled
    QTest::addColumn<QString>("spoil");
    const auto ledger = [](const char *name, const QString &row, const QString &spoil) {
        QTest::newRow(name) << u"budget_transactions"_s << row << spoil;
    };
    const auto wallet = [](const char *name, const QString &row, const QString &spoil) {
        QTest::newRow(name) << u"wallet_transactions"_s << row << spoil;
    };
    const auto log = [](const char *name, const QString &row, const QString &spoil) {
        QTest::newRow(name) << u"request_logs"_s << row << spoil;
    };
    const auto budgets = [](const char *name, const QString &spoil) {
        QTest::newRow(name) << u"budgets"_s << BudgetOfAlice << spoil;
    };
    const QString callOfAlice = ledgerRow(u"{alice}"_s, u"amount = 9"_s);
    const QString removeLedgerRow = u"DELETE FROM budget_transactions WHERE end_user_id = {alice} AND "_s;

    ledger("amount of a ledger row", ledgerRow(u"{alice}"_s, u"type = 'topup'"_s),
           u"UPDATE budget_transactions SET amount = amount + 1 WHERE id = {row}"_s);
    ledger("amount of a call's debit", callOfAlice,
           u"UPDATE budget_transactions SET amount = amount - 1 WHERE id = {row}"_s);
    ledger("limit after a ledger row", callOfAlice,
           u"UPDATE budget_transactions SET max_after = max_after + 1 WHERE id = {row}"_s);
    ledger("use after a ledger row", callOfAlice,
           u"UPDATE budget_transactions SET used_after = used_after + 1 WHERE id = {row}"_s);
    ledger("type of a ledger row", ledgerRow(u"{alice}"_s, u"type = 'topup'"_s),
           u"UPDATE budget_transactions SET type = 'debit' WHERE id = {row}"_s);
    ledger("first ledger row removed", ledgerRow(u"{alice}"_s, u"type <> 'opening'"_s),
           removeLedgerRow + u"type = 'opening'"_s);
    ledger("ledger row in the middle removed", ledgerRow(u"{alice}"_s, u"type = 'debit'"_s),
           removeLedgerRow + u"type = 'topup'"_s);
    ledger("ledger row that moved no money removed", ledgerRow(u"{alice}"_s, u"reason = 'unsuspended'"_s),
           removeLedgerRow + u"reason = 'suspended'"_s);
    QTest::newRow("last ledger row removed")
        << u"budgets"_s << BudgetOfAlice
        << removeLedgerRow + u"seq = (SELECT max(seq) FROM budget_transactions WHERE end_user_id = {alice})"_s;
    QTest::newRow("all ledger rows removed")
        << u"budgets"_s << u"SELECT id FROM budgets WHERE end_user_id = {zoe}"_s
        << u"DELETE FROM budget_transactions WHERE end_user_id = {zoe}; DELETE FROM request_logs WHERE end_user_id = "
           u"{zoe}; "
           "UPDATE wallets SET balance = balance + 13 WHERE platform_id = {other}; "
           "DELETE FROM wallet_transactions WHERE end_user_id = {zoe}"_s;
    ledger(
        "ledger row given to another budget", callOfAlice,
        u"UPDATE budget_transactions SET budget_id = (SELECT id FROM budgets WHERE end_user_id = {bob}) WHERE id = {row}"_s);
    ledger("ledger row given to another user", callOfAlice,
           u"UPDATE budget_transactions SET end_user_id = {bob} WHERE id = {row}"_s);
    ledger("ledger row given to another platform", callOfAlice,
           u"UPDATE budget_transactions SET platform_id = {other} WHERE id = {row}"_s);
    ledger("ledger row left over from a deleted user", callOfAlice,
           u"UPDATE budget_transactions SET end_user_id = {gone}, budget_id = 'b' WHERE id = {row}"_s);
    ledger("debit of another call", callOfAlice,
           u"UPDATE budget_transactions SET metadata = '{\"log_id\":\"none\"}' WHERE id = {row}"_s);
    ledger(
        "debit without its call in wallet and log",
        u"SELECT id FROM budget_transactions WHERE end_user_id = {bob} AND source = 'inference'"_s,
        u"UPDATE wallet_transactions SET balance_after = balance_after + 5 WHERE platform_id = {acme} AND seq > "
        u"(SELECT seq FROM "
        "wallet_transactions WHERE end_user_id = {bob} AND amount = 5); "
        "DELETE FROM wallet_transactions WHERE end_user_id = {bob} AND amount = 5; "
        "UPDATE wallets SET balance = balance + 5 WHERE platform_id = {acme}; DELETE FROM request_logs WHERE end_user_id = {bob}"_s);
    ledger("second debit of one call", ledgerRow(u"{alice}"_s, u"amount = 0 AND type = 'debit'"_s),
           u"UPDATE budget_transactions SET metadata = (SELECT t.metadata FROM budget_transactions t WHERE "
           u"t.end_user_id = {alice} "
           "AND t.amount = 9), amount = 0 WHERE id = {row}"_s);
    ledger("one key on two rows", ledgerRow(u"{alice}"_s, u"amount = 2000000"_s),
           u"UPDATE budget_transactions SET idempotency_key = 'topup' WHERE id = {row}"_s);
    ledger("key without its kept answer", ledgerRow(u"{alice}"_s, u"idempotency_key = 'debit'"_s),
           u"DELETE FROM idempotency_records WHERE idempotency_key = 'debit'"_s);
    ledger("kept answer about another row", ledgerRow(u"{alice}"_s, u"idempotency_key = 'debit'"_s),
           u"UPDATE idempotency_records SET body = '{}' WHERE idempotency_key = 'debit'"_s);

    budgets("use of a budget", u"UPDATE budgets SET used_usd = used_usd - 1 WHERE id = {row}"_s);
    budgets("limit of a budget", u"UPDATE budgets SET max_usd = max_usd + 1 WHERE id = {row}"_s);
    budgets("suspension of a budget", u"UPDATE budgets SET is_suspended = TRUE WHERE id = {row}"_s);
    budgets("budget switched off", u"UPDATE budgets SET is_active = FALSE WHERE id = {row}"_s);
    budgets("alarm armed below its threshold", u"UPDATE budgets SET is_armed = TRUE WHERE id = {row}"_s);
    budgets("alarm armed without a threshold",
            u"UPDATE budgets SET is_armed = TRUE, low_balance_threshold = NULL WHERE id = {row}"_s);
    budgets("alarm not armed above its threshold", u"UPDATE budgets SET low_balance_threshold = 1 WHERE id = {row}"_s);
    budgets("budget of another platform's user",
            u"UPDATE budgets SET platform_id = {other} WHERE id = {row}; "
            "UPDATE budget_transactions SET platform_id = {other} WHERE budget_id = {row}"_s);

    QTest::newRow("balance of a wallet") << u"wallets"_s << WalletOfAcme
                                         << u"UPDATE wallets SET balance = balance + 1 WHERE id = {row}"_s;
    QTest::newRow("wallet without transactions")
        << u"wallets"_s << WalletOfAcme
        << u"DELETE FROM wallet_transactions WHERE platform_id = {acme}; DELETE FROM budget_transactions WHERE "
           u"platform_id = {acme}; "
           "DELETE FROM budgets WHERE platform_id = {acme}; DELETE FROM request_logs WHERE platform_id = {acme}"_s;
    QTest::newRow("platform without a wallet")
        << u"platforms"_s << u"SELECT id FROM platforms WHERE id = {other}"_s
        << u"DELETE FROM wallet_transactions WHERE platform_id = {other}; DELETE FROM wallets WHERE platform_id = {other}"_s;
    wallet("amount of a top-up", walletRow(u"type = 'top_up'"_s),
           u"UPDATE wallet_transactions SET amount = amount + 1 WHERE id = {row}"_s);
    wallet("amount of a charge", walletRow(u"amount = 9"_s),
           u"UPDATE wallet_transactions SET amount = 10 WHERE id = {row}"_s);
    wallet("balance after a transaction", walletRow(u"amount = 9"_s),
           u"UPDATE wallet_transactions SET balance_after = balance_after + 1 WHERE id = {row}"_s);
    wallet("sign of an adjustment", walletRow(u"type = 'adjustment'"_s),
           u"UPDATE wallet_transactions SET amount = -amount WHERE id = {row}"_s);
    wallet("first transaction removed", walletRow(u"type = 'refund'"_s),
           u"DELETE FROM wallet_transactions WHERE platform_id = {acme} AND amount = 100000000"_s);
    wallet("transaction in the middle removed", walletRow(u"type = 'adjustment'"_s),
           u"DELETE FROM wallet_transactions WHERE platform_id = {acme} AND type = 'refund'"_s);
    QTest::newRow("last transaction removed")
        << u"wallets"_s << WalletOfAcme
        << u"DELETE FROM wallet_transactions WHERE platform_id = {acme} AND description = 'last'"_s;
    wallet("transaction given to another platform", walletRow(u"amount = 9"_s),
           u"UPDATE wallet_transactions SET platform_id = {other} WHERE id = {row}"_s);
    wallet(
        "transaction given to another wallet", walletRow(u"amount = 9"_s),
        u"UPDATE wallet_transactions SET wallet_id = (SELECT id FROM wallets WHERE platform_id = {other}) WHERE id = {row}"_s);
    wallet("transaction left over from a deleted user", walletRow(u"amount = 9"_s),
           u"UPDATE wallet_transactions SET end_user_id = {gone} WHERE id = {row}"_s);
    wallet(
        "charge without its log row", walletRow(u"amount = 9"_s),
        u"DELETE FROM budget_transactions WHERE end_user_id = {zoe} AND amount = 9; DELETE FROM request_logs WHERE cost = 9"_s);
    wallet(
        "charge of another call", walletRow(u"amount = 0"_s),
        u"UPDATE wallet_transactions SET reference = (SELECT id FROM request_logs WHERE cost = 9) WHERE id = {row}"_s);

    log("cost of a log row", logRow(u"cost = 9"_s), u"UPDATE request_logs SET cost = 10 WHERE id = {row}"_s);
    log("cost of a call nobody can be billed for", logRow(u"billing_status = 'not_billable'"_s),
        u"UPDATE request_logs SET cost = 1 WHERE id = {row}"_s);
    log("billed call without its charge", logRow(u"cost = 5"_s),
        u"UPDATE wallet_transactions SET balance_after = balance_after + 5 WHERE platform_id = {acme} AND seq > "
        u"(SELECT seq FROM "
        "wallet_transactions WHERE end_user_id = {bob} AND amount = 5); "
        "DELETE FROM wallet_transactions WHERE end_user_id = {bob} AND amount = 5; "
        "UPDATE wallets SET balance = balance + 5 WHERE platform_id = {acme}"_s);
    log("free call without its charge", logRow(u"cost = 0 AND billing_status = 'billed'"_s),
        u"DELETE FROM wallet_transactions WHERE amount = 0"_s);
    log("log row given to another user", logRow(u"cost = 9"_s),
        u"UPDATE request_logs SET end_user_id = {bob} WHERE id = {row}"_s);
    log("log row given to another platform", logRow(u"cost = 9"_s),
        u"UPDATE request_logs SET platform_id = {other} WHERE id = {row}"_s);
    log("log row left over from a deleted user", logRow(u"cost = 9"_s),
        u"UPDATE request_logs SET end_user_id = {gone} WHERE id = {row}"_s);
    log("call that is logged twice", logRow(u"cost = 9"_s),
        u"UPDATE request_logs SET id = {row} WHERE billing_status = 'not_billable'"_s);

    QTest::newRow("key of another platform's user")
        << u"api_keys"_s << u"SELECT id FROM api_keys WHERE end_user_id = {alice}"_s
        << u"UPDATE api_keys SET platform_id = {other} WHERE id = {row}"_s;
    QTest::newRow("kept answer of another platform's user")
        << u"idempotency_records"_s << u"SELECT 'spare'"_s
        << u"INSERT INTO idempotency_records VALUES ({acme}, {row}, {zoe}, 'f', 200, '{}', 1)"_s;
    const QString storeResponse = u"INSERT INTO responses (id, platform_id, owner_id, status, model, item_bytes, created_at, "
                                  "expires_at, body) VALUES ({row}, {acme}, %1, 'completed', 'm', 2, 1, 2, '{}')"_s;
    QTest::newRow("stored response of another platform's user")
        << u"responses"_s << u"SELECT 'resp_1'"_s << storeResponse.arg(u"{zoe}"_s);
    QTest::newRow("stored response left over from a deleted user")
        << u"responses"_s << u"SELECT 'resp_1'"_s << storeResponse.arg(u"{gone}"_s);
    QTest::newRow("stored item of another user")
        << u"response_items"_s << u"SELECT 'resp_1'"_s
        << storeResponse.arg(u"{alice}"_s)
            + u"; INSERT INTO response_items (response_id, place, owner_id, direction, item) "
              "VALUES ({row}, 0, {bob}, 'input', '{}')"_s;
}

void tst_Verify::corruptions()
{
    QFETCH(QString, table);
    QFETCH(QString, row);
    QFETCH(QString, spoil);
    Books books;
    const QString id = books.text(books.named(row));
    for (QString statement : spoil.split(u"; "_s))
        books.run(books.named(statement.replace(u"{row}"_s, u'\'' + id + u'\'')));

    const VerifyReport report = books.verify();
    QVERIFY(!report.ok());
    const BrokenRule &first = report.broken.constFirst();
    QVERIFY2(first.table == table && first.row == id, report.toJson().constData());
    QVERIFY(!first.rule.isEmpty() && first.detail.endsWith(u'.') && !first.detail.contains(u'%'));
}

void tst_Verify::swappedRowsAreNamed()
{
    for (const auto &[table, after, owner] :
         {std::tuple{u"budget_transactions"_s, u"used_after"_s, u"end_user_id = {alice}"_s},
          std::tuple{u"wallet_transactions"_s, u"balance_after"_s, u"platform_id = {acme}"_s}}) {
        Books books;
        const QString earlier =
            books.text(books.named(u"SELECT id FROM %1 WHERE %2 AND amount = 9"_s.arg(table, owner)));
        const QString later =
            books.text(books.named(u"SELECT id FROM %1 WHERE %2 AND amount = 12000000"_s.arg(table, owner)));
        const auto valueIn = [&](const QString &id) {
            return books.text(u"SELECT %1 FROM %2 WHERE id = '%3'"_s.arg(after, table, id));
        };
        const QString first = valueIn(earlier);
        const QString second = valueIn(later);
        books.run(u"UPDATE %1 SET %2 = %3 WHERE id = '%4'"_s.arg(table, after, second, earlier));
        books.run(u"UPDATE %1 SET %2 = %3 WHERE id = '%4'"_s.arg(table, after, first, later));
        const VerifyReport report = books.verify();
        QVERIFY(!report.ok());
        QCOMPARE(report.broken.constFirst().row, earlier);
        QVERIFY(std::any_of(report.broken.begin(), report.broken.end(),
                            [&](const BrokenRule &b) { return b.row == later; }));
    }
}

void tst_Verify::saysSoInJson()
{
    Books books;
    QCOMPARE(QJsonDocument::fromJson(books.verify().toJson()).object().value(u"ok"_s), QJsonValue(true));
    books.run(u"UPDATE wallets SET balance = balance + 1"_s);
    const QJsonObject report = QJsonDocument::fromJson(books.verify().toJson()).object();
    QCOMPARE(report.value(u"ok"_s), QJsonValue(false));
    QCOMPARE(report.value(u"broken"_s).toArray().size(), 2);
    const QJsonObject first = report.value(u"broken"_s).toArray().at(0).toObject();
    QCOMPARE(first.keys(), QStringList({u"detail"_s, u"row"_s, u"rule"_s, u"table"_s}));
    QCOMPARE(first.value(u"table"_s).toString(), u"wallets"_s);
}

void tst_Verify::stopsAtAsMuchAsAnybodyReads()
{
    Books books;
    for (int i = 0; i < 150; ++i) {
        books.run(u"INSERT INTO request_logs (id, platform_id, request_id, request_type, prompt_tokens, "
                  u"completion_tokens, latency_ms, "
                  "cost, status, token_count_method, billing_status, metadata, created_at) VALUES ('%1', '%2', 'r', "
                  "'c', 0, 0, 0, 1, "
                  "'success', 'none', 'billed', '{}', 1)"_s.arg(QString::number(i), books.acme.toString()));
    }
    QCOMPARE(books.verify().broken.size(), Findings::Most);
}

void tst_Verify::pairsInSeveralRounds()
{
    Books books;
    const QString logs =
        u"SELECT id, id, cost, platform_id FROM request_logs WHERE billing_status = 'billed' ORDER BY seq"_s;
    const QString charges =
        u"SELECT id, reference, amount, platform_id FROM wallet_transactions WHERE type = 'llm_usage' ORDER BY seq"_s;
    const Pairing pairing{.rule = u"both agree"_s,
                          .left = {u"request_logs"_s, u"log row"_s, logs},
                          .right = {u"wallet_transactions"_s, u"wallet transaction"_s, charges}};
    const qint64 calls = books.scratch.number(u"SELECT count(*) FROM request_logs WHERE billing_status = 'billed'"_s);
    QVERIFY(calls > 10);
    for (const qint64 perRound : {qint64(1), qint64(3), PairsPerRound}) {
        Findings healthy;
        QCOMPARE(valueOf(checkPairs(books.scratch.db(), pairing, healthy, perRound)), calls);
        QVERIFY(healthy.broken().isEmpty());
    }
    books.run(u"UPDATE request_logs SET cost = cost + 1 WHERE cost IN (9, 13)"_s);
    books.run(u"UPDATE wallet_transactions SET reference = 'nothing' WHERE amount = 30"_s);
    for (const qint64 perRound : {qint64(1), qint64(3), PairsPerRound}) {
        Findings broken;
        QCOMPARE(valueOf(checkPairs(books.scratch.db(), pairing, broken, perRound)), calls);
        QCOMPARE(broken.broken().size(), 4); // two amounts, a call without a charge, a charge without a call
    }
}

QTEST_GUILESS_MAIN(tst_Verify)
#include "tst_verify.moc"
