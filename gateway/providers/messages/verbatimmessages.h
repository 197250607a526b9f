// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/dialogue.h"
#include "providers/messages/messagesrequest.h"

namespace assistiv {

/// What a client's headers say about its body.
struct MessagesHeaders
{
    /// anthropic-version, anthropic-beta; empty when there is none.
    QByteArray version = {};
    QByteArray betas = {};
};

/// Messages on a provider that speaks them: bytes pass through, and what they say is read on the way.
std::unique_ptr<Dialogue> verbatimMessages(const MessagesRequest &request, const MessagesHeaders &headers,
                                           const UpstreamTarget &target, const AnswerIdentity &identity);
/// Asks that provider how many tokens the request has.
std::unique_ptr<Dialogue> tokenCount(const MessagesRequest &request, const MessagesHeaders &headers,
                                     const UpstreamTarget &target);
/// The answer to such a question: {"input_tokens": …}
QByteArray tokenCountJson(qint64 inputTokens);

} // namespace assistiv
