// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/ledgerstore.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Budget budgetFrom(const Query &query)
{
    Budget budget;
    budget.id = query.id<BudgetId>(0);
    budget.platform = query.id<PlatformId>(1);
    budget.endUser = query.id<EndUserId>(2);
    budget.max = query.money(3);
    budget.used = query.money(4);
    budget.period = fromStoredWord<BudgetPeriod>(query.text(5));
    budget.periodStart = query.time(6);
    budget.periodEnd = query.time(7);
    budget.autoReplenish = query.flag(8);
    budget.replenishAmount = query.optionalMoney(9);
    budget.lowBalanceThreshold = query.optionalMoney(10);
    budget.isActive = query.flag(11);
    budget.isSuspended = query.flag(12);
    budget.isArmed = query.flag(13);
    budget.isAutomatic = query.flag(14);
    budget.createdAt = query.time(15);
    budget.updatedAt = query.time(16);
    return budget;
}

Result<std::optional<Budget>> maybeBudget(Query &query)
{
    if (const auto done = query.exec(); !done)
        return done.error();
    return query.next() ? std::optional(budgetFrom(query)) : std::optional<Budget>();
}

/// For rows that are known to be there.
Result<Budget> theBudget(Query &query)
{
    const auto budget = maybeBudget(query);
    if (!budget)
        return budget.error();
    if (!*budget)
        return Error { ErrorCode::Internal, u"An internal error occurred."_s };
    return **budget;
}

LedgerRow ledgerRowFrom(const Query &query)
{
    LedgerRow row;
    row.id = query.id<LedgerRowId>(0);
    row.platform = query.id<PlatformId>(1);
    row.endUser = query.id<EndUserId>(2);
    row.budget = query.id<BudgetId>(3);
    row.type = fromStoredWord<LedgerType>(query.text(4));
    row.source = fromStoredWord<LedgerSource>(query.text(5));
    row.amount = query.money(6);
    row.maxAfter = query.money(7);
    row.usedAfter = query.money(8);
    row.reason = query.text(9);
    row.metadata = query.text(10).toUtf8();
    row.idempotencyKey = query.text(11);
    row.actorKey = query.id<ApiKeyId>(12);
    row.createdAt = query.time(13);
    return row;
}

std::optional<QString> orNull(const QString &text)
{
    return text.isEmpty() ? std::nullopt : std::optional(text);
}

void bindFilter(Query &query, const BudgetId &budget, const LedgerFilter &filter)
{
    const auto type = filter.type ? std::optional<QString>(wordOf(*filter.type)) : std::nullopt;
    const auto source = filter.source ? std::optional<QString>(wordOf(*filter.source)) : std::nullopt;
    query.bind(budget, type, type, source, source, filter.since, filter.since, filter.until, filter.until);
}

} // namespace

Result<bool> LedgerStore::hasEndUser(const PlatformId &platform, const EndUserId &user)
{
    Query query = m_db.prepare(u"SELECT 1 FROM end_users WHERE id = ? AND platform_id = ?"_s);
    if (const auto read = query.bind(user, platform).exec(); !read)
        return read.error();
    return query.next();
}

Result<QList<BudgetOfUser>> LedgerStore::runningLow(const PlatformId &platform, int share, int most)
{
    Query query = m_db.prepare(
        u"SELECT u.id, u.external_id, b.max_usd, b.used_usd FROM budgets b JOIN end_users u ON u.id = b.end_user_id "
        "WHERE b.platform_id = ? AND b.is_active AND (b.max_usd - b.used_usd) * ? <= b.max_usd "
        "ORDER BY (b.max_usd - b.used_usd) * 1000 / b.max_usd, u.external_id LIMIT ?"_s);
    if (const auto read = query.bind(platform, share, most).exec(); !read)
        return read.error();
    QList<BudgetOfUser> found;
    while (query.next())
        found.append({ query.id<EndUserId>(0), query.text(1), query.money(2), query.money(3) });
    return found;
}

Result<std::optional<BudgetOfUser>> LedgerStore::oldest(const PlatformId &platform)
{
    Query query = m_db.prepare(
        u"SELECT u.id, u.external_id, b.max_usd, b.used_usd FROM budgets b JOIN end_users u ON u.id = b.end_user_id "
        "WHERE b.platform_id = ? AND b.is_active AND u.is_active ORDER BY u.created_at LIMIT 1"_s);
    if (const auto read = query.bind(platform).exec(); !read)
        return read.error();
    if (!query.next())
        return std::optional<BudgetOfUser>();
    return std::optional(BudgetOfUser { query.id<EndUserId>(0), query.text(1), query.money(2), query.money(3) });
}

