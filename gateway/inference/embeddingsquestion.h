// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "inference/question.h"
#include "providers/embeddings/embeddings.h"

namespace assistiv {

/// Texts that are to become vectors. Only providers with OpenAI's route for it can be asked.
class EmbeddingsQuestion final : public Question
{
public:
    static Result<std::unique_ptr<Question>> read(const QByteArray &body);
    explicit EmbeddingsQuestion(EmbeddingsRequest request);

    // The contract has no word of its own for it.
    QByteArrayView requestType() const override { return "chat.completion"; }
    QByteArray newAnswerId() const override { return {}; } // embeddings have none
    Result<std::unique_ptr<Dialogue>> put(const CatalogModel &model, const CatalogMapping &mapping,
                                          const AnswerIdentity &identity) override;

private:
    const EmbeddingsRequest m_request;
};

} // namespace assistiv
