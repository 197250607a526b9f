// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "webhooks/dispatch.h"
#include "webhooks/outbox.h"
#include "webhooks/retryrules.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

constexpr qint64 Hour = 3'600'000;

FinishedAttempt answered(const ClaimedDelivery &claim, Timestamp at, qint64 status)
{
    FinishedAttempt attempt;
    attempt.claim = claim;
    attempt.startedAt = at;
    attempt.durationMs = 10;
    attempt.requestHeaders = "{}";
    attempt.status = status;
    attempt.responseHeaders = "{}";
    attempt.responseBody = "body";
    return attempt;
}

} // namespace

class tst_Dispatch : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();
    void cleanup() { m_scratch.reset(); }

    void claimsWhatIsDueOnce();
    void aClaimLapses();
    void leavesRoomForOthers();
    void deliversAndForgetsFailures();
    void followsTheScheduleToItsEnd();
    void switchesOffAfterDaysOfFailures();
    void aSingleMessageSwitchesNothingOff();
    void switchesOffWhatIsGone();
    void aReplayOfADeliveredOneChangesNothing();
    void aReplayDuringAnAttemptIsNotLost();
    void aTestIsTriedOnce();
    void aSlowReceiverFailsInTheEnd();
    void expectsWithoutLookingAround();
    void pausesWithItsEndpoint();
    void survivesDeletion();
    void givesBack();
    void forgetsWhatIsOld();

private:
    WebhookEndpointId addEndpoint(const QList<WebhookEvent> &events = { WebhookEvent::ToppedUp });
    void tell(int count = 1);
    Dispatched claim(int ofOthers = 100, int inAll = 1000);
    void record(const QList<FinishedAttempt> &attempts);
    Timestamp now() const { return m_scratch->clock.now(); }
    QString text(const QString &sql);
    qint64 number(const QString &sql) { return m_scratch->number(sql); }
    void run(const QString &sql);

    std::unique_ptr<ScratchDatabase> m_scratch;
    PlatformId m_platform;
    int m_told = 0;
};

void tst_Dispatch::init()
{
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_platform = m_scratch->addPlatform();
    m_told = 0;
}

WebhookEndpointId tst_Dispatch::addEndpoint(const QList<WebhookEvent> &events)
{
    WebhookEndpoint endpoint;
    endpoint.id = WebhookEndpointId::create();
    endpoint.platform = m_platform;
    endpoint.url = u"https://receiver.example/hook"_s;
    endpoint.events = events;
    endpoint.createdAt = endpoint.updatedAt = now();
    const auto added = m_scratch->attempt([&]() -> Result<QByteArray> {
        if (const auto inserted = WebhookEndpointStore(m_scratch->db()).insert(endpoint); !inserted)
            return inserted.error();
        return WebhookSecrets(m_scratch->context()).create(endpoint.id);
    });
    Q_ASSERT(added);
    return endpoint.id;
}

void tst_Dispatch::tell(int count)
{
    QList<WebhookMessage> messages;
    for (int i = 0; i < count; ++i) {
        const QByteArray id = "row-" + QByteArray::number(++m_told) + ":budget.topped_up";
        messages.append({ m_platform, {}, "budget.topped_up", id, "{\"n\":" + QByteArray::number(m_told) + '}', now() });
    }
    const auto told = m_scratch->attempt([&] { return Outbox(m_scratch->context()).append(messages); });
    Q_ASSERT(told);
}

Dispatched tst_Dispatch::claim(int ofOthers, int inAll)
{
    const auto claimed = m_scratch->attempt(
        [&] { return Dispatch(m_scratch->context()).claim({ .ofOthers = ofOthers, .inAll = inAll }); });
    Q_ASSERT(claimed);
    return *claimed;
}

void tst_Dispatch::record(const QList<FinishedAttempt> &attempts)
{
    const auto recorded
        = m_scratch->attempt([&] { return Dispatch(m_scratch->context()).record(attempts, RetryRules::standard()); });
    Q_ASSERT(recorded);
}

