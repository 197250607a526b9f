// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "webhooks/dispatch.h"
#include "webhooks/deliveries.h"
#include "webhooks/targets.h"

#include <QtCore/QRegularExpression>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

constexpr qint64 HourMs = 60 * 60 * 1000;
const auto Url = u"https://my-saas.example/hook"_s;

} // namespace

class tst_Endpoints : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();

    void createsWithDefaults();
    void keepsWhatItIsGiven();
    void eventNames_data();
    void eventNames();
    void fiftyAndNoMore();
    void refusesTargets();
    void obeysTheAdministrator();
    void belongsToItsPlatform();
    void listsNewestFirst();
    void changesWhatIsGiven();
    void leaveGoesWithAMove();
    void switchingOffAndOn();
    void switchedOffByTheGateway();
    void removesAll();

    void secretsHaveTheirForm();
    void secretsAreSealed();
    void rotationOverlaps();
    void sixSignAtMost();

private:
    WebhookEndpoint make(const WebhookEndpointDraft &draft = { .url = Url })
    {
        return valueOf(m_scratch->attempt([&] { return m_endpoints->create(m_platform, draft); })).endpoint;
    }
    Result<WebhookEndpoint> change(const WebhookEndpointId &id, const WebhookEndpointChange &change)
    {
        return m_scratch->attempt([&] { return m_endpoints->update(m_platform, id, change); });
    }
    WebhookDeliveryId addDelivery(const WebhookEndpointId &endpoint, DeliveryStatus status);
    ErrorCode refusal(const WebhookEndpointDraft &draft)
    {
        const auto made = m_scratch->attempt([&] { return m_endpoints->create(m_platform, draft); });
        return made ? ErrorCode::Internal : made.error().code;
    }

    std::unique_ptr<ScratchDatabase> m_scratch;
    WebhookTargets m_targets;
    std::unique_ptr<WebhookEndpoints> m_endpoints;
    PlatformId m_platform;
};

void tst_Endpoints::init()
{
    m_endpoints.reset();
    m_scratch.reset();
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_targets = {};
    ServiceContext context = m_scratch->context();
    context.webhookTargets = &m_targets;
    m_endpoints = std::make_unique<WebhookEndpoints>(context);
    m_platform = m_scratch->addPlatform();
}

WebhookDeliveryId tst_Endpoints::addDelivery(const WebhookEndpointId &endpoint, DeliveryStatus status)
{
    const Timestamp soon = m_scratch->clock.now().plusMs(5000);
    const bool isPending = status == DeliveryStatus::Pending;
    const WebhookDelivery delivery { .id = WebhookDeliveryId::create(),
                                     .endpoint = endpoint,
                                     .platform = m_platform,
                                     .eventId = "e",
                                     .eventType = "budget.topped_up",
                                     .status = status,
                                     .nextAttemptAt = isPending ? std::optional(soon) : std::nullopt,
                                     .dueAt = isPending ? std::optional(soon) : std::nullopt,
                                     .createdAt = m_scratch->clock.now() };
    mustSucceed(m_scratch->attempt([&] { return WebhookDeliveryStore(m_scratch->db()).insert(delivery); }));
    return delivery.id;
}

void tst_Endpoints::createsWithDefaults()
{
    const auto made = valueOf(m_scratch->attempt([&] { return m_endpoints->create(m_platform, { .url = Url }); }));
    const WebhookEndpoint read = valueOf(m_endpoints->get(m_platform, made.endpoint.id));
    QCOMPARE(read.url, Url);
    QVERIFY(read.description.isEmpty());
    const QList<WebhookEvent> usual { WebhookEvent::ToppedUp, WebhookEvent::LowBalance, WebhookEvent::Suspended,
                                      WebhookEvent::Unsuspended };
    QCOMPARE(read.events, usual);
    QVERIFY(read.isActive && !read.disabledReason && !read.allowPrivate && !read.failingSince);
    QCOMPARE(read.exhaustedCount, 0);
    QCOMPARE(read.createdAt, m_scratch->clock.now());
    QCOMPARE(read.updatedAt, read.createdAt);
    QCOMPARE(valueOf(m_endpoints->secret(m_platform, read.id)), made.secret);
}

