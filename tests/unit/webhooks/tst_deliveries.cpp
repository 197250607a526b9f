// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "webhooks/deliveries.h"
#include "webhooks/outbox.h"

#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

constexpr qint64 MinuteMs = 60 * 1000;
constexpr qint64 DayMs = 24 * 60 * MinuteMs;

struct Row
{
    DeliveryStatus status = DeliveryStatus::Failed;
    QByteArray eventType = "budget.topped_up";
};

} // namespace

class tst_Deliveries : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();

    void listsNewestFirst();
    void filters();
    void oneWithItsAttempts();
    void onlyTheNewestAttempts();
    void notFound();
    void replays_data();
    void replays();
    void inactiveOnesAreNotReplayed();
    void sendsATest();
    void recovers();
    void recoveryHasBounds();
    void recoversTheOldestFirst();
    void statistics();
    void percentiles();

private:
    WebhookDelivery add(const Row &row = {});
    void addAttempt(const WebhookDelivery &delivery, int number, std::optional<qint64> status, qint64 durationMs,
                    const std::optional<QString> &error = {});
    WebhookDelivery read(const WebhookDeliveryId &id)
    {
        return valueOf(m_deliveries->get(m_platform, m_endpoint, id)).delivery;
    }
    void deactivate()
    {
        const WebhookEndpointChange off { .isActive = false };
        (void)valueOf(m_scratch->attempt([&] { return m_endpoints->update(m_platform, m_endpoint, off); }));
    }
    Result<qint64> recover(const DeliveryRecovery &recovery)
    {
        return m_scratch->attempt([&] { return m_deliveries->recover(m_platform, m_endpoint, recovery); });
    }
    Timestamp now() const { return m_scratch->clock.now(); }

    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<WebhookEndpoints> m_endpoints;
    std::unique_ptr<WebhookDeliveries> m_deliveries;
    PlatformId m_platform;
    WebhookEndpointId m_endpoint;
};

void tst_Deliveries::init()
{
    m_deliveries.reset();
    m_endpoints.reset();
    m_scratch.reset();
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_endpoints = std::make_unique<WebhookEndpoints>(m_scratch->context());
    m_deliveries = std::make_unique<WebhookDeliveries>(m_scratch->context(), *m_endpoints);
    m_platform = m_scratch->addPlatform();
    const WebhookEndpointDraft draft { .url = u"https://my-saas.example/hook"_s };
    m_endpoint = valueOf(m_scratch->attempt([&] { return m_endpoints->create(m_platform, draft); })).endpoint.id;
    m_scratch->changes = {};
}

WebhookDelivery tst_Deliveries::add(const Row &row)
{
    const bool isPending = row.status == DeliveryStatus::Pending;
    WebhookDelivery delivery { .id = WebhookDeliveryId::create(),
                               .endpoint = m_endpoint,
                               .platform = m_platform,
                               .eventId = LedgerRowId::create().toLatin1() + ':' + row.eventType,
                               .eventType = row.eventType,
                               .status = row.status,
                               .attemptCount = 8,
                               .scheduleStep = 8,
                               .nextAttemptAt = isPending ? std::optional(now().plusMs(5000)) : std::nullopt,
                               .dueAt = isPending ? std::optional(now().plusMs(5000)) : std::nullopt,
                               .createdAt = now() };
    // Of a platform without endpoints: the delivery is made here.
    const WebhookMessage message { PlatformId::create(), {}, delivery.eventType, delivery.eventId, R"({"a":1})", now() };
    mustSucceed(m_scratch->attempt([&] { return Outbox(m_scratch->context()).append({ message }); }));
    mustSucceed(m_scratch->attempt([&] { return WebhookDeliveryStore(m_scratch->db()).insert(delivery); }));
    return delivery;
}

void tst_Deliveries::addAttempt(const WebhookDelivery &delivery, int number, std::optional<qint64> status,
                                qint64 durationMs, const std::optional<QString> &error)
{
    const auto answered = [&status](const QString &text) { return status ? std::optional(text) : std::nullopt; };
    Query query = m_scratch->db().prepare(
        u"INSERT INTO webhook_attempts (delivery_id, endpoint_id, attempt, trigger_type, started_at, duration_ms, "
        "request_headers, response_status, response_headers, response_body, error) "
        "VALUES (?, ?, ?, 'schedule', ?, ?, '{\"webhook-id\":\"msg_1\"}', ?, ?, ?, ?)"_s);
    query.bind(delivery.id, delivery.endpoint, number, now(), durationMs, status, answered(u"{\"x\":\"y\"}"_s),
               answered(u"ä"_s), error);
    mustSucceed(query.exec());
}

