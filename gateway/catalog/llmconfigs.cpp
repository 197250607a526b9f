// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/llmconfigs.h"

#include "catalog/catalogwords.h"
#include "core/log.h"
#include "core/vault.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr int ShortestKey = 8;
constexpr int LongestKey = 1024;
constexpr int HintLength = 4;

QByteArray contextOf(const LlmConfig &config)
{
    return "llm_configs/" + config.id.toLatin1() + '/' + config.platform.toLatin1();
}

// Visible ASCII, since the key travels in a header. "none" is for servers that want no key
// (docs/contract/providers-openai.md, "Compatible servers").
bool canBeKey(const QString &key)
{
    const bool isVisible = std::all_of(key.begin(), key.end(), [](QChar c) { return c > u' ' && c <= u'~'; });
    return isVisible && ((key.size() >= ShortestKey && key.size() <= LongestKey) || key == "none"_L1);
}

Error notFound()
{
    return { ErrorCode::LlmConfigNotFound, u"There is no such LLM config."_s };
}

ProviderAccess accessWith(const Provider &provider, const QByteArray &secret)
{
    return { provider.kind, provider.slug, beginningOfCalls(provider.baseUrl), provider.options, secret };
}

Error exists()
{
    return { .code = ErrorCode::LlmConfigExists,
             .message = u"The platform has this key already."_s,
             .param = u"api_key"_s };
}

} // namespace

LlmConfigs::LlmConfigs(const ServiceContext &context) : m_context(context), m_store(context.db), m_catalog(context.db)
{
}

Result<Provider> LlmConfigs::provider(const QString &reference)
{
    const auto id = ProviderId::parse(reference);
    const auto found = id ? m_catalog.provider(*id) : m_catalog.providerBySlug(reference);
    if (!found)
        return found.error();
    if (!*found)
        return Error { .code = ErrorCode::ProviderNotFound,
                       .message = u"There is no such provider."_s,
                       .param = u"provider_id"_s };
    return **found;
}

Result<LlmConfigRow> LlmConfigs::row(const PlatformId &platform, const LlmConfigId &id)
{
    const auto found = m_store.find(platform, id);
    if (!found)
        return found.error();
    return *found ? Result<LlmConfigRow>(**found) : Result<LlmConfigRow>(notFound());
}

Result<LlmConfigList> LlmConfigs::list(const PlatformId &platform, const std::optional<ProviderId> &provider,
                                       qint64 offset, qint64 limit)
{
    return m_store.list(platform, provider, offset, limit);
}

Result<LlmConfig> LlmConfigs::get(const PlatformId &platform, const LlmConfigId &id)
{
    const auto found = row(platform, id);
    if (!found)
        return found.error();
    return LlmConfig(*found);
}

Result<std::optional<LlmConfig>> LlmConfigs::find(const PlatformId &platform, const QString &providerReference,
                                                  const QString &apiKey)
{
    const auto provider = this->provider(providerReference);
    if (!provider)
        return provider.error();
    const QByteArray fingerprint = m_context.vault.fingerprint(apiKey.trimmed().toUtf8()).toHex();
    const auto found = m_store.findByFingerprint(platform, provider->id, fingerprint);
    if (!found)
        return found.error();
    return *found ? std::optional<LlmConfig>(**found) : std::nullopt;
}

Result<void> LlmConfigs::checkKey(const QString &apiKey)
{
    if (canBeKey(apiKey.trimmed()))
        return {};
    return Error { .code = ErrorCode::ValidationError,
                   .message = u"api_key must be %1 to %2 visible characters."_s.arg(ShortestKey).arg(LongestKey),
                   .param = u"api_key"_s };
}

Result<void> LlmConfigs::setKey(LlmConfigRow &row, const QString &apiKey)
{
    if (const auto good = checkKey(apiKey); !good)
        return good.error();
    const QString key = apiKey.trimmed();
    row.fingerprint = m_context.vault.fingerprint(key.toLatin1()).toHex();
    row.sealedKey = m_context.vault.seal(key.toLatin1(), contextOf(row)).toBase64();
    row.keyHint = key.right(HintLength);
    const auto twin = m_store.findByFingerprint(row.platform, row.provider, row.fingerprint);
    if (!twin)
        return twin.error();
    return *twin && (*twin)->id != row.id ? Result<void>(exists()) : Result<void>();
}

