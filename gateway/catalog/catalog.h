// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/catalogdrafts.h"
#include "catalog/catalogsnapshot.h"
#include "catalog/catalogstore.h"
#include "core/result.h"
#include "store/accountstate.h"

#include <memory>

namespace assistiv {

struct StarterModel;

/// Decides about providers, models and prices of the whole installation. Errors name the offending member in param.
class Catalog
{
public:
    explicit Catalog(const ServiceContext &context);

    /// For the hot path; reads everything.
    Result<std::shared_ptr<const CatalogSnapshot>> snapshot();

    /// Brings the providers and models that the program ships with into the database and switches off models whose last
    /// day has come. Cheap when there is nothing new. Prices and facts that an admin edited are kept.
    Result<void> importStarter();
    /// The same from another catalogue file's text.
    Result<void> importCatalogue(const QByteArray &file);

    /// Newest first.
    Result<ProviderList> providers(qint64 offset = 0, qint64 limit = AllRows);
    /// By slug or id. ProviderNotFound.
    Result<Provider> provider(const QString &reference);
    Result<Provider> createProvider(const ProviderDraft &draft);
    Result<Provider> updateProvider(const ProviderId &id, const ProviderDraft &draft);
    /// Conflict while platforms have keys for it.
    Result<void> removeProvider(const ProviderId &id);

    /// Newest first.
    Result<ModelList> models(qint64 offset = 0, qint64 limit = AllRows);
    /// By slug or id. ModelNotFound.
    Result<Model> model(const QString &reference);
    Result<Model> createModel(const ModelDraft &draft);
    Result<Model> updateModel(const ModelId &id, const ModelDraft &draft);
    Result<void> removeModel(const ModelId &id);

    /// Adds the mapping to the model, or changes the one that the model has for this provider. param is relative to the
    /// mapping.
    Result<void> putMapping(const ModelId &model, const MappingDraft &draft);
    Result<void> removeMapping(const ModelId &model, const ProviderId &provider);

private:
    Result<void> save(const Provider &provider, const std::optional<Provider> &before);
    Result<void> saveFacts(const Model &model, const std::optional<Model> &before);
    Result<void> putMappings(const ModelId &model, const QList<MappingDraft> &drafts);
    Result<void> noteChange();

    Result<void> seedProviders();
    Result<void> importModel(const StarterModel &starter);
    Result<void> importMapping(const Model &model, const Mapping &listed);
    Result<void> retireModels();

    ServiceContext m_context;
    CatalogStore m_store;
};

} // namespace assistiv
