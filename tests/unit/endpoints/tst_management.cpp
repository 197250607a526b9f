// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "http/endpoints/admin.h"
#include "http/endpoints/apikeys.h"
#include "http/endpoints/budget.h"
#include "http/endpoints/endusers.h"
#include "http/endpoints/logs.h"
#include "http/endpoints/platforms.h"
#include "http/endpoints/wallet.h"
#include "services/services.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

constexpr auto PlatformPath = "/v1/platforms/{platformId}"_L1;
constexpr auto UsersPath = "/v1/platforms/{platformId}/end-users"_L1;
constexpr auto BudgetPath = "/v1/platforms/{platformId}/end-users/{endUserId}/budget"_L1;
constexpr auto TopUpPath = "/v1/platforms/{platformId}/end-users/{endUserId}/budget/topup"_L1;
constexpr auto WalletPath = "/v1/platforms/{platformId}/wallet"_L1;
constexpr auto WalletTopUpPath = "/v1/platforms/{platformId}/wallet/topup"_L1;
constexpr auto AdminPath = "/v1/admin/platforms"_L1;

QJsonObject objectOf(const Result<Answer> &answer)
{
    return answer ? QJsonDocument::fromJson(answer->body).object() : QJsonObject();
}

} // namespace

/// Endpoint functions of the management API with the services behind them, without sockets.
class tst_Management : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();
    void everyPlatformRouteNeedsAPlatformKey();
    void platformObject();
    void walletObjects();
    void budgetObjects();
    void endUserObjects();
    void keyObjects();
    void logObjects();
    void refusesForms_data();
    void refusesForms();
    void idsThatAreNone_data();
    void idsThatAreNone();
    void adminWritesAreAudited();

private:
    Result<Answer> ask(HttpMethod method, QLatin1StringView path, const QByteArray &body = {},
                       const QByteArrayList &more = {}, const QString &query = {});

    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<Services> m_services;
    Caller m_caller;
    QByteArray m_user;
};

void tst_Management::init()
{
    m_services.reset();
    m_scratch.reset();
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_services = std::make_unique<Services>(m_scratch->context());
    const auto created = m_services->platforms.create({ .name = u"Acme"_s, .slug = u"acme"_s });
    m_caller = { created->key.key.id, KeyType::Platform, created->platform.id, {} };
    m_user = m_services->endUsers.create(m_caller.platform, { .externalId = u"user-1"_s })->user.id.toLatin1();
}

Result<Answer> tst_Management::ask(HttpMethod method, QLatin1StringView path, const QByteArray &body,
                                   const QByteArrayList &more, const QString &query)
{
    HttpRequest request;
    request.method = method;
    request.body = body;
    request.headers = { { "Idempotency-Key", "in_1042" } };
    for (const QList<Route> *group : { &platformRoutes(), &apiKeyRoutes(), &endUserRoutes(), &walletRoutes(),
                                       &budgetRoutes(), &logRoutes(), &adminRoutes() }) {
        for (const Route &route : *group) {
            if (route.method != method || route.path != path)
                continue;
            const ManagementCall call{ request, m_caller, QByteArrayList{ m_caller.platform.toLatin1() } + more,
                                       QUrlQuery(query) };
            const auto work = route.function(call);
            if (!work)
                return work.error();
            return m_scratch->attempt([&] { return (*work)(*m_services); });
        }
    }
    return Error{ ErrorCode::RouteNotFound, path };
}

void tst_Management::everyPlatformRouteNeedsAPlatformKey()
{
    for (const QList<Route> *group :
         { &platformRoutes(), &apiKeyRoutes(), &endUserRoutes(), &walletRoutes(), &budgetRoutes(), &logRoutes() }) {
        for (const Route &route : *group) {
            QVERIFY(route.path.startsWith(PlatformPath));
            QCOMPARE(route.key, RequiredKey::Platform);
        }
    }
    for (const Route &route : adminRoutes()) {
        QVERIFY(route.path.startsWith("/v1/admin/"_L1));
        QCOMPARE(route.key, RequiredKey::Admin);
    }
}

