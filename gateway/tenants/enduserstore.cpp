// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tenants/enduserstore.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

EndUser userFrom(const Query &query)
{
    EndUser user;
    user.id = query.id<EndUserId>(0);
    user.platform = query.id<PlatformId>(1);
    user.externalId = query.text(2);
    user.displayName = query.text(3);
    user.metadata = query.text(4).toUtf8();
    user.isActive = query.flag(5);
    user.createdAt = query.time(6);
    user.updatedAt = query.time(7);
    return user;
}

Result<std::optional<EndUser>> maybeUser(Query &query)
{
    if (const auto read = query.exec(); !read)
        return read.error();
    return query.next() ? std::optional(userFrom(query)) : std::optional<EndUser>();
}

std::optional<QString> orNull(const QString &text)
{
    return text.isEmpty() ? std::nullopt : std::optional(text);
}

/// A LIKE pattern that finds the text itself anywhere; '!' takes the meaning from what would be a wildcard.
std::optional<QString> anywhere(const std::optional<QString> &text)
{
    if (!text)
        return {};
    QString pattern = *text;
    pattern.replace(u'!', u"!!"_s).replace(u'%', u"!%"_s).replace(u'_', u"!_"_s);
    return u'%' + pattern + u'%';
}

/// Not a null string: that would be bound as NULL, which means "any".
std::optional<QString> exact(const std::optional<QString> &text)
{
    return text && text->isNull() ? u""_s : text;
}

void bindFilter(Query &query, const PlatformId &platform, const EndUserFilter &filter)
{
    const auto externalId = exact(filter.externalId);
    const auto pattern = anywhere(filter.q);
    query.bind(platform, externalId, externalId, filter.isActive, filter.isActive, pattern, pattern, pattern);
}

} // namespace

