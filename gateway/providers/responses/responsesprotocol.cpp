// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/responses/responsesprotocol.h"

#include "providers/responses/responsesrequest.h"
#include "providers/responses/responsewriter.h"

namespace assistiv {

Result<middle::Request> ResponsesProtocol::decode(const QByteArray &body) const
{
    const auto request = parseResponsesRequest(body);
    return request ? askedWith(*request, {}) : Result<middle::Request>(request.error());
}

std::unique_ptr<AnswerEncoder> ResponsesProtocol::encoder(const AnswerIdentity &identity,
                                                          const middle::Request &request) const
{
    return std::make_unique<ResponseWriter>(identity, request);
}

} // namespace assistiv
