// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ledger/budgetevents.h"
#include "ledger/ledgerstore.h"
#include "store/accountstate.h"

namespace assistiv {

/// The largest limit that top-ups may add up to, and the largest sum of debits. Beyond a billion dollars, JSON readers that use doubles
/// would begin to lose micro-dollars.
inline constexpr Money LargestBudget = Money::fromMicros(1'000'000'000'000'000);

/// What a new budget is asked to be; what is not given has the contract's default.
struct BudgetDraft
{
    Money max;
    std::optional<BudgetPeriod> period = {};
    std::optional<bool> autoReplenish = {};
    std::optional<Money> replenishAmount = {};
    std::optional<Money> lowBalanceThreshold = {};
};

/// What a PATCH asks for. The outer optional says "given", the inner one "null".
struct BudgetChange
{
    std::optional<Money> max = {};
    std::optional<BudgetPeriod> period = {};
    std::optional<bool> autoReplenish = {};
    std::optional<std::optional<Money>> replenishAmount = {};
    std::optional<std::optional<Money>> lowBalanceThreshold = {};
    std::optional<bool> isSuspended = {};
    std::optional<bool> isActive = {};
};

struct OpenedBudget
{
    Budget budget;
    /// False: it was there before, equal or automatic (docs/contract/budgets-and-ledger.md, "POST").
    bool isNew = true;
};

/// A budget after a write, and the row that the write left.
struct BudgetWrite
{
    Budget budget;
    /// Empty when nothing changed.
    std::optional<LedgerRow> row;
};

/// What a top-up or a manual debit says about itself.
struct LedgerNote
{
    /// Empty: null.
    QString reason = {};
    /// JSON object.
    QByteArray metadata = "{}";
};

/// Decides about the end users' budgets (docs/contract/budgets-and-ledger.md). Debits for calls are settled elsewhere, in
/// bulk. Every function that names a user answers EndUserNotFound when the platform has no such user.
class Budgets
{
public:
    explicit Budgets(const ServiceContext &context) : m_context(context), m_store(context.db), m_events(context) {}

    /// ValidationError, BudgetExists.
    Result<OpenedBudget> create(const PlatformId &platform, const EndUserId &user, const BudgetDraft &draft, const Actor &actor);
    /// The monthly budget that a platform's default gives to a user who was just made.
    Result<Budget> createAutomatic(const PlatformId &platform, const EndUserId &user, Money max, const ApiKeyId &actorKey);
    /// As it is now: a reset that is due shows, also where it cannot be written yet. BudgetNotFound when none is active.
    Result<Budget> get(const PlatformId &platform, const EndUserId &user);
    /// BudgetNotFound, ValidationError.
    Result<BudgetWrite> patch(const PlatformId &platform, const EndUserId &user, const BudgetChange &change, const Actor &actor);
    Result<void> deactivate(const PlatformId &platform, const EndUserId &user, const Actor &actor);
    Result<BudgetWrite> topUp(const PlatformId &platform, const EndUserId &user, Money amount, const LedgerNote &note,
                              const Actor &actor);
    /// By hand: no wallet, no log row, no lower limit.
    Result<BudgetWrite> debit(const PlatformId &platform, const EndUserId &user, Money amount, const LedgerNote &note,
                              const Actor &actor);

    /// Newest first unless the filter says otherwise. BudgetNotFound only when the user never had a budget.
    Result<LedgerRows> rows(const PlatformId &platform, const EndUserId &user, const LedgerFilter &filter, qint64 offset,
                            qint64 limit);

    /// Active budgets with a fifth or less left, the emptiest first.
    Result<QList<BudgetOfUser>> runningLow(const PlatformId &platform, int most) { return m_store.runningLow(platform, LowShare, most); }
    /// Of the platform's oldest active user with an active budget; empty when there is none.
    Result<std::optional<BudgetOfUser>> oldest(const PlatformId &platform) { return m_store.oldest(platform); }

    /// What every read of an active budget begins with: writes a reset that is due. False when one is due and this connection cannot write it:
    /// then the same question belongs on the writer.
    Result<bool> settlePeriod(const PlatformId &platform, const EndUserId &user);
    /// Starts the running period if the last one has ended; nothing happens otherwise, or without a budget. Deactivated
    /// budgets, too: a call that began before may still be debited to one.
    Result<void> resetIfDue(const EndUserId &user);
    /// The same for active budgets that are due, at most so many; returns how many there were.
    Result<int> resetDue(int most);

private:
    static constexpr int LowShare = 5;

    Result<void> checkUser(const PlatformId &platform, const EndUserId &user);
    /// Locked, active, with no reset due.
    Result<Budget> lockActive(const PlatformId &platform, const EndUserId &user);
    Result<Budget> resetLocked(const Budget &before);
    Result<OpenedBudget> open(Budget budget, bool existed, const Actor &actor, const QString &reason);
    Result<Budget> replaceAutomatic(const Budget &before, const BudgetDraft &draft, const Actor &actor);
    Result<LedgerRow> record(const Budget &after, LedgerType type, Money amount, const LedgerNote &note, const Actor &actor);

    ServiceContext m_context;
    LedgerStore m_store;
    BudgetEvents m_events;
};

} // namespace assistiv
