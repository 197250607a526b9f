// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/responses/responsescodec.h"

#include "providers/openaiwrite.h"
#include "providers/responses/responsesdecoder.h"
#include "providers/responses/responsesencoder.h"

namespace assistiv {

Result<UpstreamCall> ResponsesCodec::encode(const middle::Request &request, const UpstreamTarget &target) const
{
    return encodeResponses(request, target);
}

HttpHeaders ResponsesCodec::authorization(const QByteArray &secret) const
{
    return openai::bearer(secret);
}

std::unique_ptr<StreamDecoder> ResponsesCodec::decoder(const middle::Request &, const UpstreamTarget &target) const
{
    return std::make_unique<ResponsesDecoder>(target);
}

middle::Events ResponsesCodec::decodeAnswer(const QByteArray &body, const middle::Request &,
                                            const UpstreamTarget &target) const
{
    return ResponsesDecoder(target).wholeAnswer(body);
}

} // namespace assistiv
