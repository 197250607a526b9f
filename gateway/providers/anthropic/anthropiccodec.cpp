// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/anthropic/anthropiccodec.h"

#include "providers/anthropic/anthropicdecoder.h"
#include "providers/anthropic/anthropicencoder.h"

namespace assistiv {

Result<UpstreamCall> AnthropicCodec::encode(const middle::Request &request, const UpstreamTarget &target) const
{
    return encodeAnthropic(request, target);
}

HttpHeaders AnthropicCodec::authorization(const QByteArray &secret) const
{
    return { { "x-api-key", secret } };
}

std::unique_ptr<StreamDecoder> AnthropicCodec::decoder(const middle::Request &, const UpstreamTarget &target) const
{
    return std::make_unique<AnthropicDecoder>(target);
}

middle::Events AnthropicCodec::decodeAnswer(const QByteArray &body, const middle::Request &,
                                            const UpstreamTarget &target) const
{
    return AnthropicDecoder(target).wholeAnswer(body);
}

UpstreamCall AnthropicCodec::modelList(const ProviderOptions &options) const
{
    return { .path = "/v1/models?limit=1000",
             .method = HttpMethod::Get,
             .headers = { { "anthropic-version", anthropicVersion(options) } },
             .streams = false };
}

} // namespace assistiv
