// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/chat/chatupstreamcodec.h"

#include "providers/chat/chatupstreamdecoder.h"
#include "providers/chat/chatupstreamencoder.h"
#include "providers/openaiwrite.h"

namespace assistiv {

Result<UpstreamCall> ChatUpstreamCodec::encode(const middle::Request &request, const UpstreamTarget &target) const
{
    return encodeChatUpstream(request, target, m_kind);
}

HttpHeaders ChatUpstreamCodec::authorization(const QByteArray &secret) const
{
    return openai::bearer(secret);
}

std::unique_ptr<StreamDecoder> ChatUpstreamCodec::decoder(const middle::Request &, const UpstreamTarget &) const
{
    return std::make_unique<ChatUpstreamDecoder>(m_kind);
}

middle::Events ChatUpstreamCodec::decodeAnswer(const QByteArray &body, const middle::Request &,
                                               const UpstreamTarget &) const
{
    return ChatUpstreamDecoder(m_kind).wholeAnswer(body);
}

} // namespace assistiv