void tst_Endpoints::keepsWhatItIsGiven()
{
    const WebhookEndpoint read = valueOf(m_endpoints->get(
        m_platform,
        make({ .url = Url + u"?a=1&b=%20"_s,
               .description = u"für die Abrechnung"_s,
               .events = { WebhookEvent::Debited, WebhookEvent::ToppedUp },
               .isActive = false })
            .id));
    QCOMPARE(read.url, Url + u"?a=1&b=%20"_s);
    QCOMPARE(read.description, u"für die Abrechnung"_s);
    const QList<WebhookEvent> given { WebhookEvent::Debited, WebhookEvent::ToppedUp };
    QCOMPARE(read.events, given);
    QVERIFY(!read.isActive);
}

void tst_Endpoints::eventNames_data()
{
    QTest::addColumn<QStringList>("names");
    QTest::addColumn<bool>("isGood");
    QTest::newRow("one") << QStringList { u"budget.debited"_s } << true;
    QTest::newRow("all") << allWords<WebhookEvent>() << true;
    QTest::newRow("none") << QStringList() << false;
    QTest::newRow("an unknown one") << QStringList { u"budget.topped_up"_s, u"budget.vanished"_s } << false;
    QTest::newRow("one twice") << QStringList { u"budget.debited"_s, u"budget.debited"_s } << false;
    QTest::newRow("nobody subscribes to tests") << QStringList { u"endpoint.test"_s } << false;
}

void tst_Endpoints::eventNames()
{
    QFETCH(QStringList, names);
    QFETCH(bool, isGood);
    const auto events = WebhookEndpoints::eventsOf(names);
    QCOMPARE(events.ok(), isGood);
    if (isGood)
        QCOMPARE(events->size(), names.size());
    else
        QCOMPARE(events.error().param, u"event_types"_s);
}

void tst_Endpoints::fiftyAndNoMore()
{
    const WebhookEndpoint first = make();
    for (int i = 1; i < WebhookEndpoints::MostPerPlatform; ++i)
        (void)make(); // several may have one URL
    QCOMPARE(refusal({ .url = Url }), ErrorCode::EndpointLimitReached);
    const PlatformId other = m_scratch->addPlatform(u"other"_s);
    QVERIFY(m_scratch->attempt([&] { return m_endpoints->create(other, { .url = Url }); }));
    mustSucceed(m_scratch->attempt([&] { return m_endpoints->remove(m_platform, first.id); }));
    (void)make();
    QCOMPARE(refusal({ .url = Url }), ErrorCode::EndpointLimitReached);
}

void tst_Endpoints::refusesTargets()
{
    QCOMPARE(refusal({ .url = u"https://10.0.0.1/"_s }), ErrorCode::ValidationError);
    QCOMPARE(refusal({ .url = u"http://my-saas.example/"_s }), ErrorCode::ValidationError);
    const WebhookEndpoint endpoint = make();
    const auto refused = change(endpoint.id, { .url = u"https://localhost/"_s });
    QVERIFY(!refused);
    QCOMPARE(refused.error().code, ErrorCode::ValidationError);
    QCOMPARE(refused.error().param, u"url"_s);
    QCOMPARE(valueOf(m_endpoints->get(m_platform, endpoint.id)).url, Url);
    // Whoever forgets to say what is open has opened nothing.
    WebhookEndpoints strict(m_scratch->context());
    const auto closed = m_scratch->attempt([&] { return strict.create(m_platform, { .url = u"https://10.0.0.1/"_s }); });
    QVERIFY(!closed);
}

void tst_Endpoints::obeysTheAdministrator()
{
    m_targets = { .open = *Networks::parse(u"10.0.0.0/8"), .allowHttp = true };
    const WebhookEndpoint endpoint = make({ .url = u"http://10.0.0.1/hook"_s });
    QVERIFY(!endpoint.allowPrivate);
    m_targets = {};
    // What is there stays there; that it is not reached any more is decided at each attempt.
    QVERIFY(change(endpoint.id, { .description = u"closed"_s }));
    QVERIFY(change(endpoint.id, { .url = endpoint.url }));
    QVERIFY(!change(endpoint.id, { .url = u"http://10.0.0.1/other"_s }));
}

