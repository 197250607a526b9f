// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/courier.h"

#include "core/clock.h"
#include "core/jsonwriter.h"
#include "core/log.h"
#include "core/metrics.h"
#include "net/curlclient.h"
#include "net/retryafter.h"
#include "services/services.h"
#include "webhooks/signature.h"

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// Claims in memory, in all.
constexpr int MostHeld = 2'048;
constexpr int MostOfWindow = 256;
constexpr int MostLanes = 4'096;
/// A lane that gets through its claims sooner may hold more of them, one that takes longer fewer.
constexpr qint64 SoonMs = 250;
constexpr qint64 LateMs = 1'000;
/// What attempts bring is told in portions.
constexpr qint64 BetweenAsksMs = 5;
/// And new work is looked for so often: that goes through all endpoints for which something waits.
constexpr qint64 BetweenLooksMs = 15;
constexpr int DatabaseAwayMs = 1'000;
constexpr int LookMs = 1'000;
constexpr int GraceMs = 3'000;
/// A claim that ends sooner is given back: the attempt might outlive it.
constexpr qint64 LeastClaimMs = RetryRules::AttemptMs + 1'000;
/// Of an answer's head as much is kept.
constexpr int MostHeaders = 100;
constexpr qsizetype MostHeaderBytes = 8'192;
static_assert(LeastClaimMs + LateMs < Dispatch::ClaimMs);

/// As text that both databases take.
QByteArray storable(const QByteArray &text)
{
    return QString::fromUtf8(text).remove(QChar::Null).toUtf8();
}

QByteArray headersJson(const HttpHeaders &headers)
{
    // In their order, those of one name together.
    QList<std::pair<QByteArray, QByteArray>> merged;
    qsizetype bytes = 0;
    for (const auto &[name, value] : headers.first(std::min<qsizetype>(headers.size(), MostHeaders))) {
        const QByteArray key = name.toLower();
        bytes += key.size() + value.size();
        if (bytes > MostHeaderBytes)
            break;
        const auto same = std::find_if(merged.begin(), merged.end(), [&key](const auto &other) { return other.first == key; });
        if (same == merged.end())
            merged.append({ key, value });
        else
            same->second += ", " + value;
    }
    JsonWriter json;
    json.beginObject();
    for (const auto &[name, value] : merged) {
        // Names are the receiver's words, too.
        QByteArray quoted;
        appendJsonString(quoted, storable(name));
        json.key(quoted.sliced(1).chopped(1)).utf8(storable(value));
    }
    return json.endObject().take();
}

const QString NotAllowed = u"address not allowed"_s;

QString wordsOf(const HttpReply &reply)
{
    switch (reply.error()) {
    case NetError::AddressRefused:
        return NotAllowed;
    case NetError::Timeout:
        return u"timeout"_s;
    case NetError::Connect:
        return u"connection failed: "_s + reply.errorText();
    case NetError::Tls:
        return u"TLS failed: "_s + reply.errorText();
    case NetError::None:
    case NetError::Broken:
    case NetError::TooLarge:
        break;
    }
    return u"connection broken: "_s + reply.errorText();
}

} // namespace

Courier::Courier(Parts parts)
    : m_parts(std::move(parts)), m_again(this), m_look(this), m_due(this), m_grace(this)
{
    for (QTimer *timer : { &m_again, &m_due, &m_grace })
        timer->setSingleShot(true);
    m_due.setTimerType(Qt::PreciseTimer);
    m_again.setTimerType(Qt::PreciseTimer);
    m_look.setInterval(LookMs);
    connect(&m_again, &QTimer::timeout, this, &Courier::ask);
    connect(&m_look, &QTimer::timeout, this, &Courier::look);
    connect(&m_due, &QTimer::timeout, this, [this] {
        m_isWanted = true;
        ask();
    });
    connect(&m_grace, &QTimer::timeout, this, &Courier::leave);
    m_thread.setObjectName(u"courier"_s);
    moveToThread(&m_thread);
    m_thread.start();
    QMetaObject::invokeMethod(this, &Courier::setUp, Qt::QueuedConnection);
}

