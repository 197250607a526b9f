// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/id.h"
#include "core/money.h"

#include <QtCore/QByteArray>
#include <QtCore/QList>

#include <memory>
#include <optional>

namespace assistiv {

enum class KeyType { Platform, EndUser, Admin };

/// How much may be asked of the gateway; empty: no limit.
struct RateLimit
{
    std::optional<qint64> requestsPerMinute = {};
    std::optional<qint64> tokensPerMinute = {};
    std::optional<qint64> requestsPerDay = {};

    bool isAny() const { return requestsPerMinute || tokensPerMinute || requestsPerDay; }
    friend bool operator==(const RateLimit &, const RateLimit &) = default;
};

/// The limits of one call. With a platform key those of an end user mean nothing.
struct CallLimits
{
    RateLimit endUser = {};
    RateLimit platform = {};
};

// The committed state that the gates of inference read, in parts that change independently of each other.

struct KeyState
{
    /// SHA-256 of the raw key, 32 bytes.
    QByteArray hash = {};
    ApiKeyId id = {};
    KeyType type = KeyType::Platform;
    PlatformId platform = {};
    EndUserId endUser = {};
    /// False: revoked, deactivated or deleted.
    bool isUsable = false;
    std::optional<Timestamp> expiresAt = {};
};

struct PlatformState
{
    PlatformId id = {};
    /// False once the platform is deleted.
    bool exists = true;
    bool isActive = true;
    int markupBasisPoints = 0;
};

struct WalletState
{
    PlatformId platform = {};
    WalletId id = {};
    Money balance = {};
    bool isActive = true;
};

struct EndUserState
{
    PlatformId platform = {};
    EndUserId id = {};
    bool exists = true;
    bool isActive = true;
};

struct BudgetState
{
    PlatformId platform = {};
    EndUserId endUser = {};
    BudgetId id = {};
    /// False: there is none, or it was deactivated; the user is uncapped.
    bool isActive = false;
    Money max = {};
    Money used = {};
    bool isSuspended = false;
    /// When the running period ends; far in the future for one_time.
    Timestamp periodEnd = {};
};

struct PlatformLimitsState
{
    PlatformId platform = {};
    /// Of each end user without limits of its own.
    RateLimit endUserDefault = {};
    /// Of all calls together.
    RateLimit wholePlatform = {};

    friend bool operator==(const PlatformLimitsState &, const PlatformLimitsState &) = default;
};

struct EndUserLimitsState
{
    PlatformId platform = {};
    EndUserId endUser = {};
    /// Replaces the platform's default as a whole.
    std::optional<RateLimit> own = {};
};

/// A platform's own key for one provider, readable only in memory.
struct ProviderKey
{
    LlmConfigId id;
    ProviderId provider;
    QByteArray secret;
};

/// The one key that is used per provider: the default, else the oldest active one.
struct ProviderKeysState
{
    PlatformId platform = {};
    std::shared_ptr<const QList<ProviderKey>> keys;
};

/// What one transaction changed of all this; services note it while they write, the writer publishes it after the commit.
struct AccountChanges
{
    QList<KeyState> keys;
    QList<PlatformState> platforms;
    QList<WalletState> wallets;
    QList<EndUserState> endUsers;
    QList<BudgetState> budgets;
    QList<ProviderKeysState> providerKeys;
    QList<PlatformLimitsState> platformLimits;
    QList<EndUserLimitsState> endUserLimits;
    /// Providers, models or prices have changed.
    bool catalogue = false;
    /// A webhook's delivery has become due. Nothing that other gateways must hear of, so it does not count in isEmpty().
    bool deliveriesDue = false;

    void add(KeyState state) { keys.append(std::move(state)); }
    void add(PlatformState state) { platforms.append(std::move(state)); }
    void add(WalletState state) { wallets.append(std::move(state)); }
    void add(EndUserState state) { endUsers.append(std::move(state)); }
    void add(BudgetState state) { budgets.append(std::move(state)); }
    void add(ProviderKeysState state) { providerKeys.append(std::move(state)); }
    void add(PlatformLimitsState state) { platformLimits.append(std::move(state)); }
    void add(EndUserLimitsState state) { endUserLimits.append(std::move(state)); }
    bool isEmpty() const
    {
        return keys.isEmpty() && platforms.isEmpty() && wallets.isEmpty() && endUsers.isEmpty() && budgets.isEmpty()
            && providerKeys.isEmpty() && platformLimits.isEmpty() && endUserLimits.isEmpty() && !catalogue;
    }
    void append(AccountChanges other)
    {
        keys += std::move(other.keys);
        platforms += std::move(other.platforms);
        wallets += std::move(other.wallets);
        endUsers += std::move(other.endUsers);
        budgets += std::move(other.budgets);
        providerKeys += std::move(other.providerKeys);
        platformLimits += std::move(other.platformLimits);
        endUserLimits += std::move(other.endUserLimits);
        catalogue = catalogue || other.catalogue;
        deliveriesDue = deliveriesDue || other.deliveriesDue;
    }
};

/// What a synchronous service works with: the connection of its thread, the clock, and (on the writer) the note of changes.
class Database;
class Vault;
struct WebhookTargets;
struct ServiceContext
{
    Database &db;
    const Clock &clock;
    const Vault &vault;
    AccountChanges &changes;
    /// Where webhooks may go; null: public addresses by https.
    const WebhookTargets *webhookTargets = nullptr;
};

} // namespace assistiv