void tst_Endpoints::belongsToItsPlatform()
{
    const WebhookEndpoint endpoint = make();
    const PlatformId other = m_scratch->addPlatform(u"other"_s);
    const auto codeOf = [](const auto &result) { return result ? ErrorCode::Internal : result.error().code; };
    QCOMPARE(codeOf(m_endpoints->get(other, endpoint.id)), ErrorCode::WebhookEndpointNotFound);
    QCOMPARE(codeOf(m_endpoints->update(other, endpoint.id, {})), ErrorCode::WebhookEndpointNotFound);
    QCOMPARE(codeOf(m_endpoints->remove(other, endpoint.id)), ErrorCode::WebhookEndpointNotFound);
    QCOMPARE(codeOf(m_endpoints->secret(other, endpoint.id)), ErrorCode::WebhookEndpointNotFound);
    QCOMPARE(codeOf(m_endpoints->rotateSecret(other, endpoint.id)), ErrorCode::WebhookEndpointNotFound);
    QCOMPARE(codeOf(m_endpoints->get(m_platform, WebhookEndpointId::create())), ErrorCode::WebhookEndpointNotFound);
    QCOMPARE(valueOf(m_endpoints->list(other)).total, 0);
}

void tst_Endpoints::listsNewestFirst()
{
    QList<WebhookEndpointId> ids;
    for (int i = 0; i < 3; ++i) {
        ids.prepend(make().id);
        m_scratch->clock.advanceMs(1000);
    }
    const auto all = valueOf(m_endpoints->list(m_platform));
    QCOMPARE(all.total, 3);
    QList<WebhookEndpointId> found;
    for (const WebhookEndpoint &endpoint : all.rows)
        found.append(endpoint.id);
    QCOMPARE(found, ids);
    const auto page = valueOf(m_endpoints->list(m_platform, 1, 1));
    QCOMPARE(page.total, 3);
    QCOMPARE(page.rows.size(), 1);
    QCOMPARE(page.rows.constFirst().id, ids.at(1));
}

void tst_Endpoints::changesWhatIsGiven()
{
    const WebhookEndpoint endpoint = make({ .url = Url, .description = u"first"_s });
    m_scratch->clock.advanceMs(1000);
    const auto events = QList { WebhookEvent::Suspended };
    QVERIFY(change(endpoint.id, { .url = Url + u"/2"_s, .events = events }));
    WebhookEndpoint read = valueOf(m_endpoints->get(m_platform, endpoint.id));
    QCOMPARE(read.url, Url + u"/2"_s);
    QCOMPARE(read.events, events);
    QCOMPARE(read.description, u"first"_s);
    QCOMPARE(read.createdAt, endpoint.createdAt);
    QCOMPARE(read.updatedAt, m_scratch->clock.now());
    QVERIFY(change(endpoint.id, { .description = QString() }));
    read = valueOf(m_endpoints->get(m_platform, endpoint.id));
    QVERIFY(read.description.isEmpty());
    QCOMPARE(read.events, events);
}

void tst_Endpoints::leaveGoesWithAMove()
{
    const auto Local = u"http://127.0.0.1:9003/hook"_s;
    const WebhookEndpoint endpoint = make({ .url = Local, .allowPrivate = true });
    QVERIFY(endpoint.allowPrivate);
    QVERIFY(valueOf(change(endpoint.id, { .url = u"http://127.0.0.1:9003/other"_s })).allowPrivate);
    QVERIFY2(!change(endpoint.id, { .url = u"http://127.0.0.1:9004/other"_s }), "the leave was not for this port");
    QVERIFY2(valueOf(m_endpoints->get(m_platform, endpoint.id)).allowPrivate, "a refused change changes nothing");
    QVERIFY(!valueOf(change(endpoint.id, { .url = Url })).allowPrivate);
    QVERIFY2(!change(endpoint.id, { .url = Local }), "and does not come back");
    QVERIFY(valueOf(change(endpoint.id, { .url = Local, .allowPrivate = true })).allowPrivate);
    QVERIFY2(!change(endpoint.id, { .allowPrivate = false }), "a URL that needs the leave keeps it or goes");
}