Courier::~Courier()
{
    QMetaObject::invokeMethod(this, &Courier::finish, Qt::QueuedConnection);
    m_thread.wait();
}

void Courier::setUp()
{
    m_client = std::make_unique<CurlClient>(nullptr, m_parts.clock);
    m_look.start();
    look();
    ask();
}

void Courier::ring()
{
    if (m_isRung.exchange(true))
        return;
    QMetaObject::invokeMethod(
        this,
        [this] {
            m_isRung = false;
            m_isWanted = true;
            ask();
        },
        Qt::QueuedConnection);
}

DispatchRoom Courier::room(bool looksAround) const
{
    DispatchRoom room { .ofOthers = MostOfLane, .inAll = MostHeld, .looksAround = looksAround };
    for (auto lane = m_lanes.begin(); lane != m_lanes.end(); ++lane) {
        room.ofEndpoint.insert(lane.key(), std::max(0, lane->mostHeld() - lane->held()));
        room.inAll -= lane->held();
        if (lane->hasMore)
            room.expecting.append(lane.key());
    }
    if (m_isFinishing)
        room.inAll = 0;
    return room;
}

bool Courier::isHungry() const
{
    return std::any_of(m_lanes.begin(), m_lanes.end(),
                       [](const Lane &lane) { return lane.hasMore && lane.held() < lane.mostHeld(); });
}

void Courier::ask()
{
    if (m_isAsking || m_again.isActive())
        return;
    const bool hasWork = !m_finished.isEmpty() || !m_stale.isEmpty() || isHungry();
    if (!m_isWanted && !hasWork)
        return;
    const qint64 now = m_parts.clock.steadyMs();
    if (const qint64 early = m_askedSteadyMs + BetweenAsksMs - now; early > 0)
        return m_again.start(int(early));
    const qint64 nextLook = m_lookedAroundSteadyMs + BetweenLooksMs;
    const bool looksAround = m_isWanted && now >= nextLook;
    if (!looksAround && !hasWork)
        return m_again.start(int(nextLook - now));
    m_isAsking = true;
    m_askedSteadyMs = now;
    if (looksAround) {
        m_isWanted = false;
        m_lookedAroundSteadyMs = now;
    }
    const QList<FinishedAttempt> told = std::exchange(m_finished, {});
    const QList<ClaimedDelivery> stale = std::exchange(m_stale, {});
    m_parts.doors.write(
        this,
        [told, stale, room = room(looksAround), rules = m_parts.rules](Services &services) -> Result<Dispatched> {
            if (const auto recorded = services.dispatch.record(told, rules); !recorded)
                return recorded.error();
            if (const auto given = services.dispatch.giveBack(stale); !given)
                return given.error();
            return services.dispatch.claim(room);
        },
        [this, told](const Result<Dispatched> &answer) { onAnswer(answer, told); });
}

void Courier::onAnswer(const Result<Dispatched> &answer, QList<FinishedAttempt> told)
{
    m_isAsking = false;
    if (answer) {
        take(*answer);
        start();
    } else if (answer.error().code == ErrorCode::DatabaseUnavailable || answer.error().code == ErrorCode::ShuttingDown) {
        m_finished = std::move(told) + std::exchange(m_finished, {});
        m_isWanted = true;
        if (!m_isFinishing)
            return m_again.start(DatabaseAwayMs);
        m_finished.clear(); // nobody would take it: the claims lapse, and what was delivered is delivered again
    } else {
        Log::error("webhooks", u"%1 attempts could not be noted: %2"_s.arg(told.size()).arg(answer.error().message));
        tellOneByOne(told);
        if (!m_isFinishing)
            return m_again.start(DatabaseAwayMs);
    }
    if (m_isFinishing && m_running.isEmpty())
        return leave();
    ask();
}