Result<std::optional<Budget>> LedgerStore::find(const EndUserId &user)
{
    Query query = m_db.prepare(
        u"SELECT id, platform_id, end_user_id, max_usd, used_usd, period, period_start, period_end, auto_replenish, "
        "replenish_amount, low_balance_threshold, is_active, is_suspended, is_armed, is_automatic, created_at, updated_at "
        "FROM budgets WHERE end_user_id = ?"_s);
    return maybeBudget(query.bind(user));
}

Result<std::optional<Budget>> LedgerStore::lock(const EndUserId &user)
{
    // An update that changes nothing locks the row and returns its newest version; SQLite knows no SELECT … FOR UPDATE.
    Query query = m_db.prepare(
        u"UPDATE budgets SET updated_at = updated_at WHERE end_user_id = ? "
        "RETURNING id, platform_id, end_user_id, max_usd, used_usd, period, period_start, period_end, auto_replenish, "
        "replenish_amount, low_balance_threshold, is_active, is_suspended, is_armed, is_automatic, created_at, updated_at"_s);
    return maybeBudget(query.bind(user));
}

Result<bool> LedgerStore::isDue(const EndUserId &user, Timestamp now)
{
    Query query = m_db.prepare(u"SELECT 1 FROM budgets WHERE end_user_id = ? AND period_end <= ?"_s);
    if (const auto read = query.bind(user, now).exec(); !read)
        return read.error();
    return query.next();
}

Result<QList<EndUserId>> LedgerStore::due(Timestamp now, int most)
{
    // What another gateway is at work on is none of ours.
    static const QString Locking = u"SELECT end_user_id FROM budgets WHERE period_end <= ? AND is_active ORDER BY id "
                                   "LIMIT ? FOR UPDATE SKIP LOCKED"_s;
    static const QString Alone = u"SELECT end_user_id FROM budgets WHERE period_end <= ? AND is_active ORDER BY id "
                                 "LIMIT ?"_s;
    Query query = m_db.prepare(m_db.dialect() == Dialect::PostgreSql ? Locking : Alone);
    if (const auto read = query.bind(now, most).exec(); !read)
        return read.error();
    QList<EndUserId> users;
    while (query.next())
        users.append(query.id<EndUserId>(0));
    return users;
}

Result<void> LedgerStore::insert(const Budget &budget)
{
    Query query = m_db.prepare(
        u"INSERT INTO budgets (id, platform_id, end_user_id, max_usd, used_usd, period, period_start, period_end, "
        "auto_replenish, replenish_amount, low_balance_threshold, is_active, is_suspended, is_armed, is_automatic, "
        "used_display, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)"_s);
    query.bind(budget.id, budget.platform, budget.endUser, budget.max, budget.used, wordOf(budget.period),
               budget.periodStart, budget.periodEnd, budget.autoReplenish, budget.replenishAmount,
               budget.lowBalanceThreshold, budget.isActive, budget.isSuspended, budget.isArmed, budget.isAutomatic,
               budget.createdAt, budget.updatedAt);
    return query.exec();
}

Result<void> LedgerStore::save(const Budget &budget)
{
    Query query = m_db.prepare(
        u"UPDATE budgets SET max_usd = ?, used_usd = ?, period = ?, period_start = ?, period_end = ?, auto_replenish = ?, "
        "replenish_amount = ?, low_balance_threshold = ?, is_active = ?, is_suspended = ?, is_armed = ?, is_automatic = ?, "
        "updated_at = ? WHERE id = ?"_s);
    query.bind(budget.max, budget.used, wordOf(budget.period), budget.periodStart, budget.periodEnd, budget.autoReplenish,
               budget.replenishAmount, budget.lowBalanceThreshold, budget.isActive, budget.isSuspended, budget.isArmed,
               budget.isAutomatic, budget.updatedAt, budget.id);
    return query.exec();
}

Result<Budget> LedgerStore::raise(const BudgetId &id, Money amount, Timestamp now)
{
    Query query = m_db.prepare(
        u"UPDATE budgets SET max_usd = max_usd + ?, updated_at = ?, "
        "is_armed = COALESCE(max_usd + ? - used_usd > low_balance_threshold, FALSE) WHERE id = ? "
        "RETURNING id, platform_id, end_user_id, max_usd, used_usd, period, period_start, period_end, auto_replenish, "
        "replenish_amount, low_balance_threshold, is_active, is_suspended, is_armed, is_automatic, created_at, updated_at"_s);
    return theBudget(query.bind(amount, now, amount, id));
}

