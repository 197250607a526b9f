// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/catalog.h"

#include "catalog/catalogwords.h"
#include "catalog/starter.h"
#include "core/hashing.h"
#include "core/log.h"

#include <QtCore/QRegularExpression>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

// Raised when the program's own part of the starter catalogue (providers, sandbox model) changes.
constexpr QByteArrayView StarterRevision = "1";

Error invalid(const QString &param, const QString &message)
{
    return { .code = ErrorCode::ValidationError, .message = message, .param = param };
}

Error providerNotFound()
{
    return { ErrorCode::ProviderNotFound, u"There is no such provider."_s };
}

Error modelNotFound()
{
    return { ErrorCode::ModelNotFound, u"There is no such model."_s };
}

QString usualBaseUrl(ProviderKind kind)
{
    const QList<Provider> starters = starterProviders();
    for (const Provider &starter : starters) {
        if (starter.kind == kind)
            return starter.baseUrl;
    }
    return {};
}

bool saysTheSame(const Provider &a, const Provider &b)
{
    return a.slug == b.slug && a.kind == b.kind && a.name == b.name && a.baseUrl == b.baseUrl
        && a.isEnabled == b.isEnabled && a.options == b.options;
}

// Everything about a model that the starter catalogue knows too.
bool hasSameFacts(const Model &a, const Model &b)
{
    return a.slug == b.slug && a.displayName == b.displayName && a.contextWindow == b.contextWindow
        && a.maxOutputTokens == b.maxOutputTokens && a.capabilities == b.capabilities;
}

bool hasSameFacts(const Mapping &a, const Mapping &b)
{
    return a.providerModelId == b.providerModelId && a.upstreamApi == b.upstreamApi && a.quirks == b.quirks
        && a.pricing == b.pricing;
}

// docs/contract/providers-openai.md: from GPT-5 on, chat completions refuses what these models are used for. A
// compatible server has nothing but chat completions, whatever it calls its models.
UpstreamApi usualApi(const Provider &provider, const QString &providerModelId)
{
    static const QRegularExpression generation(u"\\Agpt-(\\d+)"_s);
    if (provider.kind != ProviderKind::OpenAi || provider.slug != "openai"_L1)
        return usualApi(provider.kind);
    const auto match = generation.match(providerModelId);
    return match.hasMatch() && match.captured(1).toInt() >= 5 ? UpstreamApi::Responses : UpstreamApi::Chat;
}

bool speaks(ProviderKind kind, UpstreamApi api)
{
    switch (kind) {
    case ProviderKind::Anthropic:
        return api == UpstreamApi::Messages;
    case ProviderKind::Google:
        return api == UpstreamApi::GenerateContent;
    case ProviderKind::Sandbox:
        return api == UpstreamApi::Chat;
    case ProviderKind::OpenAi:
    case ProviderKind::Xai:
        break;
    }
    return api == UpstreamApi::Chat || api == UpstreamApi::Responses;
}

const Mapping *mappingOf(const Model &model, const ProviderId &provider)
{
    const auto found = std::find_if(model.mappings.begin(), model.mappings.end(),
                                    [&provider](const Mapping &mapping) { return mapping.provider == provider; });
    return found == model.mappings.end() ? nullptr : &*found;
}

CatalogMapping snapshotOf(const Mapping &mapping, const Provider &provider)
{
    return { .id = mapping.id,
             .provider = provider.id,
             .providerSlug = provider.slug,
             .kind = provider.kind,
             .baseUrl = beginningOfCalls(provider.baseUrl),
             .providerModelId = mapping.providerModelId,
             .upstreamApi = mapping.upstreamApi,
             .priority = mapping.priority,
             .quirks = mapping.quirks,
             .options = provider.options,
             .pricing = provider.options.priceFree ? Pricing() : mapping.pricing,
             .priceVersion = mapping.priceVersion };
}

QString inMapping(qsizetype index, const QString &param)
{
    const QString path = u"mappings[%1]"_s.arg(index);
    return param.isEmpty() ? path : path + u'.' + param;
}

} // namespace

Catalog::Catalog(const ServiceContext &context) : m_context(context), m_store(context.db) { }

Result<void> Catalog::noteChange()
{
    m_context.changes.catalogue = true;
    return m_store.raiseVersion();
}

