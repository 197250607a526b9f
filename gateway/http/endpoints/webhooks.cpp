// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/webhooks.h"

#include "core/jsonwriter.h"
#include "http/endpoints/pathids.h"
#include "http/jsonbody.h"
#include "services/services.h"
#include "webhooks/targets.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr int MostEventTypes = 100;
constexpr int LongestEventType = 64;

// Ids in the path

Result<WebhookEndpointId> webhookEndpointInPath(const ManagementCall &call)
{
    return pathId<WebhookEndpointId>(call, 1, ErrorCode::WebhookEndpointNotFound,
                                     u"There is no such webhook endpoint."_s);
}

struct DeliveryInPath
{
    WebhookEndpointId endpoint;
    WebhookDeliveryId delivery;
};

Result<DeliveryInPath> deliveryInPath(const ManagementCall &call)
{
    const auto endpoint = webhookEndpointInPath(call);
    if (!endpoint)
        return endpoint.error();
    const auto delivery =
        pathId<WebhookDeliveryId>(call, 2, ErrorCode::DeliveryNotFound, u"There is no such delivery."_s);
    if (!delivery)
        return delivery.error();
    return DeliveryInPath { *endpoint, *delivery };
}

// Values as JSON

void writeEndpoint(JsonWriter &json, const WebhookEndpoint &endpoint)
{
    json.member("id", endpoint.id).member("platform_id", endpoint.platform).member("url", endpoint.url);
    json.textOrNull("description", endpoint.description).key("event_types").beginArray();
    for (const WebhookEvent event : endpoint.events)
        json.value(QString(wordOf(event)));
    json.endArray().member("is_active", endpoint.isActive);
    json.textOrNull("disabled_reason", endpoint.disabledReason ? QString(wordOf(*endpoint.disabledReason)) : QString());
    json.member("created_at", endpoint.createdAt).member("updated_at", endpoint.updatedAt);
}

QByteArray webhookEndpointJson(const WebhookEndpoint &endpoint)
{
    JsonWriter json;
    json.beginObject();
    writeEndpoint(json, endpoint);
    return json.endObject().take();
}

QByteArray newEndpointJson(const NewWebhookEndpoint &made)
{
    JsonWriter json;
    json.beginObject();
    writeEndpoint(json, made.endpoint);
    return json.key("secret").utf8(made.secret).endObject().take();
}

void writeDelivery(JsonWriter &json, const WebhookDelivery &delivery)
{
    json.member("id", delivery.id).member("endpoint_id", delivery.endpoint);
    json.key("message_id").utf8(delivery.messageId).key("event_id").utf8(delivery.eventId);
    json.key("event_type").utf8(delivery.eventType).member("status", QString(wordOf(delivery.status)));
    json.member("attempt_count", delivery.attemptCount).member("next_attempt_at", delivery.nextAttemptAt);
    json.member("last_response_status", delivery.lastResponseStatus).member("created_at", delivery.createdAt);
    json.member("delivered_at", delivery.deliveredAt);
}

QByteArray deliveryJson(const WebhookDelivery &delivery)
{
    JsonWriter json;
    json.beginObject();
    writeDelivery(json, delivery);
    return json.endObject().take();
}

void writeAttempt(JsonWriter &json, const WebhookAttempt &attempt)
{
    json.beginObject().member("attempt", attempt.number).member("trigger", QString(wordOf(attempt.trigger)));
    json.member("started_at", attempt.startedAt).member("duration_ms", attempt.durationMs);
    json.key("request_headers").raw(attempt.requestHeaders).member("response_status", attempt.responseStatus);
    json.key("response_headers").raw(attempt.responseHeaders.value_or("null"));
    json.member("response_body", attempt.responseBody).textOrNull("error", attempt.error).endObject();
}

QByteArray deliveryReportJson(const DeliveryReport &report)
{
    JsonWriter json;
    json.beginObject();
    writeDelivery(json, report.delivery);
    json.key("payload").raw(report.payload).key("attempts").beginArray();
    for (const WebhookAttempt &attempt : report.attempts)
        writeAttempt(json, attempt);
    return json.endArray().endObject().take();
}