Result<Budget> LedgerStore::charge(const BudgetId &id, Money amount, Timestamp now)
{
    Query query = m_db.prepare(
        u"UPDATE budgets SET used_usd = used_usd + ?, updated_at = ? WHERE id = ? "
        "RETURNING id, platform_id, end_user_id, max_usd, used_usd, period, period_start, period_end, auto_replenish, "
        "replenish_amount, low_balance_threshold, is_active, is_suspended, is_armed, is_automatic, created_at, updated_at"_s);
    return theBudget(query.bind(amount, now, id));
}

Result<void> LedgerStore::disarm(const BudgetId &id)
{
    Query query = m_db.prepare(u"UPDATE budgets SET is_armed = FALSE WHERE id = ?"_s);
    return query.bind(id).exec();
}

Result<void> LedgerStore::append(const LedgerRow &row)
{
    Query query = m_db.prepare(
        u"INSERT INTO budget_transactions (id, platform_id, end_user_id, budget_id, type, source, amount, max_after, "
        "used_after, reason, metadata, idempotency_key, actor_key_id, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"_s);
    query.bind(row.id, row.platform, row.endUser, row.budget, wordOf(row.type), wordOf(row.source), row.amount,
               row.maxAfter, row.usedAfter, orNull(row.reason), row.metadata, orNull(row.idempotencyKey), row.actorKey,
               row.createdAt);
    return query.exec();
}

Result<LedgerRows> LedgerStore::rows(const BudgetId &budget, const LedgerFilter &filter, qint64 offset, qint64 limit)
{
    LedgerRows found;
    {
        Query count = m_db.prepare(
            u"SELECT count(*) FROM budget_transactions WHERE budget_id = ? AND (CAST(? AS TEXT) IS NULL OR type = ?) "
            "AND (CAST(? AS TEXT) IS NULL OR source = ?) AND (CAST(? AS BIGINT) IS NULL OR created_at >= ?) "
            "AND (CAST(? AS BIGINT) IS NULL OR created_at < ?)"_s);
        bindFilter(count, budget, filter);
        if (const auto read = count.exec(); !read)
            return read.error();
        if (count.next())
            found.total = count.integer(0);
    }
    static const QString Oldest
        = u"SELECT id, platform_id, end_user_id, budget_id, type, source, amount, max_after, used_after, reason, metadata, "
          "idempotency_key, actor_key_id, created_at FROM budget_transactions WHERE budget_id = ? "
          "AND (CAST(? AS TEXT) IS NULL OR type = ?) AND (CAST(? AS TEXT) IS NULL OR source = ?) "
          "AND (CAST(? AS BIGINT) IS NULL OR created_at >= ?) AND (CAST(? AS BIGINT) IS NULL OR created_at < ?) "
          "ORDER BY seq LIMIT ? OFFSET ?"_s;
    static const QString Newest
        = u"SELECT id, platform_id, end_user_id, budget_id, type, source, amount, max_after, used_after, reason, metadata, "
          "idempotency_key, actor_key_id, created_at FROM budget_transactions WHERE budget_id = ? "
          "AND (CAST(? AS TEXT) IS NULL OR type = ?) AND (CAST(? AS TEXT) IS NULL OR source = ?) "
          "AND (CAST(? AS BIGINT) IS NULL OR created_at >= ?) AND (CAST(? AS BIGINT) IS NULL OR created_at < ?) "
          "ORDER BY seq DESC LIMIT ? OFFSET ?"_s;
    Query query = m_db.prepare(filter.oldestFirst ? Oldest : Newest);
    bindFilter(query, budget, filter);
    if (const auto read = query.bind(limit, offset).exec(); !read)
        return read.error();
    while (query.next())
        found.rows.append(ledgerRowFrom(query));
    return found;
}

Result<bool> LedgerStore::wasTouched(const BudgetId &budget)
{
    Query query = m_db.prepare(u"SELECT 1 FROM budget_transactions WHERE budget_id = ? "
                               "AND (reason IS NULL OR reason NOT IN ('auto_budget', 'period_reset')) LIMIT 1"_s);
    if (const auto read = query.bind(budget).exec(); !read)
        return read.error();
    return query.next();
}

} // namespace assistiv
