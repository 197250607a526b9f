// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/providercodec.h"

namespace assistiv {

/// OpenAI's chat completions as a provider speaks them, for clients that speak something else
/// (docs/contract/providers-openai.md, "Over the middle form").
class ChatUpstreamCodec final : public ProviderCodec
{
public:
    /// kind: OpenAi, which is every compatible server, or one of those that differ from it in a few points.
    explicit ChatUpstreamCodec(ProviderKind kind) : m_kind(kind) { }

    Result<UpstreamCall> encode(const middle::Request &request, const UpstreamTarget &target) const override;
    HttpHeaders authorization(const QByteArray &secret) const override;
    std::unique_ptr<StreamDecoder> decoder(const middle::Request &request, const UpstreamTarget &target) const override;
    middle::Events decodeAnswer(const QByteArray &body, const middle::Request &request,
                                const UpstreamTarget &target) const override;

private:
    const ProviderKind m_kind;
};

} // namespace assistiv