void Courier::tellOneByOne(const QList<FinishedAttempt> &told)
{
    // What fails here, too, lapses with its claim, and is tried again.
    for (const FinishedAttempt &attempt : told) {
        m_parts.doors.write(
            this,
            [attempt, rules = m_parts.rules](Services &services) -> Result<bool> {
                const auto recorded = services.dispatch.record({ attempt }, rules);
                return recorded ? Result<bool>(true) : recorded.error();
            },
            [](const Result<bool> &) {});
    }
}

void Courier::take(const Dispatched &dispatched)
{
    for (auto target = dispatched.targets.begin(); target != dispatched.targets.end(); ++target) {
        auto lane = m_lanes.find(target.key());
        if (lane == m_lanes.end()) {
            lane = m_lanes.insert(target.key(), {});
            lane->isSlow = target->isFailing; // for all we know
        }
        lane->target = *target;
    }
    for (const ClaimedDelivery &delivery : dispatched.deliveries) {
        if (renew(delivery))
            continue;
        Lane &lane = m_lanes[delivery.endpoint];
        if (lane.waiting.empty()) {
            m_turns.push_back(delivery.endpoint);
            lane.filledSteadyMs = m_parts.clock.steadyMs();
        }
        lane.waiting.push_back(delivery);
    }
    for (auto lane = m_lanes.begin(); lane != m_lanes.end(); ++lane)
        lane->hasMore = dispatched.more.contains(lane.key());
    dropIdleLanes();
    if (dispatched.nextDueAt) {
        const qint64 ms = dispatched.nextDueAt->ms() - m_parts.clock.now().ms();
        // Later ones are found by look().
        if (ms < LookMs)
            m_due.start(int(std::max<qint64>(ms, 1)));
    }
}

bool Courier::renew(const ClaimedDelivery &delivery)
{
    for (Attempt &attempt : m_running) {
        if (attempt.claim.id != delivery.id)
            continue;
        // A replay that was asked for meanwhile is an attempt of its own.
        if (delivery.trigger == DeliveryTrigger::Replay && attempt.claim.trigger != DeliveryTrigger::Replay)
            return false;
        attempt.claim.claimedUntil = delivery.claimedUntil;
        return true;
    }
    for (FinishedAttempt &attempt : m_finished) {
        if (attempt.claim.id == delivery.id && delivery.trigger == attempt.claim.trigger) {
            attempt.claim.claimedUntil = delivery.claimedUntil;
            return true;
        }
    }
    for (ClaimedDelivery &held : m_lanes[delivery.endpoint].waiting) {
        if (held.id == delivery.id) {
            held = delivery;
            return true;
        }
    }
    return false;
}

void Courier::look()
{
    if (std::exchange(m_isLooking, true))
        return;
    QSet<WebhookEndpointId> full;
    for (auto lane = m_lanes.begin(); lane != m_lanes.end(); ++lane) {
        if (lane->held() >= lane->mostHeld())
            full.insert(lane.key());
    }
    m_parts.doors.read(
        this, [full](Services &services) { return services.dispatch.outlook(full); },
        [this](const Result<Dispatch::Outlook> &outlook) {
            m_isLooking = false;
            if (!outlook)
                return;
            m_backlog.store(outlook->backlog, std::memory_order_relaxed);
            if (!outlook->nextDueAt)
                return;
            const qint64 ms = outlook->nextDueAt->ms() - m_parts.clock.now().ms();
            if (ms < LookMs && !m_due.isActive())
                m_due.start(int(std::max<qint64>(ms, 0)));
        });
}

bool Courier::mayStart(const Lane &lane) const
{
    const auto isSlow = [](const Lane &other) { return other.isSlow; };
    const auto isOfPlatform = [&lane](const Lane &other) { return other.target.platform == lane.target.platform; };
    return lane.running < lane.mostRunning() && (!lane.isSlow || countRunning(isSlow) < MostSlow)
        && countRunning(isOfPlatform) < MostOfPlatform;
}

