// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tenants/apikeystore.h"

namespace assistiv {

/// What a new key is asked to be.
struct ApiKeyDraft
{
    QString name = QStringLiteral("API key");
    QStringList scopes = { QStringLiteral("inference") };
    std::optional<Timestamp> expiresAt = {};
};

/// What is not given keeps its value. The outer optional says "given", the inner one "null".
struct ApiKeyChange
{
    std::optional<QString> name = {};
    std::optional<bool> isActive = {};
    std::optional<std::optional<Timestamp>> expiresAt = {};
};

/// A key at the only moment when it can be read.
struct MintedKey
{
    ApiKey key;
    QString rawKey;
};

/// Decides about API keys of all three types (docs/contract/platforms.md, "API keys").
class ApiKeys
{
public:
    explicit ApiKeys(const ServiceContext &context) : m_context(context), m_store(context.db) {}

    /// ValidationError when it is not in the future. For whoever has to look something up before a key can be made: what is
    /// wrong by itself is said first.
    Result<void> checkExpiry(const std::optional<Timestamp> &expiresAt) const;
    /// ValidationError when expires_at is not in the future. The platform and the user must exist.
    Result<MintedKey> createForPlatform(const PlatformId &platform, const ApiKeyDraft &draft);
    Result<MintedKey> createForEndUser(const PlatformId &platform, const EndUserId &user, const ApiKeyDraft &draft);
    Result<MintedKey> createAdminKey();
    Result<bool> hasAdminKey();
    Result<void> revokeAdminKeys();

    Result<ApiKeyRows> list(const PlatformId &platform, const ApiKeyFilter &filter, qint64 offset, qint64 limit);
    /// ApiKeyNotFound, also when it belongs to another platform; ValidationError.
    Result<ApiKey> patch(const PlatformId &platform, const ApiKeyId &id, const ApiKeyChange &change);
    /// The row stays, so that ledger rows keep their actor. Repeating it changes nothing.
    Result<void> revoke(const PlatformId &platform, const ApiKeyId &id);
    /// ApiKeyNotFound also when it is not a key of this user.
    Result<void> revokeOfEndUser(const PlatformId &platform, const EndUserId &user, const ApiKeyId &id);
    /// All keys of the user that have this name.
    Result<void> revokeNamed(const PlatformId &platform, const EndUserId &user, const QString &name);

    Result<void> noteUsed(const QList<std::pair<ApiKeyId, Timestamp>> &used);

private:
    Result<MintedKey> mint(KeyType type, const PlatformId &platform, const EndUserId &user, const ApiKeyDraft &draft);
    Result<ApiKeyRow> find(const PlatformId &platform, const ApiKeyId &id);
    Result<void> save(const ApiKeyRow &row);
    Result<void> revokeAll(Result<QList<ApiKeyRow>> keys);

    ServiceContext m_context;
    ApiKeyStore m_store;
};

} // namespace assistiv
