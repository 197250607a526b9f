// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/llmconfigstore.h"
#include "core/result.h"
#include "store/accountstate.h"

namespace assistiv {

struct LlmConfigDraft
{
    ProviderId provider;
    QString apiKey;
    bool isDefault = false;
};

/// What is not given keeps its value.
struct LlmConfigChange
{
    std::optional<QString> apiKey = {};
    std::optional<bool> isDefault = {};
    std::optional<bool> isActive = {};
};

/// Decides about the platforms' own keys for providers (docs/contract/llm-configs-and-models.md). A key is sealed before it
/// is stored and is never given out again except to the hot path.
class LlmConfigs
{
public:
    explicit LlmConfigs(const ServiceContext &context);

    /// Newest first; a negative limit means all.
    Result<LlmConfigList> list(const PlatformId &platform, const std::optional<ProviderId> &provider = {}, qint64 offset = 0,
                               qint64 limit = -1);
    /// LlmConfigNotFound, also when it belongs to another platform.
    Result<LlmConfig> get(const PlatformId &platform, const LlmConfigId &id);
    /// ProviderNotFound, LlmConfigExists, ValidationError.
    Result<LlmConfig> create(const PlatformId &platform, const LlmConfigDraft &draft);
    Result<LlmConfig> update(const PlatformId &platform, const LlmConfigId &id, const LlmConfigChange &change);
    Result<void> remove(const PlatformId &platform, const LlmConfigId &id);

    /// The config of this provider with exactly this key; empty when there is none.
    Result<std::optional<LlmConfig>> find(const PlatformId &platform, const ProviderId &provider, const QString &apiKey);

    /// The one key per provider that calls use, opened: the default, else the oldest active one. A key that cannot be opened is
    /// left out with a line in the log.
    Result<ProviderKeysState> keysOf(const PlatformId &platform);

    /// The text as it is stored: trimmed. ValidationError (param api_key) when it cannot be a key.
    static Result<QString> checkedKey(const QString &apiKey);

private:
    Result<void> seal(LlmConfigRow &row, const QString &apiKey) const;
    /// Passes the flag on to the oldest active config when no active one has it.
    Result<void> settleDefault(const PlatformId &platform, const ProviderId &provider);
    Result<void> noteChange(const PlatformId &platform);

    ServiceContext m_context;
    LlmConfigStore m_store;
};

} // namespace assistiv
