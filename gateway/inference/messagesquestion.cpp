// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/messagesquestion.h"

#include "core/id.h"
#include "providers/messages/messagesdecoder.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype LongestBetas = 1000;
constexpr qsizetype LongestVersion = 40;

Question::Facts factsOf(const MessagesRequest &request, ClientApi api)
{
    return { .api = api,
             .model = request.model,
             .stream = request.stream && api == ClientApi::Messages,
             .maxTokens = request.maxTokens,
             .maxTokensName = "max_tokens",
             .usesTools = request.usesTools,
             .usesImages = request.usesImages };
}

MessagesHeaders headersOf(const HttpRequest &request)
{
    const auto header = [&request](QByteArrayView name, qsizetype longest) {
        const QByteArrayView value = request.header(name).trimmed();
        return value.size() <= longest ? value.toByteArray() : QByteArray();
    };
    return { header("anthropic-version", LongestVersion), header("anthropic-beta", LongestBetas) };
}

bool passesThrough(const CatalogMapping &mapping)
{
    return passage(ClientApi::Messages, mapping.kind, mapping.upstreamApi) == Passage::Verbatim;
}

} // namespace

Result<std::unique_ptr<Question>> MessagesQuestion::read(const HttpRequest &request)
{
    auto parsed = parseMessagesRequest(request.body);
    if (!parsed)
        return parsed.error();
    return std::unique_ptr<Question>(std::make_unique<MessagesQuestion>(std::move(*parsed), headersOf(request)));
}

MessagesQuestion::MessagesQuestion(MessagesRequest request, MessagesHeaders headers)
    : Question(factsOf(request, ClientApi::Messages)), m_request(std::move(request)), m_headers(std::move(headers))
{
}

QByteArray MessagesQuestion::newAnswerId() const
{
    return "msg_" + randomUuid().toByteArray(QUuid::Id128);
}

Result<std::unique_ptr<Dialogue>> MessagesQuestion::put(const CatalogModel &model, const CatalogMapping &mapping,
                                                        const AnswerIdentity &identity)
{
    const UpstreamTarget target = upstreamTarget(model, mapping);
    if (passesThrough(mapping))
        return verbatimMessages(m_request, m_headers, target, identity);
    if (!m_meaning)
        m_meaning = middleRequest(m_request);
    if (!*m_meaning)
        return m_meaning->error();
    return translated(clientProtocol(ClientApi::Messages), *providerCodec(mapping.kind, mapping.upstreamApi),
                      **m_meaning, target, identity);
}

Result<std::unique_ptr<Question>> TokenCountQuestion::read(const HttpRequest &request)
{
    auto parsed = parseMessagesRequest(request.body, MessagesPurpose::Count);
    if (!parsed)
        return parsed.error();
    return std::unique_ptr<Question>(std::make_unique<TokenCountQuestion>(std::move(*parsed), headersOf(request)));
}

TokenCountQuestion::TokenCountQuestion(MessagesRequest request, MessagesHeaders headers)
    : Question(factsOf(request, ClientApi::TokenCount)), m_request(std::move(request)), m_headers(std::move(headers))
{
}

std::optional<QByteArray> TokenCountQuestion::knownAnswer(const CatalogMapping &best) const
{
    if (passesThrough(best))
        return {};
    return tokenCountJson(m_request.estimatedPromptTokens());
}

Result<std::unique_ptr<Dialogue>> TokenCountQuestion::put(const CatalogModel &model, const CatalogMapping &mapping,
                                                          const AnswerIdentity &)
{
    // A guess in the place of a failure would look like a count.
    if (!passesThrough(mapping))
        return Error { ErrorCode::ProviderError, u"The provider does not count tokens."_s };
    return tokenCount(m_request, m_headers, upstreamTarget(model, mapping));
}

} // namespace assistiv