Result<LlmConfig> LlmConfigs::create(const PlatformId &platform, const LlmConfigDraft &draft)
{
    const auto provider = this->provider(draft.provider);
    if (!provider)
        return provider.error();
    LlmConfigRow row;
    row.id = LlmConfigId::create();
    row.platform = platform;
    row.provider = provider->id;
    row.providerSlug = provider->slug;
    row.isDefault = draft.isDefault;
    row.createdAt = row.updatedAt = m_context.clock.now();
    if (const auto set = setKey(row, draft.apiKey); !set)
        return set.error();
    if (const auto stored = m_store.insert(row); !stored)
        return stored.error().code == ErrorCode::Conflict ? exists() : stored.error();
    if (row.isDefault) {
        if (const auto cleared = m_store.clearDefault(platform, row.provider, row.id, row.updatedAt); !cleared)
            return cleared.error();
    }
    if (const auto settled = settleDefault(platform, row.provider); !settled)
        return settled.error();
    if (const auto noted = noteChange(platform); !noted)
        return noted.error();
    return get(platform, row.id);
}

Result<LlmConfig> LlmConfigs::update(const PlatformId &platform, const LlmConfigId &id, const LlmConfigChange &change)
{
    const auto before = row(platform, id);
    if (!before)
        return before.error();
    LlmConfigRow row = *before;
    if (change.apiKey) {
        if (const auto set = setKey(row, *change.apiKey); !set)
            return set.error();
    }
    row.isActive = change.isActive.value_or(row.isActive);
    row.isDefault = change.isDefault.value_or(row.isDefault);
    if (!row.isActive && change.isDefault.value_or(false))
        return Error { .code = ErrorCode::ValidationError,
                       .message = u"An inactive config cannot be the default."_s,
                       .param = u"is_default"_s };
    row.isDefault = row.isDefault && row.isActive;
    row.updatedAt = m_context.clock.now();
    if (const auto stored = m_store.update(row); !stored)
        return stored.error().code == ErrorCode::Conflict ? exists() : stored.error();

    if (row.isDefault) {
        if (const auto cleared = m_store.clearDefault(platform, row.provider, row.id, row.updatedAt); !cleared)
            return cleared.error();
    } else if (row.isActive != before->isActive) {
        if (const auto settled = settleDefault(platform, row.provider); !settled)
            return settled.error();
    }
    if (const auto noted = noteChange(platform); !noted)
        return noted.error();
    return get(platform, id);
}

Result<void> LlmConfigs::remove(const PlatformId &platform, const LlmConfigId &id)
{
    const auto found = row(platform, id);
    if (!found)
        return found.error();
    if (const auto removed = m_store.remove(id); !removed)
        return removed.error();
    if (found->isDefault) {
        if (const auto settled = settleDefault(platform, found->provider); !settled)
            return settled.error();
    }
    return noteChange(platform);
}

Result<void> LlmConfigs::settleDefault(const PlatformId &platform, const ProviderId &provider)
{
    const auto rows = m_store.active(platform);
    if (!rows)
        return rows.error();
    const auto first = std::find_if(rows->begin(), rows->end(),
                                    [&provider](const LlmConfigRow &row) { return row.provider == provider; });
    if (first == rows->end() || first->isDefault)
        return {};
    LlmConfigRow oldest = *first;
    oldest.isDefault = true;
    oldest.updatedAt = m_context.clock.now();
    return m_store.update(oldest);
}

Result<ProviderKeysState> LlmConfigs::keysOf(const PlatformId &platform)
{
    const auto rows = m_store.active(platform);
    if (!rows)
        return rows.error();
    QList<ProviderKey> keys;
    for (const LlmConfigRow &row : *rows) {
        if (!keys.isEmpty() && keys.constLast().provider == row.provider)
            continue; // the first one of each provider is the one to use
        if (const auto secret = opened(row))
            keys.append({ row.id, row.provider, *secret });
    }
    return ProviderKeysState { platform, std::make_shared<const QList<ProviderKey>>(std::move(keys)) };
}

Result<ProviderAccess> LlmConfigs::access(const PlatformId &platform, const LlmConfigId &id)
{
    const auto found = row(platform, id);
    if (!found)
        return found.error();
    const auto provider = this->provider(found->provider.toString());
    if (!provider)
        return provider.error();
    const auto secret = opened(*found);
    if (!secret)
        return secret.error();
    return accessWith(*provider, *secret);
}

Result<ProviderAccess> LlmConfigs::access(const QString &providerReference, const QString &apiKey)
{
    const auto provider = this->provider(providerReference);
    if (!provider)
        return provider.error();
    if (const auto good = checkKey(apiKey); !good)
        return good.error();
    return accessWith(*provider, apiKey.trimmed().toLatin1());
}

Result<QByteArray> LlmConfigs::opened(const LlmConfigRow &row) const
{
    auto secret = m_context.vault.open(QByteArray::fromBase64(row.sealedKey), contextOf(row));
    if (!secret)
        Log::error("catalog", u"the key of LLM config %1 cannot be opened"_s.arg(row.id.toString()));
    return secret;
}

Result<void> LlmConfigs::noteChange(const PlatformId &platform)
{
    const auto keys = keysOf(platform);
    if (!keys)
        return keys.error();
    m_context.changes.add(*keys);
    return {};
}

} // namespace assistiv
