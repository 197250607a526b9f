// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "ledger/budgets.h"
#include "tenants/endusers.h"
#include "tenants/platforms.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_Platforms : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();
    void createsWithWalletAndKey();
    void refuses_data();
    void refuses();
    void slugs_data();
    void slugs();
    void takesASlugOnce();
    void patches();
    void mergesSettings_data();
    void mergesSettings();
    void refusesSettings_data();
    void refusesSettings();
    void readsSettings();
    void lists();
    void removesEverything();
    void unknown();

private:
    Result<CreatedPlatform> create(const PlatformDraft &draft);
    Result<Platform> patch(const PlatformChange &change);

    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<ApiKeys> m_keys;
    std::unique_ptr<Wallets> m_wallets;
    std::unique_ptr<Platforms> m_platforms;
    PlatformId m_platform;
};

void tst_Platforms::init()
{
    m_scratch.reset();
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_keys = std::make_unique<ApiKeys>(m_scratch->context());
    m_wallets = std::make_unique<Wallets>(m_scratch->context());
    m_platforms = std::make_unique<Platforms>(m_scratch->context(), *m_keys, *m_wallets);
    const auto created = create({ .name = u"Acme"_s, .slug = u"acme"_s });
    QVERIFY(created);
    m_platform = created->platform.id;
}

Result<CreatedPlatform> tst_Platforms::create(const PlatformDraft &draft)
{
    return m_scratch->attempt([&] { return m_platforms->create(draft); });
}

Result<Platform> tst_Platforms::patch(const PlatformChange &change)
{
    return m_scratch->attempt([&] { return m_platforms->patch(m_platform, change); });
}

void tst_Platforms::createsWithWalletAndKey()
{
    m_scratch->changes = {};
    const auto created = create({ .name = u"Zoë & Co"_s, .slug = u"zoe"_s, .settings = R"({"markup_percentage":12.5})" });
    QVERIFY(created);
    QVERIFY(created->platform.isActive);
    QVERIFY(created->key.rawKey.startsWith("sk-plat_"_L1));
    QCOMPARE(created->key.key.name, u"Default key"_s);
    QVERIFY(created->key.key.scopes.isEmpty());
    QCOMPARE(m_wallets->get(created->platform.id)->balance, Money());
    QCOMPARE(m_platforms->get(created->platform.id)->name, u"Zoë & Co"_s);
    QCOMPARE((*m_platforms->findBySlug(u"zoe"_s))->id, created->platform.id);
    QCOMPARE(m_scratch->changes.platforms.constFirst().markupBasisPoints, 1250);
    QCOMPARE(m_scratch->changes.wallets.size(), 1);
    QCOMPARE(m_scratch->changes.keys.size(), 1);
}

void tst_Platforms::refuses_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("slug");
    QTest::addColumn<QString>("param");
    QTest::newRow("no name") << u""_s << u"ok"_s << u"name"_s;
    QTest::newRow("a name of 101 characters") << QString(101, u'x') << u"ok"_s << u"name"_s;
    QTest::newRow("no slug") << u"ok"_s << u""_s << u"slug"_s;
}

void tst_Platforms::refuses()
{
    QFETCH(QString, name);
    QFETCH(QString, slug);
    QFETCH(QString, param);
    const auto created = create({ .name = name, .slug = slug });
    QCOMPARE(created.error().code, ErrorCode::ValidationError);
    QCOMPARE(created.error().param, param);
}

void tst_Platforms::slugs_data()
{
    QTest::addColumn<QString>("slug");
    QTest::addColumn<bool>("valid");
    QTest::newRow("one letter") << u"a"_s << true;
    QTest::newRow("a digit first") << u"0-a"_s << true;
    QTest::newRow("63 characters") << QString(63, u'a') << true;
    QTest::newRow("64 characters") << QString(64, u'a') << false;
    QTest::newRow("a hyphen first") << u"-a"_s << false;
    QTest::newRow("a hyphen last") << u"a-"_s << false;
    QTest::newRow("capitals") << u"A"_s << false;
    QTest::newRow("underscores") << u"a_b"_s << false;
    QTest::newRow("a line end behind it") << u"a\n"_s << false;
    QTest::newRow("letters of other scripts") << u"é"_s << false;
}

void tst_Platforms::slugs()
{
    QFETCH(QString, slug);
    QFETCH(bool, valid);
    QCOMPARE(create({ .name = u"n"_s, .slug = slug }).ok(), valid);
}

