// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/clientprotocol.h"

namespace assistiv {

/// OpenAI's Responses API as clients speak it (docs/contract/responses.md), without what needs a store: an exchange
/// that has one uses parseResponsesRequest() and ResponseWriter, as this does.
class ResponsesProtocol final : public ClientProtocol
{
public:
    Result<middle::Request> decode(const QByteArray &body) const override;
    std::unique_ptr<AnswerEncoder> encoder(const AnswerIdentity &identity,
                                           const middle::Request &request) const override;
};

} // namespace assistiv