QString tst_Dispatch::text(const QString &sql)
{
    Query query = m_scratch->db().prepare(sql);
    return query.exec() && query.next() ? query.text(0) : QString();
}

void tst_Dispatch::run(const QString &sql)
{
    QVERIFY(m_scratch->db().run(sql));
}

void tst_Dispatch::claimsWhatIsDueOnce()
{
    const auto endpoint = addEndpoint();
    addEndpoint({ WebhookEvent::Suspended });
    tell(3);
    QVERIFY(m_scratch->changes.deliveriesDue);
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries"_s), 3);

    const Dispatched first = claim();
    QCOMPARE(first.deliveries.size(), 3);
    QCOMPARE(first.targets.size(), 1);
    QCOMPARE(first.targets.value(endpoint).url, "https://receiver.example/hook");
    QCOMPARE(first.targets.value(endpoint).signingKeys.size(), 1);
    QVERIFY(first.deliveries.first().messageId.startsWith("msg_"));
    QVERIFY(first.deliveries.first().payload.startsWith("{\"n\":"));
    QVERIFY(claim().deliveries.isEmpty());
    QCOMPARE(claim().nextDueAt, now().plusMs(Dispatch::ClaimMs));
}

void tst_Dispatch::aClaimLapses()
{
    addEndpoint();
    tell();
    const Dispatched lost = claim();
    m_scratch->clock.advanceMs(Dispatch::ClaimMs);
    const Dispatched again = claim();
    QCOMPARE(again.deliveries.size(), 1);
    // The one who lost the claim tells its failure late: the other one's attempt goes on.
    record({ answered(lost.deliveries.first(), now(), 500) });
    QVERIFY(claim().deliveries.isEmpty());
    record({ answered(again.deliveries.first(), now(), 200) });
    QCOMPARE(text(u"SELECT status FROM webhook_deliveries"_s), u"delivered"_s);
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries WHERE due_at IS NULL AND attempt_count = 2"_s), 1);
    QCOMPARE(number(u"SELECT count(*) FROM webhook_attempts"_s), 2);
}

void tst_Dispatch::leavesRoomForOthers()
{
    const auto one = addEndpoint();
    const auto other = addEndpoint();
    tell(10);
    const Dispatched some = claim(4, 6);
    QCOMPARE(some.deliveries.size(), 6);
    QVERIFY(some.more.contains(one) && some.more.contains(other));
    const auto busy = m_scratch->attempt([&] {
        return Dispatch(m_scratch->context()).claim({ .ofEndpoint = { { one, 0 } }, .ofOthers = 100, .inAll = 100 });
    });
    for (const ClaimedDelivery &delivery : std::as_const(busy->deliveries))
        QVERIFY(delivery.endpoint == other);
    QVERIFY(busy->more.contains(one));
}

void tst_Dispatch::deliversAndForgetsFailures()
{
    addEndpoint();
    tell(2);
    const Dispatched claimed = claim();
    FinishedAttempt failed = answered(claimed.deliveries[0], now(), 500);
    record({ failed });
    QCOMPARE(number(u"SELECT failing_since FROM webhook_endpoints"_s), now().ms());
    QVERIFY(claim().targets.isEmpty());
    record({ answered(claimed.deliveries[1], now(), 204) });
    QCOMPARE(number(u"SELECT count(*) FROM webhook_endpoints WHERE failing_since IS NULL"_s), 1);
    QCOMPARE(number(u"SELECT delivered_at FROM webhook_deliveries WHERE status = 'delivered'"_s), now().ms() + 10);
    QCOMPARE(number(u"SELECT last_response_status FROM webhook_deliveries WHERE status = 'pending'"_s), 500);
    const qint64 next = number(u"SELECT next_attempt_at FROM webhook_deliveries WHERE status = 'pending'"_s) - now().ms();
    QVERIFY2(next >= 4'000 && next <= 6'100, qPrintable(QString::number(next)));
}

