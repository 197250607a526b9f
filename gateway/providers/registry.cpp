// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/registry.h"

#include "providers/anthropic/anthropiccodec.h"
#include "providers/chat/chatprotocol.h"
#include "providers/chat/chatupstreamcodec.h"
#include "providers/google/googlecodec.h"
#include "providers/messages/messagesprotocol.h"
#include "providers/responses/responsescodec.h"
#include "providers/responses/responsesprotocol.h"

namespace assistiv {

const ClientProtocol &clientProtocol(ClientApi api)
{
    static const ChatProtocol chat;
    static const ResponsesProtocol responses;
    static const MessagesProtocol messages;
    switch (api) {
    case ClientApi::Chat:
    case ClientApi::Embeddings: break;
    case ClientApi::Responses: return responses;
    case ClientApi::Messages:
    case ClientApi::TokenCount: return messages;
    }
    return chat;
}

const ProviderCodec *providerCodec(ProviderKind kind, UpstreamApi api)
{
    static const AnthropicCodec anthropic;
    static const GoogleCodec google;
    static const ResponsesCodec responses;
    static const ChatUpstreamCodec chat(ProviderKind::OpenAi);
    static const ChatUpstreamCodec xaiChat(ProviderKind::Xai);
    switch (kind) {
    case ProviderKind::Anthropic: return api == UpstreamApi::Messages ? &anthropic : nullptr;
    case ProviderKind::Google: return api == UpstreamApi::GenerateContent ? &google : nullptr;
    case ProviderKind::Sandbox: return &chat; // it looks only at the body
    case ProviderKind::OpenAi:
    case ProviderKind::Xai: break;
    }
    if (api == UpstreamApi::Responses)
        return &responses;
    if (api == UpstreamApi::Chat)
        return kind == ProviderKind::Xai ? &xaiChat : &chat;
    return nullptr;
}

Passage passage(ClientApi client, ProviderKind kind, UpstreamApi api)
{
    const bool speaksChat = (kind == ProviderKind::OpenAi || kind == ProviderKind::Xai) && api == UpstreamApi::Chat;
    switch (client) {
    case ClientApi::Chat:
        if (speaksChat || kind == ProviderKind::Sandbox)
            return Passage::Verbatim;
        break;
    case ClientApi::Messages:
    case ClientApi::TokenCount:
        if (kind == ProviderKind::Anthropic && api == UpstreamApi::Messages)
            return Passage::Verbatim;
        break;
    case ClientApi::Embeddings:
        // A route of its own, whatever the model's other calls speak.
        return kind == ProviderKind::OpenAi ? Passage::Verbatim : Passage::None;
    case ClientApi::Responses:
        break;
    }
    return providerCodec(kind, api) ? Passage::Translated : Passage::None;
}

} // namespace assistiv