/// "0.9832", never rounded up to 1; null when nothing was tried.
QByteArray successRate(const DeliveryStats &stats)
{
    if (stats.attempts == 0)
        return "null";
    const qint64 parts = (stats.attempts - stats.failedAttempts) * 10'000 / stats.attempts;
    return QByteArray::number(parts / 10'000) + '.' + QByteArray::number(parts % 10'000).rightJustified(4, '0');
}

QByteArray statsJson(const WebhookEndpointId &endpoint, const DeliveryStats &stats)
{
    JsonWriter json;
    json.beginObject().member("endpoint_id", endpoint).member("since", stats.since).member("until", stats.until);
    json.member("pending", stats.pending).member("delivered", stats.delivered).member("failed", stats.failed);
    json.member("canceled", stats.canceled).member("attempts", stats.attempts);
    json.member("failed_attempts", stats.failedAttempts).key("success_rate").raw(successRate(stats));
    json.member("latency_ms_p50", stats.medianLatencyMs).member("latency_ms_p95", stats.slowLatencyMs);
    return json.member("last_failure_at", stats.lastFailureAt).endObject().take();
}

// Endpoints

/// What a body says about an endpoint.
Result<WebhookEndpointChange> endpointChange(JsonBody &body)
{
    WebhookEndpointChange change;
    change.url = body.text("url"_L1, 1, WebhookTargets::LongestUrl);
    const auto names = body.texts("event_types"_L1, MostEventTypes, LongestEventType);
    if (body.has("description"_L1))
        change.description = body.text("description"_L1, 0, WebhookEndpoints::LongestDescription).value_or(QString());
    change.isActive = body.flag("is_active"_L1);
    if (const auto valid = body.check(); !valid)
        return valid.error();
    if (const auto good = change.url ? WebhookTargets::checkForm(*change.url) : Result<void>(); !good)
        return good.error();
    if (!names)
        return change;
    const auto events = WebhookEndpoints::eventsOf(*names);
    if (!events)
        return events.error();
    change.events = *events;
    return change;
}

Result<Work> listEndpoints(const ManagementCall &call)
{
    QueryReader query(call.query);
    const Page page = query.page();
    if (const auto valid = query.check(); !valid)
        return valid.error();
    return Work([platform = call.caller.platform, page](Services &services) -> Result<Answer> {
        const auto list = services.webhookEndpoints.list(platform, page.offset(), page.limit);
        if (!list)
            return list.error();
        QByteArrayList rows;
        for (const WebhookEndpoint &endpoint : list->rows)
            rows.append(webhookEndpointJson(endpoint));
        return Answer { .body = listJson(rows, list->total, page) };
    });
}

Result<Work> createEndpoint(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    if (!body.has("url"_L1) || body.isNull("url"_L1))
        body.refuse("url"_L1, u"is required"_s);
    const auto given = endpointChange(body);
    if (!given)
        return given.error();
    const WebhookEndpointDraft draft { .url = given->url.value_or(QString()),
                                       .description = given->description.value_or(QString()),
                                       .events = given->events.value_or(QList<WebhookEvent>()),
                                       .isActive = given->isActive.value_or(true) };
    return Work([platform = call.caller.platform, draft](Services &services) -> Result<Answer> {
        const auto made = services.webhookEndpoints.create(platform, draft);
        if (!made)
            return made.error();
        return Answer { .status = 201, .body = newEndpointJson(*made) };
    });
}

Result<Work> getEndpoint(const ManagementCall &call)
{
    const auto id = webhookEndpointInPath(call);
    if (!id)
        return id.error();
    return Work([platform = call.caller.platform, id = *id](Services &services) -> Result<Answer> {
        const auto endpoint = services.webhookEndpoints.get(platform, id);
        if (!endpoint)
            return endpoint.error();
        return Answer { .body = webhookEndpointJson(*endpoint) };
    });
}

Result<Work> patchEndpoint(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    for (const auto name : { "url"_L1, "event_types"_L1, "is_active"_L1 }) {
        if (body.has(name) && body.isNull(name))
            body.refuse(name, u"cannot be null"_s);
    }
    const auto change = endpointChange(body);
    if (!change)
        return change.error();
    const auto id = webhookEndpointInPath(call);
    if (!id)
        return id.error();
    return Work([platform = call.caller.platform, id = *id, change = *change](Services &services) -> Result<Answer> {
        const auto endpoint = services.webhookEndpoints.update(platform, id, change);
        if (!endpoint)
            return endpoint.error();
        return Answer { .body = webhookEndpointJson(*endpoint) };
    });
}

