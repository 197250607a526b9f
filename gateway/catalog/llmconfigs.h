// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/catalogstore.h"
#include "catalog/llmconfigstore.h"
#include "core/result.h"
#include "store/accountstate.h"

namespace assistiv {

struct LlmConfigDraft
{
    /// Slug or id.
    QString provider = {};
    QString apiKey = {};
    bool isDefault = false;
};

/// What is not given keeps its value.
struct LlmConfigChange
{
    std::optional<QString> apiKey = {};
    std::optional<bool> isDefault = {};
    std::optional<bool> isActive = {};
};

/// A provider and a key for it: all that a call needs beside what it says.
struct ProviderAccess
{
    ProviderKind kind = ProviderKind::OpenAi;
    QString provider = {};
    /// Without a slash at the end.
    QByteArray baseUrl = {};
    ProviderOptions options = {};
    QByteArray secret = {};
};

/// Decides about the platforms' own keys for providers (docs/contract/llm-configs-and-models.md). A key is sealed
/// before it is stored and is never given out again except to the hot path.
class LlmConfigs
{
public:
    explicit LlmConfigs(const ServiceContext &context);

    /// Newest first.
    Result<LlmConfigList> list(const PlatformId &platform, const std::optional<ProviderId> &provider = {},
                               qint64 offset = 0, qint64 limit = AllRows);
    /// LlmConfigNotFound, also when it belongs to another platform.
    Result<LlmConfig> get(const PlatformId &platform, const LlmConfigId &id);
    /// ProviderNotFound, LlmConfigExists, ValidationError.
    Result<LlmConfig> create(const PlatformId &platform, const LlmConfigDraft &draft);
    Result<LlmConfig> update(const PlatformId &platform, const LlmConfigId &id, const LlmConfigChange &change);
    Result<void> remove(const PlatformId &platform, const LlmConfigId &id);

    /// The config of the provider (slug or id) with exactly this key; empty when there is none.
    Result<std::optional<LlmConfig>> find(const PlatformId &platform, const QString &provider, const QString &apiKey);

    /// The one key per provider that calls use, opened: the default, else the oldest active one. A key that cannot be
    /// opened is left out with a line in the log.
    Result<ProviderKeysState> keysOf(const PlatformId &platform);

    /// To try a stored key, whether it is active or not. LlmConfigNotFound.
    Result<ProviderAccess> access(const PlatformId &platform, const LlmConfigId &id);
    /// The same with a key that is not stored. ProviderNotFound, ValidationError.
    Result<ProviderAccess> access(const QString &provider, const QString &apiKey);

    /// ValidationError (param api_key) when the text cannot be a key; blanks around it do not count.
    static Result<void> checkKey(const QString &apiKey);

private:
    Result<Provider> provider(const QString &reference);
    Result<LlmConfigRow> row(const PlatformId &platform, const LlmConfigId &id);
    /// Puts the key into the row; LlmConfigExists when another row of the platform and provider has it.
    Result<void> setKey(LlmConfigRow &row, const QString &apiKey);
    /// Gives the flag to the oldest active config when no active one has it.
    Result<void> settleDefault(const PlatformId &platform, const ProviderId &provider);
    /// A failure (it was sealed with another master key) is in the log.
    Result<QByteArray> opened(const LlmConfigRow &row) const;
    Result<void> noteChange(const PlatformId &platform);

    ServiceContext m_context;
    LlmConfigStore m_store;
    CatalogStore m_catalog;
};

} // namespace assistiv
