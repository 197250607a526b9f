// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/catalogstore.h"

#include "catalog/catalogwords.h"
#include "core/log.h"

#include <QtCore/QJsonDocument>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

const QString VersionName = u"catalogue_version"_s;
const QString HashName = u"catalogue_hash"_s;

QByteArray compact(const QJsonObject &object)
{
    return QJsonDocument(object).toJson(QJsonDocument::Compact);
}

QJsonObject objectIn(const QString &text)
{
    return QJsonDocument::fromJson(text.toUtf8()).object();
}

Error damaged(const QString &table, const QString &id)
{
    Log::error("catalog", u"row %1 of %2 cannot be read"_s.arg(id, table));
    return { ErrorCode::Internal, u"An internal error occurred."_s };
}

// Columns of the SELECTs below, in their order.
Result<Provider> providerFrom(const Query &row)
{
    Provider provider;
    provider.id = row.id<ProviderId>(0);
    provider.slug = row.text(1);
    const auto kind = providerKindFrom(row.text(2));
    if (!kind)
        return damaged(u"providers"_s, row.text(0));
    provider.kind = *kind;
    provider.name = row.text(3);
    provider.baseUrl = row.text(4);
    provider.isEnabled = row.flag(5);
    JsonProblem problem;
    JsonFields options(objectIn(row.text(6)), {}, &problem);
    provider.options = readProviderOptions(options);
    if (problem.first)
        return damaged(u"providers"_s, row.text(0));
    provider.createdAt = row.time(7);
    provider.updatedAt = row.time(8);
    return provider;
}

Model modelFrom(const Query &row)
{
    Model model;
    model.id = row.id<ModelId>(0);
    model.slug = row.text(1);
    model.displayName = row.text(2);
    model.isEnabled = row.flag(3);
    model.contextWindow = row.optionalInteger(4);
    model.maxOutputTokens = row.optionalInteger(5);
    const QJsonArray capabilities = QJsonDocument::fromJson(row.text(6).toUtf8()).array();
    for (const QJsonValue &word : capabilities)
        model.capabilities.append(word.toString());
    model.status = row.text(7);
    model.retiresOn = row.text(8);
    model.createdAt = row.time(9);
    model.updatedAt = row.time(10);
    return model;
}

// A price that cannot be read must stop the call, not make it free.
Result<Mapping> mappingFrom(const Query &row)
{
    Mapping mapping;
    mapping.id = row.id<MappingId>(0);
    mapping.model = row.id<ModelId>(1);
    mapping.provider = row.id<ProviderId>(2);
    mapping.providerSlug = row.text(3);
    mapping.providerModelId = row.text(4);
    const auto api = upstreamApiFrom(row.text(5));
    mapping.priority = int(row.integer(6));
    mapping.isEnabled = row.flag(7);
    JsonProblem problem;
    JsonFields quirks(objectIn(row.text(8)), {}, &problem);
    mapping.quirks = readQuirks(quirks);
    JsonFields pricing(objectIn(row.text(9)), {}, &problem);
    mapping.pricing = storedPricing(pricing);
    if (!api || problem.first)
        return damaged(u"model_mappings"_s, row.text(0));
    mapping.upstreamApi = *api;
    mapping.priceVersion = row.integer(10);
    mapping.isEdited = row.flag(11);
    mapping.createdAt = row.time(12);
    mapping.updatedAt = row.time(13);
    return mapping;
}

Result<std::optional<Provider>> firstProvider(Query &query)
{
    if (!query.next())
        return std::optional<Provider>();
    const auto provider = providerFrom(query);
    if (!provider)
        return provider.error();
    return std::optional(*provider);
}

std::optional<Model> firstModel(Query &query)
{
    return query.next() ? std::optional(modelFrom(query)) : std::nullopt;
}

Result<QList<Mapping>> mappingsFrom(Query &query)
{
    QList<Mapping> mappings;
    while (query.next()) {
        const auto mapping = mappingFrom(query);
        if (!mapping)
            return mapping.error();
        mappings.append(*mapping);
    }
    return mappings;
}

QByteArray capabilitiesText(const Model &model)
{
    return QJsonDocument(QJsonArray::fromStringList(model.capabilities)).toJson(QJsonDocument::Compact);
}

// A null string would be stored as NULL.
QString notNull(const QString &text)
{
    return text.isNull() ? u""_s : text;
}

std::optional<QString> textOrNull(const QString &text)
{
    return text.isEmpty() ? std::nullopt : std::optional(text);
}

} // namespace

Result<ProviderList> CatalogStore::providers(qint64 offset, qint64 limit)
{
    ProviderList list;
    {
        Query count = m_db.prepare(u"SELECT count(*) FROM providers"_s);
        if (const auto read = count.exec(); !read)
            return read.error();
        list.total = count.next() ? count.integer(0) : 0;
    }
    Query query = m_db.prepare(u"SELECT id, slug, kind, name, base_url, is_enabled, options, created_at, updated_at "
                               "FROM providers ORDER BY created_at DESC, slug LIMIT ? OFFSET ?"_s);
    if (const auto read = query.bind(limit, offset).exec(); !read)
        return read.error();
    while (query.next()) {
        const auto provider = providerFrom(query);
        if (!provider)
            return provider.error();
        list.rows.append(*provider);
    }
    return list;
}

