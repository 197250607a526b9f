// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/id.h"
#include "core/money.h"
#include "core/result.h"
#include "core/words.h"
#include "store/database.h"

#include <QtCore/QList>

#include <array>

namespace assistiv {

enum class WalletRowType { TopUp, LlmUsage, McpUsage, AgentUsage, Refund, Adjustment };

template<>
struct Words<WalletRowType>
{
    static constexpr std::array table { QLatin1StringView("top_up"),      QLatin1StringView("llm_usage"),
                                        QLatin1StringView("mcp_usage"),   QLatin1StringView("agent_usage"),
                                        QLatin1StringView("refund"),      QLatin1StringView("adjustment") };
};

struct Wallet
{
    WalletId id;
    PlatformId platform;
    Money balance;
    std::optional<Money> lowBalanceThreshold;
    bool isActive = true;
    Timestamp createdAt;
    Timestamp updatedAt;
};

/// One transaction of a wallet. The amount is a magnitude except for adjustments; the direction follows from the type.
struct WalletRow
{
    WalletRowId id;
    WalletId wallet;
    PlatformId platform;
    EndUserId endUser;
    WalletRowType type = WalletRowType::TopUp;
    Money amount;
    Money balanceAfter;
    QString description;
    QString reference;
    /// JSON object.
    QByteArray metadata = "{}";
    ApiKeyId actorKey;
    Timestamp createdAt;
};

struct WalletFilter
{
    std::optional<WalletRowType> type = {};
    /// Inclusive.
    std::optional<Timestamp> since = {};
    /// Exclusive.
    std::optional<Timestamp> until = {};
    std::optional<EndUserId> endUser = {};
};

struct WalletRows
{
    QList<WalletRow> rows;
    qint64 total = 0;
};

/// The tables wallets and wallet_transactions.
class WalletStore
{
public:
    explicit WalletStore(Database &db) : m_db(db) {}

    Result<void> insert(const Wallet &wallet);
    Result<std::optional<Wallet>> find(const PlatformId &platform);
    /// The wallet after the change; empty when there is none.
    Result<std::optional<Wallet>> change(const PlatformId &platform, Money by, Timestamp now);
    Result<std::optional<Wallet>> setLowBalanceThreshold(const PlatformId &platform, std::optional<Money> threshold, Timestamp now);
    Result<void> append(const WalletRow &row);
    /// Newest first.
    Result<WalletRows> rows(const PlatformId &platform, const WalletFilter &filter, qint64 offset, qint64 limit);

private:
    Database &m_db;
};

} // namespace assistiv