void tst_Endpoints::switchingOffAndOn()
{
    const WebhookEndpoint endpoint = make();
    const WebhookEndpoint other = make();
    (void)addDelivery(endpoint.id, DeliveryStatus::Pending);
    (void)addDelivery(endpoint.id, DeliveryStatus::Failed);
    (void)addDelivery(other.id, DeliveryStatus::Pending);
    const auto due = [this] {
        return m_scratch->number(u"SELECT count(*) FROM webhook_deliveries WHERE due_at < %1"_s.arg(DueWhenActive.ms()));
    };
    QCOMPARE(due(), 2);

    m_scratch->changes = {};
    QVERIFY(!valueOf(change(endpoint.id, { .isActive = false })).isActive);
    QCOMPARE(due(), 1);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'"_s), 2);
    QVERIFY(!m_scratch->changes.deliveriesDue);

    QVERIFY(valueOf(change(endpoint.id, { .isActive = true })).isActive);
    QCOMPARE(due(), 2);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM webhook_deliveries WHERE due_at = next_attempt_at"_s), 2);
    QVERIFY(m_scratch->changes.deliveriesDue);
    QVERIFY2(m_scratch->changes.isEmpty(), "nothing that other gateways must hear of");
}

void tst_Endpoints::switchedOffByTheGateway()
{
    WebhookEndpoint endpoint = make();
    endpoint.isActive = false;
    endpoint.disabledReason = DisabledReason::Failing;
    endpoint.failingSince = m_scratch->clock.now();
    endpoint.exhaustedCount = 2;
    mustSucceed(m_scratch->attempt([&] { return WebhookEndpointStore(m_scratch->db()).update(endpoint); }));
    WebhookEndpoint read = valueOf(change(endpoint.id, { .isActive = false }));
    QCOMPARE(read.disabledReason, std::optional(DisabledReason::Failing));
    QVERIFY(change(endpoint.id, { .isActive = true }));
    read = valueOf(m_endpoints->get(m_platform, endpoint.id));
    QVERIFY(read.isActive && !read.disabledReason && !read.failingSince);
    QCOMPARE(read.exhaustedCount, 0);
}

void tst_Endpoints::removesAll()
{
    const WebhookEndpoint endpoint = make();
    const WebhookEndpoint other = make();
    (void)addDelivery(endpoint.id, DeliveryStatus::Pending);
    (void)addDelivery(other.id, DeliveryStatus::Pending);
    for (const WebhookEndpoint &one : { endpoint, other }) {
        Query attempt = m_scratch->db().prepare(
            u"INSERT INTO webhook_attempts (delivery_id, endpoint_id, attempt, trigger_type, started_at, duration_ms, "
            "request_headers) VALUES ('d', ?, 1, 'schedule', 4102444800000, 1, '{}')"_s);
        mustSucceed(attempt.bind(one.id).exec());
    }
    mustSucceed(m_scratch->attempt([&] { return m_endpoints->remove(m_platform, endpoint.id); }));
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM webhook_endpoints"_s), 1);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM webhook_secrets"_s), 1);
    // The rest goes bit by bit.
    Dispatch dispatch(m_scratch->context());
    while (valueOf(m_scratch->attempt([&] { return dispatch.removeOld(1); })))
        QVERIFY(m_scratch->number(u"SELECT count(*) FROM webhook_leftovers"_s) <= 1);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM webhook_leftovers"_s), 0);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM webhook_deliveries"_s), 1);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM webhook_attempts"_s), 1);
    QVERIFY(m_endpoints->secret(m_platform, other.id));
}