void tst_Dispatch::followsTheScheduleToItsEnd()
{
    addEndpoint();
    tell();
    for (int attempt = 1; attempt <= 8; ++attempt) {
        const Dispatched claimed = claim();
        QCOMPARE(claimed.deliveries.size(), 1);
        record({ answered(claimed.deliveries.first(), now(), 500) });
        QCOMPARE(number(u"SELECT attempt_count FROM webhook_deliveries"_s), attempt);
        if (attempt == 8)
            break;
        const Timestamp next = Timestamp::fromMs(number(u"SELECT next_attempt_at FROM webhook_deliveries"_s));
        m_scratch->clock.set(next.plusMs(-1));
        QVERIFY(claim().deliveries.isEmpty());
        m_scratch->clock.set(next);
    }
    QCOMPARE(text(u"SELECT status FROM webhook_deliveries"_s), u"failed"_s);
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries WHERE next_attempt_at IS NULL AND due_at IS NULL"_s), 1);
    QCOMPARE(number(u"SELECT exhausted_count FROM webhook_endpoints"_s), 1);
    QCOMPARE(number(u"SELECT count(*) FROM webhook_attempts WHERE trigger_type = 'schedule'"_s), 8);
}

void tst_Dispatch::switchesOffAfterDaysOfFailures()
{
    addEndpoint();
    tell();
    QList<ClaimedDelivery> old = claim().deliveries;
    record({ answered(old.first(), now(), 500) });
    m_scratch->clock.advanceMs(5 * 24 * Hour + 1);
    tell(2);
    run(u"UPDATE webhook_deliveries SET schedule_step = 7 WHERE status = 'pending' AND event_id <> 'row-3:budget.topped_up'"_s);
    const Dispatched claimed = claim();
    QCOMPARE(claimed.deliveries.size(), 3);
    QList<FinishedAttempt> failures;
    for (const ClaimedDelivery &delivery : claimed.deliveries)
        failures.append(answered(delivery, now(), 500));
    record(failures);
    QCOMPARE(text(u"SELECT disabled_reason FROM webhook_endpoints WHERE NOT is_active"_s), u"failing"_s);
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries WHERE status = 'failed'"_s), 2);
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries WHERE status = 'canceled' AND due_at IS NULL"_s), 1);
    tell();
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries"_s), 3);
}

void tst_Dispatch::aSingleMessageSwitchesNothingOff()
{
    addEndpoint();
    tell();
    record({ answered(claim().deliveries.first(), now(), 500) });
    m_scratch->clock.advanceMs(6 * 24 * Hour);
    run(u"UPDATE webhook_deliveries SET schedule_step = 7"_s);
    record({ answered(claim().deliveries.first(), now(), 500) });
    QCOMPARE(number(u"SELECT count(*) FROM webhook_endpoints WHERE is_active AND exhausted_count = 1"_s), 1);
}

void tst_Dispatch::switchesOffWhatIsGone()
{
    addEndpoint();
    tell(3);
    const Dispatched claimed = claim(2);
    record({ answered(claimed.deliveries[0], now(), 410) });
    QCOMPARE(text(u"SELECT disabled_reason FROM webhook_endpoints WHERE NOT is_active"_s), u"gone"_s);
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries WHERE status = 'failed'"_s), 1);
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries WHERE status = 'canceled'"_s), 2);
    QVERIFY(claim().deliveries.isEmpty());
    // What was on its way meanwhile arrived all the same.
    record({ answered(claimed.deliveries[1], now(), 200) });
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries WHERE status = 'delivered'"_s), 1);
}