Result<std::shared_ptr<const CatalogSnapshot>> Catalog::snapshot()
{
    // First of all: what another gateway changes while we read must not pass for older than it is.
    const auto version = m_store.version();
    if (!version)
        return version.error();
    const auto providers = m_store.providers(0, AllRows);
    if (!providers)
        return providers.error();
    const auto models = m_store.models(0, AllRows);
    if (!models)
        return models.error();

    QHash<ProviderId, const Provider *> enabled;
    for (const Provider &provider : providers->rows) {
        if (provider.isEnabled)
            enabled.insert(provider.id, &provider);
    }
    QList<CatalogModel> rows;
    for (const Model &model : models->rows) {
        CatalogModel row { .id = model.id,
                           .slug = model.slug,
                           .displayName = model.displayName,
                           .isEnabled = model.isEnabled,
                           .createdAt = model.createdAt,
                           .contextWindow = model.contextWindow,
                           .maxOutputTokens = model.maxOutputTokens,
                           .capabilities = model.capabilities,
                           .mappings = {} };
        for (const Mapping &mapping : model.mappings) {
            const Provider *provider = enabled.value(mapping.provider);
            if (model.isEnabled && mapping.isEnabled && provider)
                row.mappings.append(snapshotOf(mapping, *provider));
        }
        rows.append(row);
    }
    return std::shared_ptr<const CatalogSnapshot>(std::make_shared<CatalogSnapshot>(std::move(rows), *version));
}

// Providers

Result<ProviderList> Catalog::providers(qint64 offset, qint64 limit)
{
    return m_store.providers(offset, limit);
}

Result<Provider> Catalog::provider(const QString &reference)
{
    const auto id = ProviderId::parse(reference);
    const auto found = id ? m_store.provider(*id) : m_store.providerBySlug(reference);
    if (!found)
        return found.error();
    return *found ? Result<Provider>(**found) : Result<Provider>(providerNotFound());
}

Result<void> Catalog::save(const Provider &provider, const std::optional<Provider> &before)
{
    if (before && saysTheSame(provider, *before))
        return {};
    if (before && before->kind != provider.kind)
        return invalid(u"kind"_s, u"The kind of a provider cannot be changed; make another provider."_s);
    if (provider.kind != ProviderKind::Sandbox || !provider.baseUrl.isEmpty()) {
        if (const QString problem = baseUrlProblem(provider.baseUrl); !problem.isEmpty())
            return invalid(u"base_url"_s, problem);
    }
    const auto sameSlug = m_store.providerBySlug(provider.slug);
    if (!sameSlug)
        return sameSlug.error();
    if (*sameSlug && (*sameSlug)->id != provider.id)
        return Error { .code = ErrorCode::SlugTaken,
                       .message = u"Another provider has this slug."_s,
                       .param = u"slug"_s };
    if (const auto stored = before ? m_store.update(provider) : m_store.insert(provider); !stored)
        return stored.error();
    return noteChange();
}

namespace {

Result<void> apply(const ProviderDraft &draft, Provider &provider)
{
    provider.slug = draft.slug.value_or(provider.slug);
    provider.kind = draft.kind.value_or(provider.kind);
    provider.name = draft.name.value_or(provider.name);
    provider.baseUrl = draft.baseUrl.value_or(provider.baseUrl);
    provider.isEnabled = draft.isEnabled.value_or(provider.isEnabled);
    if (draft.options.isEmpty())
        return {};
    QJsonObject merged = providerOptionsJson(provider.options);
    for (auto option = draft.options.constBegin(); option != draft.options.constEnd(); ++option)
        merged.insert(option.key(), option.value());
    JsonProblem problem;
    JsonFields fields(merged, {}, &problem);
    provider.options = readProviderOptions(fields);
    return problem.check();
}

} // namespace

Result<Provider> Catalog::createProvider(const ProviderDraft &draft)
{
    if (!draft.slug)
        return invalid(u"slug"_s, u"slug is required."_s);
    if (!draft.kind)
        return invalid(u"kind"_s, u"kind is required: %1."_s.arg(providerKindWords().join(u", "_s)));
    Provider provider;
    provider.id = ProviderId::create();
    provider.name = *draft.slug;
    provider.baseUrl = usualBaseUrl(*draft.kind);
    provider.createdAt = provider.updatedAt = m_context.clock.now();
    if (const auto applied = apply(draft, provider); !applied)
        return applied.error();
    if (const auto stored = save(provider, {}); !stored)
        return stored.error();
    return provider;
}