template<typename Pick>
int Courier::countRunning(Pick pick) const
{
    return int(std::count_if(m_running.begin(), m_running.end(), [&](const Attempt &attempt) {
        const auto lane = m_lanes.find(attempt.claim.endpoint);
        return lane != m_lanes.end() && pick(*lane);
    }));
}

void Courier::start()
{
    if (m_isFinishing)
        return;
    // Until all of them in a row had to wait.
    for (size_t blocked = 0; blocked < m_turns.size() && m_running.size() < MostRunning;) {
        const WebhookEndpointId endpoint = m_turns.front();
        m_turns.pop_front();
        Lane &lane = m_lanes[endpoint];
        if (lane.waiting.empty())
            continue;
        if (mayStart(lane)) {
            begin(lane);
            blocked = 0;
        } else {
            ++blocked;
        }
        if (!lane.waiting.empty())
            m_turns.push_back(endpoint);
        else
            noteDrained(lane);
    }
}

void Courier::begin(Lane &lane)
{
    const ClaimedDelivery claim = std::move(lane.waiting.front());
    lane.waiting.pop_front();
    const Timestamp now = m_parts.clock.now();
    if (claim.claimedUntil.ms() - now.ms() < LeastClaimMs) {
        m_stale.append(claim);
        m_isWanted = true;
        return;
    }
    // Saved when the administrator still allowed http.
    if (!lane.target.allowPrivate && !m_parts.targets.allowHttp && !lane.target.url.startsWith("https:"))
        return refuse(claim);
    const qint64 seconds = now.ms() / 1000;
    HttpCall call;
    call.method = HttpMethod::Post;
    call.url = lane.target.url;
    call.headers = { { "content-type", "application/json" },
                     { "user-agent", "Assistiv-Gateway/" + m_parts.version.toLatin1() },
                     { "webhook-id", claim.messageId },
                     { "webhook-timestamp", QByteArray::number(seconds) },
                     { "webhook-signature",
                       webhookSignature(lane.target.signingKeys, claim.messageId, seconds, claim.payload) } };
    call.body = claim.payload;
    call.connectTimeoutMs = ConnectMs;
    call.firstByteTimeoutMs = call.idleTimeoutMs = call.totalTimeoutMs = RetryRules::AttemptMs;
    call.mayBeRepeated = true;
    call.allowPrivateAddress = lane.target.allowPrivate;
    call.openNetworks = m_parts.targets.open;
    call.maximumBytes = 0; // onBytes() ends an answer that is long enough

    Attempt attempt { claim, now, m_parts.clock.steadyUs(), headersJson(call.headers), {} };
    HttpReply *reply = m_client->send(std::move(call), this);
    connect(reply, &HttpReply::bytesArrived, this, [this, reply] { onBytes(reply); });
    connect(reply, &HttpReply::finished, this, [this, reply] { end(reply); });
    m_running.insert(reply, std::move(attempt));
    ++lane.running;
}

void Courier::refuse(ClaimedDelivery claim)
{
    FinishedAttempt finished;
    finished.claim = std::move(claim);
    finished.startedAt = m_parts.clock.now();
    finished.requestHeaders = "{}";
    finished.error = NotAllowed;
    m_parts.metrics.webhooksFailed.add();
    m_finished.append(std::move(finished));
}

void Courier::onBytes(HttpReply *reply)
{
    const auto attempt = m_running.find(reply);
    if (attempt == m_running.end())
        return;
    attempt->body += reply->takeBytes();
    if (attempt->body.size() >= KeptBodyBytes)
        end(reply);
}

