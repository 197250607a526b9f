// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "core/words.h"
#include "store/accountstate.h"
#include "store/database.h"

#include <QtCore/QList>
#include <QtCore/QStringList>

#include <array>

namespace assistiv {

template<>
struct Words<KeyType>
{
    static constexpr std::array table { QLatin1StringView("platform"), QLatin1StringView("end_user"),
                                        QLatin1StringView("admin") };
};

/// A key as everybody may see it; the key itself is never stored.
struct ApiKey
{
    ApiKeyId id;
    KeyType type = KeyType::Platform;
    /// Null for admin keys.
    PlatformId platform;
    /// Null for all but end-user keys.
    EndUserId endUser;
    /// Type prefix and four characters.
    QString prefix;
    QString name;
    QStringList scopes;
    bool isActive = true;
    std::optional<Timestamp> lastUsedAt;
    std::optional<Timestamp> expiresAt;
    Timestamp createdAt;
};

/// The same with the hash that finds it: SHA-256, 32 bytes.
struct ApiKeyRow : ApiKey
{
    QByteArray hash;
};

struct ApiKeyFilter
{
    KeyType type = KeyType::Platform;
    /// Not given: of all users.
    std::optional<EndUserId> endUser = {};
};

struct ApiKeyRows
{
    QList<ApiKeyRow> rows;
    qint64 total = 0;
};

/// The table api_keys.
class ApiKeyStore
{
public:
    explicit ApiKeyStore(Database &db) : m_db(db) {}

    Result<void> insert(const ApiKeyRow &row);
    Result<std::optional<ApiKeyRow>> find(const PlatformId &platform, const ApiKeyId &id);
    /// Writes what may change: name, is_active, expires_at.
    Result<void> update(const ApiKey &key);
    Result<void> noteUse(const ApiKeyId &id, Timestamp at);
    /// Newest first; revoked ones included.
    Result<ApiKeyRows> list(const PlatformId &platform, const ApiKeyFilter &filter, qint64 offset, qint64 limit);
    Result<QList<ApiKeyRow>> activeAdminKeys();
    Result<QList<ApiKeyRow>> activeNamed(const PlatformId &platform, const EndUserId &user, const QString &name);

private:
    Database &m_db;
};

} // namespace assistiv
