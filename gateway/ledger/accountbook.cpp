// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/accountbook.h"

#include "catalog/catalogsnapshot.h"

#include <vector>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 UseNoteIntervalMs = 60'000;

Error unauthorized()
{
    return { ErrorCode::Unauthorized, u"The API key is missing or not valid."_s };
}

} // namespace

AccountBook::Stripe &AccountBook::stripeOf(const PlatformId &platform) const
{
    return m_stripes[qHash(platform) % m_stripes.size()];
}

AccountBook::KeyShard &AccountBook::shardOf(const QByteArray &hash)
{
    return m_shards[static_cast<unsigned char>(hash.back()) % m_shards.size()];
}

std::variant<Caller, Error, AccountBook::Miss> AccountBook::authenticate(const QByteArray &hash, Timestamp now)
{
    Caller caller;
    {
        KeyShard &shard = shardOf(hash);
        const std::scoped_lock lock(shard.mutex);
        const auto entry = shard.keys.find(hash);
        if (entry == shard.keys.end() || !entry->key.known)
            return Miss {};
        const KeyState &key = entry->key.state;
        if (!key.isUsable || (key.expiresAt && *key.expiresAt <= now))
            return unauthorized();
        caller = { key.id, key.type, key.platform, key.endUser };
        if (now.ms() - entry->notedUse.ms() >= UseNoteIntervalMs) {
            entry->notedUse = now;
            shard.used.append({ key.id, now });
        }
    }
    if (caller.type == KeyType::Admin)
        return caller;

    Stripe &stripe = stripeOf(caller.platform);
    const std::scoped_lock lock(stripe.mutex);
    const auto account = stripe.platforms.constFind(caller.platform);
    if (account == stripe.platforms.constEnd() || !account->platform.known)
        return Miss {};
    if (!account->platform.state.exists)
        return unauthorized();
    // A key that went with its user is no key any more, whatever the state of the platform.
    const EndUserState *user = nullptr;
    if (caller.type == KeyType::EndUser) {
        const auto found = account->users.constFind(caller.endUser);
        if (found == account->users.constEnd() || !found->user.known)
            return Miss {};
        user = &found->user.state;
        if (!user->exists)
            return unauthorized();
    }
    if (!account->platform.state.isActive)
        return Error { ErrorCode::PlatformInactive, u"This platform has been deactivated."_s };
    if (user && !user->isActive)
        return Error { ErrorCode::EndUserInactive, u"This end user has been deactivated."_s };
    return caller;
}

std::variant<Admission, Error, AccountBook::Miss, AccountBook::ResetDue>
AccountBook::admit(const Caller &caller, Timestamp now, CallLimits *limits) const
{
    const Stripe &stripe = stripeOf(caller.platform);
    const std::scoped_lock lock(stripe.mutex);
    const auto account = stripe.platforms.constFind(caller.platform);
    if (account == stripe.platforms.constEnd() || !account->platform.known || !account->wallet.known
        || !account->providerKeys.known || !account->limits.known)
        return Miss {};

    Admission admission;
    if (limits)
        limits->platform = account->limits.state.wholePlatform;
    if (caller.type == KeyType::EndUser) {
        const auto user = account->users.constFind(caller.endUser);
        if (user == account->users.constEnd() || !user->budget.known || !user->limits.known)
            return Miss {};
        if (limits)
            limits->endUser = user->limits.state.own.value_or(account->limits.state.endUserDefault);
        const BudgetState &budget = user->budget.state;
        if (budget.isActive) {
            if (now >= budget.periodEnd)
                return ResetDue {};
            if (budget.isSuspended)
                return Error { ErrorCode::BudgetSuspended, u"The budget of this end user is suspended."_s };
            if (budget.max - budget.used <= Money())
                return Error { ErrorCode::BudgetExhausted, u"The budget of this end user has no remaining balance."_s };
            admission.budget = budget.id;
        }
    }
    const WalletState &wallet = account->wallet.state;
    if (!wallet.isActive || wallet.balance <= Money())
        return Error { ErrorCode::WalletInsufficient, u"The wallet of this platform has no balance."_s };
    admission.wallet = wallet.id;
    admission.markupBasisPoints = account->platform.state.markupBasisPoints;
    admission.providerKeys = account->providerKeys.state.keys;
    return admission;
}

std::shared_ptr<const QList<ProviderKey>> AccountBook::providerKeys(const PlatformId &platform) const
{
    const Stripe &stripe = stripeOf(platform);
    const std::scoped_lock lock(stripe.mutex);
    const auto account = stripe.platforms.constFind(platform);
    return account == stripe.platforms.constEnd() ? nullptr : account->providerKeys.state.keys;
}

void AccountBook::publishCommit(const AccountChanges &changes, quint64 number)
{
    publish(changes, number);
    noteCommitted(number);
}