void tst_Management::platformObject()
{
    const auto patched = ask(HttpMethod::Patch, PlatformPath,
                             R"({"settings":{"default_budget_usd":10,"x y":{"k":1}},"is_active":false})");
    QVERIFY(patched);
    QCOMPARE(patched->status, 200);
    QCOMPARE(
        patched->body,
        "{\"id\":\"" + m_caller.platform.toLatin1() + R"(","name":"Acme","slug":"acme","is_active":true,)"
            + R"("settings":{"default_budget_usd":10.00,"markup_percentage":0,"end_user_wallet":null,"x y":{"k":1}},)"
            + R"("created_at":"2026-04-08T10:30:00.000Z","updated_at":"2026-04-08T10:30:00.000Z"})");
    QCOMPARE(ask(HttpMethod::Get, PlatformPath)->body, patched->body);
    QCOMPARE(ask(HttpMethod::Delete, PlatformPath)->status, 204);
    // Requests that passed the front door before it went.
    QCOMPARE(ask(HttpMethod::Post, "/v1/platforms/{platformId}/api-keys"_L1, "{}").error().code, ErrorCode::PlatformNotFound);
    QCOMPARE(ask(HttpMethod::Post, UsersPath, R"({"external_id":"u"})").error().code, ErrorCode::PlatformNotFound);
    QCOMPARE(ask(HttpMethod::Post, WalletTopUpPath, R"({"amount":1})").error().code, ErrorCode::PlatformNotFound);
}

void tst_Management::walletObjects()
{
    const auto row = ask(HttpMethod::Post, WalletTopUpPath, R"({"amount":50})");
    QCOMPARE(row->status, 200);
    QVERIFY(row->body.contains(
        R"("type":"top_up","amount":50.00,"balance_after":50.00,"description":"Top-up","reference":null,"metadata":{})"));
    const auto wallet = ask(HttpMethod::Get, WalletPath);
    QVERIFY(wallet->body.contains(R"("balance":50.00,"currency":"usd","low_balance_threshold":null,"is_active":true)"));
    QCOMPARE(objectOf(wallet).value("recent_transactions"_L1).toArray().size(), 1);
    const auto list = objectOf(
        ask(HttpMethod::Get, "/v1/platforms/{platformId}/wallet/transactions"_L1, {}, {}, u"limit=200&type=top_up"_s));
    QCOMPARE(list.value("total"_L1).toInt(), 1);
    QCOMPARE(list.value("limit"_L1).toInt(), 200);
}

