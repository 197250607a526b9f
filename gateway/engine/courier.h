// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "services/doors.h"
#include "webhooks/dispatch.h"
#include "webhooks/retryrules.h"
#include "webhooks/targets.h"

#include <QtCore/QHash>
#include <QtCore/QThread>
#include <QtCore/QTimer>

#include <atomic>
#include <deque>
#include <memory>

namespace assistiv {

class Clock;
class HttpClient;
class HttpReply;
struct Metrics;

/// Delivers webhooks (docs/contract/webhooks.md), on a thread with an HttpClient of its own. It has no connection to the
/// database: what is due and what became of it goes through the doors. One slow or dead receiver holds up nobody else: each
/// endpoint has a lane of its own, a narrow one until it proves well, and all slow ones together get half of the road.
class Courier final : public QObject
{
public:
    /// Attempts at once, in all and for one endpoint.
    static constexpr int MostRunning = 32;
    static constexpr int MostOfLane = 4;
    /// For one platform: it cannot keep all others waiting.
    static constexpr int MostOfPlatform = 24;
    /// For an endpoint whose newest attempt failed, or is the first.
    static constexpr int MostOfNarrowLane = 1;
    /// Of endpoints whose newest attempt took longer than SlowMs, in all.
    static constexpr int MostSlow = 16;
    static constexpr int SlowMs = 1'000;
    static constexpr int ConnectMs = 5'000;
    static constexpr qsizetype KeptBodyBytes = 20'000;

    struct Parts
    {
        Doors &doors;
        const Clock &clock;
        Metrics &metrics;
        RetryRules rules;
        WebhookTargets targets;
        QString version;
    };

    /// Starts the thread; it looks for work at once.
    explicit Courier(Parts parts);
    /// Lets attempts end for a moment, gives back what was not begun, and ends the thread. The doors must still be open.
    ~Courier() override;

    /// Something may be due. Thread-safe.
    void ring();
    /// Deliveries that wait for an attempt, counted every second. Thread-safe.
    qint64 backlog() const { return m_backlog.load(std::memory_order_relaxed); }

private:
    struct Attempt
    {
        ClaimedDelivery claim;
        Timestamp startedAt;
        qint64 startedSteadyUs = 0;
        QByteArray requestHeaders;
        QByteArray body;
    };
    /// The way to one endpoint.
    struct Lane
    {
        DispatchTarget target;
        std::deque<ClaimedDelivery> waiting;
        int running = 0;
        /// How many claims it may hold: as many as are delivered within a moment.
        int window = MostOfLane;
        qint64 filledSteadyMs = 0;
        bool isNarrow = true;
        bool isSlow = false;
        /// The database has more for it.
        bool hasMore = false;

        int mostRunning() const { return isNarrow ? MostOfNarrowLane : MostOfLane; }
        int mostHeld() const { return isNarrow ? MostOfNarrowLane : window; }
        int held() const { return int(waiting.size()) + running; }
    };

    void setUp();
    /// Asks for work, and tells what became of the work before, when there is a reason to.
    void ask();
    void askAgainIn(int ms);
    void onAnswer(const Result<Dispatched> &answer, QList<FinishedAttempt> told);
    /// One of them spoils the noting of all.
    void tellOneByOne(const QList<FinishedAttempt> &told);
    void take(const Dispatched &dispatched);
    /// True when the courier holds the delivery already: its claim had lapsed, or the clock was moved.
    bool renew(const ClaimedDelivery &delivery);
    void look();
    /// Some endpoint could be told more than it is being told.
    bool isHungry() const;
    DispatchRoom room(bool looksAround) const;

    void start();
    bool mayStart(const Lane &lane) const;
    template<typename Pick>
    int countRunning(Pick pick) const;
    void refuse(ClaimedDelivery claim);
    void begin(Lane &lane);
    void onBytes(HttpReply *reply);
    void end(HttpReply *reply);
    void noteDrained(Lane &lane) const;
    void dropIdleLanes();

    void finish();
    void leave();

    Parts m_parts;
    QThread m_thread;
    std::unique_ptr<HttpClient> m_client;
    QHash<WebhookEndpointId, Lane> m_lanes;
    /// Lanes with something waiting, whose turn it is first.
    std::deque<WebhookEndpointId> m_turns;
    QHash<HttpReply *, Attempt> m_running;
    /// Not told yet.
    QList<FinishedAttempt> m_finished;
    /// Had to wait so long that their claims are nearly over.
    QList<ClaimedDelivery> m_stale;
    QTimer m_again;
    QTimer m_look;
    QTimer m_due;
    QTimer m_grace;
    bool m_isAsking = false;
    bool m_isLooking = false;
    bool m_isWanted = true;
    bool m_isFinishing = false;
    bool m_hasGivenBack = false;
    qint64 m_askedSteadyMs = 0;
    qint64 m_lookedAroundSteadyMs = 0;
    std::atomic<bool> m_isRung = false;
    std::atomic<qint64> m_backlog = 0;
};

} // namespace assistiv
