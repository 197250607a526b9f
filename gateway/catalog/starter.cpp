// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/starter.h"

#include "catalog/catalogwords.h"

#include <QtCore/QFile>
#include <QtCore/QJsonDocument>

static void initialiseCatalogueFile()
{
    // Resources of a static library are dropped by the linker unless somebody asks for them.
    Q_INIT_RESOURCE(catalogue);
}

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr int MostModels = 10'000;

Provider starterProvider(const QString &slug, ProviderKind kind, const QString &name, const QString &baseUrl)
{
    Provider provider;
    provider.slug = slug;
    provider.kind = kind;
    provider.name = name;
    provider.baseUrl = baseUrl;
    return provider;
}

// docs/contract/sandbox.md
StarterModel sandboxModel()
{
    StarterModel starter;
    starter.model.slug = u"sandbox-echo"_s;
    starter.model.displayName = u"Sandbox Echo"_s;
    starter.model.capabilities = { u"tools"_s };
    starter.model.status = u"active"_s;
    starter.providerSlug = u"sandbox"_s;
    starter.mapping.providerModelId = u"sandbox-echo"_s;
    starter.mapping.pricing.table.base = { .input = 150'000, .output = 600'000 };
    return starter;
}

StarterModel readModel(JsonFields &fields)
{
    StarterModel starter;
    Model &model = starter.model;
    model.slug = fields.requiredText("slug"_L1, 1, 128);
    model.displayName = fields.requiredText("display_name"_L1, 1, 200);
    model.status = fields.requiredText("status"_L1, 1, 20);
    model.isEnabled = model.status != "deprecated"_L1;
    if (fields.date("retires_on"_L1))
        model.retiresOn = fields.text("retires_on"_L1, 10, 10).value_or(QString());
    model.contextWindow = fields.integer("context_window"_L1, 1, 1'000'000'000);
    model.maxOutputTokens = fields.integer("max_output_tokens"_L1, 1, 1'000'000'000);
    model.capabilities = fields.texts("capabilities"_L1, 50, 50).value_or(QStringList());

    starter.providerSlug = fields.requiredText("provider"_L1, 1, 63);
    Mapping &mapping = starter.mapping;
    mapping.providerModelId = fields.requiredText("provider_model_id"_L1, 1, 200);
    if (const auto api = upstreamApiFrom(fields.requiredText("upstream_api"_L1, 1, 40)))
        mapping.upstreamApi = *api;
    else
        fields.refuse("upstream_api"_L1, u"Unknown wire format."_s);
    if (auto quirks = fields.object("quirks"_L1))
        mapping.quirks = readQuirks(*quirks);

    // The file has prices, tier and changes side by side; stored, they are one object.
    QJsonObject pricing = fields.value("prices"_L1).toObject();
    pricing.insert("long_context"_L1, fields.value("long_context"_L1));
    pricing.insert("price_changes"_L1, fields.value("price_changes"_L1));
    JsonProblem problem;
    JsonFields prices(pricing, fields.pathOf("prices"_L1), &problem);
    mapping.pricing = storedPricing(prices);
    if (problem.first)
        fields.refuse("prices"_L1, problem.first->message);
    return starter;
}

} // namespace

QByteArray starterCatalogue()
{
    initialiseCatalogueFile();
    QFile file(u":/catalogue/model-catalogue.json"_s);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QList<Provider> starterProviders()
{
    return {
        starterProvider(u"openai"_s, ProviderKind::OpenAi, u"OpenAI"_s, u"https://api.openai.com/v1"_s),
        starterProvider(u"anthropic"_s, ProviderKind::Anthropic, u"Anthropic"_s, u"https://api.anthropic.com"_s),
        starterProvider(u"google"_s, ProviderKind::Google, u"Google"_s,
                        u"https://generativelanguage.googleapis.com/v1beta"_s),
        starterProvider(u"xai"_s, ProviderKind::Xai, u"xAI"_s, u"https://api.x.ai/v1"_s),
        starterProvider(u"sandbox"_s, ProviderKind::Sandbox, u"Sandbox"_s, QString()),
    };
}

Result<QList<StarterModel>> starterModels(const QByteArray &file)
{
    JsonProblem problem;
    JsonFields root(QJsonDocument::fromJson(file).object(), {}, &problem);
    if (root.integer("schema_version"_L1, 1, 1) != 1)
        root.refuse("schema_version"_L1, u"This program reads version 1 of the catalogue."_s);
    QList<StarterModel> models { sandboxModel() };
    auto entries = root.objects("models"_L1, MostModels).value_or(QList<JsonFields>());
    for (JsonFields &entry : entries)
        models.append(readModel(entry));
    if (problem.first)
        return *problem.first;
    return models;
}

} // namespace assistiv
