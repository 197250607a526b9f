// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/settlement.h"

#include "core/jsonwriter.h"
#include "core/metrics.h"

#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>

namespace assistiv {

using namespace Qt::StringLiterals;

void noteBilled(Metrics &metrics, const Settlement &settlement)
{
    metrics.promptTokens.add(settlement.promptTokens);
    metrics.completionTokens.add(settlement.completionTokens);
    if (settlement.isBillable)
        metrics.billedMicros.add(settlement.cost.micros());
}

QByteArrayView wordOf(CallStatus status)
{
    switch (status) {
    case CallStatus::Success: return "success";
    case CallStatus::Error: return "error";
    case CallStatus::Cancelled: return "cancelled";
    }
    return "error";
}

QByteArrayView wordOf(TokenCountMethod method)
{
    switch (method) {
    case TokenCountMethod::Reported: return "reported";
    case TokenCountMethod::Estimated: return "estimated";
    case TokenCountMethod::None: return "none";
    }
    return "none";
}

QByteArray journalLine(const Settlement &s)
{
    JsonWriter json;
    json.beginObject().member("id", s.id).member("platform", s.platform).member("end_user", s.endUser);
    json.member("budget", s.budget).member("key", s.key).key("request_id").utf8(s.requestId);
    json.key("request_type").utf8(s.requestType).member("provider", s.provider).member("model", s.model);
    json.key("model_slug").utf8(s.modelSlug).key("provider_model_id").utf8(s.providerModelId);
    json.member("prompt", s.promptTokens).member("completion", s.completionTokens).member("latency_ms", s.latencyMs);
    // As text: a double, which is all that JSON readers promise, does not hold every 64-bit number.
    json.key("cost_micros").utf8(QByteArray::number(s.cost.micros())).member("billable", s.isBillable);
    json.member("status", int(s.status)).member("count_method", int(s.countMethod)).key("error").utf8(s.errorMessage);
    json.key("metadata").utf8(s.metadata).key("created_ms").utf8(QByteArray::number(s.createdAt.ms())).endObject();
    return json.take();
}

std::optional<Settlement> settlementFrom(QByteArrayView line)
{
    const QJsonObject json = QJsonDocument::fromJson(line.toByteArray()).object();
    const auto text = [&](QLatin1StringView name) { return json.value(name).toString(); };
    const auto id = LogRowId::parse(text("id"_L1));
    const auto platform = PlatformId::parse(text("platform"_L1));
    if (!id || !platform)
        return {};
    Settlement s;
    s.id = *id;
    s.platform = *platform;
    s.endUser = EndUserId::fromStored(text("end_user"_L1));
    s.budget = BudgetId::fromStored(text("budget"_L1));
    s.key = ApiKeyId::fromStored(text("key"_L1));
    s.requestId = text("request_id"_L1).toUtf8();
    s.requestType = text("request_type"_L1).toUtf8();
    s.provider = ProviderId::fromStored(text("provider"_L1));
    s.model = ModelId::fromStored(text("model"_L1));
    s.modelSlug = text("model_slug"_L1).toUtf8();
    s.providerModelId = text("provider_model_id"_L1).toUtf8();
    s.promptTokens = json.value("prompt"_L1).toInteger();
    s.completionTokens = json.value("completion"_L1).toInteger();
    s.latencyMs = json.value("latency_ms"_L1).toInteger();
    s.cost = Money::fromMicros(text("cost_micros"_L1).toLongLong());
    s.isBillable = json.value("billable"_L1).toBool();
    s.status = CallStatus(json.value("status"_L1).toInt());
    s.countMethod = TokenCountMethod(json.value("count_method"_L1).toInt());
    s.errorMessage = text("error"_L1).toUtf8();
    s.metadata = text("metadata"_L1).toUtf8();
    s.createdAt = Timestamp::fromMs(text("created_ms"_L1).toLongLong());
    return s;
}

} // namespace assistiv
