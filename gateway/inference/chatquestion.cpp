// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/chatquestion.h"

#include "core/id.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Question::Facts factsOf(const ChatRequest &request)
{
    return { .api = ClientApi::Chat,
             .model = request.model,
             .stream = request.stream,
             .maxTokens = request.maxTokens,
             .maxTokensName = request.maxTokensName,
             .usesTools = request.usesTools,
             .usesImages = request.usesImages };
}

bool takesSampling(const ModelQuirks &quirks, const ChatRequest &request)
{
    switch (quirks.sampling) {
    case Sampling::Yes: return true;
    case Sampling::EffortNoneOnly: return request.reasoningIsOff;
    case Sampling::Never: return false;
    }
    return true;
}

/// Other parameters that a model refuses are left out; without this one the answer would be another.
bool lacksStop(const CatalogMapping &mapping, const ChatRequest &request)
{
    const ChatRequest::Member *stop = request.find("stop");
    return stop && request.valueOf(*stop) != "null" && mapping.quirks.rejects.contains("stop");
}

/// How the mapping's provider wants this chat completion.
ChatTarget chatTarget(const CatalogMapping &mapping, const ChatRequest &request)
{
    ChatTarget target;
    target.providerModelId = mapping.providerModelId.toUtf8();
    target.maxTokensField = mapping.options.maxTokensField;
    // OpenAI's own reasoning models know only the new name, compatible servers often only the old one.
    if (target.maxTokensField.isEmpty() && mapping.providerSlug == QLatin1StringView("openai"))
        target.maxTokensField = "max_completion_tokens";
    target.dropFields = mapping.options.dropFields + mapping.quirks.rejects;
    target.takesSampling = takesSampling(mapping.quirks, request);
    target.asksForUsage = mapping.options.usageInStream;
    target.countsReasoningBeside = mapping.kind == ProviderKind::Xai;
    if (mapping.kind == ProviderKind::Xai)
        target.dropFields.append("logit_bias");
    return target;
}

} // namespace

Result<std::unique_ptr<Question>> ChatQuestion::read(const QByteArray &body)
{
    auto request = parseChatRequest(body);
    if (!request)
        return request.error();
    return std::unique_ptr<Question>(std::make_unique<ChatQuestion>(std::move(*request)));
}

ChatQuestion::ChatQuestion(ChatRequest request)
    : Question(factsOf(request)), m_request(std::move(request))
{
}

QByteArray ChatQuestion::newAnswerId() const
{
    return "chatcmpl-" + randomUuid().toByteArray(QUuid::Id128);
}

Result<std::unique_ptr<Dialogue>> ChatQuestion::put(const CatalogModel &model, const CatalogMapping &mapping,
                                                    const AnswerIdentity &identity)
{
    if (passage(ClientApi::Chat, mapping.kind, mapping.upstreamApi) == Passage::Verbatim) {
        if (lacksStop(mapping, m_request)) {
            return Error { .code = ErrorCode::UnsupportedParameter,
                           .message = u"\"stop\" is not supported by model %1; remove it or choose another model."_s.arg(
                               QString::fromUtf8(m_request.model)),
                           .param = u"stop"_s };
        }
        return verbatimChat(m_request, chatTarget(mapping, m_request), identity);
    }
    const ClientProtocol &protocol = clientProtocol(ClientApi::Chat);
    if (!m_meaning)
        m_meaning = protocol.decode(m_request.body);
    if (!*m_meaning)
        return m_meaning->error();
    return translated(protocol, *providerCodec(mapping.kind, mapping.upstreamApi), **m_meaning,
                      upstreamTarget(model, mapping), identity);
}

} // namespace assistiv
