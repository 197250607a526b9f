// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "webhooks/deliverystore.h"

#include "store/database.h"

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr int MostRemovedAtOnce = 500;

// Columns of the SELECTs below, in their order.
WebhookDelivery deliveryFrom(const Query &query)
{
    WebhookDelivery delivery;
    delivery.id = query.id<WebhookDeliveryId>(0);
    delivery.endpoint = query.id<WebhookEndpointId>(1);
    delivery.platform = query.id<PlatformId>(2);
    delivery.endUser = query.id<EndUserId>(3);
    delivery.messageId = query.text(4).toLatin1();
    delivery.eventId = query.text(5).toLatin1();
    delivery.eventType = query.text(6).toLatin1();
    delivery.status = fromStoredWord<DeliveryStatus>(query.text(7));
    delivery.attemptCount = query.integer(8);
    delivery.scheduleStep = query.integer(9);
    delivery.nextAttemptAt = query.optionalTime(10);
    delivery.dueAt = query.optionalTime(11);
    delivery.nextTrigger = fromStoredWord<DeliveryTrigger>(query.text(12));
    delivery.lastResponseStatus = query.optionalInteger(13);
    delivery.createdAt = query.time(14);
    delivery.deliveredAt = query.optionalTime(15);
    return delivery;
}

WebhookAttempt attemptFrom(const Query &query)
{
    WebhookAttempt attempt;
    attempt.number = query.integer(0);
    attempt.trigger = fromStoredWord<DeliveryTrigger>(query.text(1));
    attempt.startedAt = query.time(2);
    attempt.durationMs = query.integer(3);
    attempt.requestHeaders = query.text(4).toUtf8();
    attempt.responseStatus = query.optionalInteger(5);
    if (!query.isNull(6))
        attempt.responseHeaders = query.text(6).toUtf8();
    if (!query.isNull(7))
        attempt.responseBody = query.text(7);
    attempt.error = query.text(8);
    return attempt;
}

void bindFilter(Query &query, const WebhookEndpointId &endpoint, const DeliveryFilter &filter)
{
    const auto status = filter.status ? std::optional<QString>(wordOf(*filter.status)) : std::nullopt;
    query.bind(endpoint, status, status, filter.eventType, filter.eventType, filter.since, filter.since, filter.until,
               filter.until);
}

} // namespace

Result<WebhookDeliveryList> WebhookDeliveryStore::list(const WebhookEndpointId &endpoint, const DeliveryFilter &filter,
                                                       qint64 offset, qint64 limit)
{
    WebhookDeliveryList found;
    {
        Query count = m_db.prepare(
            u"SELECT count(*) FROM webhook_deliveries d WHERE d.endpoint_id = ? "
            "AND (CAST(? AS TEXT) IS NULL OR d.status = ?) AND (CAST(? AS TEXT) IS NULL OR d.event_type = ?) "
            "AND (CAST(? AS BIGINT) IS NULL OR d.created_at >= ?) AND (CAST(? AS BIGINT) IS NULL OR d.created_at < ?)"_s);
        bindFilter(count, endpoint, filter);
        if (const auto read = count.exec(); !read)
            return read.error();
        if (count.next())
            found.total = count.integer(0);
    }
    Query query = m_db.prepare(
        u"SELECT d.id, d.endpoint_id, d.platform_id, d.end_user_id, m.id, d.event_id, d.event_type, d.status, "
        "d.attempt_count, d.schedule_step, d.next_attempt_at, d.due_at, d.next_trigger, d.last_response_status, "
        "d.created_at, d.delivered_at FROM webhook_deliveries d JOIN webhook_messages m ON m.event_id = d.event_id "
        "WHERE d.endpoint_id = ? "
        "AND (CAST(? AS TEXT) IS NULL OR d.status = ?) AND (CAST(? AS TEXT) IS NULL OR d.event_type = ?) "
        "AND (CAST(? AS BIGINT) IS NULL OR d.created_at >= ?) AND (CAST(? AS BIGINT) IS NULL OR d.created_at < ?) "
        "ORDER BY d.seq DESC LIMIT ? OFFSET ?"_s);
    bindFilter(query, endpoint, filter);
    if (const auto read = query.bind(limit, offset).exec(); !read)
        return read.error();
    while (query.next())
        found.rows.append(deliveryFrom(query));
    return found;
}

Result<std::optional<WebhookDelivery>> WebhookDeliveryStore::find(const WebhookEndpointId &endpoint,
                                                                  const WebhookDeliveryId &id)
{
    Query query = m_db.prepare(
        u"SELECT d.id, d.endpoint_id, d.platform_id, d.end_user_id, m.id, d.event_id, d.event_type, d.status, "
        "d.attempt_count, d.schedule_step, d.next_attempt_at, d.due_at, d.next_trigger, d.last_response_status, "
        "d.created_at, d.delivered_at FROM webhook_deliveries d JOIN webhook_messages m ON m.event_id = d.event_id "
        "WHERE d.id = ? AND d.endpoint_id = ?"_s);
    if (const auto read = query.bind(id, endpoint).exec(); !read)
        return read.error();
    return query.next() ? std::optional(deliveryFrom(query)) : std::optional<WebhookDelivery>();
}

