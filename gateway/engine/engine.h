// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/acceptor.h"
#include "engine/backupthread.h"
#include "engine/courier.h"
#include "engine/journal.h"
#include "engine/nodes.h"
#include "engine/readers.h"
#include "engine/worker.h"
#include "engine/writer.h"
#include "webhooks/targets.h"

#include <QtCore/QObject>
#include <QtCore/QTimer>

#include <functional>

namespace assistiv {

struct WebhookSettings
{
    WebhookTargets targets;
    /// A schedule of seconds instead of hours, for tests.
    bool fastRetries = false;
};

struct EngineSettings
{
    QString version;
    QString dataDir;
    DatabaseUrl database;
    QHostAddress host = QHostAddress::LocalHost;
    quint16 port = 8790;
    std::optional<QSslConfiguration> tls;
    /// Written into URLs that are handed out; empty: the listening origin.
    QString publicBaseUrl;
    /// 0: one per core.
    int workers = 0;
    int mostConnections = 10'000;
    GuardLimits limits;
    CorsSettings cors;
    WebhookSettings webhooks;
    /// Set: the engine's clock, which admin keys may move (--test-clock). Must outlive the engine.
    TestClock *testClock = nullptr;
    /// How long calls may run on after stop().
    int graceMs = 30'000;
};

/// The gateway: database, writer, readers, workers and the listening socket, with an orderly start and stop. Lives on the
/// thread that made it, which needs an event loop; everything else it does is on threads of its own.
class Engine final : public QObject, public Doors
{
    Q_OBJECT

public:
    Engine(EngineSettings settings, std::shared_ptr<const Vault> vault, const Clock &clock = Clock::system());
    ~Engine() override;

    /// Replays the journal, imports the starter catalogue, runs setUp (empty: nothing) in one transaction, and starts the
    /// writer and the readers. The database must have been migrated (store/migrations.h). Blocks while it works.
    Result<void> open(const std::function<Result<void>(Services &)> &setUp = {});
    /// Binds and serves; port 0 means the one of the settings. The port's error when it is taken.
    Result<void> listen(quint16 port = 0);
    /// Stops accepting, lets calls end and settles; stopped() follows. The database stays open: the console goes on reading, and
    /// listen() may be called again. now: running calls are cancelled at once.
    void stop(bool now = false);

    /// "http://127.0.0.1:8790": where it listens.
    QString origin() const;
    /// Scheme, host (an IPv6 address in brackets) and port as they stand in URLs.
    static QString originOf(bool isTls, const QHostAddress &host, quint16 port);
    /// What clients should be told, public_base_url or origin().
    QString publicOrigin() const;
    /// Thread-safe.
    EngineStatus status() const;
    /// Changes with every commit, also of other gateways: whoever shows data asks again then. Thread-safe.
    quint64 committed() const { return m_writer.commits() + m_book.committed(); }
    /// Thread-safe.
    const Refusals &refusals() const { return m_refusals; }

Q_SIGNALS:
    void stopped();

protected:
    void enqueueRead(std::shared_ptr<Mailbox> mailbox, QPointer<QObject> asker, std::shared_ptr<DoorJob> job) override;
    void enqueueWrite(std::shared_ptr<Mailbox> mailbox, QPointer<QObject> asker, std::shared_ptr<DoorJob> job) override;

private:
    Result<void> prepare(Database &db, const std::function<Result<void>(Services &)> &setUp);
    void publishCatalogue(Services &services);
    void onWorkerDrained();
    void finishStop();
    void startCourier();
    void stopCourier();
    /// Thread-safe.
    void ringCourier();
    /// Last use of keys, due resets, expired responses, old webhooks, idle rate counters, size of the database. Every now and then, and when
    /// the clock was moved.
    void keepHouse();
    void distrustBook();

    const EngineSettings m_settings;
    const std::shared_ptr<const Vault> m_vault;
    const Clock &m_clock;
    const QByteArray m_nodeId;
    AccountBook m_book;
    RateLimiter m_limiter;
    Refusals m_refusals;
    Cooldowns m_cooldowns;
    Turns m_turns;
    Metrics m_metrics;
    Journal m_journal;
    Writer m_writer;
    Readers m_readers;
    BackupThread m_backups;
    /// Null on SQLite: one process owns the file.
    std::unique_ptr<Nodes> m_nodes;
    /// From open() on, whether the gateway serves or not.
    std::unique_ptr<Courier> m_courier;
    std::mutex m_bell; // nobody rings while the courier comes or goes
    std::atomic<int> m_inFlight = 0;
    std::vector<std::unique_ptr<Worker>> m_workers;
    std::atomic<size_t> m_nextWorker = 0;
    QThread m_acceptorThread;
    std::unique_ptr<Acceptor> m_acceptor;
    QTimer m_housekeeping;
    QTimer m_deafWatch;
    QTimer m_grace;
    int m_workersLeft = 0;
    bool m_open = false;
    bool m_isDeaf = true;
    std::atomic<bool> m_stopping = false;
    std::atomic<bool> m_serving = false;
    mutable std::mutex m_originMutex;
    QString m_origin;
    std::atomic<qint64> m_startedSteadyMs = 0;
    std::atomic<int> m_workerCount = 0;
    std::atomic<int> m_connections = 0;
    std::atomic<qint64> m_databaseBytes = 0;
    std::atomic<qint64> m_verifiedAtMs = 0;
    std::atomic<bool> m_verifiedOk = false;
};

} // namespace assistiv
