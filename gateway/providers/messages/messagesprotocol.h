// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/clientprotocol.h"

namespace assistiv {

/// Anthropic's Messages API as clients speak it (docs/contract/messages.md).
class MessagesProtocol final : public ClientProtocol
{
public:
    Result<middle::Request> decode(const QByteArray &body) const override;
    std::unique_ptr<AnswerEncoder> encoder(const AnswerIdentity &identity,
                                           const middle::Request &request) const override;
};

} // namespace assistiv
