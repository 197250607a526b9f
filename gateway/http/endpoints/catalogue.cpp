// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/catalogue.h"

#include "catalog/catalogwords.h"
#include "core/jsonwriter.h"
#include "http/jsonbody.h"
#include "services/services.h"

#include <QtCore/QJsonDocument>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

bool isAdmin(const ManagementCall &call)
{
    return call.caller.type == KeyType::Admin;
}

// Where a provider is reached is the operator's business: platform keys do not see it.
QByteArray providerJson(const Provider &provider, bool forAdmin)
{
    JsonWriter json;
    json.beginObject().member("id", provider.id).member("slug", provider.slug).member("name", provider.name);
    json.member("kind", QString(wordOf(provider.kind))).member("is_enabled", provider.isEnabled);
    if (forAdmin) {
        json.member("base_url", provider.baseUrl);
        const QJsonObject options = providerOptionsJson(provider.options);
        for (auto option = options.constBegin(); option != options.constEnd(); ++option) {
            // As the only entry of a list, since Qt writes no bare values; the brackets are cut off again.
            const QByteArray listed = QJsonDocument(QJsonArray { option.value() }).toJson(QJsonDocument::Compact);
            json.key(option.key().toLatin1()).raw(listed.sliced(1, listed.size() - 2));
        }
        json.member("updated_at", provider.updatedAt);
    }
    json.member("created_at", provider.createdAt).endObject();
    return json.take();
}

void writeMapping(JsonWriter &json, const Mapping &mapping, Timestamp now, bool forAdmin)
{
    json.beginObject().member("provider_id", mapping.provider).member("provider", mapping.providerSlug);
    json.member("provider_model_id", mapping.providerModelId).member("priority", mapping.priority);
    json.member("is_enabled", mapping.isEnabled);
    writeMappingPrices(json, mapping.pricing, now);
    if (forAdmin) {
        json.member("upstream_api", QString(wordOf(mapping.upstreamApi)));
        json.key("quirks").raw(QJsonDocument(quirksJson(mapping.quirks)).toJson(QJsonDocument::Compact));
        json.member("price_version", mapping.priceVersion).member("is_edited", mapping.isEdited);
    }
    json.endObject();
}

QByteArray modelJson(const Model &model, Timestamp now, bool forAdmin)
{
    // What the gateway does for every model, whatever the provider says.
    QStringList capabilities { u"chat"_s, u"streaming"_s };
    capabilities += model.capabilities;
    capabilities.removeDuplicates();

    JsonWriter json;
    json.beginObject().member("id", model.id).member("slug", model.slug).member("display_name", model.displayName);
    json.member("is_enabled", model.isEnabled).member("context_window", model.contextWindow);
    json.member("max_output_tokens", model.maxOutputTokens).key("capabilities").beginArray();
    for (const QString &word : capabilities)
        json.value(word);
    json.endArray().key("providers").beginArray();
    for (const Mapping &mapping : model.mappings)
        writeMapping(json, mapping, now, forAdmin);
    json.endArray();
    if (forAdmin)
        json.member("status", model.status)
            .textOrNull("retires_on", model.retiresOn)
            .member("updated_at", model.updatedAt);
    json.member("created_at", model.createdAt).endObject();
    return json.take();
}

QByteArray slugJson(const QString &slug)
{
    JsonWriter json;
    json.beginObject().member("slug", slug).endObject();
    return json.take();
}

template<typename SomeId>
Result<SomeId> idInPath(const ManagementCall &call, ErrorCode otherwise, const QString &message)
{
    const auto id = SomeId::parse(QString::fromUtf8(call.pathValues.constFirst()));
    return id ? Result<SomeId>(*id) : Result<SomeId>(Error { otherwise, message });
}

Result<ProviderId> providerIdInPath(const ManagementCall &call)
{
    return idInPath<ProviderId>(call, ErrorCode::ProviderNotFound, u"There is no such provider."_s);
}

Result<ModelId> modelIdInPath(const ManagementCall &call)
{
    return idInPath<ModelId>(call, ErrorCode::ModelNotFound, u"There is no such model."_s);
}

// Providers

Result<Work> listProviders(const ManagementCall &call)
{
    QueryReader query(call.query);
    const Page page = query.page();
    if (const auto good = query.check(); !good)
        return good.error();
    return Work([page, forAdmin = isAdmin(call)](Services &services) -> Result<Answer> {
        const auto list = services.catalog.providers(page.offset(), page.limit);
        if (!list)
            return list.error();
        QByteArrayList rows;
        for (const Provider &provider : list->rows)
            rows.append(providerJson(provider, forAdmin));
        return Answer { .body = listJson(rows, list->total, page) };
    });
}

Result<Work> getProvider(const ManagementCall &call)
{
    const auto id = providerIdInPath(call);
    if (!id)
        return id.error();
    return Work([id = *id, forAdmin = isAdmin(call)](Services &services) -> Result<Answer> {
        const auto provider = services.catalog.provider(id.toString());
        if (!provider)
            return provider.error();
        return Answer { .body = providerJson(*provider, forAdmin) };
    });
}

Result<Work> createProvider(const ManagementCall &call)
{
    const auto draft = readBody(call.request.body, readProviderDraft);
    if (!draft)
        return draft.error();
    return Work([draft = *draft, actor = call.caller.key](Services &services) -> Result<Answer> {
        const auto provider = services.catalog.createProvider(draft);
        if (!provider)
            return provider.error();
        if (const auto noted = services.audit.note(actor.toString(), "provider.create"_L1, provider->id.toString(),
                                                   slugJson(provider->slug));
            !noted)
            return noted.error();
        return Answer { .status = 201, .body = providerJson(*provider, true) };
    });
}

