// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "services/bootstrap.h"
#include "services/services.h"
#include "services/verify.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_Bootstrap : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }

    void emptyFileMakesAnAdminKey();
    void wholeFileIsApplied();
    void applyingItAgainMakesNothingNew();
    void changedEntriesAreUpdated();
    void nothingIsDeleted();
    void walletIsFilledUpToTheAmount();
    void limitsAreSetWhereTheyAreNamed();
    void budgetsAreLeftAlone();
    void webhookEndpointsAreFoundByUrl();
    void automaticBudgetIsReplaced();
    void newProviderKeyTakesOver();
    void deprecatedModelIsUsableWhenNamed();
    void refusals_data();
    void refusals();
    void emptySectionsOfLaterVersionsAreFine();
    void nothingStaysOfARefusedFile();
    void unavailableDatabaseIsNoFaultOfTheFile();
};

namespace {

const QByteArray Example = R"({
  "providers": [ { "slug": "openai", "base_url": "http://127.0.0.1:9001/v1", "allow_private_address": true },
                 { "slug": "local", "kind": "openai", "name": "Ollama", "base_url": "http://127.0.0.1:11434/v1" } ],
  "models": [ { "slug": "gpt-4o-mini", "display_name": "GPT-4o mini",
                "mappings": [ { "provider": "openai", "provider_model_id": "gpt-4o-mini", "priority": 10,
                                "input_usd_per_mtok": "0.15", "cached_input_usd_per_mtok": "0.075", "output_usd_per_mtok": "0.60" } ] },
              { "slug": "llama", "mappings": [ { "provider": "local", "input_usd_per_mtok": 0, "output_usd_per_mtok": 0 } ] } ],
  "mcp_apps": [],
  "platforms": [
    { "slug": "acme", "name": "Acme", "settings": { "default_budget_usd": 5 },
      "keys": [ { "name": "ci" }, { "name": "server" } ],
      "llm_configs": [ { "provider": "openai", "api_key": "sk-upstream-key" } ],
      "wallet_usd": 100,
      "end_users": [ { "external_id": "user-001", "display_name": "Alice", "budget": { "max_usd": 10, "period": "monthly" } },
                     { "external_id": "user-002" } ] },
    { "slug": "plain" } ]
})";

struct Rig
{
    ScratchDatabase scratch { ScratchDatabase::currentDialect() };
    Services services { scratch.context() };

    Rig()
    {
        scratch.clock.set(*Timestamp::parse(u"2026-11-21T12:00:00Z"));
        mustSucceed(scratch.attempt([this] { return services.catalog.importStarter(); }));
    }
    Result<BootstrapOutcome> apply(const QByteArray &json)
    {
        QJsonParseError problem;
        const QJsonDocument document = QJsonDocument::fromJson(json, &problem);
        if (!document.isObject())
            qFatal("the test's JSON is wrong: %s", qPrintable(problem.errorString()));
        Transaction transaction(scratch.db());
        auto outcome = applyBootstrap(services, document.object());
        if (!transaction.commit()) // whatever came of it: a refused file leaves nothing by itself
            qFatal("cannot commit");
        return outcome;
    }
    BootstrapOutcome good(const QByteArray &json = Example) { return valueOf(apply(json)); }
    PlatformId acme() { return valueOf(services.platforms.findBySlug(u"acme"_s))->id; }
    EndUserId user(const QString &externalId)
    {
        return valueOf(services.endUsers.findByExternalId(acme(), externalId))->id;
    }

    /// Everything but moments, to be compared.
    QByteArray rowCounts()
    {
        QByteArray text;
        for (const QString &table :
             { u"providers"_s, u"models"_s, u"model_mappings"_s, u"platforms"_s, u"end_users"_s, u"api_keys"_s,
               u"llm_configs"_s, u"wallets"_s, u"wallet_transactions"_s, u"budgets"_s, u"budget_transactions"_s,
               u"webhook_endpoints"_s }) {
            text +=
                table.toLatin1() + ' ' + QByteArray::number(scratch.number(u"SELECT count(*) FROM "_s + table)) + '\n';
        }
        return text;
    }
};

} // namespace

