// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/registry.h"

#include "providers/anthropic/anthropiccodec.h"
#include "providers/chat/chatprotocol.h"

namespace assistiv {

const ClientProtocol &clientProtocol(ClientApi api)
{
    static const ChatProtocol chat;
    switch (api) {
    case ClientApi::Chat: break;
    }
    return chat;
}

const ProviderCodec *providerCodec(ProviderKind kind, UpstreamApi api)
{
    static const AnthropicCodec anthropic;
    if (kind == ProviderKind::Anthropic && api == UpstreamApi::Messages)
        return &anthropic;
    return nullptr;
}

Passage passage(ClientApi client, ProviderKind kind, UpstreamApi api)
{
    const bool speaksChat = (kind == ProviderKind::OpenAi || kind == ProviderKind::Xai) && api == UpstreamApi::Chat;
    if (client == ClientApi::Chat && (speaksChat || kind == ProviderKind::Sandbox))
        return Passage::Verbatim;
    return providerCodec(kind, api) ? Passage::Translated : Passage::None;
}

} // namespace assistiv
