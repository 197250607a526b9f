// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "ledger/caller.h"
#include "store/accountstate.h"

#include <QtCore/QHash>

#include <array>
#include <atomic>
#include <mutex>
#include <variant>

namespace assistiv {

class CatalogSnapshot;

/// What a call needs to know of its payers once every gate let it through.
struct Admission
{
    WalletId wallet;
    /// Null when the user has no active budget, and for platform keys.
    BudgetId budget;
    int markupBasisPoints = 0;
    std::shared_ptr<const QList<ProviderKey>> providerKeys;
};

/// The in-memory state that the gates read: keys, platforms, users, budgets, wallets, limits, provider keys, catalogue.
/// It changes only by what was committed: the writer publishes each commit under a growing number, and a part is
/// replaced only by a higher number, so a slow read can never undo a commit. Parts that a commit touched are kept even
/// when the rest of their account was never loaded; without them a load that began before the commit could bring back
/// the past. Thread-safe: a platform's accounts live in one stripe, a gate takes one lock for a handful of compares.
class AccountBook
{
public:
    /// The account is not in memory (as a whole): load it through the read door and ask again.
    struct Miss
    {};
    /// The budget's period has ended: reset it through the writer and ask again.
    struct ResetDue
    {};

    /// hash is the SHA-256 of the raw key. Unauthorized, or EndUserInactive / PlatformInactive.
    std::variant<Caller, Error, Miss> authenticate(const QByteArray &hash, Timestamp now);

    /// Gates 4 to 7 (docs/contract/inference.md, "Gate order"): BudgetSuspended, BudgetExhausted, WalletInsufficient.
    /// limits: what gate 3 goes by, under the same lock; set unless the answer is Miss.
    std::variant<Admission, Error, Miss, ResetDue> admit(const Caller &caller, Timestamp now,
                                                         CallLimits *limits = nullptr) const;

    /// Model list and routing need these without any gate. Null: not loaded.
    std::shared_ptr<const QList<ProviderKey>> providerKeys(const PlatformId &platform) const;

    /// The number of the newest commit. Read it before reading the database, and publish what was read under it.
    quint64 committed() const { return m_committed.load(std::memory_order_acquire); }
    /// After a commit, by the writer only: publishes its changes under the next number.
    void publishCommit(const AccountChanges &changes);
    /// What a load read: under the number that was valid before the read began.
    void publishLoaded(const AccountChanges &states, quint64 committedBefore);

    std::shared_ptr<const CatalogSnapshot> catalogue() const;
    void setCatalogue(std::shared_ptr<const CatalogSnapshot> snapshot);

    /// Forgets everything but the catalogue; accounts are loaded anew when they are asked for. By the writer only. Counts as
    /// a commit: what a load began to read before is not taken any more.
    void drop();

    /// Keys seen since the last call, with the time of their last use, at most one entry a minute for each key.
    QList<std::pair<ApiKeyId, Timestamp>> takeUsedKeys();

private:
    enum class Source { Commit, Load };

    template<typename T>
    struct Part
    {
        T state;
        quint64 commit = 0;
        bool known = false;

        void replace(const T &newer, quint64 number, Source source)
        {
            // One commit may change a part more than once: then the last state counts.
            if (known && (source == Source::Commit ? number < commit : number <= commit))
                return;
            state = newer;
            commit = number;
            known = true;
        }
    };
    struct UserAccount
    {
        Part<EndUserState> user;
        Part<BudgetState> budget;
        Part<EndUserLimitsState> limits;
    };
    struct PlatformAccount
    {
        Part<PlatformState> platform;
        Part<WalletState> wallet;
        Part<ProviderKeysState> providerKeys;
        Part<PlatformLimitsState> limits;
        QHash<EndUserId, UserAccount> users;
    };
    struct Stripe
    {
        mutable std::mutex mutex;
        QHash<PlatformId, PlatformAccount> platforms;
    };
    struct KeyEntry
    {
        Part<KeyState> key;
        Timestamp notedUse;
    };
    struct KeyShard
    {
        std::mutex mutex;
        QHash<QByteArray, KeyEntry> keys;
        QList<std::pair<ApiKeyId, Timestamp>> used;
    };

    Stripe &stripeOf(const PlatformId &platform) const;
    KeyShard &shardOf(const QByteArray &hash);
    void publish(const AccountChanges &changes, quint64 number, Source source);
    /// True for a load that began before the book was dropped. Asked with the stripe's or shard's lock held.
    bool isOutdated(quint64 number, Source source) const
    {
        return source == Source::Load && number < m_droppedAt.load(std::memory_order_acquire);
    }

    mutable std::array<Stripe, 64> m_stripes;
    std::array<KeyShard, 16> m_shards;
    std::atomic<quint64> m_committed = 1;
    std::atomic<quint64> m_droppedAt = 0;
    mutable std::mutex m_catalogueMutex;
    std::shared_ptr<const CatalogSnapshot> m_catalogue;
};

} // namespace assistiv
