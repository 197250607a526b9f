// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "webhooks/dispatchstore.h"

#include "core/jsonwriter.h"
#include "store/bulkinsert.h"
#include "store/database.h"

#include <QtCore/QHash>

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using Kind = BulkColumn::Kind;

constexpr BulkColumn AttemptColumns[] = {
    { "delivery_id"_L1 }, { "endpoint_id"_L1 }, { "attempt"_L1, Kind::Integer }, { "trigger_type"_L1 },
    { "started_at"_L1, Kind::Integer }, { "duration_ms"_L1, Kind::Integer }, { "request_headers"_L1 },
    { "response_status"_L1, Kind::Integer }, { "response_headers"_L1 }, { "response_body"_L1 }, { "error"_L1 },
};
constexpr BulkTable AttemptTable { "webhook_attempts"_L1, AttemptColumns };

template<typename Ids>
QByteArray idsJson(const Ids &ids)
{
    JsonWriter json;
    json.beginArray();
    for (const auto &id : ids)
        json.value(id);
    return json.endArray().take();
}

QByteArray statesJson(const QList<DeliveryState> &states)
{
    JsonWriter json;
    json.beginArray();
    for (const DeliveryState &state : states) {
        const auto moment = [&json](QByteArrayView name, std::optional<Timestamp> at) {
            json.member(name, at ? std::optional(at->ms()) : std::nullopt);
        };
        json.beginObject().member("id", state.id).member("status", QString(wordOf(state.status)));
        json.member("attempt_count", state.attemptCount).member("schedule_step", state.scheduleStep);
        moment("next_attempt_at", state.nextAttemptAt);
        moment("due_at", state.dueAt);
        json.member("next_trigger", QString(wordOf(state.nextTrigger)));
        json.member("last_response_status", state.lastResponseStatus);
        moment("delivered_at", state.deliveredAt);
        json.endObject();
    }
    return json.endArray().take();
}

} // namespace

Result<QList<DueEndpoint>> DispatchStore::due()
{
    // Jumps from endpoint to endpoint in the index, whatever waits for each.
    Query find = m_db.prepare(
        u"WITH RECURSIVE waiting (endpoint_id) AS ("
        "SELECT MIN(endpoint_id) FROM webhook_deliveries WHERE due_at IS NOT NULL "
        "UNION ALL SELECT (SELECT MIN(d.endpoint_id) FROM webhook_deliveries d WHERE d.due_at IS NOT NULL AND "
        "d.endpoint_id > w.endpoint_id) FROM waiting w WHERE w.endpoint_id IS NOT NULL) "
        "SELECT w.endpoint_id, (SELECT MIN(d.due_at) FROM webhook_deliveries d WHERE d.due_at IS NOT NULL AND "
        "d.endpoint_id = w.endpoint_id) FROM waiting w WHERE w.endpoint_id IS NOT NULL"_s);
    if (const auto read = find.exec(); !read)
        return read.error();
    QList<DueEndpoint> found;
    while (find.next())
        found.append({ find.id<WebhookEndpointId>(0), find.time(1) });
    std::sort(found.begin(), found.end(), [](const auto &a, const auto &b) { return a.firstDue < b.firstDue; });
    return found;
}

Result<qint64> DispatchStore::backlog()
{
    Query count = m_db.prepare(u"SELECT COUNT(*) FROM webhook_deliveries WHERE due_at IS NOT NULL AND due_at < ?"_s);
    if (const auto read = count.bind(DueWhenActive).exec(); !read)
        return read.error();
    return count.next() ? count.integer(0) : 0;
}