Result<bool> EndUserStore::insert(const EndUser &user)
{
    Query query = m_db.prepare(u"INSERT INTO end_users (id, platform_id, external_id, display_name, metadata, is_active, "
                               "created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                               "ON CONFLICT (platform_id, external_id) DO NOTHING RETURNING id"_s);
    query.bind(user.id, user.platform, user.externalId, orNull(user.displayName), user.metadata, user.isActive,
               user.createdAt, user.updatedAt);
    if (const auto done = query.exec(); !done)
        return done.error();
    return query.next();
}

Result<void> EndUserStore::update(const EndUser &user)
{
    Query query = m_db.prepare(u"UPDATE end_users SET external_id = ?, display_name = ?, metadata = ?, is_active = ?, "
                               "updated_at = ? WHERE id = ?"_s);
    query.bind(user.externalId, orNull(user.displayName), user.metadata, user.isActive, user.updatedAt, user.id);
    return query.exec();
}

Result<std::optional<EndUser>> EndUserStore::find(const PlatformId &platform, const EndUserId &id)
{
    Query query = m_db.prepare(u"SELECT id, platform_id, external_id, display_name, metadata, is_active, created_at, "
                               "updated_at FROM end_users WHERE id = ? AND platform_id = ?"_s);
    return maybeUser(query.bind(id, platform));
}

Result<std::optional<EndUser>> EndUserStore::findByExternalId(const PlatformId &platform, const QString &externalId)
{
    Query query = m_db.prepare(u"SELECT id, platform_id, external_id, display_name, metadata, is_active, created_at, "
                               "updated_at FROM end_users WHERE platform_id = ? AND external_id = ?"_s);
    return maybeUser(query.bind(platform, externalId));
}

Result<EndUserRows> EndUserStore::list(const PlatformId &platform, const EndUserFilter &filter, qint64 offset, qint64 limit)
{
    EndUserRows found;
    {
        Query count = m_db.prepare(
            u"SELECT count(*) FROM end_users WHERE platform_id = ? AND (CAST(? AS TEXT) IS NULL OR external_id = ?) "
            "AND (CAST(? AS BOOLEAN) IS NULL OR is_active = ?) AND (CAST(? AS TEXT) IS NULL "
            "OR lower(external_id) LIKE lower(?) ESCAPE '!' OR lower(display_name) LIKE lower(?) ESCAPE '!')"_s);
        bindFilter(count, platform, filter);
        if (const auto read = count.exec(); !read)
            return read.error();
        if (count.next())
            found.total = count.integer(0);
    }
    Query query = m_db.prepare(
        u"SELECT id, platform_id, external_id, display_name, metadata, is_active, created_at, updated_at FROM end_users "
        "WHERE platform_id = ? AND (CAST(? AS TEXT) IS NULL OR external_id = ?) "
        "AND (CAST(? AS BOOLEAN) IS NULL OR is_active = ?) AND (CAST(? AS TEXT) IS NULL "
        "OR lower(external_id) LIKE lower(?) ESCAPE '!' OR lower(display_name) LIKE lower(?) ESCAPE '!') "
        "ORDER BY CASE WHEN external_id = ? THEN 0 ELSE 1 END, created_at DESC, id LIMIT ? OFFSET ?"_s);
    bindFilter(query, platform, filter);
    if (const auto read = query.bind(exact(filter.q), limit, offset).exec(); !read)
        return read.error();
    while (query.next())
        found.rows.append(userFrom(query));
    return found;
}

Result<void> EndUserStore::remove(const PlatformId &platform, const EndUserId &id)
{
    // Every settlement locks the wallet first: another gateway's comes before all of this, and what it wrote is seen below,
    // or it finds the user gone.
    {
        Query lock = m_db.prepare(u"UPDATE wallets SET updated_at = updated_at WHERE platform_id = ?"_s);
        if (const auto locked = lock.bind(platform).exec(); !locked)
            return locked.error();
    }
    BudgetId budget;
    {
        Query find = m_db.prepare(u"SELECT id FROM budgets WHERE end_user_id = ?"_s);
        if (const auto read = find.bind(id).exec(); !read)
            return read.error();
        if (find.next())
            budget = find.id<BudgetId>(0);
    }
    {
        Query user = m_db.prepare(u"DELETE FROM end_users WHERE id = ?"_s);
        if (const auto removed = user.bind(id).exec(); !removed)
            return removed.error();
    }
    {
        Query ledger = m_db.prepare(u"DELETE FROM budget_transactions WHERE budget_id = ?"_s);
        if (const auto removed = ledger.bind(budget).exec(); !removed)
            return removed.error();
    }
    for (const QString &statement :
         { u"DELETE FROM webhook_attempts WHERE delivery_id IN (SELECT id FROM webhook_deliveries WHERE end_user_id = ?)"_s,
           u"DELETE FROM webhook_deliveries WHERE end_user_id = ?"_s, u"DELETE FROM webhook_messages WHERE end_user_id = ?"_s }) {
        Query webhooks = m_db.prepare(statement);
        if (const auto removed = webhooks.bind(id).exec(); !removed)
            return removed.error();
    }
    {
        Query responses = m_db.prepare(u"DELETE FROM responses WHERE platform_id = ? AND owner_id = ?"_s);
        if (const auto removed = responses.bind(platform, id).exec(); !removed)
            return removed.error();
    }
    {
        Query logs = m_db.prepare(u"UPDATE request_logs SET end_user_id = NULL WHERE end_user_id = ?"_s);
        if (const auto anonymised = logs.bind(id).exec(); !anonymised)
            return anonymised.error();
    }
    const QByteArray named = "\"end_user_id\":\"" + id.toLatin1() + '"';
    Query wallet = m_db.prepare(u"UPDATE wallet_transactions SET end_user_id = NULL, metadata = replace(metadata, ?, ?) "
                                "WHERE platform_id = ? AND end_user_id = ?"_s);
    return wallet.bind(named, QByteArray("\"end_user_id\":null"), platform, id).exec();
}

} // namespace assistiv
