// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ledger/actor.h"
#include "ledger/walletstore.h"
#include "store/accountstate.h"

namespace assistiv {

/// The largest balance of a wallet (docs/contract/wallet.md).
inline constexpr Money LargestBalance = Money::fromMicros(999'999'999'999);

/// Decides about the platforms' wallets (docs/contract/wallet.md). Debits for calls are settled elsewhere, in bulk.
class Wallets
{
public:
    explicit Wallets(const ServiceContext &context) : m_context(context), m_store(context.db) {}

    /// With balance 0. For a platform that was just made.
    Result<Wallet> create(const PlatformId &platform);
    /// PlatformNotFound when there is none.
    Result<Wallet> get(const PlatformId &platform);
    /// Records money that the operator accepted. ValidationError (param amount), also when the balance would be too large.
    Result<WalletRow> topUp(const PlatformId &platform, Money amount, const QString &description, const Actor &actor);
    /// What an administrator may do: top_up and refund with positive amounts, adjustment with a signed one.
    Result<WalletRow> adjust(const PlatformId &platform, WalletRowType type, Money amount, const QString &description,
                             const Actor &actor);
    /// Where the console begins to warn; empty switches the warning off.
    Result<Wallet> setLowBalanceThreshold(const PlatformId &platform, std::optional<Money> threshold);

    /// The newest rows, newest first.
    Result<QList<WalletRow>> recent(const PlatformId &platform, int most = 5);
    Result<WalletRows> rows(const PlatformId &platform, const WalletFilter &filter, qint64 offset, qint64 limit);

private:
    Result<WalletRow> book(const PlatformId &platform, WalletRowType type, Money amount, const QString &description,
                           const Actor &actor);

    ServiceContext m_context;
    WalletStore m_store;
};

} // namespace assistiv