Result<QByteArray> WebhookDeliveryStore::payload(const WebhookDelivery &delivery)
{
    Query query = m_db.prepare(u"SELECT payload FROM webhook_messages WHERE event_id = ?"_s);
    if (const auto read = query.bind(delivery.eventId).exec(); !read)
        return read.error();
    return query.next() ? query.text(0).toUtf8() : QByteArray();
}

Result<QList<WebhookAttempt>> WebhookDeliveryStore::attempts(const WebhookDeliveryId &id, int most)
{
    Query query =
        m_db.prepare(u"SELECT attempt, trigger_type, started_at, duration_ms, request_headers, response_status, "
                     "response_headers, response_body, error FROM webhook_attempts WHERE delivery_id = ? "
                     "ORDER BY seq DESC LIMIT ?"_s);
    if (const auto read = query.bind(id, most).exec(); !read)
        return read.error();
    QList<WebhookAttempt> newestFirst;
    while (query.next())
        newestFirst.append(attemptFrom(query));
    std::reverse(newestFirst.begin(), newestFirst.end());
    return newestFirst;
}

Result<void> WebhookDeliveryStore::insert(const WebhookDelivery &delivery)
{
    Query query = m_db.prepare(
        u"INSERT INTO webhook_deliveries (id, endpoint_id, platform_id, end_user_id, event_id, event_type, status, "
        "attempt_count, schedule_step, begun_at, next_attempt_at, due_at, next_trigger, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"_s);
    return query
        .bind(delivery.id, delivery.endpoint, delivery.platform, delivery.endUser, delivery.eventId, delivery.eventType,
              wordOf(delivery.status), delivery.attemptCount, delivery.scheduleStep, delivery.createdAt, delivery.nextAttemptAt,
              delivery.dueAt, wordOf(delivery.nextTrigger), delivery.createdAt)
        .exec();
}

Result<void> WebhookDeliveryStore::replay(const WebhookDeliveryId &id, Timestamp at)
{
    Query query = m_db.prepare(u"UPDATE webhook_deliveries SET due_at = ?, next_trigger = 'replay' WHERE id = ?"_s);
    return query.bind(at, id).exec();
}

Result<void> WebhookDeliveryStore::rest(const WebhookEndpointId &endpoint)
{
    Query query = m_db.prepare(u"UPDATE webhook_deliveries SET due_at = ? WHERE endpoint_id = ? AND due_at IS NOT NULL "
                               "AND status = 'pending' AND next_trigger <> 'test'"_s);
    return query.bind(DueWhenActive, endpoint).exec();
}

Result<void> WebhookDeliveryStore::resume(const WebhookEndpointId &endpoint, Timestamp now)
{
    Query query = m_db.prepare(u"UPDATE webhook_deliveries SET due_at = next_attempt_at, begun_at = ? WHERE endpoint_id = ? "
                               "AND due_at IS NOT NULL AND due_at = ?"_s);
    return query.bind(now, endpoint, DueWhenActive).exec();
}

Result<qint64> WebhookDeliveryStore::countLost(const WebhookEndpointId &endpoint, Timestamp since, Timestamp until,
                                               qint64 most)
{
    Query query = m_db.prepare(u"SELECT count(*) FROM webhook_deliveries WHERE endpoint_id = ? "
                               "AND status IN ('failed', 'canceled') AND event_type <> 'endpoint.test' "
                               "AND created_at >= ? AND created_at < ?"_s);
    if (const auto read = query.bind(endpoint, since, until).exec(); !read)
        return read.error();
    return query.next() ? std::min(query.integer(0), most) : 0;
}

Result<qint64> WebhookDeliveryStore::recoverLost(const WebhookEndpointId &endpoint, Timestamp since, Timestamp until,
                                                 qint64 most, Timestamp now)
{
    Query query = m_db.prepare(
        u"UPDATE webhook_deliveries SET status = 'pending', schedule_step = 0, begun_at = ?, next_attempt_at = ?, due_at = ?, "
        "next_trigger = 'replay' WHERE seq IN (SELECT seq FROM webhook_deliveries WHERE endpoint_id = ? "
        "AND status IN ('failed', 'canceled') AND event_type <> 'endpoint.test' "
        "AND created_at >= ? AND created_at < ? ORDER BY seq LIMIT ?)"_s);
    if (const auto done = query.bind(now, now, now, endpoint, since, until, most).exec(); !done)
        return done.error();
    return query.changedRows();
}

