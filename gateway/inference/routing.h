// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/catalogsnapshot.h"
#include "net/httpreply.h"
#include "providers/chatcodec.h"
#include "store/accountstate.h"

#include <QtCore/QList>

namespace assistiv {

/// One way to serve a model: a provider's model and the platform's key for that provider.
struct RouteLeg
{
    const CatalogMapping *mapping = nullptr;
    ProviderKey key;
};

/// The ways to serve a chat completion with this model on a platform with these keys, the best first; empty when there is
/// none (docs/contract/llm-configs-and-models.md, "Routing"). Pointers live as long as the snapshot.
QList<RouteLeg> chatRoute(const CatalogModel &model, const QList<ProviderKey> &keys);

/// How the mapping's provider wants this chat completion.
ChatTarget chatTarget(const CatalogMapping &mapping, const ChatRequest &request);
/// The call to make.
HttpCall chatCall(const CatalogMapping &mapping, const ProviderKey &key, const QByteArray &body, bool stream);

} // namespace assistiv