void tst_Management::budgetObjects()
{
    const auto made = ask(HttpMethod::Post, BudgetPath,
                          R"({"max_usd":10.00,"period":"monthly","low_balance_threshold":1})", { m_user });
    QCOMPARE(made->status, 201);
    QVERIFY(made->body.contains(
        R"("max_usd":10.00,"used_usd":0.00,"remaining_usd":10.00,"period":"monthly","period_start":"2026-04-01T00:00:00.000Z","auto_replenish":false,"replenish_amount":null,"low_balance_threshold":1.00,"is_active":true,"is_suspended":false,)"));
    QCOMPARE(ask(HttpMethod::Post, BudgetPath, R"({"max_usd":10})", { m_user })->status, 200);

    const auto topUp = objectOf(
        ask(HttpMethod::Post, TopUpPath, R"({"amount_usd":5,"reason":"Invoice","metadata":{"i":1}})", { m_user }));
    QCOMPARE(topUp.value("type"_L1).toString(), u"topup"_s);
    QCOMPARE(topUp.value("idempotency_key"_L1).toString(), u"in_1042"_s);
    QCOMPARE(topUp.value("budget"_L1).toObject().value("max_usd"_L1).toInt(), 15);
    QVERIFY(!topUp.contains("actor_key_id"_L1));

    const auto debit = ask(HttpMethod::Post, "/v1/platforms/{platformId}/end-users/{endUserId}/budget/debit"_L1,
                           R"({"amount_usd":0.000175})", { m_user });
    QVERIFY(debit->body.contains(
        R"("amount_usd":0.000175,"max_usd_after":15.00,"used_usd_after":0.000175,"remaining_usd_after":14.999825,"reason":null)"));

    const auto suspended = ask(HttpMethod::Patch, BudgetPath, R"({"is_suspended":true})", { m_user });
    QCOMPARE(objectOf(suspended).value("transaction"_L1).toObject().value("reason"_L1).toString(), u"suspended"_s);
    QVERIFY(objectOf(ask(HttpMethod::Patch, BudgetPath, R"({"is_suspended":true})", { m_user }))
                .value("transaction"_L1)
                .isNull());

    const auto rowsPath = "/v1/platforms/{platformId}/end-users/{endUserId}/budget/transactions"_L1;
    const auto firstType = [&](const QString &query) {
        return objectOf(ask(HttpMethod::Get, rowsPath, {}, { m_user }, query))
            .value("data"_L1)
            .toArray()
            .at(0)
            .toObject()
            .value("type"_L1)
            .toString();
    };
    QCOMPARE(firstType({}), u"adjustment"_s);
    QCOMPARE(firstType(u"since=2026-01-01T00:00:00Z"_s), u"opening"_s);
    QCOMPARE(firstType(u"since=2026-01-01T00:00:00Z&order=desc"_s), u"adjustment"_s);
    // The header, which each of these requests carries, means something on some routes only.
    const auto opening = ask(HttpMethod::Get, rowsPath, {}, { m_user }, u"type=opening"_s);
    QVERIFY(opening->body.contains(R"("idempotency_key":null)"));
    QCOMPARE(ask(HttpMethod::Delete, BudgetPath, {}, { m_user })->status, 204);
    QCOMPARE(ask(HttpMethod::Get, BudgetPath, {}, { m_user }).error().code, ErrorCode::BudgetNotFound);
    QCOMPARE(firstType({}), u"adjustment"_s);
}

void tst_Management::endUserObjects()
{
    const auto made =
        ask(HttpMethod::Post, UsersPath, R"({"external_id":"user-2","display_name":"Jane","metadata":{"plan":"pro"}})");
    QCOMPARE(made->status, 201);
    QVERIFY(made->body.contains(
        R"("external_id":"user-2","display_name":"Jane","metadata":{"plan":"pro"},"is_active":true)"));
    const QJsonObject key = objectOf(made).value("api_key"_L1).toObject();
    QVERIFY(key.value("raw_key"_L1).toString().startsWith(key.value("key_prefix"_L1).toString()));
    QCOMPARE(ask(HttpMethod::Post, UsersPath, R"({"external_id":"user-2"})")->status, 200);
    const auto userPath = "/v1/platforms/{platformId}/end-users/{endUserId}"_L1;
    QVERIFY(objectOf(ask(HttpMethod::Patch, userPath, R"({"display_name":null,"is_active":false})", { m_user }))
                .value("display_name"_L1)
                .isNull());
    QCOMPARE(objectOf(ask(HttpMethod::Get, UsersPath, {}, {}, u"is_active=true"_s)).value("total"_L1).toInt(), 1);
    QCOMPARE(ask(HttpMethod::Delete, userPath, {}, { m_user })->status, 204);
    QCOMPARE(ask(HttpMethod::Get, userPath, {}, { m_user }).error().code, ErrorCode::EndUserNotFound);
}

