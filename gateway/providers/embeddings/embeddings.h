// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/bodymembers.h"
#include "providers/dialogue.h"

namespace assistiv {

/// A request for embeddings as a client sent it, with its bytes kept (docs/contract/embeddings.md).
struct EmbeddingsRequest
{
    QByteArray body;
    QList<BodyMember> members;
    QByteArray model;
    /// When the provider reports none: 4 bytes a token, rounded up; texts that come as tokens are counted.
    qint64 estimatedPromptTokens = 0;
};

/// InvalidJson or ValidationError, with the offending field in param.
Result<EmbeddingsRequest> parseEmbeddingsRequest(const QByteArray &body);

/// Embeddings on a server that has OpenAI's route for them.
std::unique_ptr<Dialogue> verbatimEmbeddings(const EmbeddingsRequest &request, const UpstreamTarget &target,
                                             const AnswerIdentity &identity);

} // namespace assistiv
