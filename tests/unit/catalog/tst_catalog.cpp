// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/catalog.h"
#include "catalog/llmconfigs.h"
#include "catalog/starter.h"
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_Catalog : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }

    void starterIsComplete();
    void importRunsOnce();
    void snapshotHasWhatCallsNeed();
    void pricesOfTheSnapshotCost();
    void editedPriceIsKept();
    void uneditedPriceFollowsTheFile();
    void enablingIsNoEdit();
    void modelsInUseAreSwitchedOffOnTheirLastDayOnly();
    void disabledThingsCannotBeRouted();
    void ownServersCanBeFree();
    void mappingsComeInOrderOfPriority();
    void providerRules();
    void modelRules();
    void repeatingAChangeChangesNothing();
    void providerWithKeysStays();
    void damagedPriceIsNotFree();
};

namespace {

struct Rig
{
    ScratchDatabase scratch { ScratchDatabase::currentDialect() };
    Catalog catalog { scratch.context() };

    Rig()
    {
        scratch.clock.set(*Timestamp::parse(u"2026-11-21T12:00:00Z"));
        mustSucceed(scratch.attempt([this] { return catalog.importStarter(); }));
    }
    std::shared_ptr<const CatalogSnapshot> snapshot() { return valueOf(catalog.snapshot()); }
};

Pricing priced(Picos input, Picos output)
{
    return { .table = { .base = { .input = input, .output = output } } };
}

// The starter file with one model's entry changed.
QByteArray changedFile(const QString &slug, const std::function<void(QJsonObject &)> &change)
{
    QJsonObject root = QJsonDocument::fromJson(starterCatalogue()).object();
    QJsonArray models = root.value(u"models"_s).toArray();
    for (qsizetype i = 0; i < models.size(); ++i) {
        QJsonObject model = models.at(i).toObject();
        if (model.value(u"slug"_s).toString() == slug)
            change(model);
        models.replace(i, model);
    }
    root.insert(u"models"_s, models);
    return QJsonDocument(root).toJson();
}

} // namespace

void tst_Catalog::starterIsComplete()
{
    Rig rig;
    const ProviderList providers = valueOf(rig.catalog.providers());
    QCOMPARE(providers.total, 5);
    const ModelList models = valueOf(rig.catalog.models());
    QCOMPARE(models.total, 64);
    QCOMPARE(valueOf(rig.catalog.models(60, 20)).rows.size(), 4);
    for (const Model &model : models.rows) {
        QCOMPARE(model.mappings.size(), 1);
        QCOMPARE(model.isEnabled, model.status != "deprecated"_L1);
        QVERIFY(!model.mappings.constFirst().isEdited);
    }
    QCOMPARE(std::count_if(models.rows.begin(), models.rows.end(), [](const Model &m) { return !m.isEnabled; }), 17);
    QVERIFY(rig.scratch.changes.catalogue);
}

void tst_Catalog::importRunsOnce()
{
    Rig rig;
    const auto before = rig.snapshot();
    rig.scratch.changes = {};
    mustSucceed(rig.catalog.importStarter());
    QVERIFY(!rig.scratch.changes.catalogue);
    QCOMPARE(rig.snapshot()->version(), before->version());
    QCOMPARE(valueOf(rig.catalog.models()).total, 64);

    // The same content once more from a new file changes no row.
    mustSucceed(rig.catalog.importCatalogue(starterCatalogue()));
    const Model model = valueOf(rig.catalog.model(u"gpt-4o-mini"_s));
    QCOMPARE(model.mappings.constFirst().priceVersion, 1);
    QCOMPARE(model.updatedAt, model.createdAt);
}

