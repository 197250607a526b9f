// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "inference/routing.h"
#include "ledger/responses.h"
#include "providers/dialogue.h"
#include "providers/registry.h"

#include <memory>

namespace assistiv {

/// What one client asks, in the protocol it speaks: how it is put to a provider and how the answer looks. Gates, routing,
/// failures and the bill are the same for all and belong to the exchange.
class Question
{
public:
    /// What gates and routing want to know of it.
    struct Facts
    {
        ClientApi api = ClientApi::Chat;
        QByteArray model = {};
        bool stream = false;
        /// 0: the client set no limit.
        qint64 maxTokens = 0;
        /// Its own name for that.
        QByteArray maxTokensName = {};
        bool usesTools = false;
        bool usesImages = false;
    };

    explicit Question(Facts facts) : m_facts(std::move(facts)) {}
    virtual ~Question() = default;
    Question(const Question &) = delete;
    Question &operator=(const Question &) = delete;

    const Facts &facts() const { return m_facts; }

    /// What has to be read before it can be put; empty when it stands for itself. Known from the start.
    virtual std::optional<ConversationWish> wish() const { return {}; }
    /// What was read. An error of the client when it does not go together.
    virtual Result<void> follow(const Conversation &) { return {}; }
    /// After the end (or the failed end) of the latest dialogue: what is to be stored of it with its bill; null for nothing.
    virtual std::shared_ptr<const StoredResponse> stored() const { return {}; }

    /// As log rows name the kind of request.
    virtual QByteArrayView requestType() const = 0;
    /// A fresh id for the answer, in the form of the protocol.
    virtual QByteArray newAnswerId() const = 0;
    /// One attempt with that provider; it must not outlive the question. UnsupportedParameter or another error of the client when
    /// this provider cannot be asked that.
    virtual Result<std::unique_ptr<Dialogue>> put(const CatalogModel &model, const CatalogMapping &mapping,
                                                  const AnswerIdentity &identity) = 0;

    /// What breaks the silence of a stream that has begun.
    virtual QByteArray ping() const { return ": ping\n\n"; }
    /// False: it costs nothing and leaves no row.
    virtual bool isBilled() const { return true; }
    /// The answer, when it can be told without asking the provider that would be asked first.
    virtual std::optional<QByteArray> knownAnswer(const CatalogMapping &) const { return {}; }

private:
    const Facts m_facts;
};

/// A request read as the protocol wants it. InvalidJson or one of the codes with status 422.
Result<std::unique_ptr<Question>> readQuestion(ClientApi api, const HttpRequest &request);

} // namespace assistiv
