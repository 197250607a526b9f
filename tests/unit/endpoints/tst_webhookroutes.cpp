// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "http/endpoints/webhooks.h"
#include "http/routes.h"
#include "services/services.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

// moc would take the slashes in a raw text for a comment.
const QByteArray Example = "{\"url\":\"https://my-saas.example/hook\"}";
constexpr auto Base = "/v1/platforms/{platformId}/webhook-endpoints"_L1;

/// What a test asks a route for; the ids are those of the test's own endpoint and delivery.
struct Question
{
    HttpMethod method = HttpMethod::Get;
    /// Behind the base path.
    QString path = {};
    QByteArray body = {};
    QString query = {};
};

QJsonObject objectOf(const Answer &answer)
{
    return QJsonDocument::fromJson(answer.body).object();
}

} // namespace

/// Routes of webhooks with the services behind them, without sockets.
class tst_WebhookRoutes : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();
    void everyRouteIsForPlatforms();
    void createsAndReads();
    void defaults();
    void listsInPages();
    void patches();
    void cannotGiveItselfLeave();
    void removes();
    void secrets();
    void testEvent();
    void deliveries();
    void deliveryWithAttempts();
    void replay();
    void recovery();
    void statistics();
    void refusesForms_data();
    void refusesForms();
    void unknownOnes_data();
    void unknownOnes();

private:
    Result<Answer> ask(const Question &question);
    Answer good(const Question &question) { return valueOf(ask(question)); }
    QJsonObject object(const Question &question) { return objectOf(good(question)); }
    QByteArray make(const QByteArray &body = Example)
    {
        return object({ HttpMethod::Post, {}, body }).value("id"_L1).toString().toLatin1();
    }
    void addAttempt(int number, std::optional<qint64> status, const std::optional<QString> &error);

    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<Services> m_services;
    Caller m_caller;
    QByteArray m_endpoint;
    QByteArray m_delivery;
};

void tst_WebhookRoutes::init()
{
    m_services.reset();
    m_scratch.reset();
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_services = std::make_unique<Services>(m_scratch->context());
    const auto platform = valueOf(m_services->platforms.create({ .name = u"Acme"_s, .slug = u"acme"_s }));
    m_caller = { platform.key.key.id, KeyType::Platform, platform.platform.id, {} };
    m_endpoint = m_delivery = WebhookEndpointId::create().toLatin1(); // which there is not
}

Result<Answer> tst_WebhookRoutes::ask(const Question &question)
{
    HttpRequest request;
    request.method = question.method;
    request.body = question.body;
    const QByteArray path = (Base + question.path).toLatin1();
    const auto *entry = RouteTable::all().find(question.method, path).entry;
    if (!entry)
        return Error { ErrorCode::RouteNotFound, QString::fromLatin1(path) };
    const QUrlQuery query(question.query);
    const ManagementCall call { request, m_caller, { m_caller.platform.toLatin1(), m_endpoint, m_delivery }, query };
    const auto work = std::get<EndpointFunction>(entry->function)(call);
    if (!work)
        return work.error();
    return m_scratch->attempt([&] { return (*work)(*m_services); });
}

void tst_WebhookRoutes::addAttempt(int number, std::optional<qint64> status, const std::optional<QString> &error)
{
    const auto answered = [&status](const QString &text) { return status ? std::optional(text) : std::nullopt; };
    Query query = m_scratch->db().prepare(
        u"INSERT INTO webhook_attempts (delivery_id, endpoint_id, attempt, trigger_type, started_at, duration_ms, "
        "request_headers, response_status, response_headers, response_body, error) "
        "VALUES (?, ?, ?, 'test', ?, 7, '{\"webhook-id\":\"msg_1\"}', ?, ?, ?, ?)"_s);
    query.bind(m_delivery, m_endpoint, number, m_scratch->clock.now(), status, answered(u"{\"x\":\"y\"}"_s),
               answered(u"no \"thanks\""_s), error);
    mustSucceed(query.exec());
}

void tst_WebhookRoutes::everyRouteIsForPlatforms()
{
    QCOMPARE(webhookRoutes().size(), 13);
    for (const Route &route : webhookRoutes()) {
        QVERIFY(route.path.startsWith(Base));
        QCOMPARE(route.key, RequiredKey::Platform);
    }
}

