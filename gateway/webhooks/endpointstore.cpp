// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "webhooks/endpointstore.h"

#include "store/database.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

QByteArray storedEvents(const QList<WebhookEvent> &events)
{
    QJsonArray names;
    for (const WebhookEvent event : events)
        names.append(QString(wordOf(event)));
    return QJsonDocument(names).toJson(QJsonDocument::Compact);
}

QList<WebhookEvent> eventsFrom(const QString &stored)
{
    QList<WebhookEvent> events;
    const QJsonArray names = QJsonDocument::fromJson(stored.toUtf8()).array();
    for (const QJsonValue &name : names)
        events.append(fromStoredWord<WebhookEvent>(name.toString()));
    return events;
}

std::optional<QString> storedReason(const std::optional<DisabledReason> &reason)
{
    return reason ? std::optional<QString>(wordOf(*reason)) : std::nullopt;
}

// Columns of the SELECTs below, in their order.
WebhookEndpoint endpointFrom(const Query &query)
{
    WebhookEndpoint endpoint;
    endpoint.id = query.id<WebhookEndpointId>(0);
    endpoint.platform = query.id<PlatformId>(1);
    endpoint.url = query.text(2);
    endpoint.description = query.text(3);
    endpoint.events = eventsFrom(query.text(4));
    endpoint.isActive = query.flag(5);
    if (!query.isNull(6))
        endpoint.disabledReason = fromStoredWord<DisabledReason>(query.text(6));
    endpoint.allowPrivate = query.flag(7);
    endpoint.failingSince = query.optionalTime(8);
    endpoint.exhaustedCount = query.integer(9);
    endpoint.createdAt = query.time(10);
    endpoint.updatedAt = query.time(11);
    return endpoint;
}

std::optional<QString> textOrNull(const QString &text)
{
    return text.isEmpty() ? std::nullopt : std::optional(text);
}

} // namespace

Result<std::optional<WebhookEndpoint>> WebhookEndpointStore::find(const WebhookEndpointId &id)
{
    Query query = m_db.prepare(u"SELECT id, platform_id, url, description, event_types, is_active, disabled_reason, "
                               "allow_private, failing_since, exhausted_count, created_at, updated_at "
                               "FROM webhook_endpoints WHERE id = ?"_s);
    if (const auto read = query.bind(id).exec(); !read)
        return read.error();
    return query.next() ? std::optional(endpointFrom(query)) : std::optional<WebhookEndpoint>();
}

Result<WebhookEndpointList> WebhookEndpointStore::list(const PlatformId &platform, qint64 offset, qint64 limit)
{
    const auto total = count(platform);
    if (!total)
        return total.error();
    WebhookEndpointList list { {}, *total };
    Query query = m_db.prepare(u"SELECT id, platform_id, url, description, event_types, is_active, disabled_reason, "
                               "allow_private, failing_since, exhausted_count, created_at, updated_at "
                               "FROM webhook_endpoints WHERE platform_id = ? "
                               "ORDER BY created_at DESC, id LIMIT ? OFFSET ?"_s);
    if (const auto read = query.bind(platform, limit, offset).exec(); !read)
        return read.error();
    while (query.next())
        list.rows.append(endpointFrom(query));
    return list;
}

Result<qint64> WebhookEndpointStore::count(const PlatformId &platform)
{
    Query query = m_db.prepare(u"SELECT count(*) FROM webhook_endpoints WHERE platform_id = ?"_s);
    if (const auto read = query.bind(platform).exec(); !read)
        return read.error();
    return query.next() ? query.integer(0) : 0;
}

Result<void> WebhookEndpointStore::insert(const WebhookEndpoint &endpoint)
{
    Query query = m_db.prepare(
        u"INSERT INTO webhook_endpoints (id, platform_id, url, description, event_types, is_active, disabled_reason, "
        "allow_private, failing_since, exhausted_count, created_at, updated_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"_s);
    return query
        .bind(endpoint.id, endpoint.platform, endpoint.url, textOrNull(endpoint.description),
              storedEvents(endpoint.events), endpoint.isActive, storedReason(endpoint.disabledReason),
              endpoint.allowPrivate, endpoint.failingSince, endpoint.exhaustedCount, endpoint.createdAt,
              endpoint.updatedAt)
        .exec();
}

Result<void> WebhookEndpointStore::update(const WebhookEndpoint &endpoint)
{
    Query query = m_db.prepare(
        u"UPDATE webhook_endpoints SET url = ?, description = ?, event_types = ?, is_active = ?, disabled_reason = ?, "
        "allow_private = ?, failing_since = ?, exhausted_count = ?, updated_at = ? WHERE id = ?"_s);
    return query
        .bind(endpoint.url, textOrNull(endpoint.description), storedEvents(endpoint.events), endpoint.isActive,
              storedReason(endpoint.disabledReason), endpoint.allowPrivate, endpoint.failingSince,
              endpoint.exhaustedCount, endpoint.updatedAt, endpoint.id)
        .exec();
}

Result<void> WebhookEndpointStore::remove(const WebhookEndpointId &id)
{
    Query query = m_db.prepare(u"DELETE FROM webhook_endpoints WHERE id = ?"_s);
    return query.bind(id).exec();
}

} // namespace assistiv