Result<QList<ClaimedDelivery>> DispatchStore::claim(const WebhookEndpointId &endpoint, Timestamp now, Timestamp until,
                                                    qint64 most)
{
    Query take = m_db.prepare(
        m_db.dialect() == Dialect::Sqlite
            ? u"UPDATE webhook_deliveries SET due_at = ? WHERE seq IN (SELECT seq FROM webhook_deliveries WHERE "
              "endpoint_id = ? AND due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ?) "
              "RETURNING id, next_trigger, event_id"_s
            : u"UPDATE webhook_deliveries SET due_at = ? WHERE seq IN (SELECT seq FROM webhook_deliveries WHERE "
              "endpoint_id = ? AND due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ? FOR UPDATE SKIP LOCKED) "
              "RETURNING id, next_trigger, event_id"_s);
    if (const auto taken = take.bind(until, endpoint, now, most).exec(); !taken)
        return taken.error();
    QList<ClaimedDelivery> claimed;
    while (take.next()) {
        ClaimedDelivery delivery;
        delivery.id = take.id<WebhookDeliveryId>(0);
        delivery.endpoint = endpoint;
        delivery.trigger = fromStoredWord<DeliveryTrigger>(take.text(1));
        delivery.claimedUntil = until;
        delivery.eventId = take.text(2).toUtf8();
        claimed.append(delivery);
    }
    return claimed;
}

Result<void> DispatchStore::addMessages(QList<ClaimedDelivery> &claimed)
{
    JsonWriter ids;
    ids.beginArray();
    for (const ClaimedDelivery &delivery : claimed)
        ids.utf8(delivery.eventId);
    Query find = m_db.prepare(
        m_db.dialect() == Dialect::Sqlite
            ? u"SELECT event_id, id, payload FROM webhook_messages WHERE event_id IN (SELECT value FROM json_each(?))"_s
            : u"SELECT event_id, id, payload FROM webhook_messages WHERE event_id IN "
              "(SELECT json_array_elements_text(CAST(? AS json)))"_s);
    if (const auto read = find.bind(ids.endArray().take()).exec(); !read)
        return read;
    QHash<QByteArray, std::pair<QByteArray, QByteArray>> messages;
    while (find.next())
        messages.insert(find.text(0).toUtf8(), { find.text(1).toLatin1(), find.text(2).toUtf8() });
    for (ClaimedDelivery &delivery : claimed)
        std::tie(delivery.messageId, delivery.payload) = messages.value(delivery.eventId);
    return {};
}

Result<QList<DeliveryState>> DispatchStore::states(const QList<WebhookDeliveryId> &ids)
{
    Query find = m_db.prepare(
        m_db.dialect() == Dialect::Sqlite
            ? u"SELECT id, endpoint_id, status, attempt_count, schedule_step, next_attempt_at, due_at, next_trigger, "
              "last_response_status, delivered_at, begun_at FROM webhook_deliveries WHERE id IN "
              "(SELECT value FROM json_each(?))"_s
            : u"SELECT id, endpoint_id, status, attempt_count, schedule_step, next_attempt_at, due_at, next_trigger, "
              "last_response_status, delivered_at, begun_at FROM webhook_deliveries WHERE id IN "
              "(SELECT json_array_elements_text(CAST(? AS json))) ORDER BY id FOR UPDATE"_s);
    if (const auto read = find.bind(idsJson(ids)).exec(); !read)
        return read.error();
    QList<DeliveryState> found;
    while (find.next()) {
        DeliveryState state;
        state.id = find.id<WebhookDeliveryId>(0);
        state.endpoint = find.id<WebhookEndpointId>(1);
        state.status = fromStoredWord<DeliveryStatus>(find.text(2));
        state.attemptCount = find.integer(3);
        state.scheduleStep = find.integer(4);
        state.nextAttemptAt = find.optionalTime(5);
        state.dueAt = find.optionalTime(6);
        state.nextTrigger = fromStoredWord<DeliveryTrigger>(find.text(7));
        state.lastResponseStatus = find.optionalInteger(8);
        state.deliveredAt = find.optionalTime(9);
        state.begunAt = find.time(10);
        found.append(state);
    }
    return found;
}