Result<Provider> Catalog::updateProvider(const ProviderId &id, const ProviderDraft &draft)
{
    const auto before = m_store.provider(id);
    if (!before)
        return before.error();
    if (!*before)
        return providerNotFound();
    Provider provider = **before;
    if (const auto applied = apply(draft, provider); !applied)
        return applied.error();
    if (!saysTheSame(provider, **before))
        provider.updatedAt = m_context.clock.now();
    if (const auto stored = save(provider, *before); !stored)
        return stored.error();
    return provider;
}

Result<void> Catalog::removeProvider(const ProviderId &id)
{
    const auto found = m_store.provider(id);
    if (!found)
        return found.error();
    if (!*found)
        return providerNotFound();
    const auto keys = m_store.keyCount(id);
    if (!keys)
        return keys.error();
    if (*keys > 0)
        return Error { ErrorCode::Conflict,
                       u"Platforms have %1 keys for this provider. Disable it, or have the keys deleted first."_s.arg(
                           *keys) };
    if (const auto removed = m_store.remove(id); !removed)
        return removed.error();
    return noteChange();
}

// Models

Result<ModelList> Catalog::models(qint64 offset, qint64 limit)
{
    return m_store.models(offset, limit);
}

Result<Model> Catalog::model(const QString &reference)
{
    const auto id = ModelId::parse(reference);
    const auto found = id ? m_store.model(*id) : m_store.modelBySlug(reference);
    if (!found)
        return found.error();
    return *found ? Result<Model>(**found) : Result<Model>(modelNotFound());
}

namespace {

void apply(const ModelDraft &draft, Model &model)
{
    model.slug = draft.slug.value_or(model.slug);
    model.displayName = draft.displayName.value_or(model.displayName);
    model.isEnabled = draft.isEnabled.value_or(model.isEnabled);
    model.contextWindow = draft.contextWindow.value_or(model.contextWindow);
    model.maxOutputTokens = draft.maxOutputTokens.value_or(model.maxOutputTokens);
    model.capabilities = draft.capabilities.value_or(model.capabilities);
}

} // namespace

Result<void> Catalog::saveFacts(const Model &model, const std::optional<Model> &before)
{
    const bool isEdited = before && !hasSameFacts(model, *before);
    if (before && !isEdited && before->isEnabled == model.isEnabled)
        return {};
    if (model.contextWindow && model.maxOutputTokens && *model.maxOutputTokens > *model.contextWindow)
        return invalid(u"max_output_tokens"_s, u"max_output_tokens must not be larger than context_window."_s);
    const auto sameSlug = m_store.modelBySlug(model.slug);
    if (!sameSlug)
        return sameSlug.error();
    if (*sameSlug && (*sameSlug)->id != model.id)
        return Error { .code = ErrorCode::SlugTaken, .message = u"Another model has this slug."_s, .param = u"slug"_s };
    if (const auto stored = before ? m_store.update(model) : m_store.insert(model); !stored)
        return stored.error();
    if (isEdited) {
        for (Mapping mapping : before->mappings) {
            mapping.isEdited = true;
            if (const auto stored = m_store.update(mapping); !stored)
                return stored.error();
        }
    }
    return noteChange();
}

Result<Model> Catalog::createModel(const ModelDraft &draft)
{
    if (!draft.slug)
        return invalid(u"slug"_s, u"slug is required."_s);
    Model model;
    model.id = ModelId::create();
    model.displayName = *draft.slug;
    model.status = u"active"_s;
    model.createdAt = model.updatedAt = m_context.clock.now();
    apply(draft, model);
    if (const auto stored = saveFacts(model, {}); !stored)
        return stored.error();
    if (draft.mappings) {
        if (const auto put = putMappings(model.id, *draft.mappings); !put)
            return put.error();
    }
    return this->model(model.id.toString());
}

Result<Model> Catalog::updateModel(const ModelId &id, const ModelDraft &draft)
{
    const auto before = m_store.model(id);
    if (!before)
        return before.error();
    if (!*before)
        return modelNotFound();
    Model model = **before;
    apply(draft, model);
    model.updatedAt = m_context.clock.now();
    if (const auto stored = saveFacts(model, *before); !stored)
        return stored.error();
    if (draft.mappings) {
        if (const auto put = putMappings(id, *draft.mappings); !put)
            return put.error();
    }
    return this->model(id.toString());
}

