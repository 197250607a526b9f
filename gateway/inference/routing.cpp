// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/routing.h"

#include <algorithm>

namespace assistiv {

namespace {

/// Which mappings a codec exists for.
bool canServeChat(const CatalogMapping &mapping)
{
    switch (mapping.kind) {
    case ProviderKind::OpenAi:
    case ProviderKind::Xai:
        return mapping.upstreamApi == UpstreamApi::Chat;
    case ProviderKind::Sandbox:
        return true;
    case ProviderKind::Anthropic:
    case ProviderKind::Google:
        return false;
    }
    return false;
}

bool takesSampling(const ModelQuirks &quirks, const ChatRequest &request)
{
    switch (quirks.sampling) {
    case Sampling::Yes: return true;
    case Sampling::EffortNoneOnly: return request.reasoningIsOff;
    case Sampling::Never: return false;
    }
    return true;
}

} // namespace

QList<RouteLeg> chatRoute(const CatalogModel &model, const QList<ProviderKey> &keys)
{
    QList<RouteLeg> legs;
    for (const CatalogMapping &mapping : model.mappings) {
        if (!canServeChat(mapping))
            continue;
        const auto key = std::find_if(keys.begin(), keys.end(),
                                      [&](const ProviderKey &candidate) { return candidate.provider == mapping.provider; });
        if (key != keys.end())
            legs.append({ &mapping, *key });
    }
    return legs;
}

ChatTarget chatTarget(const CatalogMapping &mapping, const ChatRequest &request)
{
    ChatTarget target;
    target.providerModelId = mapping.providerModelId.toUtf8();
    target.maxTokensField = mapping.options.maxTokensField;
    // OpenAI's own reasoning models know only the new name, compatible servers often only the old one.
    if (target.maxTokensField.isEmpty() && mapping.providerSlug == QLatin1StringView("openai"))
        target.maxTokensField = "max_completion_tokens";
    target.dropFields = mapping.options.dropFields + mapping.quirks.rejects;
    target.takesSampling = takesSampling(mapping.quirks, request);
    target.asksForUsage = mapping.options.usageInStream;
    target.countsReasoningBeside = mapping.kind == ProviderKind::Xai;
    return target;
}

HttpCall chatCall(const CatalogMapping &mapping, const ProviderKey &key, const QByteArray &body, bool stream)
{
    HttpCall call;
    call.url = mapping.baseUrl + "/chat/completions";
    call.body = body;
    call.headers = { { "Content-Type", "application/json" },
                     { "Accept", stream ? "text/event-stream" : "application/json" },
                     { "User-Agent", "Assistiv-Gateway" } };
    if (!key.secret.isEmpty() && key.secret != "none")
        call.headers.append({ "Authorization", "Bearer " + key.secret });
    call.headers += mapping.options.extraHeaders;
    call.allowPrivateAddress = mapping.options.allowPrivateAddress;
    if (mapping.options.firstByteTimeoutMs > 0)
        call.firstByteTimeoutMs = mapping.options.firstByteTimeoutMs;
    // What is passed on as it comes needs no bound, what is collected does.
    call.maximumBytes = stream ? 0 : 64 * 1024 * 1024;
    return call;
}

} // namespace assistiv