Result<Work> deleteEndpoint(const ManagementCall &call)
{
    const auto id = webhookEndpointInPath(call);
    if (!id)
        return id.error();
    return Work([platform = call.caller.platform, id = *id](Services &services) -> Result<Answer> {
        if (const auto removed = services.webhookEndpoints.remove(platform, id); !removed)
            return removed.error();
        return Answer { .status = 204 };
    });
}

Result<Work> revealSecret(const ManagementCall &call)
{
    const auto id = webhookEndpointInPath(call);
    if (!id)
        return id.error();
    return Work([platform = call.caller.platform, id = *id](Services &services) -> Result<Answer> {
        const auto secret = services.webhookEndpoints.secret(platform, id);
        if (!secret)
            return secret.error();
        JsonWriter json;
        return Answer { .body = json.beginObject().key("secret").utf8(*secret).endObject().take() };
    });
}

Result<Work> rotateSecret(const ManagementCall &call)
{
    const auto id = webhookEndpointInPath(call);
    if (!id)
        return id.error();
    return Work([platform = call.caller.platform, id = *id](Services &services) -> Result<Answer> {
        const auto rotation = services.webhookEndpoints.rotateSecret(platform, id);
        if (!rotation)
            return rotation.error();
        JsonWriter json;
        json.beginObject().key("secret").utf8(rotation->secret);
        json.member("previous_secret_expires_at", rotation->previousExpiresAt).endObject();
        return Answer { .body = json.take() };
    });
}

// Deliveries

Result<Work> sendTest(const ManagementCall &call)
{
    const auto id = webhookEndpointInPath(call);
    if (!id)
        return id.error();
    return Work([platform = call.caller.platform, id = *id](Services &services) -> Result<Answer> {
        const auto delivery = services.webhookDeliveries.sendTest(platform, id);
        if (!delivery)
            return delivery.error();
        JsonWriter json;
        return Answer { .status = 202, .body = json.beginObject().member("delivery_id", *delivery).endObject().take() };
    });
}

Result<Work> listDeliveries(const ManagementCall &call)
{
    QueryReader query(call.query);
    const Page page = query.page();
    DeliveryFilter filter;
    if (const auto status = query.oneOf("status"_L1, allWords<DeliveryStatus>()))
        filter.status = fromWord<DeliveryStatus>(*status);
    filter.eventType = query.oneOf("event_type"_L1, allWords<WebhookEvent>() << EndpointTestEvent);
    filter.since = query.time("since"_L1);
    filter.until = query.time("until"_L1);
    if (const auto valid = query.check(); !valid)
        return valid.error();
    const auto id = webhookEndpointInPath(call);
    if (!id)
        return id.error();
    return Work([platform = call.caller.platform, id = *id, filter, page](Services &services) -> Result<Answer> {
        const auto list = services.webhookDeliveries.list(platform, id, filter, page.offset(), page.limit);
        if (!list)
            return list.error();
        QByteArrayList rows;
        for (const WebhookDelivery &delivery : list->rows)
            rows.append(deliveryJson(delivery));
        return Answer { .body = listJson(rows, list->total, page) };
    });
}

Result<Work> getDelivery(const ManagementCall &call)
{
    const auto ids = deliveryInPath(call);
    if (!ids)
        return ids.error();
    return Work([platform = call.caller.platform, ids = *ids](Services &services) -> Result<Answer> {
        const auto report = services.webhookDeliveries.get(platform, ids.endpoint, ids.delivery);
        if (!report)
            return report.error();
        return Answer { .body = deliveryReportJson(*report) };
    });
}

Result<Work> replayDelivery(const ManagementCall &call)
{
    const auto ids = deliveryInPath(call);
    if (!ids)
        return ids.error();
    return Work([platform = call.caller.platform, ids = *ids](Services &services) -> Result<Answer> {
        const auto delivery = services.webhookDeliveries.replay(platform, ids.endpoint, ids.delivery);
        if (!delivery)
            return delivery.error();
        return Answer { .status = 202, .body = deliveryJson(*delivery) };
    });
}