Result<void> Catalog::removeModel(const ModelId &id)
{
    const auto found = m_store.model(id);
    if (!found)
        return found.error();
    if (!*found)
        return modelNotFound();
    if (const auto removed = m_store.remove(id); !removed)
        return removed.error();
    return noteChange();
}

// Mappings

Result<void> Catalog::putMappings(const ModelId &model, const QList<MappingDraft> &drafts)
{
    QList<ProviderId> named;
    for (qsizetype index = 0; index < drafts.size(); ++index) {
        const auto fault = [index](Error error) {
            error.param = inMapping(index, error.param);
            return error;
        };
        if (const auto put = putMapping(model, drafts[index]); !put)
            return fault(put.error());
        const auto provider = this->provider(drafts[index].provider);
        if (!provider)
            return provider.error();
        if (named.contains(provider->id))
            return fault(invalid(u"provider"_s, u"A model has at most one mapping for each provider."_s));
        named.append(provider->id);
    }
    const auto after = m_store.model(model);
    if (!after)
        return after.error();
    for (const Mapping &mapping : (*after)->mappings) {
        if (named.contains(mapping.provider))
            continue;
        if (const auto removed = removeMapping(model, mapping.provider); !removed)
            return removed.error();
    }
    return {};
}

Result<void> Catalog::putMapping(const ModelId &modelId, const MappingDraft &draft)
{
    const auto model = m_store.model(modelId);
    if (!model)
        return model.error();
    if (!*model)
        return modelNotFound();
    const auto provider = this->provider(draft.provider);
    if (!provider) {
        Error error = provider.error();
        if (error.code == ErrorCode::ProviderNotFound)
            error.param = u"provider"_s;
        return error;
    }

    const Mapping *before = mappingOf(**model, provider->id);
    const Timestamp now = m_context.clock.now();
    Mapping mapping;
    if (before) {
        mapping = *before;
    } else {
        if (!draft.pricing && !provider->options.priceFree)
            return invalid(u"input_usd_per_mtok"_s, u"input_usd_per_mtok and output_usd_per_mtok are required."_s);
        mapping.id = MappingId::create();
        mapping.model = modelId;
        mapping.provider = provider->id;
        mapping.providerModelId = draft.providerModelId.value_or((*model)->slug);
        mapping.upstreamApi = usualApi(*provider, mapping.providerModelId);
        mapping.createdAt = now;
    }
    mapping.providerModelId = draft.providerModelId.value_or(mapping.providerModelId);
    mapping.upstreamApi = draft.upstreamApi.value_or(mapping.upstreamApi);
    mapping.priority = draft.priority.value_or(mapping.priority);
    mapping.isEnabled = draft.isEnabled.value_or(mapping.isEnabled);
    mapping.quirks = draft.quirks.value_or(mapping.quirks);
    mapping.pricing = draft.pricing.value_or(mapping.pricing);
    mapping.updatedAt = now;
    if (!speaks(provider->kind, mapping.upstreamApi))
        return invalid(u"upstream_api"_s, u"A provider of this kind does not have this wire format."_s);

    if (!before) {
        mapping.isEdited = true;
        if (const auto stored = m_store.insert(mapping); !stored)
            return stored.error();
        return noteChange();
    }
    if (hasSameFacts(mapping, *before) && mapping.priority == before->priority
        && mapping.isEnabled == before->isEnabled)
        return {};
    mapping.isEdited = before->isEdited || !hasSameFacts(mapping, *before);
    mapping.priceVersion += mapping.pricing != before->pricing;
    if (const auto stored = m_store.update(mapping); !stored)
        return stored.error();
    return noteChange();
}

Result<void> Catalog::removeMapping(const ModelId &modelId, const ProviderId &provider)
{
    const auto model = m_store.model(modelId);
    if (!model)
        return model.error();
    const Mapping *mapping = *model ? mappingOf(**model, provider) : nullptr;
    if (!mapping)
        return modelNotFound();
    if (const auto removed = m_store.remove(mapping->id); !removed)
        return removed.error();
    return noteChange();
}

// Starter catalogue

