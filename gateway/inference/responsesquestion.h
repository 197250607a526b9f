// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "inference/question.h"
#include "providers/responses/responsesrequest.h"
#include "providers/responses/responsewriter.h"

namespace assistiv {

/// A request for a response (docs/contract/responses.md). It may go on from stored ones and is stored itself.
class ResponsesQuestion final : public Question
{
public:
    static Result<std::unique_ptr<Question>> read(const QByteArray &body);
    explicit ResponsesQuestion(ResponsesRequest request);

    std::optional<ConversationWish> wish() const override;
    Result<void> follow(const Conversation &conversation) override;
    std::shared_ptr<const StoredResponse> stored() const override;

    QByteArrayView requestType() const override { return "response"; }
    QByteArray newAnswerId() const override { return newResponseId(); }
    Result<std::unique_ptr<Dialogue>> put(const CatalogModel &model, const CatalogMapping &mapping,
                                          const AnswerIdentity &identity) override;

private:
    ResponsesRequest m_request;
    QByteArrayList m_before;
    AnswerIdentity m_identity;
    /// Of the latest attempt.
    std::unique_ptr<ResponseWriter> m_writer;
};

} // namespace assistiv
