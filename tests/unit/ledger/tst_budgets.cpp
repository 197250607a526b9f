// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "ledger/budgets.h"

#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

Money usd(const QByteArray &text)
{
    return *Money::parse(text);
}

QJsonObject changesOf(const LedgerRow &row)
{
    return QJsonDocument::fromJson(row.metadata).object().value("changes"_L1).toObject();
}

constexpr qint64 DayMs = 86'400'000;

} // namespace

class tst_Budgets : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();

    void opensWithARow();
    void startsItsPeriod_data();
    void startsItsPeriod();
    void refusesTerms_data();
    void refusesTerms();
    void createsTwice_data();
    void createsTwice();
    void replacesAnUntouchedAutomaticBudget();
    void leavesATouchedAutomaticBudget_data();
    void leavesATouchedAutomaticBudget();
    void reactivatesWithANewOpening();

    void needsAUserOfThePlatform();
    void needsAnActiveBudget();

    void topUp_data();
    void topUp();
    void debit_data();
    void debit();
    void refusesAmounts_data();
    void refusesAmounts();
    void refusesBeyondTheLargestBudget();
    void keepsTheActor();

    void patchChanges_data();
    void patchChanges();
    void patchNeedsValidResult();
    void patchOfNothingWritesNothing();
    void suspensionFlips();
    void suspensionStopsNoMoney();
    void deactivates();
    void patchBringsBack();

    void armsTheAlarm_data();
    void armsTheAlarm();
    void disarmsOnce();
    void announcesWhatHappened();

    void resetsAtTheBoundary_data();
    void resetsAtTheBoundary();
    void oneTimeNeverResets();
    void showsADueResetWithoutWriting();
    void resetsBeforeEveryWrite();
    void resetsWhoeverIsDue();
    void theTimerLeavesInactiveBudgetsAlone();

    void listsRows_data();
    void listsRows();
    void listsInTheOrderOfCommits();
    void tellsTheGates();

private:
    Result<OpenedBudget> create(const BudgetDraft &draft);
    Result<BudgetWrite> patch(const BudgetChange &change);
    Result<BudgetWrite> raise(const QByteArray &amount);
    Result<BudgetWrite> charge(const QByteArray &amount);
    Budget budget();
    QList<LedgerRow> rows();
    bool replayMatches();

    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<Budgets> m_budgets;
    PlatformId m_platform;
    EndUserId m_user;
};

void tst_Budgets::init()
{
    m_budgets.reset();
    m_scratch.reset();
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_budgets = std::make_unique<Budgets>(m_scratch->context());
    m_platform = m_scratch->addPlatform();
    m_user = m_scratch->addEndUser(m_platform);
}

Result<OpenedBudget> tst_Budgets::create(const BudgetDraft &draft)
{
    return m_scratch->attempt([&] { return m_budgets->create(m_platform, m_user, draft, {}); });
}

Result<BudgetWrite> tst_Budgets::patch(const BudgetChange &change)
{
    return m_scratch->attempt([&] { return m_budgets->patch(m_platform, m_user, change, {}); });
}

Result<BudgetWrite> tst_Budgets::raise(const QByteArray &amount)
{
    return m_scratch->attempt([&] { return m_budgets->topUp(m_platform, m_user, usd(amount), {}, {}); });
}

Result<BudgetWrite> tst_Budgets::charge(const QByteArray &amount)
{
    return m_scratch->attempt([&] { return m_budgets->debit(m_platform, m_user, usd(amount), {}, {}); });
}

Budget tst_Budgets::budget()
{
    const auto found = m_budgets->get(m_platform, m_user);
    return found ? *found : Budget();
}

QList<LedgerRow> tst_Budgets::rows()
{
    const auto found = m_budgets->rows(m_platform, m_user, { .oldestFirst = true }, 0, 200);
    return found ? found->rows : QList<LedgerRow>();
}

/// docs/contract/budgets-and-ledger.md: replaying the rows in order gives the budget.
bool tst_Budgets::replayMatches()
{
    Money max;
    Money used;
    for (const LedgerRow &row : rows()) {
        switch (row.type) {
        case LedgerType::Opening:
            max = row.amount;
            used = {};
            break;
        case LedgerType::Topup:
        case LedgerType::Adjustment:
            max += row.amount;
            break;
        case LedgerType::Debit:
            used += row.amount;
            break;
        }
        if (row.reason == "period_reset"_L1)
            used = {};
        if (row.maxAfter != max || row.usedAfter != used || row.remainingAfter() != max - used)
            return false;
    }
    return m_scratch->number(u"SELECT max_usd FROM budgets"_s) == max.micros()
        && m_scratch->number(u"SELECT used_usd FROM budgets"_s) == used.micros();
}

