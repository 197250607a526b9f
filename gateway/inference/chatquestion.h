// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "inference/question.h"

namespace assistiv {

/// A chat completion. Where the provider speaks the same, the client's bytes travel; elsewhere what they mean.
class ChatQuestion final : public Question
{
public:
    static Result<std::unique_ptr<Question>> read(const QByteArray &body);
    explicit ChatQuestion(ChatRequest request);

    QByteArrayView requestType() const override { return "chat.completion"; }
    QByteArray newAnswerId() const override;
    Result<std::unique_ptr<Dialogue>> put(const CatalogModel &model, const CatalogMapping &mapping,
                                          const AnswerIdentity &identity) override;

private:
    const ChatRequest m_request;
    /// Made when the first provider needs it.
    std::optional<Result<middle::Request>> m_meaning;
};

} // namespace assistiv
