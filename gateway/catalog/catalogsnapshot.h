// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/pricing.h"
#include "core/clock.h"
#include "core/id.h"

#include <QtCore/QByteArrayList>
#include <QtCore/QHash>
#include <QtCore/QList>
#include <QtCore/QStringList>

#include <optional>

namespace assistiv {

using MappingId = Id<struct MappingTag>;

/// The wire protocol of a provider. "openai" is also every server that is compatible with it.
enum class ProviderKind { OpenAi, Anthropic, Google, Xai, Sandbox };
/// The wire format of one call.
enum class UpstreamApi { Chat, Responses, Messages, GenerateContent };
/// Whether temperature, top_p and the like may be sent.
enum class Sampling { Yes, EffortNoneOnly, Never };
/// How a model wants to be asked for reasoning.
enum class Thinking { Unknown, Always, Adaptive, Budget, Level };

QLatin1StringView wordOf(ProviderKind kind);
QLatin1StringView wordOf(UpstreamApi api);

/// Facts about a model that the codecs need (resources/catalogue/model-catalogue.json).
struct ModelQuirks
{
    Sampling sampling = Sampling::Yes;
    Thinking thinking = Thinking::Unknown;
    /// How this model calls thinking that is switched off; empty: as its siblings do.
    QByteArray thinkingOff = {};
    /// False: a forced tool choice is refused.
    bool forcedToolChoice = true;
    /// Reasoning efforts it accepts; empty: not known, pass on what comes.
    QByteArrayList efforts = {};
    /// Request fields it refuses.
    QByteArrayList rejects = {};
    /// What its chat completions route refuses.
    QByteArrayList chatRejects = {};

    friend bool operator==(const ModelQuirks &, const ModelQuirks &) = default;
};

/// Peculiarities of one provider row, mostly of compatible servers (docs/contract/providers-openai.md).
struct ProviderOptions
{
    /// Loopback and private addresses may be called.
    bool allowPrivateAddress = false;
    /// False: do not ask for usage in streams.
    bool usageInStream = true;
    /// Calls cost nothing: the server is one's own.
    bool priceFree = false;
    /// Its name for the output limit; empty: as the wire format says.
    QByteArray maxTokensField = {};
    /// Top-level request members it refuses.
    QByteArrayList dropFields = {};
    /// 0: the usual one.
    int firstByteTimeoutMs = 0;
    /// Value of the header anthropic-version; empty: the usual one.
    QByteArray anthropicVersion = {};
    /// Sent with every call.
    QList<std::pair<QByteArray, QByteArray>> extraHeaders = {};

    friend bool operator==(const ProviderOptions &, const ProviderOptions &) = default;
};

/// One enabled way to a model, through an enabled provider.
struct CatalogMapping
{
    MappingId id;
    ProviderId provider;
    QString providerSlug;
    ProviderKind kind = ProviderKind::OpenAi;
    /// Without a slash at the end.
    QByteArray baseUrl;
    QString providerModelId;
    UpstreamApi upstreamApi = UpstreamApi::Chat;
    int priority = 0;
    ModelQuirks quirks;
    ProviderOptions options;
    Pricing pricing;
    /// Grows with every change of the prices; log rows name it.
    qint64 priceVersion = 0;
};

struct CatalogModel
{
    ModelId id;
    QString slug;
    QString displayName;
    bool isEnabled = false;
    Timestamp createdAt;
    std::optional<qint64> contextWindow;
    std::optional<qint64> maxOutputTokens;
    QStringList capabilities;
    /// Lowest priority number first. A disabled model has none, so nothing can be routed to it.
    QList<CatalogMapping> mappings;
};

/// All models as the hot path sees them: immutable, shared by all threads as std::shared_ptr<const CatalogSnapshot>.
/// Pointers into it live as long as it does.
class CatalogSnapshot
{
public:
    CatalogSnapshot(QList<CatalogModel> models, qint64 version);

    /// The exact, case-sensitive slug; null when there is none.
    const CatalogModel *find(QByteArrayView slug) const;
    /// Sorted by slug.
    const QList<CatalogModel> &models() const { return m_models; }
    /// Grows with every change of the catalogue.
    qint64 version() const { return m_version; }

private:
    QList<CatalogModel> m_models;
    QHash<QByteArray, qsizetype> m_bySlug;
    qint64 m_version;
};

} // namespace assistiv
