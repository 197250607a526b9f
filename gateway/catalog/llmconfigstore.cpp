// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/llmconfigstore.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

// Columns of the SELECTs below, in their order.
LlmConfigRow rowFrom(const Query &query)
{
    LlmConfigRow row;
    row.id = query.id<LlmConfigId>(0);
    row.platform = query.id<PlatformId>(1);
    row.provider = query.id<ProviderId>(2);
    row.providerSlug = query.text(3);
    row.keyHint = query.text(4);
    row.isDefault = query.flag(5);
    row.isActive = query.flag(6);
    row.createdAt = query.time(7);
    row.updatedAt = query.time(8);
    row.sealedKey = query.text(9).toLatin1();
    row.fingerprint = query.text(10).toLatin1();
    return row;
}

std::optional<LlmConfigRow> firstRow(Query &query)
{
    return query.next() ? std::optional(rowFrom(query)) : std::nullopt;
}

} // namespace

Result<LlmConfigList> LlmConfigStore::list(const PlatformId &platform, const std::optional<ProviderId> &provider,
                                           qint64 offset, qint64 limit)
{
    const QString onlyProvider = provider ? provider->toString() : u""_s;
    LlmConfigList list;
    {
        Query count =
            m_db.prepare(u"SELECT count(*) FROM llm_configs WHERE platform_id = ? AND ? IN ('', provider_id)"_s);
        if (const auto read = count.bind(platform, onlyProvider).exec(); !read)
            return read.error();
        list.total = count.next() ? count.integer(0) : 0;
    }
    Query query =
        m_db.prepare(u"SELECT c.id, c.platform_id, c.provider_id, p.slug, c.key_hint, c.is_default, c.is_active, "
                     "c.created_at, c.updated_at, c.sealed_key, c.key_fingerprint "
                     "FROM llm_configs c JOIN providers p ON p.id = c.provider_id "
                     "WHERE c.platform_id = ? AND ? IN ('', c.provider_id) "
                     "ORDER BY c.created_at DESC, c.id LIMIT ? OFFSET ?"_s);
    if (const auto read = query.bind(platform, onlyProvider, limit, offset).exec(); !read)
        return read.error();
    while (query.next())
        list.rows.append(rowFrom(query));
    return list;
}

Result<std::optional<LlmConfigRow>> LlmConfigStore::find(const PlatformId &platform, const LlmConfigId &id)
{
    Query query =
        m_db.prepare(u"SELECT c.id, c.platform_id, c.provider_id, p.slug, c.key_hint, c.is_default, c.is_active, "
                     "c.created_at, c.updated_at, c.sealed_key, c.key_fingerprint "
                     "FROM llm_configs c JOIN providers p ON p.id = c.provider_id "
                     "WHERE c.platform_id = ? AND c.id = ?"_s);
    if (const auto read = query.bind(platform, id).exec(); !read)
        return read.error();
    return firstRow(query);
}

Result<std::optional<LlmConfigRow>>
LlmConfigStore::findByFingerprint(const PlatformId &platform, const ProviderId &provider, const QByteArray &fingerprint)
{
    Query query =
        m_db.prepare(u"SELECT c.id, c.platform_id, c.provider_id, p.slug, c.key_hint, c.is_default, c.is_active, "
                     "c.created_at, c.updated_at, c.sealed_key, c.key_fingerprint "
                     "FROM llm_configs c JOIN providers p ON p.id = c.provider_id "
                     "WHERE c.platform_id = ? AND c.provider_id = ? AND c.key_fingerprint = ?"_s);
    if (const auto read = query.bind(platform, provider, fingerprint).exec(); !read)
        return read.error();
    return firstRow(query);
}

Result<QList<LlmConfigRow>> LlmConfigStore::active(const PlatformId &platform)
{
    Query query =
        m_db.prepare(u"SELECT c.id, c.platform_id, c.provider_id, p.slug, c.key_hint, c.is_default, c.is_active, "
                     "c.created_at, c.updated_at, c.sealed_key, c.key_fingerprint "
                     "FROM llm_configs c JOIN providers p ON p.id = c.provider_id "
                     "WHERE c.platform_id = ? AND c.is_active "
                     "ORDER BY c.provider_id, c.is_default DESC, c.created_at, c.id"_s);
    if (const auto read = query.bind(platform).exec(); !read)
        return read.error();
    QList<LlmConfigRow> rows;
    while (query.next())
        rows.append(rowFrom(query));
    return rows;
}

Result<void> LlmConfigStore::insert(const LlmConfigRow &row)
{
    Query query = m_db.prepare(
        u"INSERT INTO llm_configs (sealed_key, key_fingerprint, key_hint, is_default, is_active, updated_at, "
        "created_at, platform_id, provider_id, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"_s);
    return query
        .bind(row.sealedKey, row.fingerprint, row.keyHint, row.isDefault, row.isActive, row.updatedAt, row.createdAt,
              row.platform, row.provider, row.id)
        .exec();
}

Result<void> LlmConfigStore::update(const LlmConfigRow &row)
{
    Query query =
        m_db.prepare(u"UPDATE llm_configs SET sealed_key = ?, key_fingerprint = ?, key_hint = ?, is_default = ?, "
                     "is_active = ?, updated_at = ? WHERE id = ?"_s);
    return query.bind(row.sealedKey, row.fingerprint, row.keyHint, row.isDefault, row.isActive, row.updatedAt, row.id)
        .exec();
}

Result<void> LlmConfigStore::clearDefault(const PlatformId &platform, const ProviderId &provider,
                                          const LlmConfigId &except, Timestamp now)
{
    Query query = m_db.prepare(u"UPDATE llm_configs SET is_default = FALSE, updated_at = ? "
                               "WHERE platform_id = ? AND provider_id = ? AND id <> ? AND is_default"_s);
    return query.bind(now, platform, provider, except).exec();
}

Result<void> LlmConfigStore::remove(const LlmConfigId &id)
{
    Query query = m_db.prepare(u"DELETE FROM llm_configs WHERE id = ?"_s);
    return query.bind(id).exec();
}

} // namespace assistiv
