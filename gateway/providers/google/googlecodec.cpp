// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/google/googlecodec.h"

#include "providers/google/googledecoder.h"
#include "providers/google/googleencoder.h"

namespace assistiv {

Result<UpstreamCall> GoogleCodec::encode(const middle::Request &request, const UpstreamTarget &target) const
{
    return encodeGoogle(request, target);
}

HttpHeaders GoogleCodec::authorization(const QByteArray &secret) const
{
    return { { "x-goog-api-key", secret } };
}

std::unique_ptr<StreamDecoder> GoogleCodec::decoder(const middle::Request &request, const UpstreamTarget &target) const
{
    return std::make_unique<GoogleDecoder>(request, target);
}

middle::Events GoogleCodec::decodeAnswer(const QByteArray &body, const middle::Request &request,
                                         const UpstreamTarget &target) const
{
    return GoogleDecoder(request, target).wholeAnswer(body);
}

UpstreamCall GoogleCodec::modelList(const ProviderOptions &) const
{
    return { .path = "/models?pageSize=1000", .method = HttpMethod::Get, .streams = false };
}

} // namespace assistiv
