// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "http/endpoints/me.h"
#include "http/endpoints/ratelimits.h"
#include "services/services.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

constexpr auto OfUser = "/v1/platforms/{platformId}/end-users/{endUserId}/rate-limits"_L1;
constexpr auto OfPlatform = "/v1/platforms/{platformId}/rate-limits"_L1;
constexpr auto ForAdmins = "/v1/admin/platforms/{platformId}/rate-limits"_L1;
constexpr auto OwnBudget = "/v1/me/budget"_L1;
constexpr auto OwnLimits = "/v1/me/rate-limits"_L1;

const RouteTable::Entry *entryOf(HttpMethod method, QLatin1StringView path)
{
    return RouteTable::all().find(method, QByteArray(path.data(), path.size())).entry;
}

} // namespace

/// Routes of rate limits and self-service with the services behind them, without sockets.
class tst_LimitRoutes : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();
    void everyRouteHasItsKey();
    void limitsOfAUser();
    void limitsOfAPlatform();
    void ownLimits();
    void ownBudget();
    void ownBudgetAfterADueReset();
    void ownBudgetWithoutMoney();
    void refusesForms_data();
    void refusesForms();
    void unknownOnes();
    void adminWriteIsAudited();

private:
    Result<Answer> ask(HttpMethod method, QLatin1StringView path, const QByteArray &body = {});
    QByteArray bodyOf(HttpMethod method, QLatin1StringView path, const QByteArray &body = {})
    {
        return valueOf(ask(method, path, body)).body;
    }

    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<Services> m_services;
    Caller m_caller;
    QByteArrayList m_pathValues;
};

void tst_LimitRoutes::init()
{
    m_services.reset();
    m_scratch.reset();
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_services = std::make_unique<Services>(m_scratch->context());
    const auto platform = valueOf(m_services->platforms.create({ .name = u"Acme"_s, .slug = u"acme"_s }));
    const auto user = valueOf(m_services->endUsers.create(platform.platform.id, { .externalId = u"user-1"_s }));
    m_caller = { user.key.key.id, KeyType::EndUser, platform.platform.id, user.user.id };
    m_pathValues = { m_caller.platform.toLatin1(), m_caller.endUser.toLatin1() };
}

Result<Answer> tst_LimitRoutes::ask(HttpMethod method, QLatin1StringView path, const QByteArray &body)
{
    HttpRequest request;
    request.method = method;
    request.body = body;
    const auto *entry = entryOf(method, path);
    if (!entry)
        return Error { ErrorCode::RouteNotFound, path };
    const ManagementCall call { request, m_caller, m_pathValues, {} };
    const auto work = std::get<EndpointFunction>(entry->function)(call);
    if (!work)
        return work.error();
    return m_scratch->attempt([&] { return (*work)(*m_services); });
}

void tst_LimitRoutes::everyRouteHasItsKey()
{
    for (const RouteTable::Entry &entry : selfServiceRoutes()) {
        QVERIFY(entry.path.startsWith("/v1/me/"));
        QCOMPARE(entry.key, RequiredKey::EndUser);
        QCOMPARE(entry.method, HttpMethod::Get);
    }
    QCOMPARE(selfServiceRoutes().size(), 3);
    for (const Route &route : rateLimitRoutes())
        QCOMPARE(route.key, route.path == ForAdmins ? RequiredKey::Admin : RequiredKey::Platform);
    QCOMPARE(rateLimitRoutes().size(), 5);
}

