// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/catalogsnapshot.h"
#include "providers/clientprotocol.h"
#include "providers/providercodec.h"

namespace assistiv {

/// What clients may ask, each in a form of its own.
enum class ClientApi { Chat, Responses, Messages, TokenCount, Embeddings };

/// The protocol of those that can be translated. TokenCount is asked as Messages are; embeddings only pass through.
const ClientProtocol &clientProtocol(ClientApi api);

/// The codec for a provider's wire format; null when there is none. It lives as long as the program.
const ProviderCodec *providerCodec(ProviderKind kind, UpstreamApi api);

/// How a request in a client's protocol gets to a provider.
enum class Passage {
    None,       ///< not at all
    Verbatim,   ///< the client's bytes, with the gateway's few members spliced in
    Translated, ///< through the middle form
};
Passage passage(ClientApi client, ProviderKind kind, UpstreamApi api);

} // namespace assistiv
