// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/status.h"

#include "core/jsonwriter.h"
#include "http/errorbody.h"
#include "services/services.h"
#include "services/verify.h"

namespace assistiv {

namespace {

void health(const DirectCall &call)
{
    const EngineStatus status = call.worker.status();
    JsonWriter json;
    json.beginObject().key("status").utf8(status.databaseHealthy ? "ok" : "degraded").member("version", status.version);
    json.member("uptime_seconds", status.uptimeMs / 1000).key("checks").beginObject();
    json.key("database").utf8(status.databaseHealthy ? "ok" : "failing").endObject().endObject();
    call.exchange.reply(status.databaseHealthy ? 200 : 503, json.json());
}

void adminStatus(const DirectCall &call)
{
    call.exchange.reply(200, statusJson(call.worker.status()));
}

void verify(const DirectCall &call)
{
    call.worker.doors.read(
        &call.exchange, [](Services &services) { return verifyBooks(services.context.db); },
        [exchange = QPointer(&call.exchange), note = call.worker.noteVerify](const Result<VerifyReport> &report) {
            if (!report)
                return replyError(*exchange, report.error());
            note(report->ok());
            exchange->reply(200, report->toJson());
        });
}

} // namespace

QByteArray statusJson(const EngineStatus &status)
{
    JsonWriter json;
    json.beginObject().member("version", status.version).member("origin", status.origin);
    json.member("uptime_seconds", status.uptimeMs / 1000).member("workers", status.workers);
    json.key("database").beginObject().member("kind", status.databaseKind).member("name", status.databaseName);
    json.member("size_bytes", status.databaseBytes).member("healthy", status.databaseHealthy).endObject();
    json.member("calls_in_flight", status.callsInFlight).member("connections", status.connections);
    json.member("writer_queue", status.writerQueue).member("webhook_backlog", status.webhookBacklog);
    json.member("shutting_down", status.isShuttingDown);
    json.key("cooling_down").beginArray();
    for (const Cooldowns::Cooling &way : status.cooling) {
        json.beginObject().member("provider", way.provider).member("provider_model_id", way.providerModel);
        json.member("llm_config_id", way.key).member("failures", way.failures).member("until", way.until).endObject();
    }
    json.endArray();
    json.key("last_verify");
    if (status.lastVerifiedAt && status.lastVerifyOk)
        json.beginObject().member("at", *status.lastVerifiedAt).member("ok", *status.lastVerifyOk).endObject();
    else
        json.null();
    json.member("node_id", status.nodeId).key("other_nodes").beginArray();
    for (const NodeSeen &node : status.otherNodes)
        json.beginObject().member("id", node.id).member("last_heard_at", node.lastHeardAt).endObject();
    json.endArray().endObject();
    return json.take();
}

QList<RouteTable::Entry> statusRoutes()
{
    return {
        { HttpMethod::Get, "/health", RequiredKey::None, health },
        { HttpMethod::Get, "/v1/admin/status", RequiredKey::Admin, adminStatus },
        { HttpMethod::Post, "/v1/admin/verify", RequiredKey::Admin, verify },
    };
}

} // namespace assistiv
