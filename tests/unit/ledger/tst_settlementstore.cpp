// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "ledger/budgets.h"
#include "ledger/calllog.h"
#include "ledger/settlementstore.h"
#include "ledger/storedresponse.h"
#include "ledger/wallets.h"

#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

constexpr qint64 MonthMs = 31LL * 86'400'000;

} // namespace

/// Groups of calls as the writer hands them over: one wallet, several budgets, both databases.
class tst_SettlementStore : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();

    void balancesFollowTheOrderOfTheGroup();
    void keepsEveryCharacter();
    void keepsWhatIsEmpty();
    void logsWhatIsNotBilled();
    void billsTheWalletOfADeletedUser();
    void leavesADeletedPlatformAlone();
    void resetsFirstWhatIsDue();
    void debitsAnInactiveBudget();
    void tellsTheLowBalanceOnceInTheMiddleOfAGroup();
    void isAllOrNothing();
    void storesAResponseOrNothingAtAll();
    void manyUsersAtOnce();

private:
    EndUserId addUser(const QString &name, Money max, std::optional<Money> threshold = {},
                      BudgetPeriod period = BudgetPeriod::OneTime);
    Settlement call(const EndUserId &user, Money cost);
    Result<void> settle(const QList<Settlement> &calls);
    Budget budget(const EndUserId &user) { return *m_budgets->get(m_platform, user); }
    qint64 number(const QString &sql) { return m_scratch->number(sql); }

    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<Budgets> m_budgets;
    std::unique_ptr<SettlementStore> m_store;
    PlatformId m_platform;
    QHash<EndUserId, BudgetId> m_budgetIds;
};

void tst_SettlementStore::init()
{
    m_store.reset();
    m_budgets.reset();
    m_scratch.reset();
    m_budgetIds.clear();
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_budgets = std::make_unique<Budgets>(m_scratch->context());
    m_store = std::make_unique<SettlementStore>(m_scratch->context(), *m_budgets);
    m_platform = m_scratch->addPlatform();
    Wallets wallets(m_scratch->context());
    QVERIFY(m_scratch->attempt([&] { return wallets.create(m_platform); }));
    QVERIFY(m_scratch->attempt([&] { return wallets.topUp(m_platform, Money::fromMicros(5'000'000), u"start"_s, {}); }));
}

EndUserId tst_SettlementStore::addUser(const QString &name, Money max, std::optional<Money> threshold, BudgetPeriod period)
{
    const EndUserId user = m_scratch->addEndUser(m_platform, name);
    const BudgetDraft draft { .max = max, .period = period, .lowBalanceThreshold = threshold };
    const auto opened = m_scratch->attempt([&] { return m_budgets->create(m_platform, user, draft, {}); });
    if (opened)
        m_budgetIds[user] = opened->budget.id;
    return user;
}

Settlement tst_SettlementStore::call(const EndUserId &user, Money cost)
{
    Settlement s;
    s.id = LogRowId::create();
    s.platform = m_platform;
    s.endUser = user;
    s.budget = m_budgetIds.value(user);
    s.key = ApiKeyId::create();
    s.requestId = "request-1";
    s.requestType = "chat.completion";
    s.modelSlug = "gpt-4o-mini";
    s.providerModelId = "gpt-4o-mini";
    s.promptTokens = 3;
    s.completionTokens = 4;
    s.cost = cost;
    s.isBillable = true;
    s.metadata = "{}";
    s.createdAt = m_scratch->clock.now();
    return s;
}

Result<void> tst_SettlementStore::settle(const QList<Settlement> &calls)
{
    QList<const Settlement *> group;
    for (const Settlement &s : calls)
        group.append(&s);
    return m_scratch->attempt([&] { return m_store->apply(group); });
}

