// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/keytest.h"

#include "core/jsonwriter.h"
#include "http/errorbody.h"
#include "inference/keytest.h"
#include "services/services.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

QByteArray keyTestJson(const KeyTest::Outcome &outcome)
{
    JsonWriter json;
    json.beginObject().member("ok", !outcome.error);
    if (!outcome.error) {
        json.member("latency_ms", outcome.latencyMs).member("models", qint64(outcome.models.size()));
        return json.endObject().take();
    }
    json.key("error").beginObject().member("code", QString(errorRow(outcome.error->code).word));
    json.member("message", outcome.error->message).key("upstream_status");
    outcome.upstreamStatus > 0 ? json.value(outcome.upstreamStatus) : json.null();
    return json.endObject().endObject().take();
}

// The provider is asked from here, beside all other calls of this worker; the exchange owns the question, so a client that
// leaves takes it along.
void testLlmConfig(const DirectCall &call)
{
    const auto id = LlmConfigId::parse(QString::fromUtf8(call.pathValues.at(1)));
    if (!id)
        return replyError(call.exchange, { ErrorCode::LlmConfigNotFound, u"There is no such LLM config."_s });
    call.worker.doors.read(
        &call.exchange,
        [platform = call.caller.platform, id = *id](Services &services) { return services.llmConfigs.access(platform, id); },
        [exchange = &call.exchange, &inference = call.worker.inference](const Result<ProviderAccess> &access) {
            if (!access)
                return replyError(*exchange, access.error());
            auto *test = new KeyTest(inference.network, inference.clock, *access, exchange);
            test->start([exchange](const KeyTest::Outcome &outcome) { exchange->reply(200, keyTestJson(outcome)); });
        });
}

} // namespace

QList<RouteTable::Entry> keyTestRoutes()
{
    return { { HttpMethod::Post, "/v1/platforms/{platformId}/llm-configs/{configId}/test", RequiredKey::Platform,
               testLlmConfig } };
}

} // namespace assistiv