void tst_Deliveries::listsNewestFirst()
{
    const WebhookDelivery first = add();
    const WebhookDelivery second = add({ .status = DeliveryStatus::Pending, .eventType = "budget.suspended" });
    const auto all = valueOf(m_deliveries->list(m_platform, m_endpoint, {}, 0, 20));
    QCOMPARE(all.total, 2);
    QCOMPARE(all.rows.size(), 2);
    const WebhookDelivery &newest = all.rows.constFirst();
    QCOMPARE(newest.id, second.id);
    QCOMPARE(newest.endpoint, m_endpoint);
    QCOMPARE(newest.eventId, second.eventId);
    QCOMPARE(newest.eventType, "budget.suspended");
    QVERIFY(newest.messageId.startsWith("msg_"));
    QCOMPARE(newest.status, DeliveryStatus::Pending);
    QCOMPARE(newest.attemptCount, 8);
    QCOMPARE(newest.nextAttemptAt, second.nextAttemptAt);
    QVERIFY(!newest.lastResponseStatus && !newest.deliveredAt);
    const auto page = valueOf(m_deliveries->list(m_platform, m_endpoint, {}, 1, 1));
    QCOMPARE(page.total, 2);
    QCOMPARE(page.rows.constFirst().id, first.id);
}

void tst_Deliveries::filters()
{
    const Timestamp begin = now();
    (void)add({ .status = DeliveryStatus::Delivered });
    m_scratch->clock.advanceMs(1000);
    (void)add({ .status = DeliveryStatus::Failed });
    (void)add({ .status = DeliveryStatus::Canceled, .eventType = "budget.suspended" });
    const auto count = [this](const DeliveryFilter &filter) {
        const auto list = valueOf(m_deliveries->list(m_platform, m_endpoint, filter, 0, 20));
        return list.rows.size() == list.total ? list.total : -1;
    };
    QCOMPARE(count({}), 3);
    QCOMPARE(count({ .status = DeliveryStatus::Failed }), 1);
    QCOMPARE(count({ .status = DeliveryStatus::Pending }), 0);
    QCOMPARE(count({ .eventType = u"budget.topped_up"_s }), 2);
    QCOMPARE(count({ .status = DeliveryStatus::Canceled, .eventType = u"budget.topped_up"_s }), 0);
    QCOMPARE(count({ .since = begin }), 3);
    QCOMPARE(count({ .since = begin.plusMs(1) }), 2);
    QCOMPARE(count({ .until = begin }), 0);
    QCOMPARE(count({ .until = begin.plusMs(1) }), 1);
    QCOMPARE(count({ .since = begin.plusMs(1000), .until = begin.plusMs(1001) }), 2);
}