void tst_LimitRoutes::limitsOfAUser()
{
    const QByteArray begin = "{\"end_user_id\":\"" + m_caller.endUser.toLatin1() + "\",";
    QCOMPARE(bodyOf(HttpMethod::Get, OfUser),
             begin + R"("rpm_limit":null,"tpm_limit":null,"rpd_limit":null,"resolution":"none"})");
    const auto set = ask(HttpMethod::Post, OfUser, R"({"rpm_limit":300,"tpm_limit":500000,"x":1})");
    QCOMPARE(set->status, 200);
    const QByteArray explicitly
        = begin + R"("rpm_limit":300,"tpm_limit":500000,"rpd_limit":null,"resolution":"explicit"})";
    QCOMPARE(set->body, explicitly);
    QCOMPARE(bodyOf(HttpMethod::Get, OfUser), explicitly);
    const auto again = ask(HttpMethod::Post, OfUser, R"({"rpd_limit":null})"); // replaces as a whole
    QCOMPARE(again->status, 200);
    QCOMPARE(again->body, begin + R"("rpm_limit":null,"tpm_limit":null,"rpd_limit":null,"resolution":"explicit"})");
    QCOMPARE(ask(HttpMethod::Delete, OfUser)->status, 204);
    QCOMPARE(ask(HttpMethod::Delete, OfUser).error().code, ErrorCode::RateLimitNotFound);
    (void)bodyOf(HttpMethod::Put, ForAdmins, R"({"end_user_default":{"rpm_limit":60}})");
    QCOMPARE(bodyOf(HttpMethod::Get, OfUser),
             begin + R"("rpm_limit":60,"tpm_limit":null,"rpd_limit":null,"resolution":"default"})");
}

void tst_LimitRoutes::limitsOfAPlatform()
{
    const QByteArray none = R"({"rpm_limit":null,"tpm_limit":null,"rpd_limit":null})";
    QCOMPARE(bodyOf(HttpMethod::Get, OfPlatform), "{\"end_user_default\":" + none + ",\"platform\":" + none + '}');
    const auto set = ask(HttpMethod::Put, ForAdmins,
                         R"({"end_user_default":{"rpm_limit":60,"tpm_limit":100000,"rpd_limit":10000},"platform":{}})");
    QCOMPARE(set->status, 200);
    const QByteArray both
        = R"({"end_user_default":{"rpm_limit":60,"tpm_limit":100000,"rpd_limit":10000},"platform":)" + none + '}';
    QCOMPARE(set->body, both);
    QCOMPARE(bodyOf(HttpMethod::Get, OfPlatform), both);
    QCOMPARE(bodyOf(HttpMethod::Put, ForAdmins, R"({"platform":{"rpm_limit":9}})"),
             "{\"end_user_default\":" + none + R"(,"platform":{"rpm_limit":9,"tpm_limit":null,"rpd_limit":null}})");
    (void)bodyOf(HttpMethod::Put, ForAdmins, R"({"end_user_default":null,"platform":{}})");
    QCOMPARE(bodyOf(HttpMethod::Get, OfPlatform), "{\"end_user_default\":" + none + ",\"platform\":" + none + '}');
}

void tst_LimitRoutes::ownLimits()
{
    QCOMPARE(bodyOf(HttpMethod::Get, OwnLimits),
             R"({"rpm_limit":null,"tpm_limit":null,"rpd_limit":null,"resolution":"none"})");
    // The platform's own limit is not the user's business.
    (void)bodyOf(HttpMethod::Put, ForAdmins, R"({"platform":{"rpm_limit":9}})");
    QCOMPARE(bodyOf(HttpMethod::Get, OwnLimits),
             R"({"rpm_limit":null,"tpm_limit":null,"rpd_limit":null,"resolution":"none"})");
    (void)bodyOf(HttpMethod::Put, ForAdmins, R"({"end_user_default":{"rpd_limit":9}})");
    QCOMPARE(bodyOf(HttpMethod::Get, OwnLimits),
             R"({"rpm_limit":null,"tpm_limit":null,"rpd_limit":9,"resolution":"default"})");
    (void)bodyOf(HttpMethod::Post, OfUser, R"({"tpm_limit":1000000000})");
    QCOMPARE(bodyOf(HttpMethod::Get, OwnLimits),
             R"({"rpm_limit":null,"tpm_limit":1000000000,"rpd_limit":null,"resolution":"explicit"})");
}

