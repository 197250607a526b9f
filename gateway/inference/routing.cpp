// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/routing.h"

#include <algorithm>

namespace assistiv {

namespace {

HttpHeaders authorization(const CatalogMapping &mapping, const QByteArray &secret)
{
    if (const ProviderCodec *codec = providerCodec(mapping.kind, mapping.upstreamApi))
        return codec->authorization(secret);
    // Servers of one's own often want no key.
    return secret.isEmpty() || secret == "none" ? HttpHeaders() : HttpHeaders { { "Authorization", "Bearer " + secret } };
}

} // namespace

QList<RouteLeg> routeOf(ClientApi api, const CatalogModel &model, const QList<ProviderKey> &keys)
{
    QList<RouteLeg> legs;
    for (const CatalogMapping &mapping : model.mappings) {
        if (passage(api, mapping.kind, mapping.upstreamApi) == Passage::None)
            continue;
        const auto key = std::find_if(keys.begin(), keys.end(),
                                      [&](const ProviderKey &candidate) { return candidate.provider == mapping.provider; });
        if (key != keys.end())
            legs.append({ &mapping, *key });
    }
    return legs;
}

bool hasPrice(const CatalogMapping &mapping)
{
    const Price &price = mapping.pricing.table.base;
    return mapping.options.priceFree || mapping.kind == ProviderKind::Sandbox || price.input > 0 || price.output > 0;
}

HttpCall callOn(const RouteLeg &leg, UpstreamCall upstream)
{
    const CatalogMapping &mapping = *leg.mapping;
    HttpCall call;
    call.method = upstream.method;
    call.url = mapping.baseUrl + upstream.path;
    call.body = std::move(upstream.body);
    if (!call.body.isEmpty())
        call.headers = { { "Content-Type", "application/json" } };
    call.headers += { { "Accept", upstream.streams ? "text/event-stream" : "application/json" },
                      { "User-Agent", "Assistiv-Gateway" } };
    call.headers += authorization(mapping, leg.key.secret);
    call.headers += upstream.headers;
    call.headers += mapping.options.extraHeaders;
    call.allowPrivateAddress = mapping.options.allowPrivateAddress;
    if (mapping.options.firstByteTimeoutMs > 0)
        call.firstByteTimeoutMs = mapping.options.firstByteTimeoutMs;
    // What is passed on as it comes needs no bound, what is collected does.
    call.maximumBytes = upstream.streams ? 0 : 64 * 1024 * 1024;
    return call;
}

} // namespace assistiv
