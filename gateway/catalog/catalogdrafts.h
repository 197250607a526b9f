// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/catalogsnapshot.h"
#include "catalog/jsonfields.h"

namespace assistiv {

// What an admin says, in the admin API, in the bootstrap file or in the console. What is not given keeps its value; in
// something new it gets its default.

struct ProviderDraft
{
    std::optional<QString> slug = {};
    std::optional<ProviderKind> kind = {};
    std::optional<QString> name = {};
    std::optional<QString> baseUrl = {};
    std::optional<bool> isEnabled = {};
    /// Members of ProviderOptions that are given; null brings the default back.
    QJsonObject options = {};
};

/// One way to a model.
struct MappingDraft
{
    /// Slug or id.
    QString provider = {};
    std::optional<QString> providerModelId = {};
    std::optional<UpstreamApi> upstreamApi = {};
    std::optional<int> priority = {};
    std::optional<bool> isEnabled = {};
    std::optional<ModelQuirks> quirks = {};
    std::optional<Pricing> pricing = {};
};

struct ModelDraft
{
    std::optional<QString> slug = {};
    std::optional<QString> displayName = {};
    std::optional<bool> isEnabled = {};
    /// Given, and perhaps null: no limit is known.
    std::optional<std::optional<qint64>> contextWindow = {};
    std::optional<std::optional<qint64>> maxOutputTokens = {};
    std::optional<QStringList> capabilities = {};
    std::optional<QList<MappingDraft>> mappings = {};
};

// Readers of the JSON form; rules that need no database are checked here.
ProviderDraft readProviderDraft(JsonFields &fields);
MappingDraft readMappingDraft(JsonFields &fields);
ModelDraft readModelDraft(JsonFields &fields);

/// Why the text cannot be a provider's base URL; empty when it can.
QString baseUrlProblem(const QString &url);

} // namespace assistiv