void tst_Management::keyObjects()
{
    const auto keysPath = "/v1/platforms/{platformId}/api-keys"_L1;
    const auto keyPath = "/v1/platforms/{platformId}/api-keys/{keyId}"_L1;
    const auto made = objectOf(ask(HttpMethod::Post, keysPath, R"({"name":"CI key"})"));
    QCOMPARE(made.value("scopes"_L1).toArray(), QJsonArray{ u"inference"_s });
    QVERIFY(made.value("end_user_id"_L1).isNull());
    const QByteArray id = made.value("id"_L1).toString().toLatin1();
    QVERIFY(!objectOf(ask(HttpMethod::Patch, keyPath, R"({"name":"New"})", { id })).contains("raw_key"_L1));
    QCOMPARE(ask(HttpMethod::Delete, keyPath, {}, { id })->status, 204);
    QCOMPARE(ask(HttpMethod::Delete, keyPath, {}, { id })->status, 204);
    QCOMPARE(objectOf(ask(HttpMethod::Get, keysPath)).value("total"_L1).toInt(), 2);
    QCOMPARE(
        objectOf(ask(HttpMethod::Get, keysPath, {}, {}, u"type=end_user&end_user_id="_s + QString::fromLatin1(m_user)))
            .value("total"_L1)
            .toInt(),
        1);
    QCOMPARE(ask(HttpMethod::Get, keysPath, {}, {}, u"end_user_id="_s + QString::fromLatin1(m_user)).error().param,
             u"end_user_id"_s);
}

void tst_Management::logObjects()
{
    const auto path = "/v1/platforms/{platformId}/logs"_L1;
    QCOMPARE(ask(HttpMethod::Get, path)->body, QByteArray(R"({"data":[],"total":0,"page":1,"limit":20})"));
    QCOMPARE(ask(HttpMethod::Get, path, {}, {}, u"model=unknown"_s)->status, 200);
    for (const auto &query : { u"end_user_id=x"_s, u"status=fine"_s, u"request_type=x"_s, u"request_id=x"_s,
                               u"since=now"_s, u"limit=101"_s })
        QCOMPARE(ask(HttpMethod::Get, path, {}, {}, query).error().param, query.section(u'=', 0, 0));
}

void tst_Management::refusesForms_data()
{
    QTest::addColumn<QString>("path");
    QTest::addColumn<bool>("isPatch");
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QString>("param");
    const auto row = [](const char *name, QLatin1StringView path, bool isPatch, const char *body, const char *param) {
        QTest::newRow(name) << QString(path) << isPatch << QByteArray(body) << QString::fromLatin1(param);
    };
    row("a wallet top-up without an amount", WalletTopUpPath, false, "{}", "amount");
    row("a budget without a limit", BudgetPath, false, "{}", "max_usd");
    row("a budget with an unknown period", BudgetPath, false, R"({"max_usd":1,"period":"weekly"})", "period");
    row("a budget replenished without a period", BudgetPath, false,
        R"({"max_usd":1,"auto_replenish":true,"replenish_amount":1})", "auto_replenish");
    row("a limit that is null", BudgetPath, true, R"({"max_usd":null})", "max_usd");
    row("a top-up of nothing", TopUpPath, false, R"({"amount_usd":0})", "amount_usd");
    row("a top-up with seven decimals", TopUpPath, false, R"({"amount_usd":1.0000001})", "amount_usd");
    row("metadata that is a list", TopUpPath, false, R"({"amount_usd":1,"metadata":[]})", "metadata");
    row("a user without an external id", UsersPath, false, "{}", "external_id");
    row("an empty external id", UsersPath, false, R"({"external_id":""})", "external_id");
    row("a platform name that is null", PlatformPath, true, R"({"name":null})", "name");
    row("a slug with capitals", PlatformPath, true, R"({"slug":"No"})", "slug");
}