void tst_SettlementStore::balancesFollowTheOrderOfTheGroup()
{
    const EndUserId anna = addUser(u"anna"_s, Money::fromMicros(1000));
    const EndUserId ben = addUser(u"ben"_s, Money::fromMicros(500));
    QVERIFY(settle({ call(anna, Money::fromMicros(10)), call(ben, Money::fromMicros(7)), call(anna, Money::fromMicros(20)),
                     call({}, Money::fromMicros(1)) }));

    QCOMPARE(number(u"SELECT balance FROM wallets"_s), 5'000'000 - 38);
    for (const auto &[nth, after] : { std::pair(1, 4'999'990), std::pair(2, 4'999'983), std::pair(3, 4'999'963),
                                      std::pair(4, 4'999'962) })
        QCOMPARE(number(u"SELECT balance_after FROM wallet_transactions ORDER BY seq LIMIT 1 OFFSET %1"_s.arg(nth)), after);
    QCOMPARE(budget(anna).used, Money::fromMicros(30));
    QCOMPARE(budget(ben).used, Money::fromMicros(7));
    const auto rows = m_budgets->rows(m_platform, anna, { .type = LedgerType::Debit, .oldestFirst = true }, 0, 10);
    QCOMPARE(rows->rows.size(), 2);
    QCOMPARE(rows->rows[0].usedAfter, Money::fromMicros(10));
    QCOMPARE(rows->rows[1].usedAfter, Money::fromMicros(30));
    QCOMPARE(rows->rows[1].source, LedgerSource::Inference);
    QCOMPARE(number(u"SELECT count(*) FROM request_logs WHERE billing_status = 'billed'"_s), 4);
    QCOMPARE(number(u"SELECT sum(cost) FROM request_logs"_s), 38);
}

void tst_SettlementStore::keepsEveryCharacter()
{
    const EndUserId user = addUser(u"anna"_s, Money::fromMicros(1000));
    Settlement s = call(user, Money::fromMicros(1));
    const QString nasty = u"it's \"quoted\" \\ back, ? %1 :name $1\n\t\u0001 é 漢字 \U0001F600"_s;
    s.errorMessage = nasty.toUtf8();
    s.modelSlug = "o'model\"\\";
    s.metadata = "{\"model\":\"o'model\\\"\\\\\"}";
    QVERIFY(settle({ s }));
    CallLog log(m_scratch->context());
    const auto rows = log.rows(m_platform, {}, 0, 10);
    QVERIFY(rows && rows->rows.size() == 1);
    QCOMPARE(rows->rows.first().errorMessage, nasty);
    QCOMPARE(rows->rows.first().metadata, s.metadata);
    QCOMPARE(number(u"SELECT count(*) FROM wallet_transactions WHERE description = 'Inference: 7 tokens (o''model\"\\)'"_s), 1);
}

void tst_SettlementStore::keepsWhatIsEmpty()
{
    Settlement s = call({}, Money());
    s.requestId = "";
    s.modelSlug = {};
    QVERIFY(settle({ s }));
    QCOMPARE(number(u"SELECT count(*) FROM request_logs WHERE request_id = '' AND model IS NULL AND provider_id IS NULL "
                    "AND end_user_id IS NULL AND error_message IS NULL"_s), 1);
}

void tst_SettlementStore::logsWhatIsNotBilled()
{
    const EndUserId user = addUser(u"anna"_s, Money::fromMicros(1000));
    Settlement failed = call(user, Money::fromMicros(99));
    failed.isBillable = false;
    QVERIFY(settle({ failed, call(user, Money::fromMicros(2)) }));
    QCOMPARE(number(u"SELECT count(*) FROM request_logs WHERE billing_status = 'not_billable' AND cost = 0"_s), 1);
    QCOMPARE(number(u"SELECT count(*) FROM wallet_transactions WHERE type = 'llm_usage'"_s), 1);
    QCOMPARE(budget(user).used, Money::fromMicros(2));
}

void tst_SettlementStore::billsTheWalletOfADeletedUser()
{
    const EndUserId gone = addUser(u"gone"_s, Money::fromMicros(1000));
    const EndUserId here = addUser(u"here"_s, Money::fromMicros(1000));
    const Settlement late = call(gone, Money::fromMicros(5));
    QVERIFY(m_scratch->db().run(u"DELETE FROM end_users WHERE external_id = 'gone'"_s));
    QVERIFY(settle({ late, call(here, Money::fromMicros(6)) }));
    QCOMPARE(number(u"SELECT balance FROM wallets"_s), 5'000'000 - 11);
    QCOMPARE(number(u"SELECT count(*) FROM request_logs WHERE end_user_id IS NULL"_s), 1);
    QCOMPARE(number(u"SELECT count(*) FROM wallet_transactions WHERE type = 'llm_usage' AND end_user_id IS NULL"_s), 1);
    QCOMPARE(number(u"SELECT count(*) FROM budget_transactions WHERE type = 'debit'"_s), 1);
}