void tst_Budgets::opensWithARow()
{
    const auto opened = create({ .max = usd("10"), .lowBalanceThreshold = usd("1") });
    QVERIFY(opened);
    QVERIFY(opened->isNew);
    const Budget made = budget();
    QCOMPARE(made.max, usd("10"));
    QCOMPARE(made.used, Money());
    QCOMPARE(made.remaining(), usd("10"));
    QCOMPARE(made.period, BudgetPeriod::OneTime);
    QVERIFY(made.isActive && !made.isSuspended && made.isArmed && !made.isAutomatic && !made.autoReplenish);
    QCOMPARE(rows().size(), 1);
    const LedgerRow row = rows().constFirst();
    QCOMPARE(row.type, LedgerType::Opening);
    QCOMPARE(row.source, LedgerSource::Api);
    QCOMPARE(row.amount, usd("10"));
    QVERIFY(row.reason.isEmpty());
    QVERIFY(replayMatches());
}

void tst_Budgets::startsItsPeriod_data()
{
    QTest::addColumn<int>("period");
    QTest::addColumn<QByteArray>("start");
    QTest::addColumn<QByteArray>("end");
    QTest::newRow("one_time: at its creation, without an end")
        << int(BudgetPeriod::OneTime) << QByteArray("2026-04-08T10:30:00.000Z") << QByteArray("9999-12-31T23:59:59.999Z");
    QTest::newRow("daily: today") << int(BudgetPeriod::Daily) << QByteArray("2026-04-08T00:00:00.000Z")
                                  << QByteArray("2026-04-09T00:00:00.000Z");
    QTest::newRow("monthly: on the first") << int(BudgetPeriod::Monthly) << QByteArray("2026-04-01T00:00:00.000Z")
                                           << QByteArray("2026-05-01T00:00:00.000Z");
}

void tst_Budgets::startsItsPeriod()
{
    QFETCH(int, period);
    QFETCH(QByteArray, start);
    QFETCH(QByteArray, end);
    QVERIFY(create({ .max = usd("1"), .period = BudgetPeriod(period) }));
    QCOMPARE(budget().periodStart.toIso(), start);
    QCOMPARE(budget().periodEnd.toIso(), end);
}

void tst_Budgets::refusesTerms_data()
{
    QTest::addColumn<QByteArray>("max");
    QTest::addColumn<int>("period");
    QTest::addColumn<bool>("autoReplenish");
    QTest::addColumn<QByteArray>("replenish");
    QTest::addColumn<QByteArray>("threshold");
    QTest::addColumn<QString>("param");
    const int once = int(BudgetPeriod::OneTime);
    const int daily = int(BudgetPeriod::Daily);
    const QByteArray none;
    QTest::newRow("a limit of zero") << QByteArray("0") << once << false << none << none << u"max_usd"_s;
    QTest::newRow("a negative limit") << QByteArray("-1") << once << false << none << none << u"max_usd"_s;
    QTest::newRow("one micro-dollar too much") << QByteArray("1000000.000001") << once << false << none << none
                                               << u"max_usd"_s;
    QTest::newRow("replenishing without a period") << QByteArray("1") << once << true << QByteArray("1") << none
                                                   << u"auto_replenish"_s;
    QTest::newRow("replenishing without an amount") << QByteArray("1") << daily << true << none << none
                                                    << u"replenish_amount"_s;
    QTest::newRow("replenishing with nothing") << QByteArray("1") << daily << true << QByteArray("0") << none
                                               << u"replenish_amount"_s;
    QTest::newRow("a negative threshold") << QByteArray("1") << daily << false << none << QByteArray("-0.000001")
                                          << u"low_balance_threshold"_s;
}

void tst_Budgets::refusesTerms()
{
    QFETCH(QByteArray, max);
    QFETCH(int, period);
    QFETCH(bool, autoReplenish);
    QFETCH(QByteArray, replenish);
    QFETCH(QByteArray, threshold);
    QFETCH(QString, param);
    BudgetDraft draft { .max = usd(max), .period = BudgetPeriod(period), .autoReplenish = autoReplenish };
    if (!replenish.isEmpty())
        draft.replenishAmount = usd(replenish);
    if (!threshold.isEmpty())
        draft.lowBalanceThreshold = usd(threshold);
    const auto opened = create(draft);
    QVERIFY(!opened);
    QCOMPARE(opened.error().code, ErrorCode::ValidationError);
    QCOMPARE(opened.error().param, param);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM budgets"_s), 0);
}

void tst_Budgets::createsTwice_data()
{
    QTest::addColumn<QByteArray>("max");
    QTest::addColumn<int>("period");
    QTest::addColumn<bool>("succeeds");
    QTest::newRow("the same again is the same budget") << QByteArray("10") << int(BudgetPeriod::Daily) << true;
    QTest::newRow("only the given fields are compared") << QByteArray("10.000000") << -1 << true;
    QTest::newRow("another limit is refused") << QByteArray("10.000001") << int(BudgetPeriod::Daily) << false;
    QTest::newRow("another period is refused") << QByteArray("10") << int(BudgetPeriod::Monthly) << false;
}