Result<void> Catalog::importStarter()
{
    const QByteArray file = starterCatalogue();
    const QString hash = QString::fromLatin1(sha256(QByteArray(file).append(StarterRevision)).toHex());
    const auto imported = m_store.importedHash();
    if (!imported)
        return imported.error();
    if (*imported != hash) {
        if (const auto done = importCatalogue(file); !done)
            return done.error();
        if (const auto noted = m_store.setImportedHash(hash); !noted)
            return noted.error();
    }
    return retireModels();
}

Result<void> Catalog::importCatalogue(const QByteArray &file)
{
    const auto models = starterModels(file);
    if (!models)
        return models.error();
    if (const auto seeded = seedProviders(); !seeded)
        return seeded.error();
    for (const StarterModel &starter : *models) {
        if (const auto done = importModel(starter); !done)
            return done.error();
    }
    Log::info("catalog", u"starter catalogue with %1 models brought in"_s.arg(models->size()));
    return noteChange();
}

Result<void> Catalog::seedProviders()
{
    const QList<Provider> starters = starterProviders();
    for (Provider provider : starters) {
        const auto found = m_store.providerBySlug(provider.slug);
        if (!found)
            return found.error();
        if (*found)
            continue;
        provider.id = ProviderId::create();
        provider.createdAt = provider.updatedAt = m_context.clock.now();
        if (const auto stored = m_store.insert(provider); !stored)
            return stored.error();
    }
    return {};
}

Result<void> Catalog::importModel(const StarterModel &starter)
{
    const auto provider = this->provider(starter.providerSlug);
    if (!provider)
        return provider.error();
    Mapping mapping = starter.mapping;
    mapping.provider = provider->id;

    const auto before = m_store.modelBySlug(starter.model.slug);
    if (!before)
        return before.error();
    const Timestamp now = m_context.clock.now();
    if (!*before) {
        Model model = starter.model;
        model.id = ModelId::create();
        model.createdAt = model.updatedAt = now;
        if (const auto stored = m_store.insert(model); !stored)
            return stored.error();
        return importMapping(model, mapping);
    }

    // Whether it is enabled stays as it is: a model in use is switched off on its last day, not when that day is
    // announced.
    Model model = **before;
    model.status = starter.model.status;
    model.retiresOn = starter.model.retiresOn;
    const bool isEdited =
        std::any_of(model.mappings.begin(), model.mappings.end(), [](const Mapping &m) { return m.isEdited; });
    if (!isEdited) {
        model.displayName = starter.model.displayName;
        model.contextWindow = starter.model.contextWindow;
        model.maxOutputTokens = starter.model.maxOutputTokens;
        model.capabilities = starter.model.capabilities;
    }
    if (!hasSameFacts(model, **before) || model.status != (*before)->status
        || model.retiresOn != (*before)->retiresOn) {
        model.updatedAt = now;
        if (const auto stored = m_store.update(model); !stored)
            return stored.error();
    }
    return isEdited ? Result<void>() : importMapping(model, mapping);
}

Result<void> Catalog::importMapping(const Model &model, const Mapping &listed)
{
    const Mapping *before = mappingOf(model, listed.provider);
    Mapping mapping = before ? *before : listed;
    mapping.providerModelId = listed.providerModelId;
    mapping.upstreamApi = listed.upstreamApi;
    mapping.quirks = listed.quirks;
    mapping.pricing = listed.pricing;
    mapping.updatedAt = m_context.clock.now();
    if (!before) {
        mapping.id = MappingId::create();
        mapping.model = model.id;
        mapping.createdAt = mapping.updatedAt;
        return m_store.insert(mapping);
    }
    if (hasSameFacts(mapping, *before))
        return {};
    mapping.priceVersion += mapping.pricing != before->pricing;
    return m_store.update(mapping);
}

Result<void> Catalog::retireModels()
{
    const QString today = QString::fromLatin1(m_context.clock.now().toIso().first(10));
    const auto retired = m_store.retired(today);
    if (!retired)
        return retired.error();
    for (Model model : *retired) {
        model.isEnabled = false;
        model.updatedAt = m_context.clock.now();
        if (const auto stored = m_store.update(model); !stored)
            return stored.error();
        Log::warning("catalog",
                     u"model %1 is switched off: its provider ends it on %2"_s.arg(model.slug, model.retiresOn));
    }
    return retired->isEmpty() ? Result<void>() : noteChange();
}

} // namespace assistiv