Result<Work> recoverDeliveries(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    DeliveryRecovery recovery;
    const auto since = body.time("since"_L1);
    recovery.until = body.time("until"_L1);
    recovery.isDryRun = body.flag("dry_run"_L1).value_or(false);
    if (!since)
        body.refuse("since"_L1, u"is required"_s);
    if (const auto valid = body.check(); !valid)
        return valid.error();
    recovery.since = *since;
    const auto id = webhookEndpointInPath(call);
    if (!id)
        return id.error();
    return Work([platform = call.caller.platform, id = *id, recovery](Services &services) -> Result<Answer> {
        const auto count = services.webhookDeliveries.recover(platform, id, recovery);
        if (!count)
            return count.error();
        JsonWriter json;
        return Answer { .status = recovery.isDryRun ? 200 : 202,
                        .body = json.beginObject().member("count", *count).endObject().take() };
    });
}

Result<Work> endpointStats(const ManagementCall &call)
{
    QueryReader query(call.query);
    const auto since = query.time("since"_L1);
    const auto until = query.time("until"_L1);
    if (const auto valid = query.check(); !valid)
        return valid.error();
    const auto id = webhookEndpointInPath(call);
    if (!id)
        return id.error();
    return Work([platform = call.caller.platform, id = *id, since, until](Services &services) -> Result<Answer> {
        const auto stats = services.webhookDeliveries.stats(platform, id, since, until);
        if (!stats)
            return stats.error();
        return Answer { .body = statsJson(id, *stats) };
    });
}

} // namespace

const QList<Route> &webhookRoutes()
{
    static constexpr auto Base = "/v1/platforms/{platformId}/webhook-endpoints"_L1;
    static constexpr auto One = "/v1/platforms/{platformId}/webhook-endpoints/{endpointId}"_L1;
    static constexpr auto Secret = "/v1/platforms/{platformId}/webhook-endpoints/{endpointId}/secret"_L1;
    static constexpr auto Rotation = "/v1/platforms/{platformId}/webhook-endpoints/{endpointId}/rotate-secret"_L1;
    static constexpr auto Test = "/v1/platforms/{platformId}/webhook-endpoints/{endpointId}/test"_L1;
    static constexpr auto Recovery = "/v1/platforms/{platformId}/webhook-endpoints/{endpointId}/recover"_L1;
    static constexpr auto Stats = "/v1/platforms/{platformId}/webhook-endpoints/{endpointId}/stats"_L1;
    static constexpr auto Deliveries = "/v1/platforms/{platformId}/webhook-endpoints/{endpointId}/deliveries"_L1;
    static constexpr auto Delivery =
        "/v1/platforms/{platformId}/webhook-endpoints/{endpointId}/deliveries/{deliveryId}"_L1;
    static constexpr auto Replay =
        "/v1/platforms/{platformId}/webhook-endpoints/{endpointId}/deliveries/{deliveryId}/replay"_L1;
    static const QList<Route> routes {
        { HttpMethod::Get, Base, RequiredKey::Platform, listEndpoints },
        { HttpMethod::Post, Base, RequiredKey::Platform, createEndpoint },
        { HttpMethod::Get, One, RequiredKey::Platform, getEndpoint },
        { HttpMethod::Patch, One, RequiredKey::Platform, patchEndpoint },
        { HttpMethod::Delete, One, RequiredKey::Platform, deleteEndpoint },
        { HttpMethod::Get, Secret, RequiredKey::Platform, revealSecret },
        { HttpMethod::Post, Rotation, RequiredKey::Platform, rotateSecret },
        { HttpMethod::Post, Test, RequiredKey::Platform, sendTest },
        { HttpMethod::Post, Recovery, RequiredKey::Platform, recoverDeliveries },
        { HttpMethod::Get, Stats, RequiredKey::Platform, endpointStats },
        { HttpMethod::Get, Deliveries, RequiredKey::Platform, listDeliveries },
        { HttpMethod::Get, Delivery, RequiredKey::Platform, getDelivery },
        { HttpMethod::Post, Replay, RequiredKey::Platform, replayDelivery },
    };
    return routes;
}

} // namespace assistiv