void AccountBook::publishRemote(const AccountChanges &changes, quint64 number)
{
    AccountChanges values;
    values.wallets = changes.wallets;
    values.budgets = changes.budgets;
    publish(values, number);

    for (const KeyState &key : changes.keys)
        changeKey(key.hash, number, [&](KeyEntry &entry) { entry.key.forget(number); });
    for (const PlatformState &platform : changes.platforms)
        changeAccount(platform.id, number, [&](PlatformAccount &of) { of.platform.forget(number); });
    for (const ProviderKeysState &keys : changes.providerKeys)
        changeAccount(keys.platform, number, [&](PlatformAccount &of) { of.providerKeys.forget(number); });
    for (const EndUserState &user : changes.endUsers)
        changeAccount(user.platform, number, [&](PlatformAccount &of) { of.users[user.id].user.forget(number); });
    for (const PlatformLimitsState &limits : changes.platformLimits)
        changeAccount(limits.platform, number, [&](PlatformAccount &of) { of.limits.forget(number); });
    for (const EndUserLimitsState &limits : changes.endUserLimits) {
        changeAccount(limits.platform, number,
                      [&](PlatformAccount &of) { of.users[limits.endUser].limits.forget(number); });
    }
    noteCommitted(number);
}

void AccountBook::publish(const AccountChanges &changes, quint64 number)
{
    for (const KeyState &key : changes.keys)
        changeKey(key.hash, number, [&](KeyEntry &entry) { entry.key.replace(key, number); });
    for (const PlatformState &platform : changes.platforms)
        changeAccount(platform.id, number, [&](PlatformAccount &of) { of.platform.replace(platform, number); });
    for (const WalletState &wallet : changes.wallets)
        changeAccount(wallet.platform, number, [&](PlatformAccount &of) { of.wallet.replace(wallet, number); });
    for (const ProviderKeysState &keys : changes.providerKeys)
        changeAccount(keys.platform, number, [&](PlatformAccount &of) { of.providerKeys.replace(keys, number); });
    for (const PlatformLimitsState &limits : changes.platformLimits)
        changeAccount(limits.platform, number, [&](PlatformAccount &of) { of.limits.replace(limits, number); });
    for (const EndUserLimitsState &limits : changes.endUserLimits) {
        changeAccount(limits.platform, number,
                      [&](PlatformAccount &of) { of.users[limits.endUser].limits.replace(limits, number); });
    }
    for (const EndUserState &user : changes.endUsers) {
        changeAccount(user.platform, number,
                      [&](PlatformAccount &of) { of.users[user.id].user.replace(user, number); });
    }
    for (const BudgetState &budget : changes.budgets) {
        changeAccount(budget.platform, number,
                      [&](PlatformAccount &of) { of.users[budget.endUser].budget.replace(budget, number); });
    }
}

template<typename Change>
void AccountBook::changeAccount(const PlatformId &platform, quint64 number, Change change)
{
    Stripe &stripe = stripeOf(platform);
    const std::scoped_lock lock(stripe.mutex);
    if (number >= m_floor.load(std::memory_order_acquire))
        change(stripe.platforms[platform]);
}

template<typename Change>
void AccountBook::changeKey(const QByteArray &hash, quint64 number, Change change)
{
    KeyShard &shard = shardOf(hash);
    const std::scoped_lock lock(shard.mutex);
    if (number >= m_floor.load(std::memory_order_acquire))
        change(shard.keys[hash]);
}

// Writer and listener both publish: the greater number stays.
void AccountBook::noteCommitted(quint64 number)
{
    quint64 known = committed();
    while (known < number && !m_committed.compare_exchange_weak(known, number, std::memory_order_acq_rel)) { }
}

std::shared_ptr<const CatalogSnapshot> AccountBook::catalogue() const
{
    const std::scoped_lock lock(m_catalogueMutex);
    return m_catalogue;
}

void AccountBook::setCatalogue(std::shared_ptr<const CatalogSnapshot> snapshot)
{
    const std::scoped_lock lock(m_catalogueMutex);
    if (!m_catalogue || !snapshot || snapshot->version() >= m_catalogue->version())
        m_catalogue = std::move(snapshot);
}

void AccountBook::drop(quint64 floor)
{
    // All at once: a load that took its number after the floor was raised must not be turned away for it, or be dropped
    // with what was there before. What is dropped is freed when nobody waits for a lock any more.
    std::array<QHash<PlatformId, PlatformAccount>, std::tuple_size_v<decltype(m_stripes)>> platforms;
    std::array<QHash<QByteArray, KeyEntry>, std::tuple_size_v<decltype(m_shards)>> keys;
    std::vector<std::unique_lock<std::mutex>> locks;
    locks.reserve(platforms.size() + keys.size());
    for (size_t i = 0; i < platforms.size(); ++i) {
        locks.emplace_back(m_stripes[i].mutex);
        platforms[i].swap(m_stripes[i].platforms);
    }
    for (size_t i = 0; i < keys.size(); ++i) {
        locks.emplace_back(m_shards[i].mutex);
        keys[i].swap(m_shards[i].keys);
    }
    m_floor.store(floor, std::memory_order_release);
    m_committed.store(floor, std::memory_order_release);
    locks.clear();
}

QList<std::pair<ApiKeyId, Timestamp>> AccountBook::takeUsedKeys()
{
    QList<std::pair<ApiKeyId, Timestamp>> used;
    for (KeyShard &shard : m_shards) {
        const std::scoped_lock lock(shard.mutex);
        used += std::exchange(shard.used, {});
    }
    return used;
}

} // namespace assistiv