Result<Work> patchProvider(const ManagementCall &call)
{
    const auto draft = readBody(call.request.body, readProviderDraft);
    if (!draft)
        return draft.error();
    const auto id = providerIdInPath(call);
    if (!id)
        return id.error();
    return Work([id = *id, draft = *draft, actor = call.caller.key](Services &services) -> Result<Answer> {
        const auto provider = services.catalog.updateProvider(id, draft);
        if (!provider)
            return provider.error();
        if (const auto noted =
                services.audit.note(actor.toString(), "provider.update"_L1, id.toString(), slugJson(provider->slug));
            !noted)
            return noted.error();
        return Answer { .body = providerJson(*provider, true) };
    });
}

Result<Work> deleteProvider(const ManagementCall &call)
{
    const auto id = providerIdInPath(call);
    if (!id)
        return id.error();
    return Work([id = *id, actor = call.caller.key](Services &services) -> Result<Answer> {
        if (const auto removed = services.catalog.removeProvider(id); !removed)
            return removed.error();
        if (const auto noted = services.audit.note(actor.toString(), "provider.delete"_L1, id.toString()); !noted)
            return noted.error();
        return Answer { .status = 204 };
    });
}

// Models

Result<Work> listCatalogueModels(const ManagementCall &call)
{
    QueryReader query(call.query);
    const Page page = query.page();
    if (const auto good = query.check(); !good)
        return good.error();
    return Work([page, forAdmin = isAdmin(call)](Services &services) -> Result<Answer> {
        const auto list = services.catalog.models(page.offset(), page.limit);
        if (!list)
            return list.error();
        QByteArrayList rows;
        for (const Model &model : list->rows)
            rows.append(modelJson(model, services.context.clock.now(), forAdmin));
        return Answer { .body = listJson(rows, list->total, page) };
    });
}

Result<Work> getCatalogueModel(const ManagementCall &call)
{
    const auto id = modelIdInPath(call);
    if (!id)
        return id.error();
    return Work([id = *id, forAdmin = isAdmin(call)](Services &services) -> Result<Answer> {
        const auto model = services.catalog.model(id.toString());
        if (!model)
            return model.error();
        return Answer { .body = modelJson(*model, services.context.clock.now(), forAdmin) };
    });
}

Result<Work> createCatalogueModel(const ManagementCall &call)
{
    const auto draft = readBody(call.request.body, readModelDraft);
    if (!draft)
        return draft.error();
    return Work([draft = *draft, actor = call.caller.key](Services &services) -> Result<Answer> {
        const auto model = services.catalog.createModel(draft);
        if (!model)
            return model.error();
        if (const auto noted =
                services.audit.note(actor.toString(), "model.create"_L1, model->id.toString(), slugJson(model->slug));
            !noted)
            return noted.error();
        return Answer { .status = 201, .body = modelJson(*model, services.context.clock.now(), true) };
    });
}

Result<Work> patchCatalogueModel(const ManagementCall &call)
{
    const auto draft = readBody(call.request.body, readModelDraft);
    if (!draft)
        return draft.error();
    const auto id = modelIdInPath(call);
    if (!id)
        return id.error();
    return Work([id = *id, draft = *draft, actor = call.caller.key](Services &services) -> Result<Answer> {
        const auto model = services.catalog.updateModel(id, draft);
        if (!model)
            return model.error();
        if (const auto noted =
                services.audit.note(actor.toString(), "model.update"_L1, id.toString(), slugJson(model->slug));
            !noted)
            return noted.error();
        return Answer { .body = modelJson(*model, services.context.clock.now(), true) };
    });
}

Result<Work> deleteCatalogueModel(const ManagementCall &call)
{
    const auto id = modelIdInPath(call);
    if (!id)
        return id.error();
    return Work([id = *id, actor = call.caller.key](Services &services) -> Result<Answer> {
        if (const auto removed = services.catalog.removeModel(id); !removed)
            return removed.error();
        if (const auto noted = services.audit.note(actor.toString(), "model.delete"_L1, id.toString()); !noted)
            return noted.error();
        return Answer { .status = 204 };
    });
}

} // namespace

const QList<Route> &catalogueRoutes()
{
    static const QList<Route> routes {
        { HttpMethod::Get, "/v1/admin/providers"_L1, RequiredKey::AdminOrPlatform, listProviders },
        { HttpMethod::Post, "/v1/admin/providers"_L1, RequiredKey::Admin, createProvider },
        { HttpMethod::Get, "/v1/admin/providers/{id}"_L1, RequiredKey::AdminOrPlatform, getProvider },
        { HttpMethod::Patch, "/v1/admin/providers/{id}"_L1, RequiredKey::Admin, patchProvider },
        { HttpMethod::Delete, "/v1/admin/providers/{id}"_L1, RequiredKey::Admin, deleteProvider },
        { HttpMethod::Get, "/v1/admin/models"_L1, RequiredKey::AdminOrPlatform, listCatalogueModels },
        { HttpMethod::Post, "/v1/admin/models"_L1, RequiredKey::Admin, createCatalogueModel },
        { HttpMethod::Get, "/v1/admin/models/{id}"_L1, RequiredKey::AdminOrPlatform, getCatalogueModel },
        { HttpMethod::Patch, "/v1/admin/models/{id}"_L1, RequiredKey::Admin, patchCatalogueModel },
        { HttpMethod::Delete, "/v1/admin/models/{id}"_L1, RequiredKey::Admin, deleteCatalogueModel },
    };
    return routes;
}

} // namespace assistiv
