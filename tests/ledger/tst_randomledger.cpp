// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "ledger/budgets.h"
#include "ledger/wallets.h"

#include <QtTest/QTest>

#include <random>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

constexpr int Users = 5;
constexpr qint64 DayMs = 86'400'000;

/// What a budget should be, kept by the simplest rules that say so.
struct NaiveBudget
{
    bool exists = false;
    bool isActive = false;
    bool isSuspended = false;
    bool isAutomatic = false;
    bool isTouched = false;
    Money max;
    Money used;
    BudgetPeriod period = BudgetPeriod::OneTime;
    std::optional<Money> replenish;
    std::optional<Money> threshold;
    bool isArmed = false;
    qint64 periodNumber = 0;
    qint64 rows = 0;

    void arm() { isArmed = threshold && max - used > *threshold; }
};

/// Counts days or months; a budget is due when the number has grown.
qint64 periodNumber(BudgetPeriod period, Timestamp now)
{
    switch (period) {
    case BudgetPeriod::OneTime: return 0;
    case BudgetPeriod::Daily: return now.startOfDay().ms() / DayMs;
    case BudgetPeriod::Monthly: return now.startOfMonth().ms() / DayMs;
    }
    return 0;
}

} // namespace

/// Thousands of random operations on a wallet and some budgets, each compared with a naive model; the seed is printed and
/// can be given again in ASSISTIV_TEST_SEED.
class tst_RandomLedger : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void wallet();
    void budgets();

private:
    quint32 seed();
    qint64 pick(qint64 least, qint64 most) { return std::uniform_int_distribution<qint64>(least, most)(m_random); }
    bool chance(int percent) { return pick(1, 100) <= percent; }
    /// Often small and round, sometimes with every digit, sometimes out of range.
    Money amount();
    void resetIfDue(NaiveBudget &naive, Timestamp now);
    bool create(NaiveBudget &naive, const BudgetDraft &draft, Timestamp now);
    bool patch(NaiveBudget &naive, const BudgetChange &change, Timestamp now);

    std::mt19937 m_random;
};

quint32 tst_RandomLedger::seed()
{
    bool given = false;
    const quint32 fixed = qEnvironmentVariable("ASSISTIV_TEST_SEED").toUInt(&given);
    const quint32 seed = given ? fixed : std::random_device()();
    qInfo("seed %u", seed);
    m_random.seed(seed);
    return seed;
}

Money tst_RandomLedger::amount()
{
    switch (pick(0, 9)) {
    case 0: return Money();
    case 1: return Money::fromMicros(-pick(1, 5'000'000));
    case 2: return Money::fromMicros(1);
    case 3: return LargestAmount;
    case 4: return Money::fromMicros(LargestAmount.micros() + 1);
    case 5: return Money::fromMicros(pick(1, 1'000'000'000'000));
    case 6: return Money::fromMicros(pick(1, 10) * 1'000'000);
    default: return Money::fromMicros(pick(1, 20'000'000));
    }
}

void tst_RandomLedger::wallet()
{
    seed();
    ScratchDatabase scratch(ScratchDatabase::currentDialect());
    Wallets wallets(scratch.context());
    const PlatformId platform = scratch.addPlatform();
    QVERIFY(wallets.create(platform));
    Money balance;
    qint64 rows = 0;
    for (int step = 0; step < 2000; ++step) {
        const auto type = WalletRowType(pick(0, 5));
        const Money by = amount();
        const bool isSigned = type == WalletRowType::Adjustment;
        const bool isKnown = isSigned || type == WalletRowType::TopUp || type == WalletRowType::Refund;
        const bool fits = by <= LargestAmount && by >= -LargestAmount && !by.isZero() && (isSigned || by > Money());
        const Money then = balance + by;
        const bool expected = isKnown && fits && then <= LargestBalance && then >= -LargestBalance;
        const auto row = scratch.attempt([&] { return wallets.adjust(platform, type, by, {}, {}); });
        QCOMPARE(row.ok(), expected);
        if (expected) {
            balance = then;
            ++rows;
            QCOMPARE(row->balanceAfter, balance);
            QCOMPARE(scratch.changes.wallets.constLast().balance, balance);
        }
    }
    QCOMPARE(wallets.get(platform)->balance, balance);
    QCOMPARE(scratch.number(u"SELECT CAST(sum(amount) AS BIGINT) FROM wallet_transactions"_s), balance.micros());
    QCOMPARE(wallets.rows(platform, {}, 0, 1)->total, rows);
    QVERIFY(rows > 100);
}

