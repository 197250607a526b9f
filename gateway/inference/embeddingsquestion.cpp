// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/embeddingsquestion.h"

namespace assistiv {

Result<std::unique_ptr<Question>> EmbeddingsQuestion::read(const QByteArray &body)
{
    auto request = parseEmbeddingsRequest(body);
    if (!request)
        return request.error();
    return std::unique_ptr<Question>(std::make_unique<EmbeddingsQuestion>(std::move(*request)));
}

EmbeddingsQuestion::EmbeddingsQuestion(EmbeddingsRequest request)
    : Question(Facts { .api = ClientApi::Embeddings, .model = request.model }), m_request(std::move(request))
{
}

Result<std::unique_ptr<Dialogue>> EmbeddingsQuestion::put(const CatalogModel &model, const CatalogMapping &mapping,
                                                          const AnswerIdentity &identity)
{
    return verbatimEmbeddings(m_request, upstreamTarget(model, mapping), identity);
}

} // namespace assistiv