void tst_WebhookRoutes::createsAndReads()
{
    const Answer made =
        good({ HttpMethod::Post, {}, R"({"url":"https://my-saas.example/hook?a=1","description":"Für alle",
        "event_types":["budget.debited","budget.topped_up"],"is_active":false,"allow_private":true,"x":1})" });
    QCOMPARE(made.status, 201);
    QJsonObject object = objectOf(made);
    QVERIFY(object.value("secret"_L1).toString().startsWith("whsec_"_L1));
    m_endpoint = object.value("id"_L1).toString().toLatin1();
    const QByteArray now = m_scratch->clock.now().toIso();
    const QByteArray expected = "{\"id\":\"" + m_endpoint + "\",\"platform_id\":\"" + m_caller.platform.toLatin1()
        + R"(","url":"https://my-saas.example/hook?a=1","description":"Für alle","event_types":["budget.debited",)"
        + R"("budget.topped_up"],"is_active":false,"disabled_reason":null,"created_at":")" + now + R"(","updated_at":")"
        + now + "\"}";
    QCOMPARE(good({ HttpMethod::Get, u"/{endpointId}"_s }).body, expected);
    object.remove("secret"_L1);
    QCOMPARE(object, QJsonDocument::fromJson(expected).object());
}

void tst_WebhookRoutes::defaults()
{
    const QJsonObject made = object({ HttpMethod::Post, {}, R"({"url":"https://a.example/","event_types":null})" });
    const QJsonArray usual { u"budget.topped_up"_s, u"budget.low_balance"_s, u"budget.suspended"_s,
                             u"budget.unsuspended"_s };
    QCOMPARE(made.value("event_types"_L1).toArray(), usual);
    QVERIFY(made.value("is_active"_L1).toBool());
    QVERIFY(made.value("description"_L1).isNull());
}

void tst_WebhookRoutes::listsInPages()
{
    (void)make();
    m_scratch->clock.advanceMs(1);
    const QByteArray newest = make();
    const QJsonObject page = object({ .query = u"limit=1"_s });
    QCOMPARE(page.value("total"_L1).toInt(), 2);
    const QJsonArray rows = page.value("data"_L1).toArray();
    QCOMPARE(rows.size(), 1);
    QCOMPARE(rows.at(0).toObject().value("id"_L1).toString().toLatin1(), newest);
    QVERIFY(!rows.at(0).toObject().contains("secret"_L1));
}

void tst_WebhookRoutes::patches()
{
    m_endpoint = make(R"({"url":"https://a.example/","description":"first"})");
    const auto patch = [this](const QByteArray &body) {
        return object({ HttpMethod::Patch, u"/{endpointId}"_s, body });
    };
    QJsonObject after = patch(R"({"url":"https://b.example/","event_types":["budget.suspended"],"is_active":false})");
    QCOMPARE(after.value("url"_L1).toString(), u"https://b.example/"_s);
    QCOMPARE(after.value("event_types"_L1).toArray(), QJsonArray { u"budget.suspended"_s });
    QCOMPARE(after.value("description"_L1).toString(), u"first"_s);
    QVERIFY(!after.value("is_active"_L1).toBool());
    after = patch(R"({"description":null})");
    QVERIFY(after.value("description"_L1).isNull());
    QVERIFY(!after.value("is_active"_L1).toBool());
    QCOMPARE(object({ HttpMethod::Get, u"/{endpointId}"_s }), after);
}

void tst_WebhookRoutes::cannotGiveItselfLeave()
{
    const auto refused = ask({ HttpMethod::Post, {}, R"({"url":"https://127.0.0.1/","allow_private":true})" });
    QVERIFY(!refused);
    QCOMPARE(refused.error().code, ErrorCode::ValidationError);
    QCOMPARE(refused.error().param, u"url"_s);
    m_endpoint = make();
    const auto canMoveTo = [this](const QByteArray &url) {
        const QByteArray body = "{\"url\":\"" + url + "\",\"allow_private\":true}";
        return ask({ HttpMethod::Patch, u"/{endpointId}"_s, body }).ok();
    };
    QVERIFY(!canMoveTo("https://127.0.0.1/"));
    // Given by the administrator it lasts as long as the receiver stays where it is.
    const auto id = *WebhookEndpointId::parse(QString::fromLatin1(m_endpoint));
    const WebhookEndpointChange local { .url = u"http://127.0.0.1:9003/hook"_s, .allowPrivate = true };
    (void)valueOf(m_services->webhookEndpoints.update(m_caller.platform, id, local));
    QVERIFY(canMoveTo("http://127.0.0.1:9003/other"));
    QVERIFY(!canMoveTo("http://127.0.0.1:9004/"));
}

void tst_WebhookRoutes::removes()
{
    m_endpoint = make();
    const Answer gone = good({ HttpMethod::Delete, u"/{endpointId}"_s });
    QCOMPARE(gone.status, 204);
    QVERIFY(gone.body.isEmpty());
    QCOMPARE(ask({ HttpMethod::Delete, u"/{endpointId}"_s }).error().code, ErrorCode::WebhookEndpointNotFound);
}

void tst_WebhookRoutes::secrets()
{
    const QJsonObject made = object({ HttpMethod::Post, {}, R"({"url":"https://a.example/"})" });
    m_endpoint = made.value("id"_L1).toString().toLatin1();
    const QJsonObject shown = object({ HttpMethod::Get, u"/{endpointId}/secret"_s });
    QCOMPARE(shown, (QJsonObject { { u"secret"_s, made.value("secret"_L1) } }));
    const QJsonObject rotated = object({ HttpMethod::Post, u"/{endpointId}/rotate-secret"_s });
    QVERIFY(rotated.value("secret"_L1) != shown.value("secret"_L1));
    QCOMPARE(rotated.value("previous_secret_expires_at"_L1).toString(), u"2026-04-09T10:30:00.000Z"_s);
    QCOMPARE(object({ HttpMethod::Get, u"/{endpointId}/secret"_s }).value("secret"_L1), rotated.value("secret"_L1));
}

void tst_WebhookRoutes::testEvent()
{
    m_endpoint = make();
    const Answer sent = good({ HttpMethod::Post, u"/{endpointId}/test"_s });
    QCOMPARE(sent.status, 202);
    m_delivery = objectOf(sent).value("delivery_id"_L1).toString().toLatin1();
    QVERIFY(m_scratch->changes.deliveriesDue);
    const QJsonObject row = object({ HttpMethod::Get, u"/{endpointId}/deliveries/{deliveryId}"_s });
    QCOMPARE(row.value("status"_L1).toString(), u"pending"_s);
    QCOMPARE(row.value("payload"_L1).toObject().value("event_type"_L1).toString(), u"endpoint.test"_s);
    QCOMPARE(row.value("attempts"_L1).toArray(), QJsonArray());
}

void tst_WebhookRoutes::deliveries()
{
    m_endpoint = make();
    (void)good({ HttpMethod::Post, u"/{endpointId}/test"_s });
    const auto count = [this](const QString &query) {
        return object({ HttpMethod::Get, u"/{endpointId}/deliveries"_s, {}, query }).value("total"_L1).toInt();
    };
    QCOMPARE(count({}), 1);
    QCOMPARE(count(u"status=pending&event_type=endpoint.test"_s), 1);
    QCOMPARE(count(u"status=failed"_s), 0);
    QCOMPARE(count(u"event_type=budget.debited"_s), 0);
    QCOMPARE(count(u"since=2026-04-08T10:30:00Z"_s), 1);
    QCOMPARE(count(u"until=2026-04-08T10:30:00Z"_s), 0);
    const QJsonObject row =
        object({ HttpMethod::Get, u"/{endpointId}/deliveries"_s }).value("data"_L1).toArray().at(0).toObject();
    QCOMPARE(row.keys(),
             QStringList({ u"attempt_count"_s, u"created_at"_s, u"delivered_at"_s, u"endpoint_id"_s, u"event_id"_s,
                           u"event_type"_s, u"id"_s, u"last_response_status"_s, u"message_id"_s, u"next_attempt_at"_s,
                           u"status"_s }));
    QCOMPARE(row.value("endpoint_id"_L1).toString().toLatin1(), m_endpoint);
    QVERIFY(row.value("message_id"_L1).toString().startsWith("msg_"_L1));
    QCOMPARE(row.value("next_attempt_at"_L1).toString(), u"2026-04-08T10:30:00.000Z"_s);
    QVERIFY(row.value("delivered_at"_L1).isNull() && row.value("last_response_status"_L1).isNull());
}

void tst_WebhookRoutes::deliveryWithAttempts()
{
    m_endpoint = make();
    m_delivery = object({ HttpMethod::Post, u"/{endpointId}/test"_s }).value("delivery_id"_L1).toString().toLatin1();
    addAttempt(1, {}, u"timeout"_s);
    addAttempt(2, 503, {});
    const QJsonArray attempts =
        object({ HttpMethod::Get, u"/{endpointId}/deliveries/{deliveryId}"_s }).value("attempts"_L1).toArray();
    const QJsonObject headers { { u"webhook-id"_s, u"msg_1"_s } };
    const QJsonObject timeout { { u"attempt"_s, 1 },
                                { u"trigger"_s, u"test"_s },
                                { u"started_at"_s, u"2026-04-08T10:30:00.000Z"_s },
                                { u"duration_ms"_s, 7 },
                                { u"request_headers"_s, headers },
                                { u"response_status"_s, QJsonValue::Null },
                                { u"response_headers"_s, QJsonValue::Null },
                                { u"response_body"_s, QJsonValue::Null },
                                { u"error"_s, u"timeout"_s } };
    QJsonObject refusal = timeout;
    refusal.insert("attempt"_L1, 2);
    refusal.insert("response_status"_L1, 503);
    refusal.insert("response_headers"_L1, QJsonObject { { u"x"_s, u"y"_s } });
    refusal.insert("response_body"_L1, u"no \"thanks\""_s);
    refusal.insert("error"_L1, QJsonValue::Null);
    QCOMPARE(attempts, QJsonArray({ timeout, refusal }));
}

void tst_WebhookRoutes::replay()
{
    m_endpoint = make();
    m_delivery = object({ HttpMethod::Post, u"/{endpointId}/test"_s }).value("delivery_id"_L1).toString().toLatin1();
    const Question again { HttpMethod::Post, u"/{endpointId}/deliveries/{deliveryId}/replay"_s };
    const Answer answer = good(again);
    QCOMPARE(answer.status, 202);
    QCOMPARE(objectOf(answer).value("id"_L1).toString().toLatin1(), m_delivery);
    (void)good({ HttpMethod::Patch, u"/{endpointId}"_s, R"({"is_active":false})" });
    QCOMPARE(ask(again).error().code, ErrorCode::Conflict);
    m_delivery = WebhookDeliveryId::create().toLatin1();
    QCOMPARE(ask(again).error().code, ErrorCode::DeliveryNotFound);
}

void tst_WebhookRoutes::recovery()
{
    m_endpoint = make();
    const auto recover = [this](const QByteArray &body) {
        return ask({ HttpMethod::Post, u"/{endpointId}/recover"_s, body });
    };
    const auto done = recover(R"({"since":"2026-04-08T00:00:00Z"})");
    QCOMPARE(done->status, 202);
    QCOMPARE(done->body, R"({"count":0})");
    const auto counted = recover(R"({"since":"2026-04-08T00:00:00Z","until":"2026-04-09T00:00:00Z","dry_run":true})");
    QCOMPARE(counted->status, 200);
    QCOMPARE(counted->body, R"({"count":0})");
    QCOMPARE(recover(R"({"since":"2026-03-25T10:29:59Z"})").error().param, u"since"_s);
    (void)good({ HttpMethod::Patch, u"/{endpointId}"_s, R"({"is_active":false})" });
    QCOMPARE(recover(R"({"since":"2026-04-08T00:00:00Z"})").error().code, ErrorCode::Conflict);
}

void tst_WebhookRoutes::statistics()
{
    m_endpoint = make();
    const auto stats = [this] { return good({ HttpMethod::Get, u"/{endpointId}/stats"_s }).body; };
    const QByteArray begin = "{\"endpoint_id\":\"" + m_endpoint
        + R"(","since":"2026-04-07T10:30:00.000Z","until":"2026-04-08T10:30:00.000Z",)";
    QCOMPARE(stats(),
             begin
                 + R"("pending":0,"delivered":0,"failed":0,"canceled":0,"attempts":0,"failed_attempts":0,)"
                   R"("success_rate":null,"latency_ms_p50":null,"latency_ms_p95":null,"last_failure_at":null})");
    m_delivery = object({ HttpMethod::Post, u"/{endpointId}/test"_s }).value("delivery_id"_L1).toString().toLatin1();
    addAttempt(1, {}, u"timeout"_s);
    addAttempt(2, 200, {});
    addAttempt(3, 204, {});
    m_scratch->clock.advanceMs(1000);
    const QJsonObject after = QJsonDocument::fromJson(stats()).object();
    QCOMPARE(after.value("pending"_L1).toInt(), 1);
    QCOMPARE(after.value("attempts"_L1).toInt(), 3);
    QCOMPARE(after.value("failed_attempts"_L1).toInt(), 1);
    QVERIFY(stats().contains(R"("success_rate":0.6666,)"));
    QCOMPARE(after.value("latency_ms_p50"_L1).toInt(), 7);
    QCOMPARE(after.value("last_failure_at"_L1).toString(), u"2026-04-08T10:30:00.000Z"_s);
    const Question backwards {
        HttpMethod::Get, u"/{endpointId}/stats"_s, {}, u"since=2026-04-08T00:00:00Z&until=2026-04-07T00:00:00Z"_s
    };
    QCOMPARE(ask(backwards).error().param, u"until"_s);
}

void tst_WebhookRoutes::refusesForms_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QString>("param");
    const auto row = [](const char *sentence, const QByteArray &body, const char *param) {
        QTest::newRow(sentence) << body << QString::fromLatin1(param);
    };
    const auto with = [](const QByteArray &member) { return R"({"url":"https://a.example/",)" + member + '}'; };
    row("no URL", "{}", "url");
    row("a URL that is no text", R"({"url":7})", "url");
    row("a URL that is too long", R"({"url":"https://a.example/)" + QByteArray(2031, 'a') + "\"}", "url");
    row("a relative URL", R"({"url":"/hook"})", "url");
    row("events that are no list", with(R"("event_types":"budget.debited")"), "event_types");
    row("no events", with(R"("event_types":[])"), "event_types");
    row("an unknown event", with(R"("event_types":["budget.closed"])"), "event_types");
    row("an event that is no text", with(R"("event_types":[7])"), "event_types");
    row("an event twice", with(R"("event_types":["budget.debited","budget.debited"])"), "event_types");
    row("a description that is too long", with("\"description\":\"" + QByteArray(501, 'a') + '"'), "description");
    row("a word for a flag", with(R"("is_active":"yes")"), "is_active");
}

void tst_WebhookRoutes::refusesForms()
{
    QFETCH(QByteArray, body);
    QFETCH(QString, param);
    m_endpoint = make();
    const auto created = ask({ HttpMethod::Post, {}, body });
    QVERIFY(!created);
    QCOMPARE(created.error().code, ErrorCode::ValidationError);
    QCOMPARE(created.error().param, param);
    if (body == "{}")
        return; // changes nothing, which is allowed
    const auto patched = ask({ HttpMethod::Patch, u"/{endpointId}"_s, body });
    QVERIFY(!patched);
    QCOMPARE(patched.error().param, param);
    const auto nulled = ask({ HttpMethod::Patch, u"/{endpointId}"_s, "{\"" + param.toLatin1() + "\":null}" });
    QCOMPARE(nulled.ok(), param == "description"_L1);
}

void tst_WebhookRoutes::unknownOnes_data()
{
    QTest::addColumn<QByteArray>("id");
    QTest::newRow("nobody's id") << WebhookEndpointId::create().toLatin1();
    QTest::newRow("no id at all") << QByteArray("endpoint");
}

void tst_WebhookRoutes::unknownOnes()
{
    QFETCH(QByteArray, id);
    const QByteArray since = R"({"since":"2026-04-08T00:00:00Z"})";
    const QList<Question> questions { { HttpMethod::Get, u"/{endpointId}"_s },
                                      { HttpMethod::Patch, u"/{endpointId}"_s, "{}" },
                                      { HttpMethod::Delete, u"/{endpointId}"_s },
                                      { HttpMethod::Get, u"/{endpointId}/secret"_s },
                                      { HttpMethod::Post, u"/{endpointId}/rotate-secret"_s },
                                      { HttpMethod::Post, u"/{endpointId}/test"_s },
                                      { HttpMethod::Post, u"/{endpointId}/recover"_s, since },
                                      { HttpMethod::Get, u"/{endpointId}/stats"_s },
                                      { HttpMethod::Get, u"/{endpointId}/deliveries"_s },
                                      { HttpMethod::Get, u"/{endpointId}/deliveries/{deliveryId}"_s },
                                      { HttpMethod::Post, u"/{endpointId}/deliveries/{deliveryId}/replay"_s } };
    m_endpoint = m_delivery = id;
    for (const Question &question : questions) {
        const auto answer = ask(question);
        QVERIFY2(!answer, qPrintable(question.path));
        QCOMPARE(answer.error().code, ErrorCode::WebhookEndpointNotFound);
    }
    m_endpoint = make();
    for (const Question &question : questions.last(2)) {
        const auto answer = ask(question);
        QVERIFY2(!answer, qPrintable(question.path));
        QCOMPARE(answer.error().code, ErrorCode::DeliveryNotFound);
    }
}

QTEST_GUILESS_MAIN(tst_WebhookRoutes)
#include "tst_webhookroutes.moc"