void tst_RandomLedger::resetIfDue(NaiveBudget &naive, Timestamp now)
{
    const qint64 number = periodNumber(naive.period, now);
    if (naive.period == BudgetPeriod::OneTime || number <= naive.periodNumber)
        return;
    naive.periodNumber = number;
    naive.used = Money();
    if (naive.replenish)
        naive.max = *naive.replenish;
    naive.arm();
    ++naive.rows;
}

/// True when it should succeed.
bool tst_RandomLedger::create(NaiveBudget &naive, const BudgetDraft &draft, Timestamp now)
{
    const BudgetPeriod period = draft.period.value_or(BudgetPeriod::OneTime);
    const bool replenishes = draft.autoReplenish.value_or(false);
    const auto isAmount = [](Money money) { return money > Money() && money <= LargestAmount; };
    if (!isAmount(draft.max) || (replenishes && (period == BudgetPeriod::OneTime || !draft.replenishAmount))
        || (draft.replenishAmount && !isAmount(*draft.replenishAmount))
        || (draft.lowBalanceThreshold && (draft.lowBalanceThreshold->isNegative() || *draft.lowBalanceThreshold > LargestAmount)))
        return false;
    if (naive.isActive) {
        NaiveBudget after = naive;
        resetIfDue(after, now);
        const bool isEqual = draft.max == after.max && draft.period.value_or(after.period) == after.period
            && draft.autoReplenish.value_or(after.replenish.has_value()) == after.replenish.has_value()
            && (!draft.replenishAmount || draft.replenishAmount == after.replenish)
            && (!draft.lowBalanceThreshold || draft.lowBalanceThreshold == after.threshold);
        if (!isEqual && (!naive.isAutomatic || naive.isTouched))
            return false;
        naive = after;
        if (isEqual)
            return true;
    }
    naive.max = draft.max;
    naive.used = Money();
    naive.period = period;
    naive.replenish = replenishes ? draft.replenishAmount : std::nullopt;
    naive.threshold = draft.lowBalanceThreshold;
    naive.periodNumber = periodNumber(period, now);
    naive.exists = naive.isActive = true;
    naive.isSuspended = naive.isAutomatic = false;
    naive.arm();
    ++naive.rows;
    return true;
}

bool tst_RandomLedger::patch(NaiveBudget &naive, const BudgetChange &change, Timestamp now)
{
    if (change.max && (*change.max <= Money() || *change.max > LargestAmount))
        return false;
    if (!naive.exists || (!naive.isActive && change.isActive != true))
        return false;
    NaiveBudget after = naive;
    resetIfDue(after, now);
    const NaiveBudget before = after;
    after.max = change.max.value_or(after.max);
    after.threshold = change.lowBalanceThreshold.value_or(after.threshold);
    after.isSuspended = change.isSuspended.value_or(after.isSuspended);
    after.isActive = change.isActive.value_or(after.isActive);
    if (after.threshold && (after.threshold->isNegative() || *after.threshold > LargestAmount))
        return false;
    const bool differs = after.max != before.max || after.threshold != before.threshold
        || after.isSuspended != before.isSuspended || after.isActive != before.isActive;
    if (after.max != before.max || after.threshold != before.threshold)
        after.arm();
    after.rows += differs;
    after.isTouched = after.isTouched || differs;
    naive = after;
    return true;
}