void tst_Budgets::createsTwice()
{
    QFETCH(QByteArray, max);
    QFETCH(int, period);
    QFETCH(bool, succeeds);
    const auto first = create({ .max = usd("10"), .period = BudgetPeriod::Daily, .lowBalanceThreshold = usd("1") });
    QVERIFY(first);
    BudgetDraft draft { .max = usd(max) };
    if (period >= 0)
        draft.period = BudgetPeriod(period);
    const auto second = create(draft);
    QCOMPARE(second.ok(), succeeds);
    if (succeeds) {
        QVERIFY(!second->isNew);
        QCOMPARE(second->budget.id, first->budget.id);
    } else {
        QCOMPARE(second.error().code, ErrorCode::BudgetExists);
    }
    QCOMPARE(rows().size(), 1);
    // Suspended is still there.
    QVERIFY(patch({ .isSuspended = true }));
    QCOMPARE(create({ .max = usd("11") }).error().code, ErrorCode::BudgetExists);
}

void tst_Budgets::replacesAnUntouchedAutomaticBudget()
{
    QVERIFY(m_budgets->createAutomatic(m_platform, m_user, usd("5"), {}));
    const BudgetId id = budget().id;
    QCOMPARE(rows().constFirst().reason, u"auto_budget"_s);
    QCOMPARE(rows().constFirst().source, LedgerSource::System);
    QCOMPARE(budget().period, BudgetPeriod::Monthly);
    // A period that passed without a call is no use of it.
    m_scratch->clock.advanceMs(30 * DayMs);
    QVERIFY(m_budgets->resetIfDue(m_user));

    const auto replaced = create({ .max = usd("20"), .lowBalanceThreshold = usd("2") });
    QVERIFY(replaced);
    QVERIFY(!replaced->isNew);
    QCOMPARE(replaced->budget.id, id);
    QCOMPARE(budget().max, usd("20"));
    QCOMPARE(budget().period, BudgetPeriod::OneTime);
    QVERIFY(budget().isArmed);
    const LedgerRow row = rows().constLast();
    QCOMPARE(row.type, LedgerType::Adjustment);
    QCOMPARE(row.reason, u"config_changed"_s);
    QCOMPARE(row.amount, usd("15"));
    QVERIFY(replayMatches());
    // Now it is an explicit one.
    QCOMPARE(create({ .max = usd("30") }).error().code, ErrorCode::BudgetExists);
}

void tst_Budgets::leavesATouchedAutomaticBudget_data()
{
    QTest::addColumn<int>("touch");
    QTest::newRow("topped up") << 0;
    QTest::newRow("debited") << 1;
    QTest::newRow("debited and reset since") << 2;
    QTest::newRow("patched") << 3;
}

void tst_Budgets::leavesATouchedAutomaticBudget()
{
    QFETCH(int, touch);
    QVERIFY(m_budgets->createAutomatic(m_platform, m_user, usd("5"), {}));
    if (touch == 0)
        QVERIFY(raise("1"));
    if (touch == 1 || touch == 2)
        QVERIFY(charge("1"));
    if (touch == 2)
        m_scratch->clock.advanceMs(30 * DayMs);
    if (touch == 3)
        QVERIFY(patch({ .lowBalanceThreshold = usd("1") }));
    QCOMPARE(create({ .max = usd("20") }).error().code, ErrorCode::BudgetExists);
}

void tst_Budgets::reactivatesWithANewOpening()
{
    const auto first = create({ .max = usd("10"), .period = BudgetPeriod::Daily });
    QVERIFY(charge("4"));
    QVERIFY(patch({ .isSuspended = true }));
    QVERIFY(m_budgets->deactivate(m_platform, m_user, {}));
    const auto again = create({ .max = usd("3") });
    QVERIFY(again);
    QVERIFY(again->isNew);
    QCOMPARE(again->budget.id, first->budget.id);
    const Budget now = budget();
    QCOMPARE(now.max, usd("3"));
    QCOMPARE(now.used, Money());
    QVERIFY(now.isActive && !now.isSuspended);
    QCOMPARE(rows().constLast().type, LedgerType::Opening);
    QVERIFY(replayMatches());
}

void tst_Budgets::needsAUserOfThePlatform()
{
    const PlatformId other = m_scratch->addPlatform(u"other"_s);
    QVERIFY(create({ .max = usd("10") }));
    const auto code = ErrorCode::EndUserNotFound;
    QCOMPARE(m_budgets->create(other, m_user, { .max = usd("1") }, {}).error().code, code);
    QCOMPARE(m_budgets->get(other, m_user).error().code, code);
    QCOMPARE(m_budgets->patch(other, m_user, {}, {}).error().code, code);
    QCOMPARE(m_budgets->deactivate(other, m_user, {}).error().code, code);
    QCOMPARE(m_budgets->topUp(other, m_user, usd("1"), {}, {}).error().code, code);
    QCOMPARE(m_budgets->debit(other, m_user, usd("1"), {}, {}).error().code, code);
    QCOMPARE(m_budgets->rows(other, m_user, {}, 0, 20).error().code, code);
    QCOMPARE(m_budgets->get(m_platform, EndUserId::create()).error().code, code);
    QCOMPARE(rows().size(), 1);
}

