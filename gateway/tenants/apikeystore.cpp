// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tenants/apikeystore.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

QStringList scopesFrom(const QString &json)
{
    QStringList scopes;
    const QJsonArray entries = QJsonDocument::fromJson(json.toUtf8()).array();
    for (const QJsonValue &entry : entries)
        scopes.append(entry.toString());
    return scopes;
}

QByteArray scopesJson(const QStringList &scopes)
{
    return QJsonDocument(QJsonArray::fromStringList(scopes)).toJson(QJsonDocument::Compact);
}

ApiKeyRow keyFrom(const Query &query)
{
    ApiKeyRow row;
    row.id = query.id<ApiKeyId>(0);
    row.platform = query.id<PlatformId>(1);
    row.endUser = query.id<EndUserId>(2);
    row.type = fromStoredWord<KeyType>(query.text(3));
    row.hash = QByteArray::fromHex(query.text(4).toLatin1());
    row.prefix = query.text(5);
    row.name = query.text(6);
    row.scopes = scopesFrom(query.text(7));
    row.isActive = query.flag(8);
    row.lastUsedAt = query.optionalTime(9);
    row.expiresAt = query.optionalTime(10);
    row.createdAt = query.time(11);
    return row;
}

Result<QList<ApiKeyRow>> keysFrom(Query &query)
{
    if (const auto read = query.exec(); !read)
        return read.error();
    QList<ApiKeyRow> keys;
    while (query.next())
        keys.append(keyFrom(query));
    return keys;
}

} // namespace

Result<void> ApiKeyStore::insert(const ApiKeyRow &row)
{
    Query query = m_db.prepare(u"INSERT INTO api_keys (id, platform_id, end_user_id, type, key_hash, key_prefix, name, scopes, "
                               "is_active, last_used_at, expires_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"_s);
    query.bind(row.id, row.platform, row.endUser, wordOf(row.type), row.hash.toHex(), row.prefix, row.name,
               scopesJson(row.scopes), row.isActive, row.lastUsedAt, row.expiresAt, row.createdAt);
    return query.exec();
}

Result<std::optional<ApiKeyRow>> ApiKeyStore::find(const PlatformId &platform, const ApiKeyId &id)
{
    Query query = m_db.prepare(u"SELECT id, platform_id, end_user_id, type, key_hash, key_prefix, name, scopes, is_active, "
                               "last_used_at, expires_at, created_at FROM api_keys WHERE id = ? AND platform_id = ?"_s);
    if (const auto read = query.bind(id, platform).exec(); !read)
        return read.error();
    return query.next() ? std::optional(keyFrom(query)) : std::optional<ApiKeyRow>();
}

Result<void> ApiKeyStore::update(const ApiKey &key)
{
    Query query = m_db.prepare(u"UPDATE api_keys SET name = ?, is_active = ?, expires_at = ? WHERE id = ?"_s);
    return query.bind(key.name, key.isActive, key.expiresAt, key.id).exec();
}

Result<void> ApiKeyStore::noteUse(const ApiKeyId &id, Timestamp at)
{
    // Several gateways note the same key: the latest use stays.
    Query query = m_db.prepare(u"UPDATE api_keys SET last_used_at = ? WHERE id = ? "
                               "AND (last_used_at IS NULL OR last_used_at < ?)"_s);
    return query.bind(at, id, at).exec();
}

Result<ApiKeyRows> ApiKeyStore::list(const PlatformId &platform, const ApiKeyFilter &filter, qint64 offset, qint64 limit)
{
    ApiKeyRows found;
    {
        Query count = m_db.prepare(u"SELECT count(*) FROM api_keys WHERE platform_id = ? AND type = ? "
                                   "AND (CAST(? AS TEXT) IS NULL OR end_user_id = ?)"_s);
        if (const auto read = count.bind(platform, wordOf(filter.type), filter.endUser, filter.endUser).exec(); !read)
            return read.error();
        if (count.next())
            found.total = count.integer(0);
    }
    Query query = m_db.prepare(u"SELECT id, platform_id, end_user_id, type, key_hash, key_prefix, name, scopes, is_active, "
                               "last_used_at, expires_at, created_at FROM api_keys WHERE platform_id = ? AND type = ? "
                               "AND (CAST(? AS TEXT) IS NULL OR end_user_id = ?) "
                               "ORDER BY created_at DESC, id LIMIT ? OFFSET ?"_s);
    auto rows = keysFrom(query.bind(platform, wordOf(filter.type), filter.endUser, filter.endUser, limit, offset));
    if (!rows)
        return rows.error();
    found.rows = std::move(*rows);
    return found;
}

Result<QList<ApiKeyRow>> ApiKeyStore::activeAdminKeys()
{
    Query query = m_db.prepare(u"SELECT id, platform_id, end_user_id, type, key_hash, key_prefix, name, scopes, is_active, "
                               "last_used_at, expires_at, created_at FROM api_keys WHERE type = 'admin' AND is_active"_s);
    return keysFrom(query);
}

Result<QList<ApiKeyRow>> ApiKeyStore::activeNamed(const PlatformId &platform, const EndUserId &user,
                                                  const QString &name)
{
    Query query = m_db.prepare(u"SELECT id, platform_id, end_user_id, type, key_hash, key_prefix, name, scopes, "
                               "is_active, last_used_at, expires_at, created_at FROM api_keys "
                               "WHERE platform_id = ? AND end_user_id = ? AND name = ? AND is_active"_s);
    return keysFrom(query.bind(platform, user, name));
}

} // namespace assistiv
