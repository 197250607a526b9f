// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/llmconfigs.h"

#include "core/jsonwriter.h"
#include "http/jsonbody.h"
#include "services/services.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

// Longer than any key may be, so that the service says what is wrong and blanks around the key do no harm.
constexpr int LongestKeyText = 4096;

QByteArray llmConfigJson(const LlmConfig &config)
{
    JsonWriter json;
    json.beginObject()
        .member("id", config.id)
        .member("platform_id", config.platform)
        .member("provider_id", config.provider);
    json.member("provider", config.providerSlug).member("key_hint", QString(u"…"_s + config.keyHint));
    json.member("is_default", config.isDefault).member("is_active", config.isActive);
    json.member("created_at", config.createdAt).member("updated_at", config.updatedAt).endObject();
    return json.take();
}

Result<Answer> llmConfigAnswer(const Result<LlmConfig> &config, int status = 200)
{
    if (!config)
        return config.error();
    return Answer { .status = status, .body = llmConfigJson(*config) };
}

Result<LlmConfigId> llmConfigId(const ManagementCall &call)
{
    const auto id = LlmConfigId::parse(QString::fromUtf8(call.pathValues.at(1)));
    return id ? Result<LlmConfigId>(*id) : Error { ErrorCode::LlmConfigNotFound, u"There is no such LLM config."_s };
}

Result<Work> listLlmConfigs(const ManagementCall &call)
{
    QueryReader query(call.query);
    const Page page = query.page();
    const auto providerText = query.uuid("provider_id"_L1);
    if (const auto good = query.check(); !good)
        return good.error();
    const auto provider = providerText ? ProviderId::parse(*providerText) : std::nullopt;
    return Work([platform = call.caller.platform, provider, page](Services &services) -> Result<Answer> {
        const auto list = services.llmConfigs.list(platform, provider, page.offset(), page.limit);
        if (!list)
            return list.error();
        QByteArrayList rows;
        for (const LlmConfig &config : list->rows)
            rows.append(llmConfigJson(config));
        return Answer { .body = listJson(rows, list->total, page) };
    });
}

Result<Work> createLlmConfig(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    LlmConfigDraft draft;
    draft.provider = body.requiredText("provider_id"_L1, 1, 63);
    draft.apiKey = body.requiredText("api_key"_L1, 1, LongestKeyText);
    draft.isDefault = body.flag("is_default"_L1).value_or(false);
    if (const auto good = body.check(); !good)
        return good.error();
    if (const auto good = LlmConfigs::checkKey(draft.apiKey); !good)
        return good.error();
    return Work([platform = call.caller.platform, draft](Services &services) {
        return llmConfigAnswer(services.llmConfigs.create(platform, draft), 201);
    });
}

Result<Work> getLlmConfig(const ManagementCall &call)
{
    const auto id = llmConfigId(call);
    if (!id)
        return id.error();
    return Work([platform = call.caller.platform, id = *id](Services &services) {
        return llmConfigAnswer(services.llmConfigs.get(platform, id));
    });
}

Result<Work> patchLlmConfig(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    LlmConfigChange change;
    change.apiKey = body.text("api_key"_L1, 1, LongestKeyText);
    change.isDefault = body.flag("is_default"_L1);
    change.isActive = body.flag("is_active"_L1);
    if (const auto good = body.check(); !good)
        return good.error();
    if (const auto good = change.apiKey ? LlmConfigs::checkKey(*change.apiKey) : Result<void>(); !good)
        return good.error();
    const auto id = llmConfigId(call);
    if (!id)
        return id.error();
    return Work([platform = call.caller.platform, id = *id, change](Services &services) {
        return llmConfigAnswer(services.llmConfigs.update(platform, id, change));
    });
}

Result<Work> deleteLlmConfig(const ManagementCall &call)
{
    const auto id = llmConfigId(call);
    if (!id)
        return id.error();
    return Work([platform = call.caller.platform, id = *id](Services &services) -> Result<Answer> {
        if (const auto removed = services.llmConfigs.remove(platform, id); !removed)
            return removed.error();
        return Answer { .status = 204 };
    });
}

} // namespace

const QList<Route> &llmConfigRoutes()
{
    static const QList<Route> routes {
        { HttpMethod::Get, "/v1/platforms/{platformId}/llm-configs"_L1, RequiredKey::Platform, listLlmConfigs },
        { HttpMethod::Post, "/v1/platforms/{platformId}/llm-configs"_L1, RequiredKey::Platform, createLlmConfig },
        { HttpMethod::Get, "/v1/platforms/{platformId}/llm-configs/{configId}"_L1, RequiredKey::Platform,
          getLlmConfig },
        { HttpMethod::Patch, "/v1/platforms/{platformId}/llm-configs/{configId}"_L1, RequiredKey::Platform,
          patchLlmConfig },
        { HttpMethod::Delete, "/v1/platforms/{platformId}/llm-configs/{configId}"_L1, RequiredKey::Platform,
          deleteLlmConfig },
    };
    return routes;
}

} // namespace assistiv