void tst_RandomLedger::budgets()
{
    seed();
    ScratchDatabase scratch(ScratchDatabase::currentDialect());
    Budgets budgets(scratch.context());
    const PlatformId platform = scratch.addPlatform();
    QList<EndUserId> users;
    for (int i = 0; i < Users; ++i)
        users.append(scratch.addEndUser(platform, u"user-%1"_s.arg(i)));
    QList<NaiveBudget> naive(Users);
    int written = 0;

    for (int step = 0; step < 4000; ++step) {
        const auto who = pick(0, Users - 1);
        const EndUserId user = users[who];
        NaiveBudget &model = naive[who];
        const Timestamp now = scratch.clock.now();
        bool expected = false;
        bool done = false;
        switch (pick(0, 6)) {
        case 0: {
            BudgetDraft draft { .max = chance(20) ? model.max : amount() };
            if (chance(50))
                draft.period = BudgetPeriod(pick(0, 2));
            if (chance(30)) {
                draft.autoReplenish = true;
                draft.replenishAmount = amount();
            }
            if (chance(40))
                draft.lowBalanceThreshold = amount();
            expected = create(model, draft, now);
            done = scratch.attempt([&] { return budgets.create(platform, user, draft, {}); }).ok();
            break;
        }
        case 1: {
            BudgetChange change;
            if (chance(40))
                change.max = amount();
            if (chance(30))
                change.lowBalanceThreshold = chance(20) ? std::optional<Money>() : amount();
            if (chance(30))
                change.isSuspended = chance(50);
            if (chance(20))
                change.isActive = chance(60);
            expected = patch(model, change, now);
            done = scratch.attempt([&] { return budgets.patch(platform, user, change, {}); }).ok();
            break;
        }
        case 2:
        case 3:
        case 4: {
            const Money by = amount();
            const bool isDebit = chance(70);
            NaiveBudget after = model;
            expected = by > Money() && by <= LargestAmount && model.isActive;
            if (expected) {
                resetIfDue(after, now);
                after.isTouched = true;
                ++after.rows;
                if (isDebit) {
                    after.used += by;
                    after.isArmed = after.isArmed && after.max - after.used > *after.threshold;
                    expected = after.used <= LargestBudget;
                } else {
                    after.max += by;
                    after.arm();
                    expected = after.max <= LargestBudget;
                }
            }
            if (expected)
                model = after;
            done = scratch
                       .attempt([&] {
                           return isDebit ? budgets.debit(platform, user, by, {}, {}) : budgets.topUp(platform, user, by, {}, {});
                       })
                       .ok();
            break;
        }
        case 5:
            if (!model.exists && chance(50)) {
                const Money max = Money::fromMicros(pick(1, 9'000'000));
                expected = create(model, { .max = max, .period = BudgetPeriod::Monthly }, now);
                model.isAutomatic = true;
                done = scratch.attempt([&] { return budgets.createAutomatic(platform, user, max, {}); }).ok();
            } else {
                expected = true;
                if (model.isActive)
                    resetIfDue(model, now);
                done = scratch.attempt([&] { return budgets.resetIfDue(user); }).ok();
            }
            break;
        default:
            scratch.clock.advanceMs(chance(10) ? 20 * DayMs : pick(0, DayMs / 4));
            continue;
        }
        QVERIFY2(done == expected, qPrintable(u"step %1"_s.arg(step)));
        written += done;

        NaiveBudget seen = model;
        if (seen.isActive)
            resetIfDue(seen, scratch.clock.now());
        const auto budget = budgets.get(platform, user);
        QCOMPARE(budget.ok(), model.isActive);
        if (budget) {
            QVERIFY2(budget->max == seen.max && budget->used == seen.used && budget->isArmed == seen.isArmed
                         && budget->isSuspended == seen.isSuspended && budget->period == seen.period,
                     qPrintable(u"step %1"_s.arg(step)));
        }
    }
    QVERIFY(written > 1000);

    for (int who = 0; who < Users; ++who) {
        if (!naive[who].exists)
            continue;
        const auto total = budgets.rows(platform, users[who], {}, 0, 1)->total;
        QCOMPARE(total, naive[who].rows);
        // Replaying the rows in order gives the budget (docs/contract/budgets-and-ledger.md).
        const auto rows = budgets.rows(platform, users[who], { .oldestFirst = true }, 0, total)->rows;
        Money max;
        Money used;
        for (const LedgerRow &row : rows) {
            if (row.type == LedgerType::Opening) {
                max = row.amount;
                used = Money();
            } else if (row.type == LedgerType::Debit) {
                used += row.amount;
            } else {
                max += row.amount;
            }
            if (row.reason == "period_reset"_L1)
                used = Money();
            QCOMPARE(row.maxAfter, max);
            QCOMPARE(row.usedAfter, used);
        }
        QCOMPARE(max, naive[who].max);
        QCOMPARE(used, naive[who].used);
    }
}

QTEST_GUILESS_MAIN(tst_RandomLedger)
#include "tst_randomledger.moc"
