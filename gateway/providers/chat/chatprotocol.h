// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/clientprotocol.h"

namespace assistiv {

/// OpenAI's chat completions as clients speak them (docs/contract/inference.md, "Chat completions").
class ChatProtocol final : public ClientProtocol
{
public:
    Result<middle::Request> decode(const QByteArray &body) const override;
    QByteArray encodeAnswer(const middle::Answer &answer, const Usage &usage, const AnswerIdentity &identity,
                            const middle::Request &request) const override;
    std::unique_ptr<StreamEncoder> encoder(const AnswerIdentity &identity,
                                           const middle::Request &request) const override;
};

} // namespace assistiv
