// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "webhooks/outbox.h"

#include "core/hashing.h"
#include "core/jsonwriter.h"
#include "store/bulkinsert.h"
#include "store/database.h"
#include "webhooks/events.h"

#include <QtCore/QtEndian>

#include <algorithm>
#include <set>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using Kind = BulkColumn::Kind;

constexpr BulkColumn MessageColumns[] = {
    { "id"_L1 }, { "platform_id"_L1 }, { "end_user_id"_L1 }, { "event_type"_L1 }, { "event_id"_L1 }, { "payload"_L1 },
    { "created_at"_L1, Kind::Integer },
};
constexpr BulkTable MessageTable { "webhook_messages"_L1, MessageColumns };

constexpr BulkColumn DeliveryColumns[] = {
    { "id"_L1 }, { "endpoint_id"_L1 }, { "platform_id"_L1 }, { "end_user_id"_L1 }, { "event_id"_L1 }, { "event_type"_L1 },
    { "status"_L1 }, { "attempt_count"_L1, Kind::Integer }, { "schedule_step"_L1, Kind::Integer },
    { "begun_at"_L1, Kind::Integer },    { "next_attempt_at"_L1, Kind::Integer }, { "due_at"_L1, Kind::Integer }, { "next_trigger"_L1 },
    { "created_at"_L1, Kind::Integer },
};
constexpr BulkTable DeliveryTable { "webhook_deliveries"_L1, DeliveryColumns };

constexpr qint64 KsuidEpochSeconds = 1'400'000'000;
constexpr int KsuidLength = 27;
constexpr QByteArrayView Base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The bytes as one number, most significant first, in base 62.
QByteArray toBase62(QByteArray bytes, int length)
{
    QByteArray text(length, '0');
    for (qsizetype at = length - 1; at >= 0; --at) {
        int remainder = 0;
        for (char &byte : bytes) {
            const int value = remainder * 256 + static_cast<unsigned char>(byte);
            byte = char(value / 62);
            remainder = value % 62;
        }
        text[at] = Base62[remainder];
    }
    return text;
}

} // namespace

QByteArray Outbox::newMessageId(Timestamp now)
{
    QByteArray bytes(4, Qt::Uninitialized);
    qToBigEndian(quint32(now.ms() / 1000 - KsuidEpochSeconds), bytes.data());
    return "msg_" + toBase62(bytes + randomBytes(16), KsuidLength);
}

Result<QList<Outbox::Subscriber>> Outbox::subscribersOf(const QList<WebhookMessage> &messages)
{
    std::set<PlatformId> platforms;
    for (const WebhookMessage &message : messages)
        platforms.insert(message.platform);
    JsonWriter ids;
    ids.beginArray();
    for (const PlatformId &platform : platforms)
        ids.value(platform);

    Query find = m_context.db.prepare(
        m_context.db.dialect() == Dialect::Sqlite
            ? u"SELECT platform_id, id, event_types FROM webhook_endpoints WHERE is_active AND platform_id IN "
              "(SELECT value FROM json_each(?))"_s
            : u"SELECT platform_id, id, event_types FROM webhook_endpoints WHERE is_active AND platform_id IN "
              "(SELECT json_array_elements_text(CAST(? AS json)))"_s);
    if (const auto read = find.bind(ids.endArray().take()).exec(); !read)
        return read.error();
    QList<Subscriber> subscribers;
    while (find.next())
        subscribers.append({ find.id<PlatformId>(0), find.text(1).toLatin1(), find.text(2).toLatin1() });
    if (const auto ended = find.ended(); !ended)
        return ended.error();
    return subscribers;
}

Result<void> Outbox::append(const QList<WebhookMessage> &messages)
{
    const auto subscribers = subscribersOf(messages);
    if (!subscribers)
        return subscribers.error();
    BulkInsert messageRows(m_context.db, MessageTable);
    BulkInsert deliveryRows(m_context.db, DeliveryTable);
    const QLatin1StringView pending = wordOf(DeliveryStatus::Pending);
    const QLatin1StringView schedule = wordOf(DeliveryTrigger::Schedule);
    const qint64 now = m_context.clock.now().ms();
    for (const WebhookMessage &message : messages) {
        const QByteArray quoted = '"' + message.eventType + '"';
        bool isWanted = false;
        for (const Subscriber &subscriber : *subscribers) {
            if (subscriber.platform != message.platform || !subscriber.eventTypes.contains(quoted))
                continue;
            isWanted = true;
            deliveryRows.id(WebhookDeliveryId::create()).text(subscriber.endpoint).id(message.platform).id(message.endUser);
            deliveryRows.text(message.eventId).text(message.eventType).text(pending).integer(0).integer(0).integer(now);
            deliveryRows.integer(now).integer(now).text(schedule);
            if (const auto written = deliveryRows.integer(now).endRow(); !written)
                return written;
            m_context.changes.deliveriesDue = true;
        }
        if (message.isOnDemand && !isWanted)
            continue;
        messageRows.text(newMessageId(message.createdAt)).id(message.platform).id(message.endUser).text(message.eventType);
        messageRows.text(message.eventId).text(message.payload);
        if (const auto written = messageRows.integer(message.createdAt.ms()).endRow(); !written)
            return written;
    }
    if (const auto written = messageRows.finish(); !written)
        return written;
    return deliveryRows.finish();
}

} // namespace assistiv