void tst_SettlementStore::leavesADeletedPlatformAlone()
{
    const EndUserId user = addUser(u"anna"_s, Money::fromMicros(1000));
    Settlement lost = call(user, Money::fromMicros(5));
    lost.platform = PlatformId::create();
    lost.budget = BudgetId::create();
    QVERIFY(settle({ lost, call(user, Money::fromMicros(6)) }));
    QCOMPARE(number(u"SELECT count(*) FROM request_logs"_s), 1);
    QCOMPARE(budget(user).used, Money::fromMicros(6));
}

void tst_SettlementStore::resetsFirstWhatIsDue()
{
    const EndUserId monthly = addUser(u"monthly"_s, Money::fromMicros(1000), {}, BudgetPeriod::Monthly);
    const EndUserId once = addUser(u"once"_s, Money::fromMicros(1000));
    QVERIFY(settle({ call(monthly, Money::fromMicros(400)), call(once, Money::fromMicros(400)) }));
    m_scratch->clock.advanceMs(2 * MonthMs);
    m_scratch->changes = {};
    QVERIFY(settle({ call(monthly, Money::fromMicros(3)), call(once, Money::fromMicros(4)), call(monthly, Money::fromMicros(5)) }));
    QCOMPARE(budget(monthly).used, Money::fromMicros(8));
    QCOMPARE(budget(once).used, Money::fromMicros(404));
    const auto rows = m_budgets->rows(m_platform, monthly, { .oldestFirst = true }, 0, 10);
    QCOMPARE(rows->rows.size(), 5);
    QCOMPARE(rows->rows[2].reason, u"period_reset"_s);
    QCOMPARE(rows->rows[2].usedAfter, Money());
    QCOMPARE(rows->rows[4].usedAfter, Money::fromMicros(8));
    // The gates learn the last state of each budget, in the order of the changes.
    QCOMPARE(m_scratch->changes.budgets.last().used, Money::fromMicros(8));
}

void tst_SettlementStore::debitsAnInactiveBudget()
{
    const EndUserId user = addUser(u"anna"_s, Money::fromMicros(1000), {}, BudgetPeriod::Daily);
    QVERIFY(m_scratch->attempt([&] { return m_budgets->deactivate(m_platform, user, {}); }));
    m_scratch->clock.advanceMs(MonthMs);
    QVERIFY(settle({ call(user, Money::fromMicros(9)) }));
    QCOMPARE(number(u"SELECT used_usd FROM budgets"_s), 9);
    QCOMPARE(number(u"SELECT count(*) FROM budget_transactions WHERE reason = 'period_reset'"_s), 1);
}

void tst_SettlementStore::tellsTheLowBalanceOnceInTheMiddleOfAGroup()
{
    const EndUserId user = addUser(u"anna"_s, Money::fromMicros(100), Money::fromMicros(50));
    QVERIFY(settle({ call(user, Money::fromMicros(20)), call(user, Money::fromMicros(30)), call(user, Money::fromMicros(30)) }));
    QVERIFY(!budget(user).isArmed);
    QCOMPARE(number(u"SELECT count(*) FROM webhook_messages"_s), 1);
    Query read = m_scratch->db().prepare(u"SELECT m.payload, m.event_id, t.id, t.used_after, m.id, m.end_user_id FROM "
                                         "webhook_messages m JOIN budget_transactions t ON m.event_id = t.id || ':' || m.event_type"_s);
    QVERIFY(read.exec() && read.next());
    QCOMPARE(read.integer(3), 50);
    const QJsonObject body = QJsonDocument::fromJson(read.text(0).toUtf8()).object();
    QCOMPARE(body["event_type"_L1].toString(), u"budget.low_balance"_s);
    QCOMPARE(body["event_id"_L1].toString(), read.text(1));
    QCOMPARE(body["api_version"_L1].toString(), u"2026-04-11"_s);
    const QJsonObject data = body["data"_L1].toObject();
    QCOMPARE(data.size(), 11);
    QCOMPARE(data["transaction_id"_L1].toString(), read.text(2));
    QCOMPARE(data["type"_L1].toString(), u"debit"_s);
    QVERIFY(data["reason"_L1].isNull());
    QVERIFY(read.text(0).contains("\"remaining_usd_after\":0.00005,"_L1) || read.text(0).contains("\"remaining_usd_after\":0.000050,"_L1));
    QVERIFY(read.text(4).startsWith("msg_"_L1) && read.text(4).size() == 31);
    QCOMPARE(read.text(5), user.toString());
}