void tst_Bootstrap::emptyFileMakesAnAdminKey()
{
    Rig rig;
    const BootstrapOutcome outcome = rig.good("{}");
    QVERIFY(outcome.adminKey.startsWith(u"sk-admin_"_s));
    QVERIFY(outcome.platforms.isEmpty());
    QVERIFY(rig.good("{}").adminKey.isEmpty());
    QVERIFY(!rig.good("{}").toJson(u"x"_s).contains(u"admin_key"_s));
}

void tst_Bootstrap::wholeFileIsApplied()
{
    Rig rig;
    const BootstrapOutcome outcome = rig.good();
    const QJsonObject json = outcome.toJson(u"http://127.0.0.1:8790"_s);
    QCOMPARE(json.value(u"origin"_s).toString(), u"http://127.0.0.1:8790"_s);
    QVERIFY(json.value(u"admin_key"_s).toString().startsWith(u"sk-admin_"_s));
    const QJsonObject acme = json.value(u"platforms"_s).toArray().at(0).toObject();
    QCOMPARE(acme.value(u"slug"_s).toString(), u"acme"_s);
    QCOMPARE(acme.value(u"id"_s).toString(), rig.acme().toString());
    QVERIFY(acme.value(u"platform_key"_s).toString().startsWith(u"sk-plat_"_s));
    const QJsonArray keys = acme.value(u"keys"_s).toArray();
    QCOMPARE(keys.size(), 2);
    QCOMPARE(keys.at(0).toObject().value(u"name"_s).toString(), u"ci"_s);
    QCOMPARE(keys.at(1).toObject().value(u"name"_s).toString(), u"server"_s);
    const QJsonObject alice = acme.value(u"end_users"_s).toArray().at(0).toObject();
    QCOMPARE(alice.value(u"external_id"_s).toString(), u"user-001"_s);
    QCOMPARE(alice.value(u"id"_s).toString(), rig.user(u"user-001"_s).toString());
    QVERIFY(alice.value(u"end_user_key"_s).toString().startsWith(u"sk-eu_"_s));
    QVERIFY(json.value(u"platforms"_s)
                .toArray()
                .at(1)
                .toObject()
                .value(u"platform_key"_s)
                .toString()
                .startsWith(u"sk-plat_"_s));

    const auto snapshot = valueOf(rig.services.catalog.snapshot());
    const CatalogMapping mapping = snapshot->find("gpt-4o-mini")->mappings.constFirst();
    QCOMPARE(mapping.baseUrl, "http://127.0.0.1:9001/v1"_ba);
    QVERIFY(mapping.options.allowPrivateAddress);
    QCOMPARE(mapping.pricing.table.base.input, Picos(150'000));
    QVERIFY(!snapshot->find("llama")->mappings.constFirst().options.allowPrivateAddress);
    QCOMPARE(valueOf(rig.services.llmConfigs.keysOf(rig.acme())).keys->constFirst().secret, "sk-upstream-key"_ba);
    QCOMPARE(valueOf(rig.services.wallets.get(rig.acme())).balance, Money::fromMicros(100'000'000));
    const Budget declared = valueOf(rig.services.budgets.get(rig.acme(), rig.user(u"user-001"_s)));
    QCOMPARE(declared.max, Money::fromMicros(10'000'000));
    QVERIFY(declared.period == BudgetPeriod::Monthly);
    QCOMPARE(valueOf(rig.services.budgets.get(rig.acme(), rig.user(u"user-002"_s))).max, Money::fromMicros(5'000'000));
    QVERIFY(valueOf(verifyBooks(rig.scratch.db())).ok());
}

void tst_Bootstrap::applyingItAgainMakesNothingNew()
{
    Rig rig;
    (void)rig.good();
    const QByteArray before = rig.rowCounts();
    const qint64 version = valueOf(rig.services.catalog.snapshot())->version();
    rig.scratch.clock.advanceMs(60'000);
    const BootstrapOutcome again = rig.good();
    QCOMPARE(rig.rowCounts(), before);
    QCOMPARE(valueOf(rig.services.catalog.snapshot())->version(), version);
    QVERIFY(again.adminKey.isEmpty());
    QVERIFY(again.platforms.constFirst().keys.constFirst().rawKey.isEmpty());
    QVERIFY(again.platforms.constFirst().users.constFirst().rawKey.isEmpty());
    const QJsonObject acme = again.toJson(u"x"_s).value(u"platforms"_s).toArray().at(0).toObject();
    QVERIFY(acme.value(u"platform_key"_s).isNull());
    QVERIFY(acme.value(u"end_users"_s).toArray().at(0).toObject().value(u"end_user_key"_s).isNull());
    const Platform platform = valueOf(rig.services.platforms.get(rig.acme()));
    QCOMPARE(platform.updatedAt, platform.createdAt);
}

void tst_Bootstrap::changedEntriesAreUpdated()
{
    Rig rig;
    (void)rig.good();
    (void)rig.good(R"({"providers":[{"slug":"local","name":"Other"}],
        "models":[{"slug":"llama","display_name":"Llama","mappings":[{"provider":"local","input_usd_per_mtok":1,"output_usd_per_mtok":2}]}],
        "platforms":[{"slug":"acme","name":"Acme Ltd","settings":{"markup_percentage":12.5},"keys":[{"name":"third"}],
        "end_users":[{"external_id":"user-001","display_name":"Alice B."}]}]})");
    QCOMPARE(valueOf(rig.services.catalog.provider(u"local"_s)).name, u"Other"_s);
    QCOMPARE(valueOf(rig.services.catalog.model(u"llama"_s)).displayName, u"Llama"_s);
    QCOMPARE(valueOf(rig.services.catalog.model(u"llama"_s)).mappings.constFirst().priceVersion, 2);
    const Platform platform = valueOf(rig.services.platforms.get(rig.acme()));
    QCOMPARE(platform.name, u"Acme Ltd"_s);
    const QJsonObject settings = QJsonDocument::fromJson(platform.settings).object();
    QCOMPARE(settings.value(u"default_budget_usd"_s).toInteger(), 5);
    QVERIFY(settings.contains(u"markup_percentage"_s));
    QCOMPARE(valueOf(rig.services.endUsers.get(rig.acme(), rig.user(u"user-001"_s))).displayName, u"Alice B."_s);
    QCOMPARE(valueOf(rig.services.apiKeys.list(rig.acme(), { .type = KeyType::Platform }, 0, 100)).total, 3);
}

void tst_Bootstrap::nothingIsDeleted()
{
    Rig rig;
    (void)rig.good();
    const QByteArray before = rig.rowCounts();
    (void)rig.good(R"({"models":[{"slug":"gpt-4o-mini","mappings":[]}],"platforms":[{"slug":"acme"}]})");
    QCOMPARE(rig.rowCounts(), before);
}

void tst_Bootstrap::walletIsFilledUpToTheAmount()
{
    Rig rig;
    (void)rig.good(R"({"platforms":[{"slug":"acme","wallet_usd":"2.5"}]})");
    const auto balance = [&rig] { return valueOf(rig.services.wallets.get(rig.acme())).balance; };
    QCOMPARE(balance(), Money::fromMicros(2'500'000));
    (void)rig.good(R"({"platforms":[{"slug":"acme","wallet_usd":1}]})");
    QCOMPARE(balance(), Money::fromMicros(2'500'000));
    (void)rig.good(R"({"platforms":[{"slug":"acme","wallet_usd":2.500001}]})");
    QCOMPARE(balance(), Money::fromMicros(2'500'001));
    (void)rig.good(R"({"platforms":[{"slug":"acme","wallet_usd":999999.999999}]})");
    QCOMPARE(balance(), LargestBalance);
    QVERIFY(valueOf(verifyBooks(rig.scratch.db())).ok());
}

void tst_Bootstrap::limitsAreSetWhereTheyAreNamed()
{
    Rig rig;
    const QByteArray file = R"({"platforms":[{"slug":"acme",
        "rate_limits":{"end_user_default":{"rpm_limit":600},"platform":{}}}]})";
    const PlatformId platform = rig.good(file).platforms[0].id;
    const auto limits = [&] { return valueOf(rig.services.rateLimits.ofPlatform(platform)); };
    QCOMPARE(limits().endUserDefault, (RateLimit { 600, {}, {} }));
    QVERIFY(!limits().wholePlatform.isAny());

    // What somebody set since stays unless the file names it; a second run changes nothing.
    mustSucceed(rig.scratch.attempt([&] {
        return rig.services.rateLimits.setForPlatform({ platform, { 5, 1'000, {} }, { {}, {}, 99 } });
    }));
    (void)rig.good(file);
    QCOMPARE(limits().endUserDefault, (RateLimit { 600, 1'000, {} }));
    QCOMPARE(limits().wholePlatform, (RateLimit { {}, {}, 99 }));
    rig.scratch.changes = {};
    (void)rig.good(file);
    QVERIFY(rig.scratch.changes.platformLimits.isEmpty());
    (void)rig.good(R"({"platforms":[{"slug":"acme","rate_limits":{"platform":{"rpm_limit":7,"rpd_limit":null}}}]})");
    QCOMPARE(limits().wholePlatform, (RateLimit { 7, {}, 99 }));
}

void tst_Bootstrap::budgetsAreLeftAlone()
{
    Rig rig;
    (void)rig.good();
    const EndUserId alice = rig.user(u"user-001"_s);
    (void)valueOf(rig.services.budgets.topUp(rig.acme(), alice, Money::fromMicros(3'000'000), {}, consoleActor()));
    (void)rig.good();
    QCOMPARE(valueOf(rig.services.budgets.get(rig.acme(), alice)).max, Money::fromMicros(13'000'000));

    // Switched off on purpose.
    QVERIFY(rig.services.budgets.deactivate(rig.acme(), alice, consoleActor()));
    (void)rig.good();
    QCOMPARE(rig.services.budgets.get(rig.acme(), alice).error().code, ErrorCode::BudgetNotFound);
}

void tst_Bootstrap::webhookEndpointsAreFoundByUrl()
{
    Rig rig;
    const auto file = [](const QByteArray &members) {
        return R"({"platforms":[{"slug":"acme","webhook_endpoints":[{"url":"https://a.example/hook"},
            {"url":"http://127.0.0.1:9003/hook","allow_private":true)" + members + "}]}]}";
    };
    const BootstrapOutcome outcome = rig.good(file(R"(,"event_types":["budget.topped_up"],"description":"Local")"));
    const QJsonArray made = outcome.toJson(u"x"_s).value(u"platforms"_s).toArray().at(0).toObject()
                                .value(u"webhook_endpoints"_s).toArray();
    QCOMPARE(made.size(), 2);
    QCOMPARE(made.at(1).toObject().value(u"url"_s).toString(), u"http://127.0.0.1:9003/hook"_s);
    const WebhookEndpointId id = outcome.platforms.at(0).endpoints.at(1).id;
    QCOMPARE(made.at(1).toObject().value(u"id"_s).toString(), id.toString());
    const QByteArray secret = valueOf(rig.services.webhookEndpoints.secret(rig.acme(), id));
    QCOMPARE(made.at(1).toObject().value(u"secret"_s).toString().toLatin1(), secret);
    const WebhookEndpoint endpoint = valueOf(rig.services.webhookEndpoints.get(rig.acme(), id));
    QVERIFY(endpoint.allowPrivate && endpoint.isActive);
    QCOMPARE(endpoint.events, QList { WebhookEvent::ToppedUp });
    QCOMPARE(endpoint.description, u"Local"_s);

    // What the file does not name stays, and the secret can be read again.
    rig.scratch.clock.advanceMs(1000);
    const BootstrapOutcome again = rig.good(file({}));
    QCOMPARE(again.platforms.at(0).endpoints.at(1).id, id);
    QCOMPARE(again.platforms.at(0).endpoints.at(1).secret, secret);
    WebhookEndpoint now = valueOf(rig.services.webhookEndpoints.get(rig.acme(), id));
    QCOMPARE(now.events, endpoint.events);
    QCOMPARE(now.updatedAt, endpoint.updatedAt);

    (void)rig.good(file(R"(,"event_types":["budget.debited"],"is_active":false)"));
    now = valueOf(rig.services.webhookEndpoints.get(rig.acme(), id));
    QCOMPARE(now.events, QList { WebhookEvent::Debited });
    QCOMPARE(now.description, u"Local"_s);
    QVERIFY(!now.isActive);
    QCOMPARE(rig.scratch.number(u"SELECT count(*) FROM webhook_endpoints"_s), 2);
}