Result<DeliveryStats> WebhookDeliveryStore::stats(const WebhookEndpointId &endpoint, Timestamp since, Timestamp until)
{
    DeliveryStats stats{.since = since, .until = until};
    if (const auto counted = countDeliveries(endpoint, stats); !counted)
        return counted.error();
    const auto answered = countAttempts(endpoint, stats);
    if (!answered)
        return answered.error();
    const auto median = latency(endpoint, stats, *answered, 50);
    if (!median)
        return median.error();
    const auto slow = latency(endpoint, stats, *answered, 95);
    if (!slow)
        return slow.error();
    stats.medianLatencyMs = *median;
    stats.slowLatencyMs = *slow;
    return stats;
}

Result<void> WebhookDeliveryStore::countDeliveries(const WebhookEndpointId &endpoint, DeliveryStats &stats)
{
    Query query = m_db.prepare(
        u"SELECT count(CASE WHEN status = 'pending' THEN 1 END), count(CASE WHEN status = 'delivered' THEN 1 END), "
        "count(CASE WHEN status = 'failed' THEN 1 END), count(CASE WHEN status = 'canceled' THEN 1 END) "
        "FROM webhook_deliveries WHERE endpoint_id = ? AND created_at >= ? AND created_at < ?"_s);
    if (const auto read = query.bind(endpoint, stats.since, stats.until).exec(); !read)
        return read.error();
    if (query.next()) {
        stats.pending = query.integer(0);
        stats.delivered = query.integer(1);
        stats.failed = query.integer(2);
        stats.canceled = query.integer(3);
    }
    return {};
}

Result<qint64> WebhookDeliveryStore::countAttempts(const WebhookEndpointId &endpoint, DeliveryStats &stats)
{
    Query query = m_db.prepare(
        u"SELECT count(*), count(response_status), "
        "count(CASE WHEN response_status BETWEEN 200 AND 299 THEN 1 END), "
        "max(CASE WHEN response_status BETWEEN 200 AND 299 THEN NULL ELSE started_at END) "
        "FROM webhook_attempts WHERE endpoint_id = ? AND started_at >= ? AND started_at < ?"_s);
    if (const auto read = query.bind(endpoint, stats.since, stats.until).exec(); !read)
        return read.error();
    if (!query.next())
        return 0;
    stats.attempts = query.integer(0);
    stats.failedAttempts = stats.attempts - query.integer(2);
    stats.lastFailureAt = query.optionalTime(3);
    return query.integer(1);
}

Result<std::optional<qint64>> WebhookDeliveryStore::latency(const WebhookEndpointId &endpoint,
                                                            const DeliveryStats &stats, qint64 answered, int percent)
{
    if (answered == 0)
        return std::optional<qint64>();
    Query query = m_db.prepare(u"SELECT duration_ms FROM webhook_attempts WHERE endpoint_id = ? AND started_at >= ? "
                               "AND started_at < ? AND response_status IS NOT NULL "
                               "ORDER BY duration_ms LIMIT 1 OFFSET ?"_s);
    const qint64 rank = (answered * percent + 99) / 100;
    if (const auto read = query.bind(endpoint, stats.since, stats.until, rank - 1).exec(); !read)
        return read.error();
    return query.next() ? std::optional(query.integer(0)) : std::nullopt;
}

Result<void> WebhookDeliveryStore::removeOf(const WebhookEndpointId &endpoint)
{
    const auto isMore = removeSome(endpoint.toString(), MostRemovedAtOnce);
    if (!isMore)
        return isMore.error();
    if (!*isMore)
        return {};
    Query note = m_db.prepare(u"INSERT INTO webhook_leftovers (endpoint_id) VALUES (?)"_s);
    return note.bind(endpoint).exec();
}

Result<bool> WebhookDeliveryStore::removeLeftovers(int most)
{
    QString endpoint;
    {
        Query find = m_db.prepare(u"SELECT endpoint_id FROM webhook_leftovers LIMIT 1"_s);
        if (const auto read = find.exec(); !read)
            return read.error();
        if (!find.next())
            return false;
        endpoint = find.text(0);
    }
    const auto isMore = removeSome(endpoint, most);
    if (!isMore || *isMore)
        return isMore;
    Query done = m_db.prepare(u"DELETE FROM webhook_leftovers WHERE endpoint_id = ?"_s);
    if (const auto removed = done.bind(endpoint).exec(); !removed)
        return removed.error();
    return true;
}

Result<bool> WebhookDeliveryStore::removeSome(const QString &endpoint, int most)
{
    bool isMore = false;
    for (const QString &statement :
         { u"DELETE FROM webhook_attempts WHERE seq IN (SELECT seq FROM webhook_attempts WHERE endpoint_id = ? LIMIT ?)"_s,
           u"DELETE FROM webhook_deliveries WHERE seq IN (SELECT seq FROM webhook_deliveries WHERE endpoint_id = ? LIMIT ?)"_s }) {
        Query remove = m_db.prepare(statement);
        if (const auto removed = remove.bind(endpoint, most).exec(); !removed)
            return removed.error();
        isMore = isMore || remove.changedRows() == most;
    }
    return isMore;
}

} // namespace assistiv
