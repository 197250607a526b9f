// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "inference/question.h"
#include "providers/messages/verbatimmessages.h"

namespace assistiv {

/// A message of Anthropic's protocol. Where the provider speaks the same, the client's bytes travel; elsewhere what
/// they mean.
class MessagesQuestion final : public Question
{
public:
    static Result<std::unique_ptr<Question>> read(const HttpRequest &request);
    MessagesQuestion(MessagesRequest request, MessagesHeaders headers);

    // The contract has no word of its own for it.
    QByteArrayView requestType() const override { return "chat.completion"; }
    QByteArray newAnswerId() const override;
    Result<std::unique_ptr<Dialogue>> put(const CatalogModel &model, const CatalogMapping &mapping,
                                          const AnswerIdentity &identity) override;
    QByteArray ping() const override { return "event: ping\ndata: {\"type\":\"ping\"}\n\n"; }

private:
    const MessagesRequest m_request;
    const MessagesHeaders m_headers;
    /// Made when the first provider needs it.
    std::optional<Result<middle::Request>> m_meaning;
};

/// How many tokens such a message would have. Anthropic is asked; for others it is the estimate that bills use.
class TokenCountQuestion final : public Question
{
public:
    static Result<std::unique_ptr<Question>> read(const HttpRequest &request);
    TokenCountQuestion(MessagesRequest request, MessagesHeaders headers);

    QByteArrayView requestType() const override { return {}; }
    QByteArray newAnswerId() const override { return {}; }
    Result<std::unique_ptr<Dialogue>> put(const CatalogModel &model, const CatalogMapping &mapping,
                                          const AnswerIdentity &identity) override;
    bool isBilled() const override { return false; }
    std::optional<QByteArray> knownAnswer(const CatalogMapping &best) const override;

private:
    const MessagesRequest m_request;
    const MessagesHeaders m_headers;
};

} // namespace assistiv