void tst_Platforms::takesASlugOnce()
{
    const auto twin = create({ .name = u"Twin"_s, .slug = u"acme"_s });
    QCOMPARE(twin.error().code, ErrorCode::SlugTaken);
    QCOMPARE(twin.error().param, u"slug"_s);
    QVERIFY(create({ .name = u"Other"_s, .slug = u"other"_s }));
    QCOMPARE(patch({ .slug = u"other"_s }).error().code, ErrorCode::SlugTaken);
    QVERIFY2(patch({ .slug = u"acme"_s }), "its own slug is no conflict");
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM platforms"_s), 2);
}

void tst_Platforms::patches()
{
    m_scratch->clock.advanceMs(7);
    const auto patched = patch({ .name = u"New name"_s, .isActive = false });
    QCOMPARE(patched->name, u"New name"_s);
    QCOMPARE(patched->slug, u"acme"_s);
    QCOMPARE(patched->updatedAt.ms() - patched->createdAt.ms(), 7);
    QVERIFY(!m_platforms->get(m_platform)->isActive);
    QVERIFY(!m_scratch->changes.platforms.constLast().isActive);
    QCOMPARE(patch({ .name = u""_s }).error().param, u"name"_s);
    QCOMPARE(patch({ .slug = u"No"_s }).error().param, u"slug"_s);
}

void tst_Platforms::mergesSettings_data()
{
    QTest::addColumn<QByteArray>("before");
    QTest::addColumn<QByteArray>("change");
    QTest::addColumn<QByteArray>("after");
    const auto row = [](const char *name, const char *before, const char *change, const char *after) {
        QTest::newRow(name) << QByteArray(before) << QByteArray(change) << QByteArray(after);
    };
    row("adds members", R"({"a":1})", R"({"b":2})", R"({"a":1,"b":2})");
    row("replaces in place", R"({"a":1,"b":2})", R"({"a":{"x":[1]}})", R"({"a":{"x":[1]},"b":2})");
    row("null removes", R"({"a":1,"b":2})", R"({"a":null})", R"({"b":2})");
    row("null of the unknown changes nothing", R"({"a":1})", R"({"z":null})", R"({"a":1})");
    row("merges at the first level only", R"({"a":{"x":1,"y":2}})", R"({"a":{"x":3}})", R"({"a":{"x":3}})");
    row("keeps the digits of numbers", "{}", R"({"n":1.10000000000000000001e2})", R"({"n":1.10000000000000000001e2})");
    row("knows a name behind escapes", R"({"markup_percentage":5})", R"({"markup\u005fpercentage":6})",
        R"({"markup_percentage":6})");
    row("the last of repeated members counts", "{}", R"({"a":1,"a":2})", R"({"a":2})");
    row("takes the limits of the known ones", "{}", R"({"default_budget_usd":1000000,"markup_percentage":1000.00})",
        R"({"default_budget_usd":1000000,"markup_percentage":1000.00})");
}

void tst_Platforms::mergesSettings()
{
    QFETCH(QByteArray, before);
    QFETCH(QByteArray, change);
    QFETCH(QByteArray, after);
    QVERIFY(patch({ .settings = before }));
    QVERIFY(patch({ .settings = change }));
    QCOMPARE(m_platforms->get(m_platform)->settings, after);
}

void tst_Platforms::refusesSettings_data()
{
    QTest::addColumn<QByteArray>("settings");
    QTest::addColumn<QString>("param");
    const auto row = [](const char *name, const char *settings, const char *param) {
        QTest::newRow(name) << QByteArray(settings) << QString::fromLatin1(param);
    };
    row("a default budget of nothing", R"({"default_budget_usd":0})", "settings.default_budget_usd");
    row("a too large default budget", R"({"default_budget_usd":1000000.000001})", "settings.default_budget_usd");
    row("a default budget with seven decimals", R"({"default_budget_usd":1.0000001})", "settings.default_budget_usd");
    row("a default budget as text", R"({"default_budget_usd":"5"})", "settings.default_budget_usd");
    row("a negative markup", R"({"markup_percentage":-0.01})", "settings.markup_percentage");
    row("a too large markup", R"({"markup_percentage":1000.01})", "settings.markup_percentage");
    row("a markup with three decimals", R"({"markup_percentage":1.001})", "settings.markup_percentage");
    row("a negative markup behind escapes", R"({"markup\u005fpercentage":-5})", "settings.markup_percentage");
    row("a display ledger that is no object", R"({"end_user_wallet":[]})", "settings.end_user_wallet");
}

