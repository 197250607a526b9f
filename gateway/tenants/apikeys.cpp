// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tenants/apikeys.h"

#include "core/hashing.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr int SecretBytes = 32;
/// How much of the secret part stays readable.
constexpr int ShownCharacters = 4;

QString typePrefix(KeyType type)
{
    switch (type) {
    case KeyType::Platform: return u"sk-plat_"_s;
    case KeyType::EndUser: return u"sk-eu_"_s;
    case KeyType::Admin: return u"sk-admin_"_s;
    }
    return {};
}

KeyState stateOf(const ApiKeyRow &key)
{
    return { key.hash, key.id, key.type, key.platform, key.endUser, key.isActive, key.expiresAt };
}

Error noApiKey()
{
    return { ErrorCode::ApiKeyNotFound, u"There is no such API key."_s };
}

} // namespace

Result<MintedKey> ApiKeys::createForPlatform(const PlatformId &platform, const ApiKeyDraft &draft)
{
    return mint(KeyType::Platform, platform, {}, draft);
}

Result<MintedKey> ApiKeys::createForEndUser(const PlatformId &platform, const EndUserId &user, const ApiKeyDraft &draft)
{
    return mint(KeyType::EndUser, platform, user, draft);
}

Result<MintedKey> ApiKeys::createAdminKey()
{
    return mint(KeyType::Admin, {}, {}, { .name = u"Admin key"_s, .scopes = {} });
}

Result<void> ApiKeys::checkExpiry(const std::optional<Timestamp> &expiresAt) const
{
    if (!expiresAt || *expiresAt > m_context.clock.now())
        return {};
    return Error { .code = ErrorCode::ValidationError,
                   .message = u"expires_at must be in the future."_s,
                   .param = u"expires_at"_s };
}

Result<MintedKey> ApiKeys::mint(KeyType type, const PlatformId &platform, const EndUserId &user, const ApiKeyDraft &draft)
{
    if (const auto valid = checkExpiry(draft.expiresAt); !valid)
        return valid.error();
    const QString prefix = typePrefix(type);
    const QString raw = prefix + QString::fromLatin1(randomBytes(SecretBytes).toHex());

    ApiKeyRow row;
    row.id = ApiKeyId::create();
    row.type = type;
    row.platform = platform;
    row.endUser = user;
    row.hash = sha256(raw.toLatin1());
    row.prefix = raw.first(prefix.size() + ShownCharacters);
    row.name = draft.name;
    row.scopes = draft.scopes;
    row.expiresAt = draft.expiresAt;
    row.createdAt = m_context.clock.now();
    if (const auto inserted = m_store.insert(row); !inserted)
        return inserted.error();
    m_context.changes.add(stateOf(row));
    return MintedKey { row, raw };
}

Result<bool> ApiKeys::hasAdminKey()
{
    const auto keys = m_store.activeAdminKeys();
    if (!keys)
        return keys.error();
    return !keys->isEmpty();
}

Result<void> ApiKeys::revokeAdminKeys()
{
    return revokeAll(m_store.activeAdminKeys());
}

Result<ApiKeyRows> ApiKeys::list(const PlatformId &platform, const ApiKeyFilter &filter, qint64 offset, qint64 limit)
{
    return m_store.list(platform, filter, offset, limit);
}

Result<ApiKeyRow> ApiKeys::find(const PlatformId &platform, const ApiKeyId &id)
{
    const auto key = m_store.find(platform, id);
    if (!key)
        return key.error();
    if (!*key)
        return noApiKey();
    return **key;
}

Result<void> ApiKeys::save(const ApiKeyRow &row)
{
    if (const auto updated = m_store.update(row); !updated)
        return updated.error();
    m_context.changes.add(stateOf(row));
    return {};
}

Result<void> ApiKeys::revokeAll(Result<QList<ApiKeyRow>> keys)
{
    if (!keys)
        return keys.error();
    for (ApiKeyRow &key : *keys) {
        key.isActive = false;
        if (const auto saved = save(key); !saved)
            return saved.error();
    }
    return {};
}

Result<ApiKey> ApiKeys::patch(const PlatformId &platform, const ApiKeyId &id, const ApiKeyChange &change)
{
    if (const auto valid = checkExpiry(change.expiresAt.value_or(std::nullopt)); !valid)
        return valid.error();
    auto key = find(platform, id);
    if (!key)
        return key.error();
    key->name = change.name.value_or(key->name);
    key->isActive = change.isActive.value_or(key->isActive);
    key->expiresAt = change.expiresAt.value_or(key->expiresAt);
    if (const auto saved = save(*key); !saved)
        return saved.error();
    return ApiKey(*key);
}

Result<void> ApiKeys::revoke(const PlatformId &platform, const ApiKeyId &id)
{
    auto key = find(platform, id);
    if (!key)
        return key.error();
    key->isActive = false;
    return save(*key);
}

Result<void> ApiKeys::revokeOfEndUser(const PlatformId &platform, const EndUserId &user, const ApiKeyId &id)
{
    const auto key = find(platform, id);
    if (!key)
        return key.error();
    return key->endUser == user ? revoke(platform, id) : Result<void>(noApiKey());
}

Result<void> ApiKeys::revokeNamed(const PlatformId &platform, const EndUserId &user, const QString &name)
{
    return revokeAll(m_store.activeNamed(platform, user, name));
}

Result<void> ApiKeys::noteUsed(const QList<std::pair<ApiKeyId, Timestamp>> &used)
{
    for (const auto &[id, at] : used) {
        if (const auto noted = m_store.noteUse(id, at); !noted)
            return noted.error();
    }
    return {};
}

} // namespace assistiv