Result<std::optional<Provider>> CatalogStore::provider(const ProviderId &id)
{
    Query query = m_db.prepare(u"SELECT id, slug, kind, name, base_url, is_enabled, options, created_at, updated_at "
                               "FROM providers WHERE id = ?"_s);
    if (const auto read = query.bind(id).exec(); !read)
        return read.error();
    return firstProvider(query);
}

Result<std::optional<Provider>> CatalogStore::providerBySlug(const QString &slug)
{
    Query query = m_db.prepare(u"SELECT id, slug, kind, name, base_url, is_enabled, options, created_at, updated_at "
                               "FROM providers WHERE slug = ?"_s);
    if (const auto read = query.bind(slug).exec(); !read)
        return read.error();
    return firstProvider(query);
}

Result<void> CatalogStore::insert(const Provider &p)
{
    Query query = m_db.prepare(
        u"INSERT INTO providers (slug, kind, name, base_url, is_enabled, options, updated_at, created_at, id) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"_s);
    return query
        .bind(p.slug, wordOf(p.kind), p.name, notNull(p.baseUrl), p.isEnabled, compact(providerOptionsJson(p.options)),
              p.updatedAt, p.createdAt, p.id)
        .exec();
}

Result<void> CatalogStore::update(const Provider &p)
{
    Query query =
        m_db.prepare(u"UPDATE providers SET slug = ?, kind = ?, name = ?, base_url = ?, is_enabled = ?, options = ?, "
                     "updated_at = ? WHERE id = ?"_s);
    return query
        .bind(p.slug, wordOf(p.kind), p.name, notNull(p.baseUrl), p.isEnabled, compact(providerOptionsJson(p.options)),
              p.updatedAt, p.id)
        .exec();
}

Result<void> CatalogStore::remove(const ProviderId &id)
{
    Query query = m_db.prepare(u"DELETE FROM providers WHERE id = ?"_s);
    return query.bind(id).exec();
}

Result<qint64> CatalogStore::keyCount(const ProviderId &id)
{
    Query query = m_db.prepare(u"SELECT count(*) FROM llm_configs WHERE provider_id = ?"_s);
    if (const auto read = query.bind(id).exec(); !read)
        return read.error();
    return query.next() ? query.integer(0) : 0;
}

Result<ModelList> CatalogStore::models(qint64 offset, qint64 limit)
{
    ModelList list;
    {
        Query count = m_db.prepare(u"SELECT count(*) FROM models"_s);
        if (const auto read = count.exec(); !read)
            return read.error();
        list.total = count.next() ? count.integer(0) : 0;
    }
    {
        Query query =
            m_db.prepare(u"SELECT id, slug, display_name, is_enabled, context_window, max_output_tokens, capabilities, "
                         "status, retires_on, created_at, updated_at "
                         "FROM models ORDER BY created_at DESC, slug LIMIT ? OFFSET ?"_s);
        if (const auto read = query.bind(limit, offset).exec(); !read)
            return read.error();
        while (query.next())
            list.rows.append(modelFrom(query));
    }
    for (Model &model : list.rows) {
        const auto mappings = mappingsOf(model.id);
        if (!mappings)
            return mappings.error();
        model.mappings = *mappings;
    }
    return list;
}

Result<std::optional<Model>> CatalogStore::withMappings(std::optional<Model> model)
{
    if (!model)
        return model;
    const auto mappings = mappingsOf(model->id);
    if (!mappings)
        return mappings.error();
    model->mappings = *mappings;
    return model;
}

Result<std::optional<Model>> CatalogStore::model(const ModelId &id)
{
    std::optional<Model> found;
    {
        Query query =
            m_db.prepare(u"SELECT id, slug, display_name, is_enabled, context_window, max_output_tokens, capabilities, "
                         "status, retires_on, created_at, updated_at FROM models WHERE id = ?"_s);
        if (const auto read = query.bind(id).exec(); !read)
            return read.error();
        found = firstModel(query);
    }
    return withMappings(std::move(found));
}

Result<std::optional<Model>> CatalogStore::modelBySlug(const QString &slug)
{
    std::optional<Model> found;
    {
        Query query =
            m_db.prepare(u"SELECT id, slug, display_name, is_enabled, context_window, max_output_tokens, capabilities, "
                         "status, retires_on, created_at, updated_at FROM models WHERE slug = ?"_s);
        if (const auto read = query.bind(slug).exec(); !read)
            return read.error();
        found = firstModel(query);
    }
    return withMappings(std::move(found));
}