void tst_LimitRoutes::ownBudget()
{
    QCOMPARE(ask(HttpMethod::Get, OwnBudget).error().code, ErrorCode::BudgetNotFound);
    const Actor actor = systemActor();
    auto &budgets = m_services->budgets;
    const auto made = valueOf(budgets.create(m_caller.platform, m_caller.endUser,
                                             { .max = Money::fromMicros(10'000'000),
                                               .period = BudgetPeriod::Monthly,
                                               .autoReplenish = true,
                                               .replenishAmount = Money::fromMicros(20'000'000),
                                               .lowBalanceThreshold = Money::fromMicros(1) },
                                             actor));
    (void)valueOf(budgets.debit(m_caller.platform, m_caller.endUser, Money::fromMicros(1'500'000), {}, actor));
    const QByteArray expected = "{\"id\":\"" + made.budget.id.toLatin1() + "\",\"platform_id\":\""
        + m_caller.platform.toLatin1() + "\",\"end_user_id\":\"" + m_caller.endUser.toLatin1()
        + R"(","max_usd":10.00,"used_usd":1.50,"remaining_usd":8.50,"period":"monthly",)"
        + R"("period_start":"2026-04-01T00:00:00.000Z","auto_replenish":true,"is_active":true,"is_suspended":false})";
    QCOMPARE(bodyOf(HttpMethod::Get, OwnBudget), expected);

    // Shown while it stops the user's calls.
    (void)valueOf(budgets.patch(m_caller.platform, m_caller.endUser, { .isSuspended = true }, actor));
    (void)valueOf(budgets.debit(m_caller.platform, m_caller.endUser, Money::fromMicros(9'000'000), {}, actor));
    const QByteArray used = bodyOf(HttpMethod::Get, OwnBudget);
    QVERIFY2(used.contains(R"("remaining_usd":-0.50)") && used.contains(R"("is_suspended":true)"), used.constData());
    mustSucceed(budgets.deactivate(m_caller.platform, m_caller.endUser, actor));
    QCOMPARE(ask(HttpMethod::Get, OwnBudget).error().code, ErrorCode::BudgetNotFound);
}

void tst_LimitRoutes::ownBudgetAfterADueReset()
{
    const Actor actor = systemActor();
    auto &budgets = m_services->budgets;
    (void)valueOf(budgets.create(m_caller.platform, m_caller.endUser,
                                 { .max = Money::fromMicros(10'000'000), .period = BudgetPeriod::Daily }, actor));
    (void)valueOf(budgets.debit(m_caller.platform, m_caller.endUser, Money::fromMicros(10'000'000), {}, actor));
    QVERIFY(bodyOf(HttpMethod::Get, OwnBudget).contains(R"("remaining_usd":0.00)"));
    m_scratch->clock.advanceMs(24 * 3'600'000);
    const QByteArray renewed = bodyOf(HttpMethod::Get, OwnBudget);
    QVERIFY2(renewed.contains(R"("used_usd":0.00,"remaining_usd":10.00,"period":"daily",)"
                              R"("period_start":"2026-04-09T00:00:00.000Z")"),
             renewed.constData());
}

void tst_LimitRoutes::ownBudgetWithoutMoney()
{
    const BudgetDraft draft { .max = Money::fromMicros(1) };
    (void)valueOf(m_services->budgets.create(m_caller.platform, m_caller.endUser, draft, systemActor()));
    const auto shows = [this](const QByteArray &settings) {
        (void)valueOf(m_services->platforms.patch(m_caller.platform, { .settings = settings }));
        const QJsonObject budget = QJsonDocument::fromJson(bodyOf(HttpMethod::Get, OwnBudget)).object();
        const bool withMoney = budget.contains("max_usd"_L1);
        if (budget.contains("used_usd"_L1) != withMoney || budget.contains("remaining_usd"_L1) != withMoney)
            qFatal("half of the money");
        return budget.size() == (withMoney ? 11 : 8) && withMoney;
    };
    QVERIFY(shows(R"({"end_user_wallet":{"enabled":true}})"));
    QVERIFY(!shows(R"({"end_user_wallet":{"hide_usd":true}})"));
    QVERIFY(shows(R"({"end_user_wallet":null})"));
}