void tst_Bootstrap::automaticBudgetIsReplaced()
{
    Rig rig;
    (void)rig.good();
    const EndUserId second = rig.user(u"user-002"_s);
    (void)rig.good(
        R"({"platforms":[{"slug":"acme","end_users":[{"external_id":"user-002","budget":{"max_usd":7,"period":"daily"}}]}]})");
    const Budget budget = valueOf(rig.services.budgets.get(rig.acme(), second));
    QCOMPARE(budget.max, Money::fromMicros(7'000'000));
    QVERIFY(budget.period == BudgetPeriod::Daily);
    QVERIFY(valueOf(verifyBooks(rig.scratch.db())).ok());
}

void tst_Bootstrap::newProviderKeyTakesOver()
{
    Rig rig;
    (void)rig.good();
    rig.scratch.clock.advanceMs(1000);
    const QByteArray rotated =
        R"({"platforms":[{"slug":"acme","llm_configs":[{"provider":"openai","api_key":"sk-rotated-key"}]}]})";
    (void)rig.good(rotated);
    const auto used = [&rig] { return valueOf(rig.services.llmConfigs.keysOf(rig.acme())).keys->constFirst().secret; };
    QCOMPARE(used(), "sk-rotated-key"_ba);
    (void)rig.good(rotated);
    QCOMPARE(valueOf(rig.services.llmConfigs.list(rig.acme())).total, 2);
    (void)rig.good(
        R"({"platforms":[{"slug":"acme","llm_configs":[{"provider":"openai","api_key":"sk-upstream-key","is_default":true}]}]})");
    QCOMPARE(used(), "sk-upstream-key"_ba);
}

