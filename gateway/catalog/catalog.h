// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/catalogsnapshot.h"
#include "catalog/catalogstore.h"
#include "core/result.h"
#include "store/accountstate.h"

#include <memory>

namespace assistiv {

/// What an admin says about a provider; what is not given keeps its value (in a new one: its default).
struct ProviderDraft
{
    std::optional<QString> slug = {};
    std::optional<ProviderKind> kind = {};
    std::optional<QString> name = {};
    std::optional<QString> baseUrl = {};
    std::optional<bool> isEnabled = {};
    std::optional<ProviderOptions> options = {};
};

/// What an admin says about one way to a model.
struct MappingDraft
{
    ProviderId provider;
    std::optional<QString> providerModelId = {};
    std::optional<UpstreamApi> upstreamApi = {};
    std::optional<int> priority = {};
    std::optional<bool> isEnabled = {};
    std::optional<ModelQuirks> quirks = {};
    std::optional<Pricing> pricing = {};
};

/// What an admin says about a model. An optional inside an optional: given, and perhaps null.
struct ModelDraft
{
    std::optional<QString> slug = {};
    std::optional<QString> displayName = {};
    std::optional<bool> isEnabled = {};
    std::optional<std::optional<qint64>> contextWindow = {};
    std::optional<std::optional<qint64>> maxOutputTokens = {};
    std::optional<QStringList> capabilities = {};
    /// All of them: mappings of the model that are not in here are removed.
    std::optional<QList<MappingDraft>> mappings = {};
};

/// Decides about providers, models and prices of the whole installation. Errors name the offending member in param.
class Catalog
{
public:
    explicit Catalog(const ServiceContext &context);

    /// For the hot path; reads everything.
    Result<std::shared_ptr<const CatalogSnapshot>> snapshot();

    /// Brings the providers and models that the program ships with into the database and switches off models whose last day has
    /// come. Cheap when there is nothing new. Prices and facts that an admin edited are kept.
    Result<void> importStarter();
    /// The same with another catalogue file.
    Result<void> importCatalogue(const QByteArray &json);

    /// Newest first; a negative limit means all.
    Result<ProviderList> providers(qint64 offset = 0, qint64 limit = -1);
    Result<Provider> provider(const ProviderId &id);
    Result<Provider> providerBySlug(const QString &slug);
    Result<Provider> createProvider(const ProviderDraft &draft);
    Result<Provider> updateProvider(const ProviderId &id, const ProviderDraft &draft);
    /// Conflict while platforms have keys for it.
    Result<void> removeProvider(const ProviderId &id);

    /// Newest first; a negative limit means all.
    Result<ModelList> models(qint64 offset = 0, qint64 limit = -1);
    Result<Model> model(const ModelId &id);
    Result<Model> modelBySlug(const QString &slug);
    Result<Model> createModel(const ModelDraft &draft);
    Result<Model> updateModel(const ModelId &id, const ModelDraft &draft);
    Result<void> removeModel(const ModelId &id);

    /// Adds the mapping to the model, or changes the one that the model has for this provider. param is relative to the mapping.
    Result<Mapping> putMapping(const ModelId &model, const MappingDraft &draft);
    Result<void> removeMapping(const ModelId &model, const ProviderId &provider);

private:
    Result<void> noteChange();
    Result<void> checkProvider(const Provider &provider) const;
    Result<void> checkModel(const Model &model) const;
    Result<void> replaceMappings(const ModelId &model, const QList<MappingDraft> &drafts);
    Result<void> importModel(const QJsonObject &entry);
    Result<void> seedProviders();
    Result<void> retireModels();

    ServiceContext m_context;
    CatalogStore m_store;
};

} // namespace assistiv
