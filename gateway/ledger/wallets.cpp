// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/wallets.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Error refusedAmount(const QString &message)
{
    return { .code = ErrorCode::ValidationError, .message = message, .param = u"amount"_s };
}

Error noWallet()
{
    return { ErrorCode::PlatformNotFound, u"There is no such platform."_s };
}

} // namespace

Result<Wallet> Wallets::create(const PlatformId &platform)
{
    Wallet wallet;
    wallet.id = WalletId::create();
    wallet.platform = platform;
    wallet.createdAt = wallet.updatedAt = m_context.clock.now();
    if (const auto inserted = m_store.insert(wallet); !inserted)
        return inserted.error();
    m_context.changes.add(WalletState { platform, wallet.id, wallet.balance, wallet.isActive });
    return wallet;
}

Result<Wallet> Wallets::get(const PlatformId &platform)
{
    const auto wallet = m_store.find(platform);
    if (!wallet)
        return wallet.error();
    if (!*wallet)
        return noWallet();
    return **wallet;
}

Result<WalletRow> Wallets::topUp(const PlatformId &platform, Money amount, const QString &description, const Actor &actor)
{
    return adjust(platform, WalletRowType::TopUp, amount, description, actor);
}

Result<WalletRow> Wallets::adjust(const PlatformId &platform, WalletRowType type, Money amount, const QString &description,
                                  const Actor &actor)
{
    const bool isSigned = type == WalletRowType::Adjustment;
    if (!isSigned && type != WalletRowType::TopUp && type != WalletRowType::Refund) {
        return Error { .code = ErrorCode::ValidationError,
                       .message = u"type must be top_up, refund or adjustment."_s,
                       .param = u"type"_s };
    }
    if (isSigned && (amount.isZero() || amount > LargestAmount || amount < -LargestAmount))
        return refusedAmount(u"amount must not be 0 and be between -1000000 and 1000000."_s);
    if (!isSigned && (amount <= Money() || amount > LargestAmount))
        return refusedAmount(u"amount must be above 0 and at most 1000000."_s);
    return book(platform, type, amount, description, actor);
}

Result<Wallet> Wallets::setLowBalanceThreshold(const PlatformId &platform, std::optional<Money> threshold)
{
    if (threshold && (threshold->isNegative() || *threshold > LargestBalance)) {
        return Error { .code = ErrorCode::ValidationError,
                       .message = u"low_balance_threshold must be between 0 and 999999.999999."_s,
                       .param = u"low_balance_threshold"_s };
    }
    const auto wallet = m_store.setLowBalanceThreshold(platform, threshold, m_context.clock.now());
    if (!wallet)
        return wallet.error();
    if (!*wallet)
        return noWallet();
    return **wallet;
}

// Until here the amount was checked; the balance is known only once the row is changed, so a refusal undoes it together
// with the caller's savepoint.
Result<WalletRow> Wallets::book(const PlatformId &platform, WalletRowType type, Money amount, const QString &description,
                                const Actor &actor)
{
    const Timestamp now = m_context.clock.now();
    const auto changed = m_store.change(platform, amount, now);
    if (!changed)
        return changed.error();
    if (!*changed)
        return noWallet();
    const Wallet &wallet = **changed;
    if (wallet.balance > LargestBalance || wallet.balance < -LargestBalance)
        return refusedAmount(u"The balance would go beyond 999999.999999."_s);

    WalletRow row;
    row.id = WalletRowId::create();
    row.wallet = wallet.id;
    row.platform = platform;
    row.type = type;
    row.amount = amount;
    row.balanceAfter = wallet.balance;
    row.description = description.isNull() ? u""_s : description;
    row.actorKey = actor.key;
    row.createdAt = now;
    if (const auto appended = m_store.append(row); !appended)
        return appended.error();
    m_context.changes.add(WalletState { platform, wallet.id, wallet.balance, wallet.isActive });
    return row;
}

Result<QList<WalletRow>> Wallets::recent(const PlatformId &platform, int most)
{
    auto found = m_store.rows(platform, {}, 0, most);
    if (!found)
        return found.error();
    return std::move(found->rows);
}

Result<WalletRows> Wallets::rows(const PlatformId &platform, const WalletFilter &filter, qint64 offset, qint64 limit)
{
    return m_store.rows(platform, filter, offset, limit);
}

} // namespace assistiv