void tst_Dispatch::aReplayOfADeliveredOneChangesNothing()
{
    addEndpoint();
    tell();
    record({ answered(claim().deliveries.first(), now(), 200) });
    const qint64 deliveredAt = number(u"SELECT delivered_at FROM webhook_deliveries"_s);
    m_scratch->clock.advanceMs(Hour);
    run(u"UPDATE webhook_deliveries SET due_at = %1, next_trigger = 'replay'"_s.arg(now().ms()));
    const Dispatched claimed = claim();
    QCOMPARE(claimed.deliveries.first().trigger, DeliveryTrigger::Replay);
    record({ answered(claimed.deliveries.first(), now(), 500) });
    QCOMPARE(text(u"SELECT status FROM webhook_deliveries"_s), u"delivered"_s);
    QCOMPARE(number(u"SELECT delivered_at FROM webhook_deliveries"_s), deliveredAt);
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries WHERE due_at IS NULL AND attempt_count = 2"_s), 1);
    QCOMPARE(text(u"SELECT trigger_type FROM webhook_attempts WHERE attempt = 2"_s), u"replay"_s);
}

void tst_Dispatch::aReplayDuringAnAttemptIsNotLost()
{
    addEndpoint();
    tell();
    const Dispatched claimed = claim();
    run(u"UPDATE webhook_deliveries SET due_at = %1, next_trigger = 'replay'"_s.arg(now().ms()));
    record({ answered(claimed.deliveries.first(), now(), 500) });
    const Dispatched replay = claim();
    QCOMPARE(replay.deliveries.size(), 1);
    record({ answered(replay.deliveries.first(), now(), 500) });
    // The schedule goes on where it was.
    QCOMPARE(number(u"SELECT schedule_step FROM webhook_deliveries"_s), 1);
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries WHERE due_at = next_attempt_at AND status = 'pending'"_s), 1);
    QCOMPARE(text(u"SELECT next_trigger FROM webhook_deliveries"_s), u"schedule"_s);
}

void tst_Dispatch::aTestIsTriedOnce()
{
    addEndpoint();
    tell();
    run(u"UPDATE webhook_endpoints SET is_active = FALSE"_s);
    run(u"UPDATE webhook_deliveries SET next_trigger = 'test'"_s);
    const Dispatched claimed = claim();
    QCOMPARE(claimed.deliveries.size(), 1);
    record({ answered(claimed.deliveries.first(), now(), 500) });
    QCOMPARE(text(u"SELECT status FROM webhook_deliveries WHERE due_at IS NULL"_s), u"failed"_s);
    QCOMPARE(number(u"SELECT count(*) FROM webhook_endpoints WHERE failing_since IS NULL"_s), 1);
}

