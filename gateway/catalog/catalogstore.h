// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/catalogsnapshot.h"
#include "core/result.h"
#include "store/database.h"

namespace assistiv {

struct Provider
{
    ProviderId id;
    QString slug;
    ProviderKind kind = ProviderKind::OpenAi;
    QString name;
    QString baseUrl;
    bool isEnabled = true;
    ProviderOptions options;
    Timestamp createdAt;
    Timestamp updatedAt;
};

/// One way to a model: a provider, its name for the model, its prices.
struct Mapping
{
    MappingId id;
    ModelId model;
    ProviderId provider;
    QString providerSlug;
    QString providerModelId;
    UpstreamApi upstreamApi = UpstreamApi::Chat;
    int priority = 10;
    bool isEnabled = true;
    ModelQuirks quirks;
    Pricing pricing;
    qint64 priceVersion = 1;
    /// An admin changed it: the starter catalogue keeps its hands off.
    bool isEdited = false;
    Timestamp createdAt;
    Timestamp updatedAt;
};

struct Model
{
    ModelId id;
    QString slug;
    QString displayName;
    bool isEnabled = true;
    std::optional<qint64> contextWindow;
    std::optional<qint64> maxOutputTokens;
    QStringList capabilities;
    /// "active", "legacy", "deprecated"
    QString status;
    /// "2027-04-01"; empty when no last day is announced.
    QString retiresOn;
    Timestamp createdAt;
    Timestamp updatedAt;
    /// Lowest priority number first.
    QList<Mapping> mappings = {};
};

/// A stretch of a longer list.
struct ProviderList
{
    QList<Provider> rows;
    qint64 total = 0;
};
struct ModelList
{
    QList<Model> rows;
    qint64 total = 0;
};

/// The tables providers, models and model_mappings.
class CatalogStore
{
public:
    explicit CatalogStore(Database &db) : m_db(db) { }

    Result<ProviderList> providers(qint64 offset, qint64 limit);
    Result<std::optional<Provider>> provider(const ProviderId &id);
    Result<std::optional<Provider>> providerBySlug(const QString &slug);
    Result<void> insert(const Provider &provider);
    Result<void> update(const Provider &provider);
    Result<void> remove(const ProviderId &id);
    /// Keys that platforms have for it.
    Result<qint64> keyCount(const ProviderId &id);

    /// With their mappings.
    Result<ModelList> models(qint64 offset, qint64 limit);
    Result<std::optional<Model>> model(const ModelId &id);
    Result<std::optional<Model>> modelBySlug(const QString &slug);
    Result<void> insert(const Model &model);
    Result<void> update(const Model &model);
    Result<void> remove(const ModelId &id);
    /// Enabled models whose last day is that day or earlier.
    Result<QList<Model>> retired(const QString &day);

    Result<void> insert(const Mapping &mapping);
    Result<void> update(const Mapping &mapping);
    Result<void> remove(const MappingId &id);

    Result<qint64> version();
    Result<void> raiseVersion();
    /// Hash of the catalogue file that was imported last; empty when none was.
    Result<QString> importedHash();
    Result<void> setImportedHash(const QString &hash);

private:
    Result<QList<Mapping>> mappingsOf(const ModelId &model);
    Result<std::optional<Model>> withMappings(std::optional<Model> model);
    Result<QString> setting(const QString &name);

    Database &m_db;
};

} // namespace assistiv