void tst_Budgets::needsAnActiveBudget()
{
    const auto missing = [this] {
        const auto code = ErrorCode::BudgetNotFound;
        return m_budgets->get(m_platform, m_user).error().code == code && patch({ .max = usd("1") }).error().code == code
            && m_budgets->deactivate(m_platform, m_user, {}).error().code == code && raise("1").error().code == code
            && charge("1").error().code == code;
    };
    QVERIFY(missing());
    QCOMPARE(m_budgets->rows(m_platform, m_user, {}, 0, 20).error().code, ErrorCode::BudgetNotFound);
    QVERIFY(create({ .max = usd("10") }));
    QVERIFY(m_budgets->deactivate(m_platform, m_user, {}));
    QVERIFY(missing());
    QCOMPARE(rows().size(), 2);
}

void tst_Budgets::topUp_data()
{
    QTest::addColumn<QByteArray>("used");
    QTest::addColumn<QByteArray>("amount");
    QTest::addColumn<QByteArray>("remaining");
    QTest::newRow("adds to what is left") << QByteArray("9") << QByteArray("0.5") << QByteArray("1.50");
    QTest::newRow("lifts a debt") << QByteArray("12") << QByteArray("3") << QByteArray("1.00");
    QTest::newRow("lifts to exactly zero") << QByteArray("12") << QByteArray("2") << QByteArray("0.00");
    QTest::newRow("the smallest amount counts") << QByteArray("10") << QByteArray("0.000001") << QByteArray("0.000001");
    QTest::newRow("the largest amount is taken") << QByteArray("10") << QByteArray("1000000") << QByteArray("1000000.00");
}

void tst_Budgets::topUp()
{
    QFETCH(QByteArray, used);
    QFETCH(QByteArray, amount);
    QFETCH(QByteArray, remaining);
    QVERIFY(create({ .max = usd("10") }));
    QVERIFY(charge(used));
    const auto written = raise(amount);
    QVERIFY(written);
    QCOMPARE(written->budget.remaining().toDecimal(), remaining);
    QCOMPARE(written->row->type, LedgerType::Topup);
    QCOMPARE(written->row->remainingAfter().toDecimal(), remaining);
    QCOMPARE(budget().remaining().toDecimal(), remaining);
    QVERIFY(replayMatches());
}

void tst_Budgets::debit_data()
{
    QTest::addColumn<QByteArray>("amount");
    QTest::addColumn<QByteArray>("remaining");
    QTest::newRow("takes from what is left") << QByteArray("0.000175") << QByteArray("9.999825");
    QTest::newRow("down to exactly zero") << QByteArray("10") << QByteArray("0.00");
    QTest::newRow("below zero without a limit") << QByteArray("1000000") << QByteArray("-999990.00");
}

void tst_Budgets::debit()
{
    QFETCH(QByteArray, amount);
    QFETCH(QByteArray, remaining);
    QVERIFY(create({ .max = usd("10") }));
    const auto written = charge(amount);
    QVERIFY(written);
    QCOMPARE(written->row->type, LedgerType::Debit);
    QCOMPARE(written->row->amount, usd(amount));
    QCOMPARE(written->budget.remaining().toDecimal(), remaining);
    QVERIFY(replayMatches());
}

void tst_Budgets::refusesAmounts_data()
{
    QTest::addColumn<QByteArray>("amount");
    QTest::newRow("nothing") << QByteArray("0");
    QTest::newRow("less than nothing") << QByteArray("-0.000001");
    QTest::newRow("one micro-dollar too much") << QByteArray("1000000.000001");
}

void tst_Budgets::refusesAmounts()
{
    QFETCH(QByteArray, amount);
    QVERIFY(create({ .max = usd("10") }));
    for (const auto &refused : { raise(amount), charge(amount) }) {
        QVERIFY(!refused);
        QCOMPARE(refused.error().code, ErrorCode::ValidationError);
        QCOMPARE(refused.error().param, u"amount_usd"_s);
    }
    QCOMPARE(rows().size(), 1);
}

void tst_Budgets::refusesBeyondTheLargestBudget()
{
    QVERIFY(create({ .max = usd("1") }));
    QVERIFY(m_scratch->db().run(u"UPDATE budgets SET max_usd = 999000000000000, used_usd = 999000000000000"_s));
    QVERIFY(raise("1000000"));
    QVERIFY(charge("1000000"));
    QCOMPARE(raise("0.000001").error().param, u"amount_usd"_s);
    QCOMPARE(charge("0.000001").error().param, u"amount_usd"_s);
    QCOMPARE(budget().max, LargestBudget);
    QCOMPARE(budget().used, LargestBudget);
}

void tst_Budgets::keepsTheActor()
{
    const ApiKeyId key = ApiKeyId::create();
    QVERIFY(create({ .max = usd("10") }));
    const LedgerNote note { u"Invoice in_1042"_s, "{\"invoice\":\"in_1042\"}" };
    QVERIFY(m_budgets->topUp(m_platform, m_user, usd("5"), note, { LedgerSource::Api, key, u"in_1042"_s }));
    const LedgerRow row = rows().constLast();
    QCOMPARE(row.actorKey, key);
    QCOMPARE(row.idempotencyKey, u"in_1042"_s);
    QCOMPARE(row.reason, note.reason);
    QCOMPARE(row.metadata, note.metadata);
    QVERIFY(m_budgets->debit(m_platform, m_user, usd("1"), {}, consoleActor()));
    QCOMPARE(rows().constLast().source, LedgerSource::Console);
    QVERIFY(rows().constLast().idempotencyKey.isEmpty());
}