void tst_Deliveries::oneWithItsAttempts()
{
    const WebhookDelivery delivery = add();
    addAttempt(delivery, 1, {}, 15'000, u"timeout"_s);
    addAttempt(delivery, 2, 500, 12);
    addAttempt(add(), 1, 200, 1); // of another one
    const DeliveryReport report = valueOf(m_deliveries->get(m_platform, m_endpoint, delivery.id));
    QCOMPARE(report.payload, R"({"a":1})");
    QCOMPARE(report.attempts.size(), 2);
    const WebhookAttempt &first = report.attempts.constFirst();
    QCOMPARE(first.number, 1);
    QCOMPARE(first.trigger, DeliveryTrigger::Schedule);
    QCOMPARE(first.startedAt, now());
    QCOMPARE(first.durationMs, 15'000);
    QCOMPARE(first.requestHeaders, R"({"webhook-id":"msg_1"})");
    QVERIFY(!first.responseStatus && !first.responseHeaders && !first.responseBody);
    QCOMPARE(first.error, u"timeout"_s);
    const WebhookAttempt &second = report.attempts.constLast();
    QCOMPARE(second.responseStatus, std::optional<qint64>(500));
    QCOMPARE(second.responseHeaders, std::optional<QByteArray>(R"({"x":"y"})"));
    QCOMPARE(second.responseBody, std::optional<QString>(u"ä"_s));
    QVERIFY(second.error.isEmpty());
}

void tst_Deliveries::onlyTheNewestAttempts()
{
    const WebhookDelivery delivery = add();
    const int count = WebhookDeliveries::MostAttempts + 1;
    for (int number = 1; number <= count; ++number)
        addAttempt(delivery, number, 500, 1);
    const DeliveryReport report = valueOf(m_deliveries->get(m_platform, m_endpoint, delivery.id));
    QCOMPARE(report.attempts.size(), count - 1);
    QCOMPARE(report.attempts.constFirst().number, 2);
    QCOMPARE(report.attempts.constLast().number, count);
}

void tst_Deliveries::notFound()
{
    const WebhookDelivery delivery = add();
    const PlatformId rival = m_scratch->addPlatform(u"rival"_s);
    const WebhookEndpointDraft draft { .url = u"https://rival.example/"_s };
    const auto theirs = valueOf(m_scratch->attempt([&] { return m_endpoints->create(rival, draft); })).endpoint.id;
    const auto ours = valueOf(m_scratch->attempt([&] { return m_endpoints->create(m_platform, draft); })).endpoint.id;
    const auto codeOf = [](const auto &result) { return result ? ErrorCode::Internal : result.error().code; };
    const auto codes = [&](const PlatformId &platform, const WebhookEndpointId &endpoint) {
        return QList { codeOf(m_deliveries->get(platform, endpoint, delivery.id)),
                       codeOf(m_deliveries->replay(platform, endpoint, delivery.id)) };
    };
    const QList noDelivery { ErrorCode::DeliveryNotFound, ErrorCode::DeliveryNotFound };
    const QList noEndpoint { ErrorCode::WebhookEndpointNotFound, ErrorCode::WebhookEndpointNotFound };
    QCOMPARE(codes(m_platform, ours), noDelivery);
    QCOMPARE(codes(rival, theirs), noDelivery);
    QCOMPARE(codes(rival, m_endpoint), noEndpoint);
    QCOMPARE(codeOf(m_deliveries->list(rival, m_endpoint, {}, 0, 20)), ErrorCode::WebhookEndpointNotFound);
    QCOMPARE(codeOf(m_deliveries->sendTest(rival, m_endpoint)), ErrorCode::WebhookEndpointNotFound);
    QCOMPARE(codeOf(m_deliveries->recover(rival, m_endpoint, { .since = now().plusMs(-1) })),
             ErrorCode::WebhookEndpointNotFound);
    QCOMPARE(codeOf(m_deliveries->stats(rival, m_endpoint)), ErrorCode::WebhookEndpointNotFound);
    QVERIFY(!m_scratch->changes.deliveriesDue);
}

void tst_Deliveries::replays_data()
{
    QTest::addColumn<DeliveryStatus>("status");
    QTest::newRow("a delivered one") << DeliveryStatus::Delivered;
    QTest::newRow("a failed one") << DeliveryStatus::Failed;
    QTest::newRow("a canceled one") << DeliveryStatus::Canceled;
    QTest::newRow("one that waits for its next attempt") << DeliveryStatus::Pending;
}

void tst_Deliveries::replays()
{
    QFETCH(DeliveryStatus, status);
    const WebhookDelivery delivery = add({ .status = status });
    m_scratch->clock.advanceMs(100);
    const auto answer =
        valueOf(m_scratch->attempt([&] { return m_deliveries->replay(m_platform, m_endpoint, delivery.id); }));
    QCOMPARE(answer.id, delivery.id);
    const WebhookDelivery after = read(delivery.id);
    QCOMPARE(after.status, status);
    QCOMPARE(after.dueAt, std::optional(now()));
    QCOMPARE(after.nextTrigger, DeliveryTrigger::Replay);
    QCOMPARE(after.nextAttemptAt, delivery.nextAttemptAt); // the schedule stays what it was
    QCOMPARE(after.scheduleStep, delivery.scheduleStep);
    QVERIFY(m_scratch->changes.deliveriesDue);
}

void tst_Deliveries::inactiveOnesAreNotReplayed()
{
    const WebhookDelivery delivery = add();
    deactivate();
    const auto replayed = m_deliveries->replay(m_platform, m_endpoint, delivery.id);
    QVERIFY(!replayed);
    QCOMPARE(replayed.error().code, ErrorCode::Conflict);
    QVERIFY(!read(delivery.id).dueAt);
    const auto unknown = m_deliveries->replay(m_platform, m_endpoint, WebhookDeliveryId::create());
    QVERIFY(!unknown);
    QCOMPARE(unknown.error().code, ErrorCode::DeliveryNotFound);
}

void tst_Deliveries::sendsATest()
{
    deactivate();
    const auto id = valueOf(m_scratch->attempt([&] { return m_deliveries->sendTest(m_platform, m_endpoint); }));
    const DeliveryReport report = valueOf(m_deliveries->get(m_platform, m_endpoint, id));
    QCOMPARE(report.delivery.status, DeliveryStatus::Pending);
    QCOMPARE(report.delivery.eventType, "endpoint.test");
    QCOMPARE(report.delivery.nextTrigger, DeliveryTrigger::Test);
    QCOMPARE(report.delivery.dueAt, std::optional(now()));
    QCOMPARE(report.delivery.attemptCount, 0);
    QVERIFY(m_scratch->changes.deliveriesDue);

    const QJsonObject body = QJsonDocument::fromJson(report.payload).object();
    QCOMPARE(body.keys(), QStringList({ u"api_version"_s, u"created_at"_s, u"data"_s, u"event_id"_s, u"event_type"_s }));
    QCOMPARE(body.value("event_type"_L1).toString(), u"endpoint.test"_s);
    const QString eventId = body.value("event_id"_L1).toString();
    QCOMPARE(eventId.toLatin1(), report.delivery.eventId);
    QVERIFY(eventId.endsWith(":endpoint.test"_L1));
    QVERIFY(WebhookDeliveryId::parse(eventId.chopped(14)));
    QCOMPARE(body.value("api_version"_L1).toString(), u"2026-04-11"_s);
    QCOMPARE(body.value("created_at"_L1).toString().toLatin1(), now().toIso());
    const QJsonObject data { { u"platform_id"_s, m_platform.toString() }, { u"message"_s, u"Test event"_s } };
    QCOMPARE(body.value("data"_L1).toObject(), data);

    // A test that is under way does not rest.
    (void)valueOf(m_scratch->attempt([&] { return m_endpoints->update(m_platform, m_endpoint, { .isActive = true }); }));
    deactivate();
    QVERIFY(read(id).dueAt);
}

void tst_Deliveries::recovers()
{
    const Timestamp begin = now();
    const WebhookDelivery early = add();
    m_scratch->clock.advanceMs(MinuteMs);
    const WebhookDelivery failed = add();
    const WebhookDelivery canceled = add({ .status = DeliveryStatus::Canceled });
    const WebhookDelivery delivered = add({ .status = DeliveryStatus::Delivered });
    const WebhookDelivery test = add({ .status = DeliveryStatus::Failed, .eventType = "endpoint.test" });
    const WebhookDelivery pending = add({ .status = DeliveryStatus::Pending });
    m_scratch->clock.advanceMs(MinuteMs);
    const WebhookDelivery late = add();
    m_scratch->clock.advanceMs(MinuteMs);
    m_scratch->changes = {};

    const DeliveryRecovery middle { .since = begin.plusMs(1), .until = begin.plusMs(2 * MinuteMs) };
    DeliveryRecovery dry = middle;
    dry.isDryRun = true;
    QCOMPARE(valueOf(recover(dry)), 2);
    QVERIFY(!m_scratch->changes.deliveriesDue);
    QCOMPARE(read(failed.id).status, DeliveryStatus::Failed);

    QCOMPARE(valueOf(recover(middle)), 2);
    QVERIFY(m_scratch->changes.deliveriesDue);
    for (const WebhookDelivery &lost : { failed, canceled }) {
        const WebhookDelivery after = read(lost.id);
        QCOMPARE(after.status, DeliveryStatus::Pending);
        QCOMPARE(after.scheduleStep, 0);
        QCOMPARE(after.attemptCount, 8);
        QCOMPARE(after.nextAttemptAt, std::optional(now()));
        QCOMPARE(after.dueAt, std::optional(now()));
        QCOMPARE(after.nextTrigger, DeliveryTrigger::Replay);
    }
    QCOMPARE(read(early.id).status, DeliveryStatus::Failed);
    QCOMPARE(read(late.id).status, DeliveryStatus::Failed);
    QCOMPARE(read(delivered.id).status, DeliveryStatus::Delivered);
    QCOMPARE(read(test.id).status, DeliveryStatus::Failed);
    QCOMPARE(read(pending.id).scheduleStep, 8);
    QCOMPARE(valueOf(recover(middle)), 0);
    QCOMPARE(valueOf(recover({ .since = begin })), 2); // up to now: the early and the late one
}

void tst_Deliveries::recoveryHasBounds()
{
    const auto refused = [this](const DeliveryRecovery &recovery) {
        const auto done = recover(recovery);
        return done ? QString() : done.error().param;
    };
    QCOMPARE(refused({ .since = now().plusMs(-14 * DayMs) }), QString());
    QCOMPARE(refused({ .since = now().plusMs(-14 * DayMs - 1) }), u"since"_s);
    QCOMPARE(refused({ .since = now() }), u"since"_s);
    QCOMPARE(refused({ .since = now().plusMs(-1), .until = now().plusMs(-1) }), u"until"_s);
    QCOMPARE(refused({ .since = now().plusMs(-1), .until = now().plusMs(DayMs) }), QString());
    deactivate();
    for (const bool isDryRun : { false, true }) {
        const auto inactive = recover({ .since = now().plusMs(-1), .isDryRun = isDryRun });
        QVERIFY(!inactive);
        QCOMPARE(inactive.error().code, ErrorCode::Conflict);
    }
}

void tst_Deliveries::recoversTheOldestFirst()
{
    const WebhookDelivery oldest = add();
    const WebhookDelivery newest = add();
    WebhookDeliveryStore store(m_scratch->db());
    const Timestamp since = now();
    const Timestamp until = now().plusMs(1);
    QCOMPARE(valueOf(store.countLost(m_endpoint, since, until, 1)), 1);
    QCOMPARE(valueOf(m_scratch->attempt([&] { return store.recoverLost(m_endpoint, since, until, 1, now()); })), 1);
    QCOMPARE(read(oldest.id).status, DeliveryStatus::Pending);
    QCOMPARE(read(newest.id).status, DeliveryStatus::Failed);
}

void tst_Deliveries::statistics()
{
    const DeliveryStats none = valueOf(m_deliveries->stats(m_platform, m_endpoint));
    QCOMPARE(none.until, now());
    QCOMPARE(none.since, now().plusMs(-DayMs));
    QCOMPARE(none.attempts, 0);
    QVERIFY(!none.medianLatencyMs && !none.slowLatencyMs && !none.lastFailureAt);

    (void)add({ .status = DeliveryStatus::Pending });
    (void)add({ .status = DeliveryStatus::Canceled });
    (void)add({ .status = DeliveryStatus::Canceled });
    const WebhookDelivery failed = add();
    addAttempt(failed, 1, 500, 30);
    m_scratch->clock.advanceMs(1000);
    const Timestamp lastFailure = now();
    addAttempt(failed, 2, {}, 15'000, u"timeout"_s);
    m_scratch->clock.advanceMs(1000);
    addAttempt(failed, 3, 204, 10);
    const WebhookDelivery delivered = add({ .status = DeliveryStatus::Delivered });
    addAttempt(delivered, 1, 200, 20);
    m_scratch->clock.advanceMs(1000);

    DeliveryStats stats = valueOf(m_deliveries->stats(m_platform, m_endpoint));
    QCOMPARE(stats.pending, 1);
    QCOMPARE(stats.delivered, 1);
    QCOMPARE(stats.failed, 1);
    QCOMPARE(stats.canceled, 2);
    QCOMPARE(stats.attempts, 4);
    QCOMPARE(stats.failedAttempts, 2);
    QCOMPARE(stats.lastFailureAt, std::optional(lastFailure));
    QCOMPARE(stats.medianLatencyMs, std::optional<qint64>(20));
    QCOMPARE(stats.slowLatencyMs, std::optional<qint64>(30));

    // An answer that broke off is none, whatever it began with.
    addAttempt(delivered, 2, {}, 5, u"connection broken: reset"_s);
    m_scratch->clock.advanceMs(1);
    stats = valueOf(m_deliveries->stats(m_platform, m_endpoint, now().plusMs(-1)));
    QCOMPARE(stats.attempts, 1);
    QCOMPARE(stats.failedAttempts, 1);
    QCOMPARE(stats.pending + stats.delivered + stats.failed + stats.canceled, 0);

    const auto backwards = m_deliveries->stats(m_platform, m_endpoint, now(), now());
    QVERIFY(!backwards);
    QCOMPARE(backwards.error().param, u"until"_s);
    QCOMPARE(m_deliveries->stats(m_platform, m_endpoint, now().plusMs(1)).error().param, u"since"_s);
}

void tst_Deliveries::percentiles()
{
    const WebhookDelivery delivery = add();
    for (int i = 100; i >= 1; --i)
        addAttempt(delivery, i, 200, i);
    addAttempt(delivery, 101, {}, 15'000, u"timeout"_s); // was not answered
    m_scratch->clock.advanceMs(1);
    const DeliveryStats stats = valueOf(m_deliveries->stats(m_platform, m_endpoint));
    QCOMPARE(stats.medianLatencyMs, std::optional<qint64>(50));
    QCOMPARE(stats.slowLatencyMs, std::optional<qint64>(95));
}

QTEST_GUILESS_MAIN(tst_Deliveries)
#include "tst_deliveries.moc"
