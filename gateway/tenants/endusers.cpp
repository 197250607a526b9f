// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tenants/endusers.h"

#include "tenants/platforms.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

EndUserState stateOf(const EndUser &user)
{
    return { user.platform, user.id, true, user.isActive };
}

} // namespace

Result<EndUser> EndUsers::insertOrFind(const PlatformId &platform, const EndUserDraft &draft, bool &isNew)
{
    EndUser user;
    user.id = EndUserId::create();
    user.platform = platform;
    user.externalId = draft.externalId;
    user.displayName = draft.displayName;
    user.metadata = draft.metadata;
    user.createdAt = user.updatedAt = m_context.clock.now();
    const auto inserted = m_store.insert(user);
    if (!inserted)
        return inserted.error();
    isNew = *inserted;
    if (isNew)
        return user;
    const auto known = m_store.findByExternalId(platform, draft.externalId);
    if (!known)
        return known.error();
    if (!*known) // deleted by another gateway in this moment: a repeat creates the user
        return databaseUnavailable();
    return **known;
}

Result<CreatedEndUser> EndUsers::create(const PlatformId &platform, const EndUserDraft &draft, const ApiKeyId &actorKey)
{
    const auto owner = m_platforms.find(platform);
    if (!owner)
        return owner.error();
    if (!*owner)
        return Error { ErrorCode::PlatformNotFound, u"There is no such platform."_s };

    CreatedEndUser created;
    const auto user = insertOrFind(platform, draft, created.isNew);
    if (!user)
        return user.error();
    created.user = *user;
    if (created.isNew) {
        m_context.changes.add(stateOf(*user));
        if (const auto limit = PlatformSettings::from((*owner)->settings).defaultBudget) {
            if (const auto budget = m_budgets.createAutomatic(platform, user->id, *limit, actorKey); !budget)
                return budget.error();
        }
    }
    auto key = m_keys.createForEndUser(platform, user->id, { .name = u"Default key"_s });
    if (!key)
        return key.error();
    created.key = std::move(*key);
    return created;
}

Result<EndUser> EndUsers::get(const PlatformId &platform, const EndUserId &id)
{
    const auto user = m_store.find(platform, id);
    if (!user)
        return user.error();
    if (!*user)
        return Error { ErrorCode::EndUserNotFound, u"There is no such end user on this platform."_s };
    return **user;
}

Result<std::optional<EndUser>> EndUsers::findByExternalId(const PlatformId &platform, const QString &externalId)
{
    return m_store.findByExternalId(platform, externalId);
}

Result<EndUserRows> EndUsers::list(const PlatformId &platform, const EndUserFilter &filter, qint64 offset, qint64 limit)
{
    return m_store.list(platform, filter, offset, limit);
}

Result<EndUser> EndUsers::patch(const PlatformId &platform, const EndUserId &id, const EndUserChange &change)
{
    auto user = get(platform, id);
    if (!user)
        return user.error();
    user->externalId = change.externalId.value_or(user->externalId);
    user->displayName = change.displayName.value_or(user->displayName);
    user->metadata = change.metadata.value_or(user->metadata);
    user->isActive = change.isActive.value_or(user->isActive);
    user->updatedAt = m_context.clock.now();
    if (const auto updated = m_store.update(*user); !updated) {
        if (updated.error().code != ErrorCode::Conflict)
            return updated.error();
        return Error { .code = ErrorCode::ExternalIdTaken,
                       .message = u"Another end user has this external_id."_s,
                       .param = u"external_id"_s };
    }
    m_context.changes.add(stateOf(*user));
    return user;
}

Result<void> EndUsers::remove(const PlatformId &platform, const EndUserId &id)
{
    if (const auto user = get(platform, id); !user)
        return user.error();
    if (const auto removed = m_store.remove(platform, id); !removed)
        return removed.error();
    // The keys open nothing without their user; they need no note of their own.
    m_context.changes.add(EndUserState { .platform = platform, .id = id, .exists = false, .isActive = false });
    m_context.changes.add(BudgetState { .platform = platform, .endUser = id });
    return {};
}

Result<MintedKey> EndUsers::createKey(const PlatformId &platform, const EndUserId &id, const ApiKeyDraft &draft)
{
    if (const auto valid = m_keys.checkExpiry(draft.expiresAt); !valid)
        return valid.error();
    if (const auto user = get(platform, id); !user)
        return user.error();
    return m_keys.createForEndUser(platform, id, draft);
}

Result<ApiKeyRows> EndUsers::keys(const PlatformId &platform, const EndUserId &id, qint64 offset, qint64 limit)
{
    if (const auto user = get(platform, id); !user)
        return user.error();
    return m_keys.list(platform, { KeyType::EndUser, id }, offset, limit);
}

Result<void> EndUsers::revokeKey(const PlatformId &platform, const EndUserId &id, const ApiKeyId &key)
{
    if (const auto user = get(platform, id); !user)
        return user.error();
    return m_keys.revokeOfEndUser(platform, id, key);
}

} // namespace assistiv
