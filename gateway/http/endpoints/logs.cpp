// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/logs.h"

#include "core/jsonwriter.h"
#include "http/jsonbody.h"
#include "services/services.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

QByteArray logRowJson(const LogRow &row)
{
    JsonWriter json;
    json.beginObject().member("id", row.id).member("platform_id", row.platform).member("end_user_id", row.endUser);
    json.member("request_type", row.requestType).member("provider_id", row.provider).member("model_id", row.model);
    json.textOrNull("provider_model_id", row.providerModelId).member("prompt_tokens", row.promptTokens);
    json.member("completion_tokens", row.completionTokens).member("total_tokens", row.promptTokens + row.completionTokens);
    json.member("latency_ms", row.latencyMs).key("estimated_cost_usd").utf8(row.cost.toFixed());
    json.member("status", row.status).textOrNull("error_message", row.errorMessage);
    json.member("token_count_method", row.tokenCountMethod).member("billing_status", row.billingStatus);
    json.key("metadata").raw(row.metadata).member("created_at", row.createdAt).endObject();
    return json.take();
}

Result<Work> listLogs(const ManagementCall &call)
{
    QueryReader query(call.query);
    const Page page = query.page();
    LogFilter filter;
    filter.model = query.text("model"_L1);
    if (const auto user = query.uuid("end_user_id"_L1))
        filter.endUser = EndUserId::parse(*user);
    filter.requestType = query.oneOf("request_type"_L1, { u"chat.completion"_s, u"response"_s, u"agent"_s, u"mcp_tool"_s });
    filter.status = query.oneOf("status"_L1, { u"success"_s, u"error"_s, u"cancelled"_s });
    filter.since = query.time("since"_L1);
    filter.until = query.time("until"_L1);
    filter.requestId = query.uuid("request_id"_L1);
    if (const auto valid = query.check(); !valid)
        return valid.error();
    return Work([id = call.caller.platform, filter, page](Services &services) -> Result<Answer> {
        const auto found = services.callLog.rows(id, filter, page.offset(), page.limit);
        if (!found)
            return found.error();
        QByteArrayList rows;
        for (const LogRow &row : found->rows)
            rows.append(logRowJson(row));
        return Answer { 200, listJson(rows, found->total, page) };
    });
}

} // namespace

const QList<Route> &logRoutes()
{
    static const QList<Route> routes {
        { HttpMethod::Get, "/v1/platforms/{platformId}/logs"_L1, RequiredKey::Platform, listLogs },
    };
    return routes;
}

} // namespace assistiv
