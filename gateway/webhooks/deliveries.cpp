// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "webhooks/deliveries.h"

#include "core/jsonwriter.h"
#include "webhooks/envelope.h"
#include "webhooks/outbox.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// A period that ends before it begins, named by the end that was given.
Result<void> checkPeriod(Timestamp since, Timestamp until, bool untilWasGiven)
{
    if (since < until)
        return {};
    return Error{.code = ErrorCode::ValidationError,
                 .message = u"since must lie before until."_s,
                 .param = untilWasGiven ? u"until"_s : u"since"_s};
}

} // namespace

WebhookDeliveries::WebhookDeliveries(const ServiceContext &context, WebhookEndpoints &endpoints)
    : m_context(context)
    , m_endpoints(endpoints)
    , m_store(context.db)
{
}

Result<WebhookDelivery> WebhookDeliveries::find(const PlatformId &platform, const WebhookEndpointId &endpoint,
                                                const WebhookDeliveryId &id)
{
    if (const auto known = m_endpoints.get(platform, endpoint); !known)
        return known.error();
    const auto found = m_store.find(endpoint, id);
    if (!found)
        return found.error();
    if (!*found)
        return Error{ErrorCode::DeliveryNotFound, u"There is no such delivery."_s};
    return **found;
}

Result<void> WebhookDeliveries::checkActive(const PlatformId &platform, const WebhookEndpointId &endpoint)
{
    const auto known = m_endpoints.get(platform, endpoint);
    if (!known)
        return known.error();
    return known->isActive ? Result<void>() : Error{ErrorCode::Conflict, u"The webhook endpoint is inactive."_s};
}

Result<WebhookDeliveryList> WebhookDeliveries::list(const PlatformId &platform, const WebhookEndpointId &endpoint,
                                                    const DeliveryFilter &filter, qint64 offset, qint64 limit)
{
    if (const auto known = m_endpoints.get(platform, endpoint); !known)
        return known.error();
    return m_store.list(endpoint, filter, offset, limit);
}

Result<DeliveryReport> WebhookDeliveries::get(const PlatformId &platform, const WebhookEndpointId &endpoint,
                                              const WebhookDeliveryId &id)
{
    const auto delivery = find(platform, endpoint, id);
    if (!delivery)
        return delivery.error();
    const auto payload = m_store.payload(*delivery);
    if (!payload)
        return payload.error();
    const auto attempts = m_store.attempts(id, MostAttempts);
    if (!attempts)
        return attempts.error();
    return DeliveryReport{*delivery, *payload, *attempts};
}

Result<WebhookDelivery> WebhookDeliveries::replay(const PlatformId &platform, const WebhookEndpointId &endpoint,
                                                  const WebhookDeliveryId &id)
{
    auto delivery = find(platform, endpoint, id);
    if (!delivery)
        return delivery.error();
    if (const auto active = checkActive(platform, endpoint); !active)
        return active.error();
    if (const auto done = m_store.replay(id, m_context.clock.now()); !done)
        return done.error();
    m_context.changes.deliveriesDue = true;
    return *delivery;
}

Result<WebhookDeliveryId> WebhookDeliveries::sendTest(const PlatformId &platform, const WebhookEndpointId &endpoint)
{
    if (const auto known = m_endpoints.get(platform, endpoint); !known)
        return known.error();
    const Timestamp now = m_context.clock.now();
    const QByteArray type(EndpointTestEvent.data(), EndpointTestEvent.size());
    const QByteArray eventId = randomUuid().toByteArray(QUuid::WithoutBraces) + ':' + type;
    JsonWriter data;
    data.beginObject().member("platform_id", platform).key("message").utf8("Test event").endObject();
    const QByteArray body = webhookBody(type, eventId, now, data.json());
    if (const auto told = Outbox(m_context).append({ { platform, {}, type, eventId, body, now } }); !told)
        return told.error();
    const WebhookDelivery delivery{.id = WebhookDeliveryId::create(),
                                   .endpoint = endpoint,
                                   .platform = platform,
                                   .eventId = eventId,
                                   .eventType = type,
                                   .nextAttemptAt = now,
                                   .dueAt = now,
                                   .nextTrigger = DeliveryTrigger::Test,
                                   .createdAt = now};
    if (const auto stored = m_store.insert(delivery); !stored)
        return stored.error();
    m_context.changes.deliveriesDue = true;
    return delivery.id;
}

Result<qint64> WebhookDeliveries::recover(const PlatformId &platform, const WebhookEndpointId &endpoint,
                                          const DeliveryRecovery &recovery)
{
    const Timestamp now = m_context.clock.now();
    const Timestamp until = recovery.until.value_or(now);
    if (recovery.since < now.plusMs(-RecoverableMs))
        return Error{.code = ErrorCode::ValidationError,
                     .message = u"since may lie at most 14 days back."_s,
                     .param = u"since"_s};
    if (const auto good = checkPeriod(recovery.since, until, recovery.until.has_value()); !good)
        return good.error();
    if (const auto active = checkActive(platform, endpoint); !active)
        return active.error();
    if (recovery.isDryRun)
        return m_store.countLost(endpoint, recovery.since, until, MostRecovered);
    m_context.changes.deliveriesDue = true;
    return m_store.recoverLost(endpoint, recovery.since, until, MostRecovered, now);
}

Result<DeliveryStats> WebhookDeliveries::stats(const PlatformId &platform, const WebhookEndpointId &endpoint,
                                               const std::optional<Timestamp> &since,
                                               const std::optional<Timestamp> &until)
{
    const Timestamp end = until.value_or(m_context.clock.now());
    const Timestamp begin = since.value_or(end.plusMs(-UsualStatsMs));
    if (const auto good = checkPeriod(begin, end, until.has_value()); !good)
        return good.error();
    if (const auto known = m_endpoints.get(platform, endpoint); !known)
        return known.error();
    return m_store.stats(endpoint, begin, end);
}

} // namespace assistiv