void tst_Budgets::patchChanges_data()
{
    QTest::addColumn<int>("field");
    QTest::addColumn<QString>("changes");
    QTest::addColumn<QByteArray>("amount");
    QTest::newRow("raising the limit") << 0 << uR"({"max_usd":[10,25]})"_s << QByteArray("15.00");
    QTest::newRow("lowering the limit below what is used") << 1 << uR"({"max_usd":[10,1]})"_s << QByteArray("-9.00");
    QTest::newRow("another period") << 2 << uR"({"period":["one_time","daily"]})"_s << QByteArray("0.00");
    QTest::newRow("a threshold") << 3 << uR"({"low_balance_threshold":[null,1.5]})"_s << QByteArray("0.00");
    QTest::newRow("replenishing") << 4
                                  << uR"({"auto_replenish":[false,true],"period":["one_time","daily"],"replenish_amount":[null,7]})"_s
                                  << QByteArray("0.00");
}

void tst_Budgets::patchChanges()
{
    QFETCH(int, field);
    QFETCH(QString, changes);
    QFETCH(QByteArray, amount);
    const BudgetChange asked[] = {
        { .max = usd("25") },
        { .max = usd("1") },
        { .period = BudgetPeriod::Daily },
        { .lowBalanceThreshold = usd("1.5") },
        { .period = BudgetPeriod::Daily, .autoReplenish = true, .replenishAmount = usd("7") },
    };
    QVERIFY(create({ .max = usd("10") }));
    QVERIFY(charge("4"));
    const auto written = patch(asked[field]);
    QVERIFY(written);
    QVERIFY(written->row);
    QCOMPARE(written->row->type, LedgerType::Adjustment);
    QCOMPARE(written->row->reason, u"config_changed"_s);
    QCOMPARE(written->row->amount.toDecimal(), amount);
    QCOMPARE(QString::fromUtf8(QJsonDocument(changesOf(*written->row)).toJson(QJsonDocument::Compact)), changes);
    QCOMPARE(budget().used, usd("4"));
    if (asked[field].period)
        QCOMPARE(budget().periodStart.toIso(), QByteArray("2026-04-08T00:00:00.000Z"));
    QVERIFY(replayMatches());
}

void tst_Budgets::patchNeedsValidResult()
{
    QVERIFY(create({ .max = usd("10"), .period = BudgetPeriod::Daily, .autoReplenish = true, .replenishAmount = usd("5") }));
    QCOMPARE(patch({ .period = BudgetPeriod::OneTime }).error().param, u"auto_replenish"_s);
    QCOMPARE(patch({ .replenishAmount = std::optional<Money>() }).error().param, u"replenish_amount"_s);
    QCOMPARE(patch({ .max = Money() }).error().param, u"max_usd"_s);
    QCOMPARE(patch({ .max = usd("1000000.000001") }).error().param, u"max_usd"_s);
    QCOMPARE(patch({ .lowBalanceThreshold = usd("-1") }).error().param, u"low_balance_threshold"_s);
    QVERIFY(patch({ .period = BudgetPeriod::OneTime, .autoReplenish = false, .replenishAmount = std::optional<Money>() }));
    QCOMPARE(rows().size(), 2);
}

void tst_Budgets::patchOfNothingWritesNothing()
{
    QVERIFY(create({ .max = usd("10"), .lowBalanceThreshold = usd("1") }));
    const Timestamp before = budget().updatedAt;
    m_scratch->clock.advanceMs(5);
    for (const BudgetChange &change : { BudgetChange {}, BudgetChange { .max = usd("10.00") }, BudgetChange { .isSuspended = false },
                                        BudgetChange { .lowBalanceThreshold = usd("1"), .isActive = true } }) {
        const auto written = patch(change);
        QVERIFY(written);
        QVERIFY(!written->row);
    }
    QCOMPARE(rows().size(), 1);
    QCOMPARE(budget().updatedAt, before);
}

void tst_Budgets::suspensionFlips()
{
    QVERIFY(create({ .max = usd("10") }));
    QCOMPARE(patch({ .isSuspended = true })->row->reason, u"suspended"_s);
    QVERIFY(budget().isSuspended);
    QVERIFY(m_scratch->changes.budgets.constLast().isSuspended);
    QVERIFY(!patch({ .isSuspended = true })->row);
    const auto resumed = patch({ .max = usd("12"), .isSuspended = false });
    QCOMPARE(resumed->row->reason, u"unsuspended"_s);
    QCOMPARE(resumed->row->amount, usd("2"));
    QCOMPARE(changesOf(*resumed->row).keys(), QStringList({ u"is_suspended"_s, u"max_usd"_s }));
    QVERIFY(!budget().isSuspended);
}