void tst_Bootstrap::deprecatedModelIsUsableWhenNamed()
{
    Rig rig;
    QVERIFY(!valueOf(rig.services.catalog.model(u"gpt-4o-mini"_s)).isEnabled);
    (void)rig.good();
    QVERIFY(valueOf(rig.services.catalog.model(u"gpt-4o-mini"_s)).isEnabled);
    (void)rig.good(R"({"models":[{"slug":"gpt-4o-mini","is_enabled":false}]})");
    QVERIFY(!valueOf(rig.services.catalog.model(u"gpt-4o-mini"_s)).isEnabled);
}

void tst_Bootstrap::refusals_data()
{
    QTest::addColumn<QByteArray>("json");
    QTest::addColumn<QString>("param");
    const auto row = [](const char *name, const QByteArray &json, const QString &param) {
        QTest::newRow(name) << json << param;
    };
    const auto inPlatform = [](const QByteArray &members) {
        return R"({"platforms":[{"slug":"acme",)" + members + "}]}";
    };
    const auto inUser = [&](const QByteArray &members) {
        return inPlatform(R"("end_users":[{"external_id":"a"},{"external_id":"b",)" + members + "}]");
    };

    row("unknown member at the top", R"({"plattforms":[]})", u"plattforms"_s);
    row("section that is no list", R"({"platforms":{}})", u"platforms"_s);
    row("entry that is no object", R"({"platforms":["acme"]})", u"platforms[0]"_s);
    row("platform without slug", R"({"platforms":[{"name":"x"}]})", u"platforms[0].slug"_s);
    row("bad slug", R"({"platforms":[{"slug":"A_B"}]})", u"platforms[0].slug"_s);
    row("the same platform twice", R"({"platforms":[{"slug":"a"},{"slug":"a"}]})", u"platforms[1].slug"_s);
    row("unknown member of a platform", inPlatform(R"("budget":1)"), u"platforms[0].budget"_s);
    row("unknown member of a user", inUser(R"("email":"x")"), u"platforms[0].end_users[1].email"_s);
    row("budget of zero", inUser(R"("budget":{"max_usd":0})"), u"platforms[0].end_users[1].budget.max_usd"_s);
    row("budget that is too precise", inUser(R"("budget":{"max_usd":"1.0000001"})"),
        u"platforms[0].end_users[1].budget.max_usd"_s);
    row("budget without its amount", inUser(R"("budget":{"period":"monthly"})"),
        u"platforms[0].end_users[1].budget.max_usd"_s);
    row("unknown period", inUser(R"("budget":{"max_usd":1,"period":"weekly"})"),
        u"platforms[0].end_users[1].budget.period"_s);
    row("replenishing without an amount", inUser(R"("budget":{"max_usd":1,"period":"monthly","auto_replenish":true})"),
        u"platforms[0].end_users[1].budget.replenish_amount"_s);
    row("the same user twice", inPlatform(R"("end_users":[{"external_id":"a"},{"external_id":"a"}])"),
        u"platforms[0].end_users[1].external_id"_s);
    row("the same key twice", inPlatform(R"("keys":[{"name":"a"},{"name":"a"}])"), u"platforms[0].keys[1].name"_s);
    row("wallet below zero", inPlatform(R"("wallet_usd":-1)"), u"platforms[0].wallet_usd"_s);
    row("wallet too large", inPlatform(R"("wallet_usd":1000000)"), u"platforms[0].wallet_usd"_s);
    row("wallet as a flag", inPlatform(R"("wallet_usd":true)"), u"platforms[0].wallet_usd"_s);
    row("setting out of range", inPlatform(R"("settings":{"default_budget_usd":-5})"),
        u"platforms[0].settings.default_budget_usd"_s);
    row("provider key too short", inPlatform(R"("llm_configs":[{"provider":"openai","api_key":"short"}])"),
        u"platforms[0].llm_configs[0].api_key"_s);
    row("provider key for nobody", inPlatform(R"("llm_configs":[{"provider":"nobody","api_key":"sk-12345678"}])"),
        u"platforms[0].llm_configs[0].provider"_s);
    row("new provider without kind", R"({"providers":[{"slug":"new","base_url":"http://localhost/v1"}]})",
        u"providers[0].kind"_s);
    row("provider of another kind", R"({"providers":[{"slug":"openai","kind":"google"}]})", u"providers[0].kind"_s);
    row("bad base URL", R"({"providers":[{"slug":"openai","base_url":"ftp://x"}]})", u"providers[0].base_url"_s);
    row("unknown member of a provider", R"({"providers":[{"slug":"openai","api_key":"x"}]})",
        u"providers[0].api_key"_s);
    row("mapping to nobody",
        R"({"models":[{"slug":"m","mappings":[{"provider":"nobody","input_usd_per_mtok":1,"output_usd_per_mtok":1}]}]})",
        u"models[0].mappings[0].provider"_s);
    row("mapping of a known model to nobody",
        R"({"models":[{"slug":"gpt-4o-mini","mappings":[{"provider":"nobody"}]}]})",
        u"models[0].mappings[0].provider"_s);
    row("mapping without price", R"({"models":[{"slug":"m","mappings":[{"provider":"openai"}]}]})",
        u"models[0].mappings[0].input_usd_per_mtok"_s);
    row("unknown member of a mapping",
        R"({"models":[{"slug":"gpt-4o-mini","mappings":[{"provider":"openai","price":1}]}]})",
        u"models[0].mappings[0].price"_s);
    row("apps are not there yet", R"({"mcp_apps":[{"app":"github"}]})", u"mcp_apps"_s);
    row("apps of a platform neither", inPlatform(R"("mcp_apps":[{"app":"github"}])"), u"platforms[0].mcp_apps"_s);
    row("a webhook endpoint without URL", inPlatform(R"("webhook_endpoints":[{}])"),
        u"platforms[0].webhook_endpoints[0].url"_s);
    row("a webhook endpoint in a closed network",
        inPlatform(R"("webhook_endpoints":[{"url":"https://a.example/"},{"url":"https://10.0.0.1/"}])"),
        u"platforms[0].webhook_endpoints[1].url"_s);
    row("a webhook endpoint without TLS", inPlatform(R"("webhook_endpoints":[{"url":"http://a.example/"}])"),
        u"platforms[0].webhook_endpoints[0].url"_s);
    row("a webhook endpoint twice",
        inPlatform(R"("webhook_endpoints":[{"url":"https://a.example/"},{"url":"https://a.example/"}])"),
        u"platforms[0].webhook_endpoints[1].url"_s);
    row("an unknown event",
        inPlatform(R"("webhook_endpoints":[{"url":"https://a.example/","event_types":["budget.closed"]}])"),
        u"platforms[0].webhook_endpoints[0].event_types"_s);
    row("no event", inPlatform(R"("webhook_endpoints":[{"url":"https://a.example/","event_types":[]}])"),
        u"platforms[0].webhook_endpoints[0].event_types"_s);
    row("unknown member of a webhook endpoint",
        inPlatform(R"("webhook_endpoints":[{"url":"https://a.example/","secret":"x"}])"),
        u"platforms[0].webhook_endpoints[0].secret"_s);
    row("a limit of nothing", inPlatform(R"("rate_limits":{"end_user_default":{"rpm_limit":0}})"),
        u"platforms[0].rate_limits.end_user_default.rpm_limit"_s);
    row("half a limit", inPlatform(R"("rate_limits":{"platform":{"tpm_limit":1.5}})"),
        u"platforms[0].rate_limits.platform.tpm_limit"_s);
    row("a limit too large", inPlatform(R"("rate_limits":{"platform":{"rpd_limit":1000000001}})"),
        u"platforms[0].rate_limits.platform.rpd_limit"_s);
    row("unknown limit", inPlatform(R"("rate_limits":{"platform":{"rps_limit":1}})"),
        u"platforms[0].rate_limits.platform.rps_limit"_s);
    row("unknown kind of limits", inPlatform(R"("rate_limits":{"end_users":{}})"),
        u"platforms[0].rate_limits.end_users"_s);
    row("connections are not there yet", inUser(R"("connections":[{"app":"github"}])"),
        u"platforms[0].end_users[1].connections"_s);
}

void tst_Bootstrap::refusals()
{
    QFETCH(const QByteArray, json);
    Rig rig;
    const QByteArray before = rig.rowCounts();
    const auto refused = rig.apply(json);
    QVERIFY(!refused);
    QCOMPARE(refused.error().code, ErrorCode::ValidationError);
    QTEST(refused.error().param, "param");
    QVERIFY(!refused.error().message.isEmpty());
    QCOMPARE(rig.rowCounts(), before);
}

void tst_Bootstrap::emptySectionsOfLaterVersionsAreFine()
{
    Rig rig;
    (void)rig.good(
        R"({"mcp_apps":[],"platforms":[{"slug":"acme","rate_limits":{"end_user_default":{},"platform":{}},"mcp_apps":[],
        "webhook_endpoints":null,"end_users":[{"external_id":"a","connections":[]}]}]})");
}

void tst_Bootstrap::nothingStaysOfARefusedFile()
{
    Rig rig;
    const QByteArray before = rig.rowCounts();
    rig.scratch.changes = {};
    // Everything is well-formed; only the last provider key has no provider.
    QByteArray file = Example;
    file.replace(R"({ "slug": "plain" })",
                 R"({ "slug": "plain", "llm_configs": [ { "provider": "nobody", "api_key": "sk-12345678" } ] })");
    const auto refused = rig.apply(file);
    QVERIFY(!refused);
    QCOMPARE(refused.error().param, u"platforms[1].llm_configs[0].provider"_s);
    QCOMPARE(rig.rowCounts(), before);
    QVERIFY(rig.scratch.changes.keys.isEmpty() && rig.scratch.changes.wallets.isEmpty()
            && !rig.scratch.changes.catalogue);
}

void tst_Bootstrap::unavailableDatabaseIsNoFaultOfTheFile()
{
    Rig rig;
    if (!rig.scratch.db().run(u"DROP TABLE wallets"_s))
        qFatal("cannot drop");
    const auto refused = rig.apply(R"({"platforms":[{"slug":"acme"}]})");
    QVERIFY(!refused);
    QVERIFY(refused.error().code != ErrorCode::ValidationError);
}

QTEST_GUILESS_MAIN(tst_Bootstrap)
#include "tst_bootstrap.moc"