void tst_Dispatch::aSlowReceiverFailsInTheEnd()
{
    // So much waits for it that each delivery has its turn once in days.
    addEndpoint();
    tell(2);
    for (int days = 0; days < 3; ++days) {
        for (const ClaimedDelivery &delivery : claim().deliveries)
            record({ answered(delivery, now(), 500) });
        m_scratch->clock.advanceMs(24 * Hour + 60'000);
    }
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries WHERE status = 'pending' AND attempt_count = 3"_s), 2);
    m_scratch->clock.advanceMs(3 * 24 * Hour);
    for (const ClaimedDelivery &delivery : claim().deliveries)
        record({ answered(delivery, now(), 500) });
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries WHERE status = 'failed' AND attempt_count = 4"_s), 2);
    QCOMPARE(text(u"SELECT disabled_reason FROM webhook_endpoints WHERE NOT is_active"_s), u"failing"_s);
}

void tst_Dispatch::expectsWithoutLookingAround()
{
    const auto one = addEndpoint();
    addEndpoint();
    tell(3);
    const auto expected = m_scratch->attempt([&] {
        return Dispatch(m_scratch->context())
            .claim({ .ofEndpoint = { { one, 2 } }, .ofOthers = 9, .inAll = 9, .expecting = { one }, .looksAround = false });
    });
    QCOMPARE(expected->deliveries.size(), 2);
    QVERIFY(expected->more.contains(one) && expected->more.size() == 1);
}

void tst_Dispatch::pausesWithItsEndpoint()
{
    addEndpoint();
    tell(2);
    const Dispatched claimed = claim(1);
    run(u"UPDATE webhook_endpoints SET is_active = FALSE"_s);
    // Due, since another gateway wrote it at the same time.
    QVERIFY(claim().deliveries.isEmpty());
    record({ answered(claimed.deliveries.first(), now(), 500) });
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries WHERE status = 'pending' AND due_at = %1"_s.arg(DueWhenActive.ms())), 2);
    const auto outlook = Dispatch(m_scratch->context()).outlook();
    QCOMPARE(outlook->backlog, 0);
    QVERIFY(!outlook->nextDueAt);
}

void tst_Dispatch::survivesDeletion()
{
    const auto endpoint = addEndpoint();
    tell(2);
    const Dispatched claimed = claim(1);
    // Its message went with a user, its endpoint was removed by another gateway.
    run(u"DELETE FROM webhook_messages"_s);
    QVERIFY(claim().deliveries.isEmpty());
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries"_s), 1);
    run(u"DELETE FROM webhook_deliveries"_s);
    record({ answered(claimed.deliveries.first(), now(), 200) });
    QCOMPARE(number(u"SELECT count(*) FROM webhook_attempts"_s), 0);
    tell();
    QVERIFY(m_scratch->attempt([&] { return WebhookEndpointStore(m_scratch->db()).remove(endpoint); }));
    QVERIFY(claim().deliveries.isEmpty());
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries"_s), 0);
}

void tst_Dispatch::givesBack()
{
    addEndpoint();
    tell(2);
    const Dispatched claimed = claim();
    Dispatch dispatch(m_scratch->context());
    QVERIFY(m_scratch->attempt([&] { return dispatch.giveBack({ claimed.deliveries.first() }); }));
    QCOMPARE(claim().deliveries.size(), 1);
    QVERIFY(m_scratch->attempt([&] { return dispatch.releaseClaims(); }));
    QCOMPARE(claim().deliveries.size(), 2);
    // A replay was promised for at once, whenever the schedule would come.
    run(u"UPDATE webhook_deliveries SET due_at = %1, next_attempt_at = %2, next_trigger = 'replay'"_s.arg(now().ms()).arg(
        now().plusMs(Hour).ms()));
    const Dispatched replays = claim();
    QVERIFY(m_scratch->attempt([&] { return dispatch.giveBack(replays.deliveries); }));
    QCOMPARE(claim().deliveries.size(), 2);
}

void tst_Dispatch::forgetsWhatIsOld()
{
    addEndpoint();
    tell(3);
    for (const ClaimedDelivery &delivery : claim().deliveries)
        record({ answered(delivery, now(), 200) });
    Dispatch dispatch(m_scratch->context());
    const auto forget = [&](qint64 days) {
        m_scratch->clock.advanceMs(days * 24 * Hour);
        return valueOf(m_scratch->attempt([&] { return dispatch.removeOld(2); }));
    };
    QVERIFY(!forget(30));
    QCOMPARE(number(u"SELECT count(*) FROM webhook_attempts"_s), 3);
    QVERIFY(forget(1));
    QVERIFY(!forget(0));
    QCOMPARE(number(u"SELECT count(*) FROM webhook_attempts"_s), 0);
    QCOMPARE(number(u"SELECT count(*) FROM webhook_messages"_s), 3);
    QVERIFY(forget(60));
    QVERIFY(!forget(0));
    QCOMPARE(number(u"SELECT count(*) FROM webhook_messages"_s), 0);
    QCOMPARE(number(u"SELECT count(*) FROM webhook_deliveries"_s), 0);
}

QTEST_GUILESS_MAIN(tst_Dispatch)
#include "tst_dispatch.moc"