void tst_Budgets::suspensionStopsNoMoney()
{
    QVERIFY(create({ .max = usd("10"), .period = BudgetPeriod::Daily }));
    QVERIFY(patch({ .isSuspended = true }));
    QVERIFY(raise("1"));
    QVERIFY(charge("2"));
    m_scratch->clock.advanceMs(DayMs);
    QVERIFY(m_budgets->resetIfDue(m_user));
    QVERIFY(budget().isSuspended);
    QCOMPARE(budget().used, Money());
    QVERIFY(replayMatches());
}

void tst_Budgets::deactivates()
{
    QVERIFY(create({ .max = usd("10") }));
    QVERIFY(m_budgets->deactivate(m_platform, m_user, {}));
    QCOMPARE(rows().constLast().reason, u"deactivated"_s);
    QCOMPARE(rows().constLast().amount, Money());
    QVERIFY(!m_scratch->changes.budgets.constLast().isActive);
    QCOMPARE(m_budgets->deactivate(m_platform, m_user, {}).error().code, ErrorCode::BudgetNotFound);
}

void tst_Budgets::patchBringsBack()
{
    QVERIFY(create({ .max = usd("10"), .period = BudgetPeriod::Daily }));
    QVERIFY(charge("4"));
    QVERIFY(patch({ .isActive = false }));
    m_scratch->clock.advanceMs(DayMs);
    const auto back = patch({ .isActive = true });
    QVERIFY(back);
    QCOMPARE(back->row->reason, u"config_changed"_s);
    // A period that ended meanwhile is over.
    QCOMPARE(back->budget.used, Money());
    QVERIFY(budget().isActive);
    QVERIFY(replayMatches());
}

void tst_Budgets::armsTheAlarm_data()
{
    QTest::addColumn<int>("write");
    QTest::addColumn<QByteArray>("value");
    QTest::addColumn<bool>("armed");
    // Limit 10, used 9, threshold 2: the alarm has gone off.
    QTest::newRow("a top-up above the threshold arms") << 0 << QByteArray("1.000001") << true;
    QTest::newRow("a top-up to the threshold does not") << 0 << QByteArray("1") << false;
    QTest::newRow("a higher limit arms") << 1 << QByteArray("12.5") << true;
    QTest::newRow("a limit that leaves the threshold does not") << 1 << QByteArray("11") << false;
    QTest::newRow("a lower threshold arms") << 2 << QByteArray("0.5") << true;
    QTest::newRow("a threshold at what is left does not") << 2 << QByteArray("1") << false;
    QTest::newRow("the same threshold does not") << 2 << QByteArray("2") << false;
    QTest::newRow("another debit does not") << 3 << QByteArray("1") << false;
}

void tst_Budgets::armsTheAlarm()
{
    QFETCH(int, write);
    QFETCH(QByteArray, value);
    QFETCH(bool, armed);
    QVERIFY(create({ .max = usd("10"), .lowBalanceThreshold = usd("2") }));
    QVERIFY(budget().isArmed);
    QVERIFY(charge("9"));
    QVERIFY(!budget().isArmed);
    const auto written = write == 0 ? raise(value)
        : write == 1                ? patch({ .max = usd(value) })
        : write == 2                ? patch({ .lowBalanceThreshold = usd(value) })
                                    : charge(value);
    QVERIFY(written);
    QCOMPARE(budget().isArmed, armed);
}

void tst_Budgets::disarmsOnce()
{
    QVERIFY(create({ .max = usd("10"), .lowBalanceThreshold = usd("1") }));
    QVERIFY(charge("8.999999"));
    QVERIFY2(budget().isArmed, "just above the threshold");
    const auto edge = charge("0.000001");
    QVERIFY2(!edge->budget.isArmed, "exactly at the threshold");
    QVERIFY(!budget().isArmed);
    // Without a threshold there is no alarm; a budget that begins below it has none to give.
    QVERIFY(patch({ .lowBalanceThreshold = std::optional<Money>() }));
    QVERIFY(!budget().isArmed);
    m_user = m_scratch->addEndUser(m_platform, u"user-2"_s);
    QVERIFY(create({ .max = usd("1"), .lowBalanceThreshold = usd("1") }));
    QVERIFY(!budget().isArmed);
}

void tst_Budgets::announcesWhatHappened()
{
    const auto messages = [this](const char *type) {
        return m_scratch->number(u"SELECT count(*) FROM webhook_messages m JOIN budget_transactions t "
                                 "ON m.event_id = t.id || ':' || m.event_type WHERE event_type = '%1'"_s.arg(QLatin1StringView(type)));
    };
    QVERIFY(create({ .max = usd("10"), .period = BudgetPeriod::Daily, .lowBalanceThreshold = usd("1") }));
    QVERIFY(charge("8"));
    QVERIFY(patch({ .max = usd("11") }));
    QVERIFY(patch({ .isSuspended = false }));
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM webhook_messages"_s), 0);

    QVERIFY(charge("2"));
    QVERIFY(charge("1"));
    QCOMPARE(messages("budget.low_balance"), 1);
    QVERIFY(raise("5"));
    QCOMPARE(messages("budget.topped_up"), 1);
    QVERIFY(charge("4"));
    QCOMPARE(messages("budget.low_balance"), 2);
    QVERIFY(patch({ .isSuspended = true }));
    QVERIFY(patch({ .isSuspended = true }));
    QVERIFY(patch({ .isSuspended = false }));
    QCOMPARE(messages("budget.suspended"), 1);
    QCOMPARE(messages("budget.unsuspended"), 1);
    m_scratch->clock.advanceMs(2 * DayMs);
    QVERIFY(charge("0.5"));
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM webhook_messages"_s), 5);
    // What was undone is not told.
    QVERIFY(!m_scratch->attempt([&]() -> Result<void> {
        (void)m_budgets->topUp(m_platform, m_user, usd("1"), {}, {});
        return Error { ErrorCode::Internal, {} };
    }));
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM webhook_messages"_s), 5);
}