void tst_SettlementStore::isAllOrNothing()
{
    const EndUserId user = addUser(u"anna"_s, Money::fromMicros(1000));
    Settlement first = call(user, Money::fromMicros(10));
    QVERIFY(m_scratch->db().run(u"CREATE UNIQUE INDEX once ON budget_transactions (used_after, type)"_s));
    QVERIFY(settle({ first }));
    // The second debit of nothing repeats the first one's balance: its ledger row breaks the index.
    QVERIFY(!settle({ call({}, Money::fromMicros(1)), call(user, Money()), call(user, Money::fromMicros(1)) }));
    QCOMPARE(number(u"SELECT balance FROM wallets"_s), 5'000'000 - 10);
    QCOMPARE(number(u"SELECT count(*) FROM request_logs"_s), 1);
    QVERIFY2(settle({ call(user, Money::fromMicros(2)) }), "the next group finds a clean statement");
}

void tst_SettlementStore::storesAResponseOrNothingAtAll()
{
    const EndUserId user = addUser(u"anna"_s, Money::fromMicros(1000));
    StoredResponse response;
    response.id = "resp_1";
    response.input = { { {}, "{}" } };
    Settlement first = call(user, Money::fromMicros(10));
    first.response = std::make_shared<const StoredResponse>(response);
    QVERIFY(settle({ first, call(user, Money::fromMicros(1)) }));
    QCOMPARE(number(u"SELECT count(*) FROM responses"_s), 1);
    QCOMPARE(number(u"SELECT count(*) FROM request_logs"_s), 2);
    // Its id is taken: the call is not billed, and so it can be repeated without the response.
    Settlement second = call(user, Money::fromMicros(5));
    second.response = first.response;
    QVERIFY(!settle({ second }));
    QCOMPARE(number(u"SELECT balance FROM wallets"_s), 5'000'000 - 11);
    QCOMPARE(budget(user).used, Money::fromMicros(11));
    QCOMPARE(number(u"SELECT count(*) FROM request_logs"_s), 2);
    QCOMPARE(number(u"SELECT count(*) FROM response_items"_s), 1);
    const auto fromJournal = settlementFrom(journalLine(second));
    QVERIFY(fromJournal && !fromJournal->response);
    QVERIFY(settle({ *fromJournal }));
    QCOMPARE(number(u"SELECT balance FROM wallets"_s), 5'000'000 - 16);
}

void tst_SettlementStore::manyUsersAtOnce()
{
    QList<Settlement> calls;
    QList<EndUserId> users;
    for (int i = 0; i < 60; ++i)
        users.append(addUser(u"user %1"_s.arg(i), Money::fromMicros(10'000)));
    for (int i = 0; i < 256; ++i)
        calls.append(call(users[(i * 7) % users.size()], Money::fromMicros(i + 1)));
    QVERIFY(settle(calls));
    QCOMPARE(number(u"SELECT balance FROM wallets"_s), 5'000'000 - 256 * 257 / 2);
    QCOMPARE(number(u"SELECT sum(used_usd) FROM budgets"_s), 256 * 257 / 2);
    QCOMPARE(number(u"SELECT count(*) FROM budgets b WHERE used_usd <> (SELECT used_after FROM budget_transactions t "
                    "WHERE t.budget_id = b.id ORDER BY seq DESC LIMIT 1)"_s), 0);
}

QTEST_GUILESS_MAIN(tst_SettlementStore)
#include "tst_settlementstore.moc"
