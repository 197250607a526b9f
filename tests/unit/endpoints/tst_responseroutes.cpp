// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "http/endpoints/responses.h"
#include "http/routes.h"
#include "ledger/settlementstore.h"
#include "services/services.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

/// Routes of stored responses with the services behind them, without sockets.
class tst_ResponseRoutes : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();
    void bothKindsOfKeysOpenThem();
    void getIsWhatWasStored();
    void deleteForgetsIt();
    void othersFindNothing();
    void idsThatAreNone_data();
    void idsThatAreNone();

private:
    Result<Answer> ask(HttpMethod method, const QByteArray &id, const Caller &caller);
    QByteArray store(const Caller &caller, const QByteArray &body);

    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<Services> m_services;
    Caller m_user;
    Caller m_other;
    Caller m_platform;
};

void tst_ResponseRoutes::init()
{
    m_services.reset();
    m_scratch.reset();
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_services = std::make_unique<Services>(m_scratch->context());
    const auto platform = valueOf(m_services->platforms.create({ .name = u"Acme"_s, .slug = u"acme"_s }));
    m_platform = { platform.key.key.id, KeyType::Platform, platform.platform.id, {} };
    const auto userCaller = [this](const QString &externalId) {
        const auto user = valueOf(m_services->endUsers.create(m_platform.platform, { .externalId = externalId }));
        return Caller { user.key.key.id, KeyType::EndUser, m_platform.platform, user.user.id };
    };
    m_user = userCaller(u"user-1"_s);
    m_other = userCaller(u"user-2"_s);
}

Result<Answer> tst_ResponseRoutes::ask(HttpMethod method, const QByteArray &id, const Caller &caller)
{
    HttpRequest request;
    request.method = method;
    const auto match = RouteTable::all().find(method, "/v1/responses/" + id.toPercentEncoding());
    if (!match.entry)
        return Error { ErrorCode::RouteNotFound, {} };
    const ManagementCall call { request, caller, match.values, {} };
    const auto work = std::get<EndpointFunction>(match.entry->function)(call);
    if (!work)
        return work.error();
    return m_scratch->attempt([&] { return (*work)(*m_services); });
}

QByteArray tst_ResponseRoutes::store(const Caller &caller, const QByteArray &body)
{
    StoredResponse response;
    response.id = newResponseId();
    response.model = "m";
    response.input = { { {}, "{}" } };
    response.body = body;
    response.createdAt = m_scratch->clock.now();
    Settlement call;
    call.id = LogRowId::create();
    call.platform = caller.platform;
    call.endUser = caller.endUser;
    call.metadata = "{}";
    call.createdAt = m_scratch->clock.now();
    call.response = std::make_shared<const StoredResponse>(response);
    mustSucceed(m_scratch->attempt([&] { return SettlementStore(m_scratch->context(), m_services->budgets).apply({ &call }); }));
    return response.id;
}

void tst_ResponseRoutes::bothKindsOfKeysOpenThem()
{
    QCOMPARE(responseRoutes().size(), 2);
    for (const Route &route : responseRoutes()) {
        QCOMPARE(route.key, RequiredKey::PlatformOrEndUser);
        QCOMPARE(RouteTable::all().find(route.method, "/v1/responses/resp_1").entry->group, RouteGroup::Inference);
    }
}

void tst_ResponseRoutes::getIsWhatWasStored()
{
    const QByteArray body = "{\"object\" : \"response\", \"temperature\": 1.0 }";
    for (const Caller &caller : { m_user, m_platform }) {
        const QByteArray id = store(caller, body);
        const Answer answer = valueOf(ask(HttpMethod::Get, id, caller));
        QCOMPARE(answer.status, 200);
        QCOMPARE(answer.body, body);
    }
}

void tst_ResponseRoutes::deleteForgetsIt()
{
    const QByteArray id = store(m_user, "{}");
    const Answer answer = valueOf(ask(HttpMethod::Delete, id, m_user));
    QCOMPARE(answer.status, 200);
    QCOMPARE(answer.body, "{\"id\":\"" + id + R"(","object":"response","deleted":true})");
    for (const HttpMethod method : { HttpMethod::Get, HttpMethod::Delete })
        QCOMPARE(ask(method, id, m_user).error().code, ErrorCode::ResponseNotFound);
}

void tst_ResponseRoutes::othersFindNothing()
{
    const QByteArray users = store(m_user, "{}");
    const QByteArray platforms = store(m_platform, "{}");
    for (const HttpMethod method : { HttpMethod::Get, HttpMethod::Delete }) {
        QCOMPARE(ask(method, users, m_other).error().code, ErrorCode::ResponseNotFound);
        QCOMPARE(ask(method, users, m_platform).error().code, ErrorCode::ResponseNotFound);
        QCOMPARE(ask(method, platforms, m_user).error().code, ErrorCode::ResponseNotFound);
    }
    QVERIFY(ask(HttpMethod::Get, users, m_user));
    QVERIFY(ask(HttpMethod::Get, platforms, m_platform));
}

void tst_ResponseRoutes::idsThatAreNone_data()
{
    QTest::addColumn<QByteArray>("id");
    QTest::newRow("never given") << newResponseId();
    QTest::newRow("another kind") << QByteArray("chatcmpl-1");
    QTest::newRow("zero") << QByteArray("resp_\0x", 7);
    QTest::newRow("no UTF-8") << QByteArray("resp_\xff");
    QTest::newRow("blank") << QByteArray(" ");
    QTest::newRow("far too long") << QByteArray(5000, 'x');
}

void tst_ResponseRoutes::idsThatAreNone()
{
    QFETCH(QByteArray, id);
    store(m_user, "{}");
    for (const HttpMethod method : { HttpMethod::Get, HttpMethod::Delete })
        QCOMPARE(ask(method, id, m_user).error().code, ErrorCode::ResponseNotFound);
}

QTEST_GUILESS_MAIN(tst_ResponseRoutes)
#include "tst_responseroutes.moc"