void tst_Management::refusesForms()
{
    QFETCH(QString, path);
    QFETCH(bool, isPatch);
    QFETCH(QByteArray, body);
    QFETCH(QString, param);
    const QByteArray latin = path.toLatin1();
    const auto answer = ask(isPatch ? HttpMethod::Patch : HttpMethod::Post, QLatin1StringView(latin), body, { m_user });
    QVERIFY(!answer);
    QCOMPARE(answer.error().code, ErrorCode::ValidationError);
    QCOMPARE(answer.error().param, param);
    QCOMPARE(
        ask(isPatch ? HttpMethod::Patch : HttpMethod::Post, QLatin1StringView(latin), "{", { m_user }).error().code,
        ErrorCode::InvalidJson);
}

void tst_Management::idsThatAreNone_data()
{
    QTest::addColumn<QByteArray>("id");
    QTest::newRow("no UUID") << QByteArray("nobody");
    QTest::newRow("a UUID of nobody") << QByteArray("0d3b8a4e-6b9f-4f0e-9a77-0c0a4c1f2b11");
}

void tst_Management::idsThatAreNone()
{
    QFETCH(QByteArray, id);
    QCOMPARE(ask(HttpMethod::Get, BudgetPath, {}, { id }).error().code, ErrorCode::EndUserNotFound);
    QCOMPARE(ask(HttpMethod::Post, TopUpPath, R"({"amount_usd":1})", { id }).error().code, ErrorCode::EndUserNotFound);
    QCOMPARE(ask(HttpMethod::Delete, "/v1/platforms/{platformId}/api-keys/{keyId}"_L1, {}, { id }).error().code,
             ErrorCode::ApiKeyNotFound);
    const auto keyOfUser = "/v1/platforms/{platformId}/end-users/{endUserId}/api-keys/{keyId}"_L1;
    QCOMPARE(ask(HttpMethod::Delete, keyOfUser, {}, { m_user, id }).error().code, ErrorCode::ApiKeyNotFound);
    QCOMPARE(ask(HttpMethod::Delete, keyOfUser, {}, { id, id }).error().code, ErrorCode::EndUserNotFound);
}

void tst_Management::adminWritesAreAudited()
{
    const auto one = "/v1/admin/platforms/{platformId}"_L1;
    const auto made = objectOf(ask(HttpMethod::Post, AdminPath, R"({"name":"New","slug":"new"})"));
    QVERIFY(made.value("api_key"_L1).toObject().value("raw_key"_L1).toString().startsWith("sk-plat_"_L1));
    QCOMPARE(objectOf(ask(HttpMethod::Get, AdminPath)).value("total"_L1).toInt(), 2);
    QCOMPARE(objectOf(ask(HttpMethod::Patch, one, R"({"is_active":false})")).value("is_active"_L1), QJsonValue(false));
    QVERIFY(ask(HttpMethod::Post, "/v1/admin/platforms/{platformId}/api-keys"_L1, "{}"));
    const auto booked = ask(HttpMethod::Post, "/v1/admin/platforms/{platformId}/wallet/transactions"_L1,
                            R"({"type":"adjustment","amount":-2.5})");
    QVERIFY(booked->body.contains(
        R"("type":"adjustment","amount":-2.50,"balance_after":-2.50,"description":"Adjustment")"));
    QCOMPARE(ask(HttpMethod::Post, "/v1/admin/platforms/{platformId}/wallet/transactions"_L1, R"({"amount":1})")
                 .error()
                 .param,
             u"type"_s);
    QVERIFY(ask(HttpMethod::Delete, one));
    QCOMPARE(ask(HttpMethod::Get, one).error().code, ErrorCode::PlatformNotFound);
    const QJsonObject audit = objectOf(ask(HttpMethod::Get, "/v1/admin/audit"_L1));
    QCOMPARE(audit.value("total"_L1).toInt(), 5);
    const QJsonObject newest = audit.value("data"_L1).toArray().at(0).toObject();
    QCOMPARE(newest.value("action"_L1).toString(), u"platform.delete"_s);
    QCOMPARE(newest.value("actor"_L1).toString(), m_caller.key.toString());
}

QTEST_GUILESS_MAIN(tst_Management)
#include "tst_management.moc"
