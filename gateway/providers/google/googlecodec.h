// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/providercodec.h"

namespace assistiv {

/// Google's generateContent API (docs/contract/providers-google.md).
class GoogleCodec final : public ProviderCodec
{
public:
    Result<UpstreamCall> encode(const middle::Request &request, const UpstreamTarget &target) const override;
    HttpHeaders authorization(const QByteArray &secret) const override;
    std::unique_ptr<StreamDecoder> decoder(const middle::Request &request, const UpstreamTarget &target) const override;
    middle::Events decodeAnswer(const QByteArray &body, const middle::Request &request,
                                const UpstreamTarget &target) const override;
    UpstreamCall modelList(const ProviderOptions &options) const override;
};

} // namespace assistiv
