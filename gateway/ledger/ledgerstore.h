// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/id.h"
#include "core/money.h"
#include "core/result.h"
#include "ledger/actor.h"
#include "store/database.h"

#include <QtCore/QList>

#include <array>

namespace assistiv {

enum class BudgetPeriod { OneTime, Daily, Monthly };

template<>
struct Words<BudgetPeriod>
{
    static constexpr std::array table { QLatin1StringView("one_time"), QLatin1StringView("daily"),
                                        QLatin1StringView("monthly") };
};

enum class LedgerType { Opening, Topup, Debit, Adjustment };

template<>
struct Words<LedgerType>
{
    static constexpr std::array table { QLatin1StringView("opening"), QLatin1StringView("topup"),
                                        QLatin1StringView("debit"), QLatin1StringView("adjustment") };
};

/// What one end user may spend (docs/contract/budgets-and-ledger.md).
struct Budget
{
    BudgetId id;
    PlatformId platform;
    EndUserId endUser;
    Money max;
    Money used;
    BudgetPeriod period = BudgetPeriod::OneTime;
    Timestamp periodStart;
    /// Far in the future for one_time.
    Timestamp periodEnd;
    bool autoReplenish = false;
    std::optional<Money> replenishAmount;
    std::optional<Money> lowBalanceThreshold;
    bool isActive = true;
    bool isSuspended = false;
    /// The low-balance alarm will go off at the next debit that reaches the threshold.
    bool isArmed = false;
    /// Made together with its user from the platform's default, and not replaced since.
    bool isAutomatic = false;
    Timestamp createdAt;
    Timestamp updatedAt;

    Money remaining() const { return max - used; }
};

/// One row of a budget's ledger. Never changed once it is written.
struct LedgerRow
{
    LedgerRowId id;
    PlatformId platform;
    EndUserId endUser;
    BudgetId budget;
    LedgerType type = LedgerType::Adjustment;
    LedgerSource source = LedgerSource::Api;
    Money amount;
    Money maxAfter;
    Money usedAfter;
    /// Empty: null.
    QString reason;
    /// JSON object.
    QByteArray metadata = "{}";
    /// Empty: null.
    QString idempotencyKey;
    ApiKeyId actorKey;
    Timestamp createdAt;

    Money remainingAfter() const { return maxAfter - usedAfter; }
};

struct LedgerFilter
{
    std::optional<LedgerType> type = {};
    std::optional<LedgerSource> source = {};
    /// Inclusive.
    std::optional<Timestamp> since = {};
    /// Exclusive.
    std::optional<Timestamp> until = {};
    bool oldestFirst = false;
};

struct LedgerRows
{
    QList<LedgerRow> rows;
    qint64 total = 0;
};

/// A budget as a list of users shows it.
struct BudgetOfUser
{
    EndUserId endUser;
    QString externalId;
    Money max;
    Money used;

    Money remaining() const { return max - used; }
};

/// The tables budgets and budget_transactions, apart from what settlement writes in bulk.
class LedgerStore
{
public:
    explicit LedgerStore(Database &db) : m_db(db) {}

    Result<bool> hasEndUser(const PlatformId &platform, const EndUserId &user);
    Result<std::optional<Budget>> find(const EndUserId &user);
    /// Like find(), and nobody else may change the row before this transaction ends: on PostgreSQL several gateways write.
    Result<std::optional<Budget>> lock(const EndUserId &user);
    Result<bool> isDue(const EndUserId &user, Timestamp now);
    /// Users whose active budget's period has ended; on PostgreSQL their budgets are locked then.
    Result<QList<EndUserId>> due(Timestamp now, int most);

    /// Active budgets with at most one part in `share` left, the emptiest first.
    Result<QList<BudgetOfUser>> runningLow(const PlatformId &platform, int share, int most);
    /// The active budget of the oldest active user; empty when there is none.
    Result<std::optional<BudgetOfUser>> oldest(const PlatformId &platform);

    Result<void> insert(const Budget &budget);
    /// Writes every column as given. The row must be locked: amounts are not computed here.
    Result<void> save(const Budget &budget);
    /// max += amount; the alarm is armed again when the remainder is above the threshold.
    Result<Budget> raise(const BudgetId &id, Money amount, Timestamp now);
    /// used += amount; the alarm stays as it is.
    Result<Budget> charge(const BudgetId &id, Money amount, Timestamp now);
    Result<void> disarm(const BudgetId &id);

    Result<void> append(const LedgerRow &row);
    Result<LedgerRows> rows(const BudgetId &budget, const LedgerFilter &filter, qint64 offset, qint64 limit);
    /// True when there are rows besides the automatic opening and resets: somebody used or changed the budget.
    Result<bool> wasTouched(const BudgetId &budget);

private:
    Database &m_db;
};

} // namespace assistiv