void tst_Endpoints::secretsHaveTheirForm()
{
    static const QRegularExpression form(u"\\Awhsec_[A-Za-z0-9+/]{32}\\z"_s);
    const WebhookEndpoint endpoint = make();
    const QByteArray secret = valueOf(m_endpoints->secret(m_platform, endpoint.id));
    QVERIFY(form.match(QString::fromLatin1(secret)).hasMatch());
    // As a receiver finds its key.
    const QByteArray key = QByteArray::fromBase64(secret.split('_').at(1));
    QCOMPARE(key.size(), 24);
    QCOMPARE(valueOf(WebhookSecrets(m_scratch->context()).signingKeys(endpoint.id)), QByteArrayList { key });
    QVERIFY(valueOf(m_endpoints->secret(m_platform, make().id)) != secret);
}

void tst_Endpoints::secretsAreSealed()
{
    const WebhookEndpoint endpoint = make();
    const WebhookEndpoint other = make();
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM webhook_secrets WHERE sealed_secret LIKE '%whsec%'"_s), 0);
    // A row that was moved to another endpoint does not open there.
    Query swap = m_scratch->db().prepare(u"UPDATE webhook_secrets SET endpoint_id = ? WHERE endpoint_id = ?"_s);
    mustSucceed(swap.bind(other.id, endpoint.id).exec());
    const auto keys = WebhookSecrets(m_scratch->context()).signingKeys(other.id);
    QVERIFY(!keys);
    QCOMPARE(keys.error().code, ErrorCode::Internal);
    QVERIFY(!m_endpoints->secret(m_platform, endpoint.id));
}

void tst_Endpoints::rotationOverlaps()
{
    const WebhookEndpoint endpoint = make();
    WebhookSecrets secrets(m_scratch->context());
    const QByteArray oldKey = valueOf(secrets.signingKeys(endpoint.id)).constFirst();
    m_scratch->clock.advanceMs(HourMs);
    const auto rotation =
        valueOf(m_scratch->attempt([&] { return m_endpoints->rotateSecret(m_platform, endpoint.id); }));
    QCOMPARE(rotation.previousExpiresAt, m_scratch->clock.now().plusMs(24 * HourMs));
    QCOMPARE(valueOf(m_endpoints->secret(m_platform, endpoint.id)), rotation.secret);
    const QByteArray newKey = QByteArray::fromBase64(rotation.secret.sliced(6));
    const QByteArrayList both { newKey, oldKey };
    QCOMPARE(valueOf(secrets.signingKeys(endpoint.id)), both);
    m_scratch->clock.advanceMs(24 * HourMs - 1);
    QCOMPARE(valueOf(secrets.signingKeys(endpoint.id)), both);
    m_scratch->clock.advanceMs(1);
    QCOMPARE(valueOf(secrets.signingKeys(endpoint.id)), QByteArrayList { newKey });
}

void tst_Endpoints::sixSignAtMost()
{
    const WebhookEndpoint endpoint = make();
    WebhookSecrets secrets(m_scratch->context());
    QByteArrayList keys = valueOf(secrets.signingKeys(endpoint.id));
    for (int i = 0; i < 7; ++i) {
        m_scratch->clock.advanceMs(HourMs);
        const auto rotation =
            valueOf(m_scratch->attempt([&] { return m_endpoints->rotateSecret(m_platform, endpoint.id); }));
        keys.prepend(QByteArray::fromBase64(rotation.secret.sliced(6)));
        QCOMPARE(valueOf(secrets.signingKeys(endpoint.id)), keys.sliced(0, qMin(keys.size(), 6)));
    }
    // Each keeps the end it got when it was replaced: those of the last five rotations, an hour apart.
    m_scratch->clock.advanceMs(20 * HourMs);
    QCOMPARE(valueOf(secrets.signingKeys(endpoint.id)).size(), 5);
    m_scratch->clock.advanceMs(4 * HourMs);
    QCOMPARE(valueOf(secrets.signingKeys(endpoint.id)).size(), 1);
    (void)valueOf(m_scratch->attempt([&] { return m_endpoints->rotateSecret(m_platform, endpoint.id); }));
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM webhook_secrets"_s), 2); // what has ended is gone
}

QTEST_GUILESS_MAIN(tst_Endpoints)
#include "tst_endpoints.moc"