void tst_Platforms::refusesSettings()
{
    QFETCH(QByteArray, settings);
    QFETCH(QString, param);
    const auto patched = patch({ .settings = settings });
    QCOMPARE(patched.error().code, ErrorCode::ValidationError);
    QCOMPARE(patched.error().param, param);
    QCOMPARE(create({ .name = u"n"_s, .slug = u"n"_s, .settings = settings }).error().param, param);
    QCOMPARE(m_platforms->get(m_platform)->settings, QByteArray("{}"));
    QVERIFY(!patch({ .settings = R"({"a":")" + QByteArray(64 * 1024, 'x') + R"("})" }));
}

void tst_Platforms::readsSettings()
{
    const PlatformSettings none = PlatformSettings::from("{}");
    QVERIFY(!none.defaultBudget);
    QCOMPARE(none.markupPercentage, QByteArray("0"));
    QCOMPARE(none.endUserWallet, QByteArray("null"));
    const PlatformSettings some = PlatformSettings::from(R"({"x":1,"default_budget_usd":0.000001,"end_user_wallet":{}})");
    QCOMPARE(some.defaultBudget, Money::fromMicros(1));
    QCOMPARE(some.endUserWallet, QByteArray("{}"));
    QCOMPARE(some.others.size(), 1);
    QCOMPARE(some.others.constFirst().first, QByteArray("x"));
}

void tst_Platforms::lists()
{
    for (const auto &slug : { u"b"_s, u"c"_s }) {
        m_scratch->clock.advanceMs(1);
        QVERIFY(create({ .name = u"n"_s, .slug = slug }));
    }
    const auto page = m_platforms->list(0, 2);
    QCOMPARE(page->total, 3);
    QCOMPARE(page->rows.size(), 2);
    QCOMPARE(page->rows.constFirst().slug, u"c"_s);
    QCOMPARE(m_platforms->list(2, 2)->rows.constFirst().slug, u"acme"_s);
}

void tst_Platforms::removesEverything()
{
    Budgets budgets(m_scratch->context());
    EndUsers users(m_scratch->context(), *m_keys, budgets);
    const auto fill = [&](const PlatformId &platform) {
        const auto user = users.create(platform, { .externalId = u"u"_s });
        return user && budgets.create(platform, user->user.id, { .max = Money::fromMicros(5) }, {})
            && m_wallets->topUp(platform, Money::fromMicros(5), {}, {})
            && m_scratch->db().run(u"INSERT INTO request_logs (id, platform_id, request_id, request_type, prompt_tokens, "
                                   "completion_tokens, latency_ms, cost, status, token_count_method, billing_status, metadata, "
                                   "created_at) VALUES ('l', '%1', 'r', 't', 0, 0, 0, 0, 's', 'n', 'b', '{}', 1)"_s
                                       .arg(platform.toString()))
            && m_scratch->db().run(u"INSERT INTO responses (id, platform_id, owner_id, status, model, item_bytes, created_at, "
                                   "expires_at, body) VALUES ('r%1', '%1', '%1', 'completed', 'm', 2, 1, 2, '{}')"_s
                                       .arg(platform.toString()))
            && m_scratch->db().run(u"INSERT INTO response_items (response_id, place, owner_id, direction, item) "
                                   "VALUES ('r%1', 0, '%1', 'input', '{}')"_s.arg(platform.toString()));
    };
    const PlatformId other = create({ .name = u"Other"_s, .slug = u"other"_s })->platform.id;
    QVERIFY(fill(m_platform));
    QVERIFY(fill(other));
    m_scratch->changes = {};
    QVERIFY(m_platforms->remove(m_platform));
    QVERIFY(!m_scratch->changes.platforms.constLast().exists);
    for (const char *table : { "platforms", "wallets", "wallet_transactions", "end_users", "budgets", "budget_transactions",
                               "request_logs", "responses", "response_items" }) {
        const QString sql = u"SELECT count(*) FROM %1"_s.arg(QLatin1StringView(table));
        QVERIFY2(m_scratch->number(sql) == 1, table);
    }
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM api_keys"_s), 2);
    QCOMPARE(m_platforms->remove(m_platform).error().code, ErrorCode::PlatformNotFound);
    QVERIFY2(create({ .name = u"Again"_s, .slug = u"acme"_s }), "the slug is free again");
}

void tst_Platforms::unknown()
{
    const PlatformId nobody = PlatformId::create();
    QCOMPARE(m_platforms->get(nobody).error().code, ErrorCode::PlatformNotFound);
    QCOMPARE(m_platforms->patch(nobody, {}).error().code, ErrorCode::PlatformNotFound);
    QVERIFY(!*m_platforms->findBySlug(u"nobody"_s));
}

QTEST_GUILESS_MAIN(tst_Platforms)
#include "tst_platforms.moc"