void tst_Catalog::snapshotHasWhatCallsNeed()
{
    Rig rig;
    const auto snapshot = rig.snapshot();
    QCOMPARE(snapshot->models().size(), 64);
    QVERIFY(std::is_sorted(snapshot->models().begin(), snapshot->models().end(),
                           [](const CatalogModel &a, const CatalogModel &b) { return a.slug < b.slug; }));
    QVERIFY(!snapshot->find("no-such-model"));
    QVERIFY(!snapshot->find("Sandbox-echo"));
    QVERIFY(!snapshot->find(""));

    const CatalogModel *echo = snapshot->find("sandbox-echo");
    QVERIFY(echo && echo->isEnabled);
    QVERIFY(echo->mappings.constFirst().kind == ProviderKind::Sandbox);
    QCOMPARE(echo->mappings.constFirst().pricing.table.base.input, Picos(150'000));
    QCOMPARE(echo->mappings.constFirst().pricing.table.base.output, Picos(600'000));

    const CatalogModel *sol = snapshot->find("gpt-6-sol");
    QVERIFY(sol);
    QCOMPARE(sol->contextWindow, 1'050'000);
    QVERIFY(sol->capabilities.contains(u"reasoning"_s));
    const CatalogMapping &mapping = sol->mappings.constFirst();
    QCOMPARE(mapping.providerSlug, u"openai"_s);
    QCOMPARE(mapping.baseUrl, "https://api.openai.com/v1"_ba);
    QVERIFY(mapping.upstreamApi == UpstreamApi::Responses);
    QVERIFY(mapping.quirks.sampling == Sampling::EffortNoneOnly);
    QCOMPARE(mapping.quirks.efforts.size(), 6);
    QCOMPARE(mapping.quirks.chatRejects, QByteArrayList { "tools unless effort none" });
    QCOMPARE(mapping.priceVersion, 1);
    QVERIFY(!mapping.options.allowPrivateAddress);
    QCOMPARE(mapping.pricing.table.longContext->aboveInputTokens, 272'000);
}

void tst_Catalog::pricesOfTheSnapshotCost()
{
    Rig rig;
    const auto snapshot = rig.snapshot();
    const Pricing &argon = snapshot->find("gemini-4-argon")->mappings.constFirst().pricing;
    QCOMPARE(cost({ .inFresh = 1 }, argon, *Timestamp::parse(u"2026-11-30T23:59:59Z")), Picos(2'000'000));
    QCOMPARE(cost({ .inFresh = 1 }, argon, *Timestamp::parse(u"2026-12-01T00:00:00Z")), Picos(4'000'000));
    const Pricing &sol = snapshot->find("gpt-6-sol")->mappings.constFirst().pricing;
    QCOMPARE(cost({ .inFresh = 272'001, .outText = 1 }, sol, rig.scratch.clock.now()),
             Picos(272'001) * 4'000'000 + 15'000'000);
}

void tst_Catalog::editedPriceIsKept()
{
    Rig rig;
    const Model model = valueOf(rig.catalog.model(u"gpt-6-sol"_s));
    mustSucceed(rig.catalog.putMapping(model.id, { .provider = u"openai"_s, .pricing = priced(7, 8) }));
    mustSucceed(rig.catalog.importCatalogue(
        changedFile(u"gpt-6-sol"_s, [](QJsonObject &entry) { entry.insert(u"display_name"_s, u"Another name"_s); })));
    const Model after = valueOf(rig.catalog.model(u"gpt-6-sol"_s));
    QVERIFY(after.mappings.constFirst().isEdited);
    QVERIFY(after.mappings.constFirst().pricing == priced(7, 8));
    QCOMPARE(after.mappings.constFirst().priceVersion, 2);
    QCOMPARE(after.displayName, model.displayName);
    QCOMPARE(rig.snapshot()->find("gpt-6-sol")->mappings.constFirst().pricing.table.base.input, Picos(7));
}

void tst_Catalog::uneditedPriceFollowsTheFile()
{
    Rig rig;
    mustSucceed(rig.catalog.importCatalogue(changedFile(u"gpt-6-sol"_s, [](QJsonObject &entry) {
        QJsonObject prices = entry.value(u"prices"_s).toObject();
        prices.insert(u"input"_s, u"1.5"_s);
        entry.insert(u"prices"_s, prices);
    })));
    const Mapping mapping = valueOf(rig.catalog.model(u"gpt-6-sol"_s)).mappings.constFirst();
    QCOMPARE(mapping.pricing.table.base.input, Picos(1'500'000));
    QCOMPARE(mapping.priceVersion, 2);
    QVERIFY(!mapping.isEdited);
}

void tst_Catalog::enablingIsNoEdit()
{
    Rig rig;
    const Model model = valueOf(rig.catalog.model(u"gpt-4o-mini"_s));
    QVERIFY(!model.isEnabled);
    (void)valueOf(rig.catalog.updateModel(model.id, { .isEnabled = true }));
    QVERIFY(rig.snapshot()->find("gpt-4o-mini")->isEnabled);
    mustSucceed(rig.catalog.importCatalogue(
        changedFile(u"gpt-4o-mini"_s, [](QJsonObject &entry) { entry.insert(u"display_name"_s, u"Another name"_s); })));
    const Model after = valueOf(rig.catalog.model(u"gpt-4o-mini"_s));
    QVERIFY(after.isEnabled);
    QCOMPARE(after.displayName, u"Another name"_s);
}

void tst_Catalog::modelsInUseAreSwitchedOffOnTheirLastDayOnly()
{
    Rig rig;
    const QByteArray file = changedFile(u"gpt-6-sol"_s, [](QJsonObject &entry) {
        entry.insert(u"status"_s, u"deprecated"_s);
        entry.insert(u"retires_on"_s, u"2026-11-30"_s);
    });
    mustSucceed(rig.catalog.importCatalogue(file));
    QVERIFY(valueOf(rig.catalog.model(u"gpt-6-sol"_s)).isEnabled);
    QCOMPARE(valueOf(rig.catalog.model(u"gpt-6-sol"_s)).retiresOn, u"2026-11-30"_s);

    rig.scratch.clock.set(*Timestamp::parse(u"2026-11-29T23:59:59Z"));
    mustSucceed(rig.catalog.importStarter());
    QVERIFY(valueOf(rig.catalog.model(u"gpt-6-sol"_s)).isEnabled);

    rig.scratch.changes = {};
    rig.scratch.clock.set(*Timestamp::parse(u"2026-11-30T00:00:00Z"));
    mustSucceed(rig.catalog.importStarter());
    QVERIFY(!valueOf(rig.catalog.model(u"gpt-6-sol"_s)).isEnabled);
    QVERIFY(rig.scratch.changes.catalogue);
}

void tst_Catalog::disabledThingsCannotBeRouted()
{
    Rig rig;
    const Model model = valueOf(rig.catalog.model(u"gpt-6-sol"_s));
    const auto ways = [&rig] { return rig.snapshot()->find("gpt-6-sol")->mappings.size(); };
    QCOMPARE(ways(), 1);
    mustSucceed(rig.catalog.putMapping(model.id, { .provider = u"openai"_s, .isEnabled = false }));
    QCOMPARE(ways(), 0);
    mustSucceed(rig.catalog.putMapping(model.id, { .provider = u"openai"_s, .isEnabled = true }));
    (void)valueOf(rig.catalog.updateModel(model.id, { .isEnabled = false }));
    QCOMPARE(ways(), 0);
    (void)valueOf(rig.catalog.updateModel(model.id, { .isEnabled = true }));
    QCOMPARE(ways(), 1);
    (void)valueOf(rig.catalog.updateProvider(valueOf(rig.catalog.provider(u"openai"_s)).id, { .isEnabled = false }));
    QCOMPARE(ways(), 0);
    QVERIFY(!valueOf(rig.catalog.model(u"gpt-6-sol"_s)).mappings.constFirst().isEdited);
}

void tst_Catalog::ownServersCanBeFree()
{
    Rig rig;
    (void)valueOf(
        rig.catalog.createProvider({ .slug = u"local"_s,
                                     .kind = ProviderKind::OpenAi,
                                     .baseUrl = u"http://127.0.0.1:11434/v1/"_s,
                                     .options = { { u"allow_private_address"_s, true }, { u"price_free"_s, true } } }));
    (void)valueOf(rig.catalog.createModel(
        { .slug = u"gpt-7-at-home"_s, .mappings = QList { MappingDraft { .provider = u"local"_s } } }));
    const CatalogMapping mapping = rig.snapshot()->find("gpt-7-at-home")->mappings.constFirst();
    QVERIFY(mapping.options.allowPrivateAddress);
    QVERIFY(mapping.upstreamApi == UpstreamApi::Chat);
    QCOMPARE(mapping.baseUrl, "http://127.0.0.1:11434/v1"_ba);
    QCOMPARE(mapping.providerModelId, u"gpt-7-at-home"_s);
    QCOMPARE(cost({ .inFresh = 1'000'000, .outText = 1'000'000 }, mapping.pricing, rig.scratch.clock.now()), Picos(0));
}

void tst_Catalog::mappingsComeInOrderOfPriority()
{
    Rig rig;
    const Model model = valueOf(rig.catalog.createModel(
        { .slug = u"two-ways"_s,
          .mappings = QList { MappingDraft { .provider = u"xai"_s, .priority = 20, .pricing = priced(1, 2) },
                              MappingDraft { .provider = u"openai"_s, .priority = 5, .pricing = priced(1, 2) } } }));
    const auto ways = rig.snapshot()->find("two-ways")->mappings;
    QCOMPARE(ways.size(), 2);
    QCOMPARE(ways[0].providerSlug, u"openai"_s);
    QCOMPARE(ways[1].providerSlug, u"xai"_s);
    // The list given is the whole list.
    (void)valueOf(rig.catalog.updateModel(model.id, { .mappings = QList { MappingDraft { .provider = u"xai"_s } } }));
    QCOMPARE(rig.snapshot()->find("two-ways")->mappings.size(), 1);
}

void tst_Catalog::providerRules()
{
    Rig rig;
    const Provider openai = valueOf(rig.catalog.provider(u"openai"_s));
    QCOMPARE(rig.catalog.createProvider({ .slug = u"openai"_s, .kind = ProviderKind::OpenAi }).error().code,
             ErrorCode::SlugTaken);
    QCOMPARE(rig.catalog.createProvider({ .kind = ProviderKind::OpenAi }).error().param, u"slug"_s);
    QCOMPARE(rig.catalog.createProvider({ .slug = u"new"_s }).error().param, u"kind"_s);
    QCOMPARE(rig.catalog.updateProvider(openai.id, { .kind = ProviderKind::Google }).error().param, u"kind"_s);
    QCOMPARE(rig.catalog.updateProvider(openai.id, { .slug = u"xai"_s }).error().code, ErrorCode::SlugTaken);
    QCOMPARE(rig.catalog.updateProvider(openai.id, { .baseUrl = u""_s }).error().param, u"base_url"_s);
    QCOMPARE(rig.catalog.updateProvider(ProviderId::create(), {}).error().code, ErrorCode::ProviderNotFound);
    QCOMPARE(rig.catalog.removeProvider(ProviderId::create()).error().code, ErrorCode::ProviderNotFound);
    QCOMPARE(rig.catalog.provider(u"nobody"_s).error().code, ErrorCode::ProviderNotFound);
    QCOMPARE(valueOf(rig.catalog.provider(openai.id.toString())).slug, u"openai"_s);
    QCOMPARE(valueOf(rig.catalog.createProvider({ .slug = u"eu"_s, .kind = ProviderKind::Anthropic })).baseUrl,
             u"https://api.anthropic.com"_s);

    // Options are merged; null brings the default back.
    (void)valueOf(rig.catalog.updateProvider(
        openai.id, { .options = { { u"price_free"_s, true }, { u"drop_fields"_s, QJsonArray { u"seed"_s } } } }));
    const Provider after =
        valueOf(rig.catalog.updateProvider(openai.id, { .options = { { u"price_free"_s, QJsonValue() } } }));
    QVERIFY(!after.options.priceFree);
    QCOMPARE(valueOf(rig.catalog.provider(u"openai"_s)).options.dropFields, QByteArrayList { "seed" });
}

void tst_Catalog::modelRules()
{
    Rig rig;
    const Model sol = valueOf(rig.catalog.model(u"gpt-6-sol"_s));
    QCOMPARE(rig.catalog.createModel({ .slug = u"gpt-6-sol"_s }).error().code, ErrorCode::SlugTaken);
    QCOMPARE(rig.catalog.createModel({}).error().param, u"slug"_s);
    QCOMPARE(rig.catalog.createModel({ .slug = u"m"_s, .mappings = QList { MappingDraft { .provider = u"nobody"_s } } })
                 .error()
                 .param,
             u"mappings[0].provider"_s);
    QCOMPARE(rig.catalog.createModel({ .slug = u"m2"_s, .mappings = QList { MappingDraft { .provider = u"xai"_s } } })
                 .error()
                 .param,
             u"mappings[0].input_usd_per_mtok"_s);
    QCOMPARE(
        rig.catalog
            .createModel({ .slug = u"m3"_s,
                           .mappings = QList { MappingDraft {
                               .provider = u"google"_s, .upstreamApi = UpstreamApi::Chat, .pricing = priced(1, 1) } } })
            .error()
            .param,
        u"mappings[0].upstream_api"_s);
    QCOMPARE(rig.catalog.updateModel(sol.id, { .maxOutputTokens = 2'000'000 }).error().param, u"max_output_tokens"_s);
    QCOMPARE(rig.catalog.updateModel(ModelId::create(), {}).error().code, ErrorCode::ModelNotFound);
    QCOMPARE(rig.catalog.removeModel(ModelId::create()).error().code, ErrorCode::ModelNotFound);
    mustSucceed(rig.catalog.removeModel(sol.id));
    QVERIFY(!rig.snapshot()->find("gpt-6-sol"));
    // An OpenAI model that nobody told us about.
    (void)valueOf(rig.catalog.createModel(
        { .slug = u"gpt-7"_s,
          .mappings = QList { MappingDraft { .provider = u"openai"_s, .pricing = priced(1, 1) } } }));
    QVERIFY(rig.snapshot()->find("gpt-7")->mappings.constFirst().upstreamApi == UpstreamApi::Responses);
    (void)valueOf(rig.catalog.createModel(
        { .slug = u"gpt-4.5"_s,
          .mappings = QList { MappingDraft { .provider = u"openai"_s, .pricing = priced(1, 1) } } }));
    QVERIFY(rig.snapshot()->find("gpt-4.5")->mappings.constFirst().upstreamApi == UpstreamApi::Chat);
}

void tst_Catalog::repeatingAChangeChangesNothing()
{
    Rig rig;
    const MappingDraft draft { .provider = u"openai"_s, .priority = 3, .pricing = priced(7, 8) };
    const Model model = valueOf(rig.catalog.model(u"gpt-6-sol"_s));
    (void)valueOf(rig.catalog.updateModel(model.id, { .displayName = u"Sol"_s, .mappings = QList { draft } }));
    const qint64 version = rig.snapshot()->version();
    rig.scratch.changes = {};
    rig.scratch.clock.advanceMs(1000);
    (void)valueOf(rig.catalog.updateModel(model.id, { .displayName = u"Sol"_s, .mappings = QList { draft } }));
    (void)valueOf(rig.catalog.updateProvider(valueOf(rig.catalog.provider(u"openai"_s)).id, { .name = u"OpenAI"_s }));
    QCOMPARE(rig.snapshot()->version(), version);
    QVERIFY(!rig.scratch.changes.catalogue);
    QCOMPARE(valueOf(rig.catalog.model(u"gpt-6-sol"_s)).mappings.constFirst().priceVersion, 2);
}

void tst_Catalog::providerWithKeysStays()
{
    Rig rig;
    const PlatformId platform = rig.scratch.addPlatform(u"acme"_s);
    LlmConfigs configs(rig.scratch.context());
    const Provider openai = valueOf(rig.catalog.provider(u"openai"_s));
    const LlmConfig config =
        valueOf(configs.create(platform, { .provider = u"openai"_s, .apiKey = u"sk-upstream-key"_s }));
    QCOMPARE(rig.catalog.removeProvider(openai.id).error().code, ErrorCode::Conflict);
    mustSucceed(configs.remove(platform, config.id));
    mustSucceed(rig.catalog.removeProvider(openai.id));
    QCOMPARE(rig.catalog.provider(u"openai"_s).error().code, ErrorCode::ProviderNotFound);
    QCOMPARE(rig.snapshot()->find("gpt-6-sol")->mappings.size(), 0);
}

void tst_Catalog::damagedPriceIsNotFree()
{
    Rig rig;
    mustSucceed(rig.scratch.db().run(u"UPDATE model_mappings SET pricing = '{\"input\":1}'"_s));
    QCOMPARE(rig.catalog.snapshot().error().code, ErrorCode::Internal);
}

QTEST_GUILESS_MAIN(tst_Catalog)
#include "tst_catalog.moc"