Result<void> CatalogStore::insert(const Model &m)
{
    Query query = m_db.prepare(
        u"INSERT INTO models (slug, display_name, is_enabled, context_window, max_output_tokens, capabilities, "
        "status, retires_on, updated_at, created_at, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"_s);
    return query
        .bind(m.slug, m.displayName, m.isEnabled, m.contextWindow, m.maxOutputTokens, capabilitiesText(m), m.status,
              textOrNull(m.retiresOn), m.updatedAt, m.createdAt, m.id)
        .exec();
}

Result<void> CatalogStore::update(const Model &m)
{
    Query query = m_db.prepare(
        u"UPDATE models SET slug = ?, display_name = ?, is_enabled = ?, context_window = ?, "
        "max_output_tokens = ?, capabilities = ?, status = ?, retires_on = ?, updated_at = ? WHERE id = ?"_s);
    return query
        .bind(m.slug, m.displayName, m.isEnabled, m.contextWindow, m.maxOutputTokens, capabilitiesText(m), m.status,
              textOrNull(m.retiresOn), m.updatedAt, m.id)
        .exec();
}

Result<void> CatalogStore::remove(const ModelId &id)
{
    Query query = m_db.prepare(u"DELETE FROM models WHERE id = ?"_s);
    return query.bind(id).exec();
}

Result<QList<Model>> CatalogStore::retired(const QString &day)
{
    Query query =
        m_db.prepare(u"SELECT id, slug, display_name, is_enabled, context_window, max_output_tokens, capabilities, "
                     "status, retires_on, created_at, updated_at "
                     "FROM models WHERE is_enabled AND retires_on <= ? ORDER BY slug"_s);
    if (const auto read = query.bind(day).exec(); !read)
        return read.error();
    QList<Model> models;
    while (query.next())
        models.append(modelFrom(query));
    return models;
}

Result<QList<Mapping>> CatalogStore::mappingsOf(const ModelId &model)
{
    Query query = m_db.prepare(
        u"SELECT m.id, m.model_id, m.provider_id, p.slug, m.provider_model_id, m.upstream_api, m.priority, "
        "m.is_enabled, m.quirks, m.pricing, m.price_version, m.is_edited, m.created_at, m.updated_at "
        "FROM model_mappings m JOIN providers p ON p.id = m.provider_id "
        "WHERE m.model_id = ? ORDER BY m.priority, m.created_at, p.slug"_s);
    if (const auto read = query.bind(model).exec(); !read)
        return read.error();
    return mappingsFrom(query);
}

Result<void> CatalogStore::insert(const Mapping &m)
{
    Query query = m_db.prepare(
        u"INSERT INTO model_mappings (provider_model_id, upstream_api, priority, is_enabled, quirks, pricing, "
        "price_version, is_edited, updated_at, created_at, model_id, provider_id, id) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"_s);
    return query
        .bind(m.providerModelId, wordOf(m.upstreamApi), m.priority, m.isEnabled, compact(quirksJson(m.quirks)),
              compact(storedJson(m.pricing)), m.priceVersion, m.isEdited, m.updatedAt, m.createdAt, m.model, m.provider,
              m.id)
        .exec();
}

Result<void> CatalogStore::update(const Mapping &m)
{
    Query query = m_db.prepare(
        u"UPDATE model_mappings SET provider_model_id = ?, upstream_api = ?, priority = ?, is_enabled = ?, "
        "quirks = ?, pricing = ?, price_version = ?, is_edited = ?, updated_at = ? WHERE id = ?"_s);
    return query
        .bind(m.providerModelId, wordOf(m.upstreamApi), m.priority, m.isEnabled, compact(quirksJson(m.quirks)),
              compact(storedJson(m.pricing)), m.priceVersion, m.isEdited, m.updatedAt, m.id)
        .exec();
}

Result<void> CatalogStore::remove(const MappingId &id)
{
    Query query = m_db.prepare(u"DELETE FROM model_mappings WHERE id = ?"_s);
    return query.bind(id).exec();
}

Result<QString> CatalogStore::setting(const QString &name)
{
    Query query = m_db.prepare(u"SELECT value FROM settings WHERE name = ?"_s);
    if (const auto read = query.bind(name).exec(); !read)
        return read.error();
    return query.next() ? query.text(0) : QString();
}

Result<qint64> CatalogStore::version()
{
    const auto text = setting(VersionName);
    if (!text)
        return text.error();
    return text->toLongLong();
}

Result<void> CatalogStore::raiseVersion()
{
    Query query = m_db.prepare(u"INSERT INTO settings (name, value) VALUES (?, '1') ON CONFLICT (name) "
                               "DO UPDATE SET value = CAST(CAST(settings.value AS BIGINT) + 1 AS TEXT)"_s);
    return query.bind(VersionName).exec();
}

Result<QString> CatalogStore::importedHash()
{
    return setting(HashName);
}

Result<void> CatalogStore::setImportedHash(const QString &hash)
{
    Query query = m_db.prepare(u"INSERT INTO settings (name, value) VALUES (?, ?) "
                               "ON CONFLICT (name) DO UPDATE SET value = excluded.value"_s);
    return query.bind(HashName, hash).exec();
}

} // namespace assistiv
