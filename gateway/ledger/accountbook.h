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
/// It changes only by what was committed, by this gateway or by another one on the same database. Every commit has a
/// number (ledger/commitorder.h), a load has that of its snapshot, and a part is replaced only by what is not older, so
/// neither a slow read nor late news can undo a commit. Parts that a commit touched are kept even when the rest of
/// their account was never loaded; without them a load that began before the commit could bring back the past.
/// Thread-safe: a platform's accounts live in one stripe, a gate takes one lock for a handful of compares.
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

    /// The number of the newest commit that was published here.
    quint64 committed() const { return m_committed.load(std::memory_order_acquire); }
    /// After a commit of this gateway.
    void publishCommit(const AccountChanges &changes, quint64 number);
    /// After a commit of another gateway: wallets and budgets come as they are now; everything else is only named, is
    /// forgotten and will be loaded when somebody asks for it.
    void publishRemote(const AccountChanges &changes, quint64 number);
    /// What a load read in the snapshot of that number.
    void publishLoaded(const AccountChanges &states, quint64 number) { publish(states, number); }

    std::shared_ptr<const CatalogSnapshot> catalogue() const;
    /// An older one than the one that is here is not taken.
    void setCatalogue(std::shared_ptr<const CatalogSnapshot> snapshot);

    /// Forgets everything but the catalogue; accounts are loaded anew when they are asked for. What has a smaller
    /// number than floor is not taken any more, whoever brings it.
    void drop(quint64 floor);

    /// Keys seen since the last call, with the time of their last use, at most one entry a minute for each key.
    QList<std::pair<ApiKeyId, Timestamp>> takeUsedKeys();

private:
    template<typename T>
    struct Part
    {
        T state;
        quint64 commit = 0;
        bool known = false;

        // One commit may change a part more than once: then the last state counts.
        void replace(const T &newer, quint64 number) { set(newer, number, true); }
        void forget(quint64 number) { set({}, number, false); }

    private:
        void set(const T &newer, quint64 number, bool isKnown)
        {
            if (number < commit)
                return;
            state = newer;
            commit = number;
            known = isKnown;
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
    void publish(const AccountChanges &changes, quint64 number);
    void noteCommitted(quint64 number);
    /// Runs change(account) or change(entry) with its lock held, unless the number is below the floor.
    template<typename Change>
    void changeAccount(const PlatformId &platform, quint64 number, Change change);
    template<typename Change>
    void changeKey(const QByteArray &hash, quint64 number, Change change);

    mutable std::array<Stripe, 64> m_stripes;
    std::array<KeyShard, 16> m_shards;
    std::atomic<quint64> m_committed = 1;
    std::atomic<quint64> m_floor = 0;
    mutable std::mutex m_catalogueMutex;
    std::shared_ptr<const CatalogSnapshot> m_catalogue;
};

} // namespace assistiv