void tst_Budgets::resetsAtTheBoundary_data()
{
    QTest::addColumn<bool>("replenishes");
    QTest::addColumn<qint64>("afterMs");
    QTest::addColumn<bool>("resets");
    // It is 10:30; the day ends in 13.5 hours.
    constexpr qint64 Boundary = 48'600'000;
    QTest::newRow("a millisecond early nothing happens") << false << Boundary - 1 << false;
    QTest::newRow("at the boundary itself") << false << Boundary << true;
    QTest::newRow("with a fresh limit") << true << Boundary << true;
    QTest::newRow("once, however many boundaries were missed") << true << Boundary + 40 * DayMs << true;
}

void tst_Budgets::resetsAtTheBoundary()
{
    QFETCH(bool, replenishes);
    QFETCH(qint64, afterMs);
    QFETCH(bool, resets);
    BudgetDraft draft { .max = usd("10"), .period = BudgetPeriod::Daily, .lowBalanceThreshold = usd("1") };
    if (replenishes) {
        draft.autoReplenish = true;
        draft.replenishAmount = usd("6");
    }
    QVERIFY(create(draft));
    QVERIFY(raise("2"));
    QVERIFY(charge("13"));
    m_scratch->clock.advanceMs(afterMs);
    for (int repeat = 0; repeat < 2; ++repeat)
        QVERIFY(m_budgets->resetIfDue(m_user));
    if (!resets) {
        QCOMPARE(rows().size(), 3);
        QCOMPARE(budget().remaining(), usd("-1"));
        return;
    }
    QCOMPARE(rows().size(), 4);
    const Money max = usd(replenishes ? "6" : "12");
    QCOMPARE(budget().max, max);
    QCOMPARE(budget().used, Money());
    QVERIFY(budget().isArmed);
    QCOMPARE(budget().periodStart, m_scratch->clock.now().startOfDay());
    const LedgerRow row = rows().constLast();
    QCOMPARE(row.reason, u"period_reset"_s);
    QCOMPARE(row.source, LedgerSource::System);
    QCOMPARE(row.amount, max - usd("12"));
    QVERIFY(replayMatches());
}

void tst_Budgets::oneTimeNeverResets()
{
    QVERIFY(create({ .max = usd("10") }));
    QVERIFY(charge("13"));
    m_scratch->clock.advanceMs(1000 * DayMs);
    QVERIFY(m_budgets->resetIfDue(m_user));
    QCOMPARE(budget().remaining(), usd("-3"));
    QCOMPARE(rows().size(), 2);
}

void tst_Budgets::showsADueResetWithoutWriting()
{
    QVERIFY(create({ .max = usd("10"), .period = BudgetPeriod::Daily }));
    QVERIFY(charge("4"));
    m_scratch->clock.advanceMs(DayMs);
    const Budget shown = budget();
    QCOMPARE(shown.used, Money());
    QCOMPARE(shown.periodStart, m_scratch->clock.now().startOfDay());
    QCOMPARE(m_scratch->number(u"SELECT used_usd FROM budgets"_s), 4'000'000);
    QVERIFY(m_budgets->resetIfDue(m_user));
    const Budget written = budget();
    QCOMPARE(written.used, shown.used);
    QCOMPARE(written.max, shown.max);
    QCOMPARE(written.periodEnd, shown.periodEnd);
}

void tst_Budgets::resetsBeforeEveryWrite()
{
    QVERIFY(create({ .max = usd("10"), .period = BudgetPeriod::Daily }));
    QVERIFY(charge("4"));
    m_scratch->clock.advanceMs(DayMs);
    QCOMPARE(charge("1")->budget.used, usd("1"));
    m_scratch->clock.advanceMs(DayMs);
    QCOMPARE(raise("1")->budget.used, Money());
    QVERIFY(charge("1"));
    m_scratch->clock.advanceMs(DayMs);
    QCOMPARE(patch({ .max = usd("20") })->budget.used, Money());
    QVERIFY(charge("1"));
    m_scratch->clock.advanceMs(DayMs);
    QCOMPARE(create({ .max = usd("20") })->budget.used, Money());
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM budget_transactions WHERE reason = 'period_reset'"_s), 4);
    QVERIFY(replayMatches());
}

