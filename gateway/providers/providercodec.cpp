// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/providercodec.h"

#include <algorithm>

namespace assistiv {

UpstreamTarget upstreamTarget(const CatalogModel &model, const CatalogMapping &mapping)
{
    return { .provider = mapping.providerSlug.toUtf8(),
             .model = mapping.providerModelId.toUtf8(),
             .maxOutputTokens = model.maxOutputTokens,
             .quirks = mapping.quirks,
             .options = mapping.options };
}

UpstreamFailure ProviderCodec::decodeFailure(const FailedReply &reply) const
{
    return failureFromReply(reply);
}

UpstreamCall ProviderCodec::modelList(const ProviderOptions &) const
{
    return { .path = "/models", .method = HttpMethod::Get, .streams = false };
}

} // namespace assistiv
