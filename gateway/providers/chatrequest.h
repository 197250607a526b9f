// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "providers/bodymembers.h"

#include <QtCore/QByteArray>
#include <QtCore/QByteArrayList>
#include <QtCore/QList>

namespace assistiv {

/// A chat completion request as a client sent it: proven to be valid JSON of the right form, with its bytes kept, because
/// they are passed on (docs/contract/inference.md, "Chat completions").
struct ChatRequest
{
    using Member = BodyMember;

    QByteArray body;
    /// Members of the outermost object in order; names may repeat, then the last one counts.
    QList<Member> members;

    QByteArray model;
    bool stream = false;
    bool includeUsage = false;
    /// 0 when the client set no limit.
    qint64 maxTokens = 0;
    QByteArray maxTokensName;
    bool hasReasoningEffort = false;
    bool reasoningIsOff = false;
    bool usesTools = false;
    bool usesImages = false;
    /// For estimates: bytes of texts and tool definitions, images and files counted apart.
    qint64 textBytes = 0;
    int attachments = 0;

    QByteArrayView valueOf(const Member &member) const { return member.valueIn(body); }
    /// The member that counts; null when there is none.
    const Member *find(QByteArrayView name) const { return findBodyMember(members, name); }
    /// Prompt tokens when the provider reports none: 4 bytes a token, rounded up, 1000 for each attachment.
    qint64 estimatedPromptTokens() const { return (textBytes + 3) / 4 + 1000 * attachments; }
};

/// InvalidJson, ValidationError, UnsupportedParameter or UnsupportedToolType, with the offending field in param. Runs on the
/// worker; no I/O.
Result<ChatRequest> parseChatRequest(const QByteArray &body);

} // namespace assistiv
