// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tenants/platformstore.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Platform platformFrom(const Query &query)
{
    Platform platform;
    platform.id = query.id<PlatformId>(0);
    platform.slug = query.text(1);
    platform.name = query.text(2);
    platform.isActive = query.flag(3);
    platform.settings = query.text(4).toUtf8();
    platform.createdAt = query.time(5);
    platform.updatedAt = query.time(6);
    return platform;
}

Result<std::optional<Platform>> maybePlatform(Query &query)
{
    if (const auto read = query.exec(); !read)
        return read.error();
    return query.next() ? std::optional(platformFrom(query)) : std::optional<Platform>();
}

} // namespace

Result<void> PlatformStore::insert(const Platform &platform)
{
    Query query = m_db.prepare(u"INSERT INTO platforms (id, slug, name, is_active, settings, created_at, updated_at) "
                               "VALUES (?, ?, ?, ?, ?, ?, ?)"_s);
    query.bind(platform.id, platform.slug, platform.name, platform.isActive, platform.settings, platform.createdAt,
               platform.updatedAt);
    return query.exec();
}

Result<void> PlatformStore::update(const Platform &platform)
{
    Query query = m_db.prepare(u"UPDATE platforms SET slug = ?, name = ?, is_active = ?, settings = ?, updated_at = ? "
                               "WHERE id = ?"_s);
    query.bind(platform.slug, platform.name, platform.isActive, platform.settings, platform.updatedAt, platform.id);
    return query.exec();
}

Result<std::optional<Platform>> PlatformStore::find(const PlatformId &id)
{
    Query query = m_db.prepare(u"SELECT id, slug, name, is_active, settings, created_at, updated_at FROM platforms "
                               "WHERE id = ?"_s);
    return maybePlatform(query.bind(id));
}

Result<std::optional<Platform>> PlatformStore::findBySlug(const QString &slug)
{
    Query query = m_db.prepare(u"SELECT id, slug, name, is_active, settings, created_at, updated_at FROM platforms "
                               "WHERE slug = ?"_s);
    return maybePlatform(query.bind(slug));
}

Result<PlatformRows> PlatformStore::list(qint64 offset, qint64 limit)
{
    PlatformRows found;
    {
        Query count = m_db.prepare(u"SELECT count(*) FROM platforms"_s);
        if (const auto read = count.exec(); !read)
            return read.error();
        if (count.next())
            found.total = count.integer(0);
    }
    Query query = m_db.prepare(u"SELECT id, slug, name, is_active, settings, created_at, updated_at FROM platforms "
                               "ORDER BY created_at DESC, id LIMIT ? OFFSET ?"_s);
    if (const auto read = query.bind(limit, offset).exec(); !read)
        return read.error();
    while (query.next())
        found.rows.append(platformFrom(query));
    return found;
}

Result<void> PlatformStore::remove(const PlatformId &id)
{
    const QString statements[] = {
        // Locks: whoever writes money of this platform on another gateway is waited for, and finds nothing afterwards.
        u"UPDATE wallets SET updated_at = updated_at WHERE platform_id = ?"_s,
        u"UPDATE budgets SET updated_at = updated_at WHERE platform_id = ?"_s,
        u"DELETE FROM budget_transactions WHERE budget_id IN (SELECT id FROM budgets WHERE platform_id = ?)"_s,
        u"DELETE FROM webhook_attempts WHERE endpoint_id IN (SELECT id FROM webhook_endpoints WHERE platform_id = ?)"_s,
        u"DELETE FROM webhook_deliveries WHERE endpoint_id IN (SELECT id FROM webhook_endpoints WHERE platform_id = ?)"_s,
        u"DELETE FROM webhook_messages WHERE platform_id = ?"_s,
        u"DELETE FROM responses WHERE platform_id = ?"_s,
        u"DELETE FROM wallet_transactions WHERE platform_id = ?"_s,
        u"DELETE FROM request_logs WHERE platform_id = ?"_s,
        u"DELETE FROM platforms WHERE id = ?"_s,
    };
    for (const QString &statement : statements) {
        Query query = m_db.prepare(statement);
        if (const auto removed = query.bind(id).exec(); !removed)
            return removed.error();
    }
    return {};
}

} // namespace assistiv
