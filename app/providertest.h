// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/catalogsnapshot.h"
#include "core/result.h"
#include "net/httpreply.h"

#include <QtCore/QStringList>

#include <functional>

namespace assistiv {

/// Where and how to ask a provider which models a key opens.
struct ModelListCall
{
    ProviderKind kind = ProviderKind::OpenAi;
    QByteArray baseUrl;
    bool allowPrivateAddress = false;
    QByteArray apiKey;
};

/// One list-models call; nothing is billed for it. Calls back on the client's thread with the provider's own model ids, or with
/// ProviderAuthFailed, ProviderTimeout or ProviderError.
void listProviderModels(HttpClient &network, const ModelListCall &call, QObject *context,
                        std::function<void(Result<QStringList>)> done);

} // namespace assistiv
