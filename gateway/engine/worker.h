// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/cors.h"
#include "http/direct.h"
#include "http/guard.h"

#include <QtCore/QObject>
#include <QtCore/QThread>
#include <QtNetwork/QSslConfiguration>

#include <atomic>
#include <memory>
#include <optional>

namespace assistiv {

class AccountLoads;
class ConversationReads;
class Router;
class Transport;

/// One HTTP worker: a thread with its sockets, its router, its outbound client and the exchanges in flight on it.
class Worker final : public QObject
{
    Q_OBJECT

public:
    struct Parts
    {
        GuardLimits limits;
        std::optional<QSslConfiguration> tls;
        CorsSettings cors;
        const Clock &clock;
        AccountBook &book;
        RateLimiter &limiter;
        Doors &doors;
        Settlements &settlements;
        Refusals &refusals;
        Cooldowns &cooldowns;
        Turns &turns;
        std::atomic<int> &inFlight;
        Metrics &metrics;
        std::function<EngineStatus()> status;
        std::function<void(bool)> noteVerify;
        TestClock *testClock;
        std::function<void()> keepHouse;
        Backups &backups;
        /// Called on the worker's thread for each connection that has ended.
        std::function<void()> connectionEnded;
    };

    /// Starts the thread.
    explicit Worker(Parts parts);
    /// Ends the thread; drain before, or running calls are cut off.
    ~Worker() override;

    /// From any thread: takes over an accepted socket.
    void adopt(qintptr descriptor);
    /// From any thread: no new requests; drained() when the last answer is out.
    void drain();
    /// From any thread: cancels the calls that still run; their bills are settled.
    void cancelCalls();

Q_SIGNALS:
    void drained();

private:
    void setUp();
    void tearDown();

    Parts m_parts;
    QThread m_thread;
    std::unique_ptr<HttpClient> m_network;
    std::unique_ptr<AccountLoads> m_accounts;
    std::unique_ptr<ConversationReads> m_conversations;
    std::optional<InferenceParts> m_inference;
    std::optional<WorkerParts> m_workerParts;
    std::unique_ptr<QObject> m_calls; // parent of the exchanges in flight
    std::unique_ptr<Router> m_router;
    std::unique_ptr<Transport> m_transport;
};

} // namespace assistiv
