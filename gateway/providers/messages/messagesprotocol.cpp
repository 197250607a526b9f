// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/messages/messagesprotocol.h"

#include "providers/messages/messagesdecoder.h"
#include "providers/messages/messagewriter.h"

namespace assistiv {

Result<middle::Request> MessagesProtocol::decode(const QByteArray &body) const
{
    const auto request = parseMessagesRequest(body);
    return request ? middleRequest(*request) : Result<middle::Request>(request.error());
}

std::unique_ptr<AnswerEncoder> MessagesProtocol::encoder(const AnswerIdentity &identity,
                                                         const middle::Request &request) const
{
    return std::make_unique<MessageWriter>(identity, request.stream);
}

} // namespace assistiv
