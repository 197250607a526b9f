// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/catalogsnapshot.h"
#include "net/httpreply.h"
#include "providers/registry.h"
#include "store/accountstate.h"

#include <QtCore/QList>

namespace assistiv {

/// One way to serve a model: a provider's model and the platform's key for that provider.
struct RouteLeg
{
    const CatalogMapping *mapping = nullptr;
    ProviderKey key;
};

/// The ways to serve a request in that protocol with this model on a platform with these keys, the best first; empty when
/// there is none (docs/contract/llm-configs-and-models.md, "Routing"). Pointers live as long as the snapshot.
QList<RouteLeg> routeOf(ClientApi api, const CatalogModel &model, const QList<ProviderKey> &keys);

/// False: nobody has said what calls of this mapping cost, nor that they are free.
bool hasPrice(const CatalogMapping &mapping);

/// The call to make on that way.
HttpCall callOn(const RouteLeg &leg, UpstreamCall call);

} // namespace assistiv
