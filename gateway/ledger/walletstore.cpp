// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/walletstore.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Wallet walletFrom(const Query &query)
{
    Wallet wallet;
    wallet.id = query.id<WalletId>(0);
    wallet.platform = query.id<PlatformId>(1);
    wallet.balance = query.money(2);
    wallet.lowBalanceThreshold = query.optionalMoney(3);
    wallet.isActive = query.flag(4);
    wallet.createdAt = query.time(5);
    wallet.updatedAt = query.time(6);
    return wallet;
}

Result<std::optional<Wallet>> oneWallet(Query &query)
{
    if (const auto done = query.exec(); !done)
        return done.error();
    return query.next() ? std::optional(walletFrom(query)) : std::optional<Wallet>();
}

WalletRow walletRowFrom(const Query &query)
{
    WalletRow row;
    row.id = query.id<WalletRowId>(0);
    row.wallet = query.id<WalletId>(1);
    row.platform = query.id<PlatformId>(2);
    row.endUser = query.id<EndUserId>(3);
    row.type = fromStoredWord<WalletRowType>(query.text(4));
    row.amount = query.money(5);
    row.balanceAfter = query.money(6);
    row.description = query.text(7);
    row.reference = query.text(8);
    row.metadata = query.text(9).toUtf8();
    row.actorKey = query.id<ApiKeyId>(10);
    row.createdAt = query.time(11);
    return row;
}

void bindFilter(Query &query, const PlatformId &platform, const WalletFilter &filter)
{
    const auto type = filter.type ? std::optional<QString>(wordOf(*filter.type)) : std::nullopt;
    query.bind(platform, type, type, filter.since, filter.since, filter.until, filter.until, filter.endUser, filter.endUser);
}

} // namespace

Result<void> WalletStore::insert(const Wallet &wallet)
{
    Query query = m_db.prepare(u"INSERT INTO wallets (id, platform_id, balance, low_balance_threshold, is_active, created_at, "
                               "updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)"_s);
    query.bind(wallet.id, wallet.platform, wallet.balance, wallet.lowBalanceThreshold, wallet.isActive, wallet.createdAt,
               wallet.updatedAt);
    return query.exec();
}

Result<std::optional<Wallet>> WalletStore::find(const PlatformId &platform)
{
    Query query = m_db.prepare(u"SELECT id, platform_id, balance, low_balance_threshold, is_active, created_at, updated_at "
                               "FROM wallets WHERE platform_id = ?"_s);
    return oneWallet(query.bind(platform));
}

Result<std::optional<Wallet>> WalletStore::change(const PlatformId &platform, Money by, Timestamp now)
{
    Query query = m_db.prepare(u"UPDATE wallets SET balance = balance + ?, updated_at = ? WHERE platform_id = ? RETURNING id, "
                               "platform_id, balance, low_balance_threshold, is_active, created_at, updated_at"_s);
    return oneWallet(query.bind(by, now, platform));
}

Result<std::optional<Wallet>> WalletStore::setLowBalanceThreshold(const PlatformId &platform, std::optional<Money> threshold,
                                                                  Timestamp now)
{
    Query query = m_db.prepare(u"UPDATE wallets SET low_balance_threshold = ?, updated_at = ? WHERE platform_id = ? RETURNING "
                               "id, platform_id, balance, low_balance_threshold, is_active, created_at, updated_at"_s);
    return oneWallet(query.bind(threshold, now, platform));
}

Result<void> WalletStore::append(const WalletRow &row)
{
    Query query = m_db.prepare(
        u"INSERT INTO wallet_transactions (id, wallet_id, platform_id, end_user_id, type, amount, balance_after, description, "
        "reference, metadata, actor_key_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"_s);
    query.bind(row.id, row.wallet, row.platform, row.endUser, wordOf(row.type), row.amount, row.balanceAfter, row.description,
               row.reference.isEmpty() ? std::nullopt : std::optional(row.reference), row.metadata, row.actorKey,
               row.createdAt);
    return query.exec();
}

Result<WalletRows> WalletStore::rows(const PlatformId &platform, const WalletFilter &filter, qint64 offset, qint64 limit)
{
    WalletRows found;
    {
        Query count = m_db.prepare(
            u"SELECT count(*) FROM wallet_transactions WHERE platform_id = ? AND (CAST(? AS TEXT) IS NULL OR type = ?) "
            "AND (CAST(? AS BIGINT) IS NULL OR created_at >= ?) AND (CAST(? AS BIGINT) IS NULL OR created_at < ?) "
            "AND (CAST(? AS TEXT) IS NULL OR end_user_id = ?)"_s);
        bindFilter(count, platform, filter);
        if (const auto read = count.exec(); !read)
            return read.error();
        if (count.next())
            found.total = count.integer(0);
    }
    Query query = m_db.prepare(
        u"SELECT id, wallet_id, platform_id, end_user_id, type, amount, balance_after, description, reference, metadata, "
        "actor_key_id, created_at FROM wallet_transactions WHERE platform_id = ? AND (CAST(? AS TEXT) IS NULL OR type = ?) "
        "AND (CAST(? AS BIGINT) IS NULL OR created_at >= ?) AND (CAST(? AS BIGINT) IS NULL OR created_at < ?) "
        "AND (CAST(? AS TEXT) IS NULL OR end_user_id = ?) ORDER BY seq DESC LIMIT ? OFFSET ?"_s);
    bindFilter(query, platform, filter);
    if (const auto read = query.bind(limit, offset).exec(); !read)
        return read.error();
    while (query.next())
        found.rows.append(walletRowFrom(query));
    return found;
}

} // namespace assistiv
