// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/bodymembers.h"

namespace assistiv {

/// A request of Anthropic's Messages API as a client sent it: proven to be of the right form as far as gates, routing
/// and the bill go, with its bytes kept, because they are passed on (docs/contract/messages.md).
struct MessagesRequest
{
    QByteArray body;
    QList<BodyMember> members;

    QByteArray model;
    bool stream = false;
    /// 0: the client set none, which only a count may.
    qint64 maxTokens = 0;
    bool usesTools = false;
    bool usesImages = false;
    /// For estimates: bytes of texts, calls and tool definitions, images and documents counted apart.
    qint64 textBytes = 0;
    qint64 attachments = 0;
    /// In the conversation is reasoning state of earlier answers.
    bool holdsState = false;
    /// Some of it is what another provider's answer brought: Anthropic would refuse it.
    bool holdsForeignState = false;

    /// Tokens of the prompt when the provider reports none: 4 bytes a token, rounded up, 1000 for each attachment.
    qint64 estimatedPromptTokens() const { return (textBytes + 3) / 4 + 1000 * attachments; }
};

/// What the client wants of it: only an answer needs max_tokens.
enum class MessagesPurpose { Answer, Count };

/// InvalidJson, ValidationError, UnsupportedParameter or UnsupportedToolType, with the offending field in param.
Result<MessagesRequest> parseMessagesRequest(const QByteArray &body, MessagesPurpose purpose = MessagesPurpose::Answer);

/// Which reasoning state of earlier answers a conversation keeps.
enum class StateKept { None, Own };
/// The conversation without the blocks of other state, and always without those of other providers: a JSON array.
QByteArray withState(StateKept kept, QByteArrayView messages);

} // namespace assistiv