void Courier::end(HttpReply *reply)
{
    const auto found = m_running.find(reply);
    if (found == m_running.end())
        return;
    Attempt attempt = std::move(*found);
    m_running.erase(found);
    const qint64 tookUs = m_parts.clock.steadyUs() - attempt.startedSteadyUs;

    FinishedAttempt finished;
    finished.claim = std::move(attempt.claim);
    finished.claim.payload.clear();
    finished.startedAt = attempt.startedAt;
    finished.durationMs = tookUs / 1000;
    finished.requestHeaders = std::move(attempt.requestHeaders);
    if (reply->error() == NetError::None) {
        const HttpHeaders headers = reply->headers();
        finished.status = reply->status();
        finished.responseHeaders = headersJson(headers);
        finished.responseBody = storable((attempt.body + reply->takeBytes()).left(KeptBodyBytes));
        finished.retryAfterMs = retryAfterOf(reply->header("retry-after"));
        m_parts.metrics.webhookDuration.note(tookUs);
    } else {
        finished.error = wordsOf(*reply);
        finished.isTimeout = reply->error() == NetError::Timeout;
    }
    reply->disconnect(this);
    reply->deleteLater();

    const bool isSuccess = finished.isSuccess();
    const bool isGone = finished.status == 410;
    (isSuccess ? m_parts.metrics.webhooksDelivered : m_parts.metrics.webhooksFailed).add();
    Lane &lane = m_lanes[finished.claim.endpoint];
    --lane.running;
    m_finished.append(std::move(finished));
    if (lane.isNarrow == isSuccess)
        lane.window = MostOfLane;
    lane.isNarrow = !isSuccess;
    lane.isSlow = tookUs > SlowMs * 1000;
    if (isGone)
        lane.waiting.clear(); // it is about to be switched off, and they are canceled
    start();
    m_isWanted = m_isWanted || !isSuccess; // it may be due again soon
    ask();
}

void Courier::noteDrained(Lane &lane) const
{
    if (!lane.hasMore || lane.isNarrow)
        return;
    const qint64 tookMs = m_parts.clock.steadyMs() - lane.filledSteadyMs;
    if (tookMs < SoonMs)
        lane.window = std::min(lane.window * 2, MostOfWindow);
    else if (tookMs > LateMs)
        lane.window = std::max(lane.window / 2, MostOfLane);
}

void Courier::dropIdleLanes()
{
    // What is known of an endpoint is worth keeping, but not for ever.
    if (m_lanes.size() <= MostLanes)
        return;
    m_lanes.removeIf([](const std::pair<const WebhookEndpointId &, Lane &> &entry) {
        return entry.second.held() == 0 && !entry.second.hasMore;
    });
}

void Courier::finish()
{
    m_isFinishing = true;
    m_look.stop();
    m_due.stop();
    m_grace.start(GraceMs);
    if (m_running.isEmpty() && !m_isAsking)
        leave();
}

void Courier::leave()
{
    // Whoever is still at it is asked again later; what has ended is told, what was not begun is given back.
    qDeleteAll(m_running.keys());
    QList<ClaimedDelivery> unsent;
    for (const Attempt &attempt : std::as_const(m_running))
        unsent.append(attempt.claim);
    m_running.clear();
    for (Lane &lane : m_lanes) {
        for (const ClaimedDelivery &claim : lane.waiting)
            unsent.append(claim);
        lane.waiting.clear();
    }
    m_turns.clear();
    const auto quit = [this] {
        m_lanes.clear();
        m_client.reset();
        for (QTimer *timer : { &m_again, &m_look, &m_due, &m_grace })
            timer->stop();
        m_thread.quit();
    };
    if (std::exchange(m_hasGivenBack, true) || (unsent.isEmpty() && m_finished.isEmpty()))
        return quit();
    m_isAsking = true;
    const QList<FinishedAttempt> told = std::exchange(m_finished, {});
    m_parts.doors.write(
        this,
        [told, unsent, rules = m_parts.rules](Services &services) -> Result<bool> {
            if (const auto recorded = services.dispatch.record(told, rules); !recorded)
                return recorded.error();
            if (const auto given = services.dispatch.giveBack(unsent); !given)
                return given.error();
            return true;
        },
        [quit](const Result<bool> &) { quit(); });
}

} // namespace assistiv