void tst_LimitRoutes::refusesForms_data()
{
    QTest::addColumn<bool>("ofPlatform");
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QString>("code");
    QTest::addColumn<QString>("param");
    const auto user = [](const char *name, const QByteArray &body, const QString &param,
                         const QString &code = u"validation_error"_s) {
        QTest::newRow(name) << false << body << code << param;
    };
    const auto platform = [](const char *name, const QByteArray &body, const QString &param) {
        QTest::newRow(name) << true << body << u"validation_error"_s << param;
    };
    user("no body", "", u"rpm_limit"_s);
    user("none of the three", R"({"rpm":5})", u"rpm_limit"_s);
    user("a list", "[]", {});
    user("broken JSON", "{", {}, u"invalid_json"_s);
    user("nothing allowed", R"({"rpm_limit":0})", u"rpm_limit"_s);
    user("negative", R"({"tpm_limit":-1})", u"tpm_limit"_s);
    user("half a request", R"({"rpd_limit":0.5})", u"rpd_limit"_s);
    user("too large", R"({"rpd_limit":1000000001})", u"rpd_limit"_s);
    user("text", R"({"rpm_limit":"60"})", u"rpm_limit"_s);
    user("a flag", R"({"rpm_limit":true})", u"rpm_limit"_s);
    user("the good one does not save the bad one", R"({"rpm_limit":5,"rpd_limit":{}})", u"rpd_limit"_s);
    platform("neither of the two", "{}", u"end_user_default"_s);
    platform("no object", R"({"end_user_default":60})", u"end_user_default"_s);
    platform("a bad default", R"({"end_user_default":{"rpm_limit":0}})", u"end_user_default.rpm_limit"_s);
    platform("a bad limit of the platform", R"({"platform":{"tpm_limit":"a"}})", u"platform.tpm_limit"_s);
}

void tst_LimitRoutes::refusesForms()
{
    QFETCH(bool, ofPlatform);
    QFETCH(QByteArray, body);
    const auto answer = ofPlatform ? ask(HttpMethod::Put, ForAdmins, body) : ask(HttpMethod::Post, OfUser, body);
    QVERIFY(!answer);
    QTEST(QString(errorRow(answer.error().code).word), "code");
    QTEST(answer.error().param, "param");
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM end_user_rate_limits"_s), 0);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM platform_rate_limits"_s), 0);
}

void tst_LimitRoutes::unknownOnes()
{
    const QByteArray good = R"({"rpm_limit":1})";
    for (const QByteArray &id : { QByteArray("not-a-uuid"), EndUserId::create().toLatin1() }) {
        m_pathValues[1] = id;
        QCOMPARE(ask(HttpMethod::Get, OfUser).error().code, ErrorCode::EndUserNotFound);
        QCOMPARE(ask(HttpMethod::Post, OfUser, good).error().code, ErrorCode::EndUserNotFound);
        QCOMPARE(ask(HttpMethod::Delete, OfUser).error().code, ErrorCode::EndUserNotFound);
        // The form is looked at first.
        QCOMPARE(ask(HttpMethod::Post, OfUser, "{}").error().code, ErrorCode::ValidationError);
        m_pathValues[0] = id;
        QCOMPARE(ask(HttpMethod::Put, ForAdmins, R"({"platform":{}})").error().code, ErrorCode::PlatformNotFound);
    }
}

void tst_LimitRoutes::adminWriteIsAudited()
{
    const QByteArray set = bodyOf(HttpMethod::Put, ForAdmins, R"({"platform":{"rpm_limit":9}})");
    const auto entries = valueOf(m_services->audit.list(0, 10));
    QCOMPARE(entries.total, 1);
    QCOMPARE(entries.rows[0].action, u"platform.rate_limits"_s);
    QCOMPARE(entries.rows[0].actor, m_caller.key.toString());
    QCOMPARE(entries.rows[0].target, m_caller.platform.toString());
    QCOMPARE(entries.rows[0].details, set);
    QVERIFY(!ask(HttpMethod::Put, ForAdmins, R"({"platform":{"rpm_limit":0}})"));
    QCOMPARE(valueOf(m_services->audit.list(0, 10)).total, 1);
}

QTEST_GUILESS_MAIN(tst_LimitRoutes)
#include "tst_limitroutes.moc"