void tst_Budgets::resetsWhoeverIsDue()
{
    for (int i = 0; i < 5; ++i) {
        m_user = m_scratch->addEndUser(m_platform, u"due-%1"_s.arg(i));
        QVERIFY(create({ .max = usd("10"), .period = i < 3 ? BudgetPeriod::Daily : BudgetPeriod::Monthly }));
    }
    QCOMPARE(*m_budgets->resetDue(10), 0);
    m_scratch->clock.advanceMs(DayMs);
    QCOMPARE(*m_budgets->resetDue(2), 2);
    QCOMPARE(*m_budgets->resetDue(2), 1);
    QCOMPARE(*m_budgets->resetDue(2), 0);
}

void tst_Budgets::theTimerLeavesInactiveBudgetsAlone()
{
    QVERIFY(create({ .max = usd("10"), .period = BudgetPeriod::Daily }));
    QVERIFY(m_budgets->deactivate(m_platform, m_user, {}));
    m_scratch->clock.advanceMs(DayMs);
    QCOMPARE(*m_budgets->resetDue(10), 0);
    QCOMPARE(rows().size(), 2);
    // A call that began before is debited to the new period all the same.
    QVERIFY(m_budgets->resetIfDue(m_user));
    QCOMPARE(rows().constLast().reason, u"period_reset"_s);
    QVERIFY(m_budgets->resetIfDue(EndUserId::create()));
    QCOMPARE(rows().size(), 3);
}

void tst_Budgets::listsRows_data()
{
    QTest::addColumn<int>("type");
    QTest::addColumn<int>("source");
    QTest::addColumn<int>("sinceMs");
    QTest::addColumn<int>("untilMs");
    QTest::addColumn<int>("total");
    QTest::newRow("everything") << -1 << -1 << -1 << -1 << 4;
    QTest::newRow("by type") << int(LedgerType::Debit) << -1 << -1 << -1 << 2;
    QTest::newRow("by source") << -1 << int(LedgerSource::Console) << -1 << -1 << 1;
    QTest::newRow("since includes its moment") << -1 << -1 << 2000 << -1 << 2;
    QTest::newRow("until excludes its moment") << -1 << -1 << -1 << 2000 << 2;
    QTest::newRow("nothing left") << int(LedgerType::Opening) << -1 << 1 << -1 << 0;
}

void tst_Budgets::listsRows()
{
    QFETCH(int, type);
    QFETCH(int, source);
    QFETCH(int, sinceMs);
    QFETCH(int, untilMs);
    QFETCH(int, total);
    const Timestamp start = m_scratch->clock.now();
    QVERIFY(create({ .max = usd("10") }));
    m_scratch->clock.advanceMs(1000);
    QVERIFY(charge("1"));
    m_scratch->clock.advanceMs(1000);
    QVERIFY(m_budgets->topUp(m_platform, m_user, usd("2"), {}, consoleActor()));
    m_scratch->clock.advanceMs(1000);
    QVERIFY(charge("3"));
    LedgerFilter filter;
    if (type >= 0)
        filter.type = LedgerType(type);
    if (source >= 0)
        filter.source = LedgerSource(source);
    if (sinceMs >= 0)
        filter.since = start.plusMs(sinceMs);
    if (untilMs >= 0)
        filter.until = start.plusMs(untilMs);
    const auto found = m_budgets->rows(m_platform, m_user, filter, 0, 20);
    QVERIFY(found);
    QCOMPARE(found->total, total);
    QCOMPARE(found->rows.size(), total);
}

void tst_Budgets::listsInTheOrderOfCommits()
{
    // All in one millisecond.
    QVERIFY(create({ .max = usd("10") }));
    for (const char *amount : { "1", "2", "3", "4" })
        QVERIFY(charge(amount));
    const auto newest = m_budgets->rows(m_platform, m_user, {}, 0, 2);
    QCOMPARE(newest->total, 5);
    QCOMPARE(newest->rows.size(), 2);
    QCOMPARE(newest->rows.constFirst().amount, usd("4"));
    const auto oldest = m_budgets->rows(m_platform, m_user, { .oldestFirst = true }, 1, 2);
    QCOMPARE(oldest->rows.constFirst().amount, usd("1"));
    QCOMPARE(oldest->rows.constLast().amount, usd("2"));
    QVERIFY(m_budgets->rows(m_platform, m_user, {}, 50, 2)->rows.isEmpty());
}

void tst_Budgets::tellsTheGates()
{
    QVERIFY(create({ .max = usd("10"), .period = BudgetPeriod::Monthly }));
    QVERIFY(charge("4"));
    const BudgetState state = m_scratch->changes.budgets.constLast();
    QCOMPARE(state.platform, m_platform);
    QCOMPARE(state.endUser, m_user);
    QCOMPARE(state.id, budget().id);
    QCOMPARE(state.max, usd("10"));
    QCOMPARE(state.used, usd("4"));
    QVERIFY(state.isActive && !state.isSuspended);
    QCOMPARE(state.periodEnd.toIso(), QByteArray("2026-05-01T00:00:00.000Z"));
    const auto noted = m_scratch->changes.budgets.size();
    QVERIFY(!charge("0"));
    QCOMPARE(m_scratch->changes.budgets.size(), noted);
}

QTEST_GUILESS_MAIN(tst_Budgets)
#include "tst_budgets.moc"
