// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/responsesquestion.h"

#include "core/jsonscan.h"

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

bool hasImages(const middle::Request &asked)
{
    return std::any_of(asked.turns.begin(), asked.turns.end(), [](const middle::Turn &turn) {
        return std::any_of(turn.parts.begin(), turn.parts.end(),
                           [](const middle::Part &part) { return std::holds_alternative<middle::Image>(part.content); });
    });
}

Question::Facts factsOf(const ResponsesRequest &request)
{
    const middle::Request &asked = request.asked;
    return { .api = ClientApi::Responses,
             .model = asked.model,
             .stream = asked.stream,
             .maxTokens = asked.maxTokens.value_or(0),
             .maxTokensName = "max_output_tokens",
             .usesTools = !asked.tools.isEmpty(),
             .usesImages = hasImages(asked) };
}

/// Ids with escapes in them are not ours; nobody refers to them.
QByteArray idOf(const QByteArray &item)
{
    const QList<JsonMember> members = scanObject(item);
    const JsonMember *id = findMember(members, "id");
    if (!id || id->value.size() < 2 || !id->value.startsWith('"') || id->value.contains('\\'))
        return {};
    return id->value.sliced(1, id->value.size() - 2).toByteArray();
}

StoredItem storedItem(const QByteArray &json)
{
    return { idOf(json), json };
}

} // namespace

Result<std::unique_ptr<Question>> ResponsesQuestion::read(const QByteArray &body)
{
    auto request = parseResponsesRequest(body);
    if (!request)
        return request.error();
    return std::unique_ptr<Question>(std::make_unique<ResponsesQuestion>(std::move(*request)));
}

ResponsesQuestion::ResponsesQuestion(ResponsesRequest request)
    : Question(factsOf(request)), m_request(std::move(request))
{
}

std::optional<ConversationWish> ResponsesQuestion::wish() const
{
    ConversationWish wish { .previousId = m_request.previousResponseId, .threadId = m_request.threadId };
    for (const ResponseItem &item : m_request.input) {
        if (!item.reference.isEmpty())
            wish.itemIds.append(item.reference);
    }
    if (wish.previousId.isEmpty() && wish.threadId.isEmpty() && wish.itemIds.isEmpty())
        return {};
    return wish;
}

Result<void> ResponsesQuestion::follow(const Conversation &conversation)
{
    m_before = conversation.before;
    auto found = conversation.referenced.begin();
    for (ResponseItem &item : m_request.input) {
        if (!item.reference.isEmpty() && found != conversation.referenced.end())
            item.json = *found++;
    }
    return {};
}

Result<std::unique_ptr<Dialogue>> ResponsesQuestion::put(const CatalogModel &model, const CatalogMapping &mapping,
                                                         const AnswerIdentity &identity)
{
    if (!m_request.mcpServers.isEmpty()) {
        return Error { .code = ErrorCode::McpUnreachable,
                       .message = u"This gateway hosts no MCP tools."_s,
                       .param = QString::fromUtf8(m_request.mcpServers.constFirst().place) };
    }
    const auto asked = askedWith(m_request, m_before);
    if (!asked)
        return asked.error();
    m_identity = identity;
    m_writer = std::make_unique<ResponseWriter>(identity, *asked);
    return translated(*m_writer, *providerCodec(mapping.kind, mapping.upstreamApi), *asked, upstreamTarget(model, mapping));
}

std::shared_ptr<const StoredResponse> ResponsesQuestion::stored() const
{
    if (!m_request.store || !m_writer || m_writer->response().isEmpty())
        return {};
    auto stored = std::make_shared<StoredResponse>();
    stored->id = m_identity.id;
    stored->previousId = m_request.previousResponseId;
    stored->threadId = m_request.threadId;
    stored->status = fromWord<ResponseStatus>(QString::fromLatin1(m_writer->status())).value_or(ResponseStatus::Failed);
    stored->model = facts().model;
    for (const ResponseItem &item : m_request.input)
        stored->input.append(storedItem(item.json));
    for (const QByteArray &item : m_writer->storedItems())
        stored->output.append(storedItem(item));
    stored->body = m_writer->response();
    stored->createdAt = m_identity.created;
    return stored;
}

} // namespace assistiv