Result<void> DispatchStore::save(const QList<DeliveryState> &states)
{
    Query update = m_db.prepare(
        m_db.dialect() == Dialect::Sqlite
            ? u"UPDATE webhook_deliveries SET status = n.value ->> 'status', attempt_count = n.value ->> 'attempt_count', "
              "schedule_step = n.value ->> 'schedule_step', next_attempt_at = n.value ->> 'next_attempt_at', "
              "due_at = n.value ->> 'due_at', next_trigger = n.value ->> 'next_trigger', "
              "last_response_status = n.value ->> 'last_response_status', delivered_at = n.value ->> 'delivered_at' "
              "FROM json_each(?) AS n WHERE webhook_deliveries.id = n.value ->> 'id'"_s
            : u"UPDATE webhook_deliveries d SET status = n.status, attempt_count = n.attempt_count, "
              "schedule_step = n.schedule_step, next_attempt_at = n.next_attempt_at, due_at = n.due_at, "
              "next_trigger = n.next_trigger, last_response_status = n.last_response_status, "
              "delivered_at = n.delivered_at FROM json_to_recordset(CAST(? AS json)) AS n(id TEXT, status TEXT, "
              "attempt_count BIGINT, schedule_step BIGINT, next_attempt_at BIGINT, due_at BIGINT, next_trigger TEXT, "
              "last_response_status BIGINT, delivered_at BIGINT) WHERE d.id = n.id"_s);
    return update.bind(statesJson(states)).exec();
}

Result<void> DispatchStore::add(const QList<DeliveryAttempt> &attempts)
{
    BulkInsert rows(m_db, AttemptTable);
    for (const DeliveryAttempt &attempt : attempts) {
        rows.id(attempt.delivery).id(attempt.endpoint).integer(attempt.number).text(wordOf(attempt.trigger));
        rows.integer(attempt.startedAt.ms()).integer(attempt.durationMs).text(attempt.requestHeaders);
        if (attempt.responseStatus)
            rows.integer(*attempt.responseStatus).text(attempt.responseHeaders).text(attempt.responseBody).null();
        else
            rows.null().null().null().text(attempt.error.toUtf8());
        if (const auto written = rows.endRow(); !written)
            return written;
    }
    return rows.finish();
}

Result<void> DispatchStore::cancelPending(const WebhookEndpointId &endpoint)
{
    Query cancel = m_db.prepare(u"UPDATE webhook_deliveries SET status = 'canceled', next_attempt_at = NULL, due_at = NULL "
                                "WHERE endpoint_id = ? AND due_at IS NOT NULL AND status = 'pending' "
                                "AND next_trigger <> 'test'"_s);
    return cancel.bind(endpoint).exec();
}

Result<void> DispatchStore::remove(const QList<WebhookDeliveryId> &ids)
{
    for (const WebhookDeliveryId &id : ids) {
        Query remove = m_db.prepare(u"DELETE FROM webhook_deliveries WHERE id = ?"_s);
        if (const auto removed = remove.bind(id).exec(); !removed)
            return removed;
    }
    return {};
}

Result<void> DispatchStore::releaseClaims()
{
    Query release = m_db.prepare(u"UPDATE webhook_deliveries SET due_at = next_attempt_at WHERE due_at IS NOT NULL "
                                 "AND due_at > next_attempt_at AND due_at < ?"_s);
    return release.bind(DueWhenActive).exec();
}

Result<int> DispatchStore::removeOldest(const QString &statement, Timestamp than, int most)
{
    Query remove = m_db.prepare(statement);
    if (const auto removed = remove.bind(most, than).exec(); !removed)
        return removed.error();
    return remove.changedRows();
}

Result<bool> DispatchStore::removeOlder(Timestamp attempts, Timestamp messages, int most)
{
    // The oldest have the lowest seq, nearly: rows are written in the order of time.
    const std::pair<QString, Timestamp> statements[] = {
        { u"DELETE FROM webhook_attempts WHERE seq IN (SELECT seq FROM (SELECT seq, started_at FROM webhook_attempts "
          "ORDER BY seq LIMIT ?) AS oldest WHERE started_at < ?)"_s, attempts },
        { u"DELETE FROM webhook_deliveries WHERE seq IN (SELECT seq FROM (SELECT seq, created_at FROM webhook_deliveries "
          "ORDER BY seq LIMIT ?) AS oldest WHERE created_at < ?)"_s, messages },
        { u"DELETE FROM webhook_messages WHERE seq IN (SELECT seq FROM (SELECT seq, created_at FROM webhook_messages "
          "ORDER BY seq LIMIT ?) AS oldest WHERE created_at < ?)"_s, messages },
    };
    bool isMore = false;
    for (const auto &[statement, than] : statements) {
        const auto removed = removeOldest(statement, than, most);
        if (!removed)
            return removed.error();
        isMore = isMore || *removed == most;
    }
    return isMore;
}

} // namespace assistiv
