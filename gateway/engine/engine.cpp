// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/engine.h"

#include "core/hashing.h"
#include "core/log.h"
#include "core/os.h"
#include "engine/journalreplay.h"
#include "ledger/commitorder.h"
#include "services/installation.h"
#include "services/services.h"

#include <QtCore/QDir>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr int ReaderThreads = 2;
constexpr int HousekeepingMs = 15'000;
constexpr int MostResets = 200;
constexpr int MostExpired = 200;
constexpr int MostOldWebhooks = 500;
constexpr int MostRepeats = 5;
constexpr int DeafWatchMs = 1'000;
constexpr int NodeIdBytes = 8;

} // namespace

Engine::Engine(EngineSettings settings, std::shared_ptr<const Vault> vault, const Clock &clock)
    : m_settings(std::move(settings)), m_vault(std::move(vault)), m_clock(m_settings.testClock ? *m_settings.testClock : clock),
      m_nodeId(randomBytes(NodeIdBytes).toHex()), m_limiter(m_clock), m_cooldowns(m_clock),
      m_journal(Journal::pathIn(m_settings.dataDir)),
      m_writer({ m_settings.database, m_clock, *m_vault, m_book, m_journal, m_metrics,
                 [this](Services &services) { publishCatalogue(services); }, [this] { ringCourier(); }, m_nodeId,
                 &m_settings.webhooks.targets }),
      m_readers(m_settings.database, m_clock, *m_vault),
      m_backups(m_settings.database, QDir(m_settings.dataDir).filePath(u"backups"_s), m_clock)
{
    m_acceptorThread.setObjectName(u"acceptor"_s);
    m_housekeeping.setInterval(HousekeepingMs);
    connect(&m_housekeeping, &QTimer::timeout, this, &Engine::keepHouse);
    m_deafWatch.setInterval(DeafWatchMs);
    connect(&m_deafWatch, &QTimer::timeout, this, &Engine::distrustBook);
    m_grace.setSingleShot(true);
    connect(&m_grace, &QTimer::timeout, this, [this] {
        Log::warning("engine", u"calls still run after the grace period; they are cancelled and settled"_s);
        for (const auto &worker : m_workers)
            worker->cancelCalls();
    });
}

Engine::~Engine()
{
    if (m_acceptorThread.isRunning()) {
        QMetaObject::invokeMethod(m_acceptor.get(), [this] { m_acceptor->close(); }, Qt::BlockingQueuedConnection);
        m_acceptorThread.quit();
        m_acceptorThread.wait();
    }
    m_workers.clear();
    m_backups.stop();
    m_nodes.reset();
    stopCourier();
    m_writer.stop();
    m_readers.stop();
}

Result<void> Engine::open(const std::function<Result<void>(Services &)> &setUp)
{
    {
        auto db = Database::open(m_settings.database, Database::Access::ReadWrite);
        if (!db)
            return db.error();
        auto prepared = prepare(**db, setUp);
        // Others may be serving meanwhile, and hold locks that the journal needs in another order.
        for (int repeat = 0; !prepared && (*db)->mustRepeat() && repeat < MostRepeats; ++repeat)
            prepared = prepare(**db, setUp);
        if (!prepared)
            return prepared.error();
        m_databaseBytes = (*db)->sizeBytes();
    }
    if (const auto started = m_writer.start(); !started)
        return started.error();
    if (const auto started = m_readers.start(ReaderThreads); !started)
        return started.error();
    if (m_settings.database.dialect == Dialect::PostgreSql) {
        m_nodes = std::make_unique<Nodes>(Nodes::Parts {
            .database = m_settings.database,
            .clock = m_clock,
            .vault = *m_vault,
            .book = m_book,
            .limiter = m_limiter,
            .self = m_nodeId,
            .published = [this] { return m_writer.published(); },
            .catalogueChanged = [this](Services &services) { publishCatalogue(services); } });
        m_deafWatch.start();
    }
    startCourier();
    m_open = true;
    m_housekeeping.start();
    return {};
}

Result<void> Engine::prepare(Database &db, const std::function<Result<void>(Services &)> &setUp)
{
    AccountChanges changes;
    Services services(ServiceContext { db, m_clock, *m_vault, changes, &m_settings.webhooks.targets });

    Transaction transaction(db);
    if (const auto started = transaction.started(); !started)
        return started.error();
    // Another gateway may be starting on the same new database.
    if (const auto alone = NodeStore(db).lockOthersOut(NodeStore::StartPatienceMs); !alone)
        return alone.error();
    if (const auto adopted = Installation::adoptVault(db, *m_vault); !adopted)
        return adopted.error();
    if (const auto imported = services.catalog.importStarter(); !imported)
        return imported.error();
    const auto replayed = replayJournal(m_journal, services);
    if (!replayed)
        return replayed.error();
    if (setUp) {
        if (const auto done = setUp(services); !done)
            return done.error();
    }
    // On PostgreSQL they may be another gateway's.
    if (db.dialect() == Dialect::Sqlite) {
        if (const auto released = services.dispatch.releaseClaims(); !released)
            return released.error();
    }
    // Nothing is in our book yet, but others may be serving.
    if (!changes.isEmpty()) {
        if (const auto sealed = CommitOrder(db, m_book).seal(changes, m_nodeId); !sealed)
            return sealed.error();
    }
    if (const auto committed = transaction.commit(); !committed)
        return committed.error();
    m_journal.keepOnly(replayed->refused);
    for (const Settlement &settlement : replayed->billed)
        noteBilled(m_metrics, settlement);
    publishCatalogue(services);
    return {};
}

void Engine::publishCatalogue(Services &services)
{
    const Transaction transaction(services.context.db);
    const auto snapshot = services.catalog.snapshot();
    if (snapshot && transaction.isSound())
        m_book.setCatalogue(*snapshot);
    else
        Log::error("engine", u"the catalogue cannot be read; the old one stays in use"_s);
}

Result<void> Engine::listen(quint16 port)
{
    os::raiseOpenFileLimit();
    m_stopping = false;
    m_acceptor = std::make_unique<Acceptor>(m_settings.mostConnections, m_connections, m_metrics.connectionsRefused,
                                            [this](qintptr descriptor) {
        m_workers[m_nextWorker.fetch_add(1, std::memory_order_relaxed) % m_workers.size()]->adopt(descriptor);
    });
    const int count = m_settings.workers > 0 ? m_settings.workers : QThread::idealThreadCount();
    for (int i = 0; i < count; ++i) {
        m_workers.push_back(std::make_unique<Worker>(Worker::Parts {
            .limits = m_settings.limits,
            .tls = m_settings.tls,
            .cors = m_settings.cors,
            .clock = m_clock,
            .book = m_book,
            .limiter = m_limiter,
            .doors = *this,
            .settlements = m_writer,
            .refusals = m_refusals,
            .cooldowns = m_cooldowns,
            .turns = m_turns,
            .inFlight = m_inFlight,
            .metrics = m_metrics,
            .status = [this] { return status(); },
            .noteVerify =
                [this](bool ok) {
                    m_verifiedOk = ok;
                    m_verifiedAtMs = m_clock.now().ms();
                },
            .testClock = m_settings.testClock,
            .keepHouse = [this] { QMetaObject::invokeMethod(this, [this] { keepHouse(); }, Qt::QueuedConnection); },
            .backups = m_backups,
            .connectionEnded = [this] { m_connections.fetch_sub(1, std::memory_order_relaxed); } }));
        connect(m_workers.back().get(), &Worker::drained, this, &Engine::onWorkerDrained);
    }

    m_workerCount = count;
    m_startedSteadyMs = m_clock.steadyMs();
    const quint16 wanted = port ? port : m_settings.port;
    if (!m_acceptor->listen(m_settings.host, wanted)) {
        const QString reason = m_acceptor->errorString();
        m_workers.clear();
        m_acceptor.reset();
        return Error { ErrorCode::Internal,
                       u"Cannot listen on %1 port %2: %3"_s.arg(m_settings.host.toString()).arg(wanted).arg(reason) };
    }
    {
        const std::scoped_lock lock(m_originMutex);
        m_origin = originOf(m_settings.tls.has_value(), m_settings.host, m_acceptor->serverPort());
    }
    m_serving = true;
    m_acceptor->moveToThread(&m_acceptorThread);
    m_acceptorThread.start();
    return {};
}

void Engine::stop(bool now)
{
    if (!m_acceptor) {
        QMetaObject::invokeMethod(this, &Engine::stopped, Qt::QueuedConnection);
        return;
    }
    if (m_stopping.exchange(true)) {
        if (now)
            m_grace.start(0);
        return;
    }
    QMetaObject::invokeMethod(m_acceptor.get(), [this] { m_acceptor->close(); }, Qt::BlockingQueuedConnection);
    m_workersLeft = int(m_workers.size());
    for (const auto &worker : m_workers)
        worker->drain();
    m_grace.start(now ? 0 : m_settings.graceMs);
}

void Engine::onWorkerDrained()
{
    if (--m_workersLeft == 0)
        finishStop();
}

void Engine::finishStop()
{
    m_grace.stop();
    if (m_acceptorThread.isRunning()) {
        m_acceptorThread.quit();
        m_acceptorThread.wait();
    }
    // Calls whose client left long ago may still have a bill on the way.
    for (const auto &worker : m_workers)
        worker->cancelCalls();
    m_workers.clear();
    m_acceptor.reset();
    m_serving = false;
    m_stopping = false;
    keepHouse();
    Q_EMIT stopped();
}

QString Engine::origin() const
{
    const std::scoped_lock lock(m_originMutex);
    return m_origin;
}

QString Engine::originOf(bool isTls, const QHostAddress &host, quint16 port)
{
    const bool isV6 = host.protocol() == QAbstractSocket::IPv6Protocol;
    const QString address = host.toString();
    return u"%1://%2:%3"_s.arg(isTls ? u"https"_s : u"http"_s, isV6 ? u'[' + address + u']' : address,
                               QString::number(port));
}

QString Engine::publicOrigin() const
{
    return m_settings.publicBaseUrl.isEmpty() ? origin() : m_settings.publicBaseUrl;
}

EngineStatus Engine::status() const
{
    const qint64 verifiedAt = m_verifiedAtMs;
    return { .version = m_settings.version,
             .origin = origin(),
             .databaseKind = m_settings.database.dialect == Dialect::Sqlite ? u"sqlite"_s : u"postgresql"_s,
             .databaseName = m_settings.database.display(),
             .databaseBytes = m_databaseBytes,
             .uptimeMs = m_serving ? m_clock.steadyMs() - m_startedSteadyMs : 0,
             .isServing = m_serving,
             .workers = m_workerCount,
             .callsInFlight = m_inFlight,
             .connections = m_connections,
             .writerQueue = qint64(m_writer.waiting()),
             .journalEntries = m_journal.waiting(),
             .webhookBacklog = m_courier ? m_courier->backlog() : 0,
             .databaseHealthy = m_writer.isHealthy(),
             .isShuttingDown = m_stopping,
             .cooling = m_cooldowns.cooling(),
             .lastVerifiedAt = verifiedAt ? std::optional(Timestamp::fromMs(verifiedAt)) : std::nullopt,
             .lastVerifyOk = verifiedAt ? std::optional(m_verifiedOk.load()) : std::nullopt,
             .nodeId = QString::fromLatin1(m_nodeId),
             .otherNodes = m_nodes ? m_nodes->seen() : QList<NodeSeen>() };
}

void Engine::enqueueRead(std::shared_ptr<Mailbox> mailbox, QPointer<QObject> asker, std::shared_ptr<DoorJob> job)
{
    m_readers.enqueue(std::move(mailbox), std::move(asker), std::move(job));
}

void Engine::enqueueWrite(std::shared_ptr<Mailbox> mailbox, QPointer<QObject> asker, std::shared_ptr<DoorJob> job)
{
    m_writer.enqueue(std::move(mailbox), std::move(asker), std::move(job));
}

// Deaf to the others' commits, we must not trust for long what we know: until the line is back the book lives for a
// second.
void Engine::distrustBook()
{
    const bool wasDeaf = std::exchange(m_isDeaf, !m_nodes->isListening());
    if (!m_isDeaf)
        return;
    if (!wasDeaf)
        Log::warning("engine", u"the other gateways cannot be heard; accounts are read anew every second"_s);
    m_book.drop(m_book.committed());
}

void Engine::startCourier()
{
    auto courier = std::make_unique<Courier>(Courier::Parts { .doors = *this,
                                                              .clock = m_clock,
                                                              .metrics = m_metrics,
                                                              .rules = m_settings.webhooks.fastRetries ? RetryRules::fast()
                                                                                                       : RetryRules::standard(),
                                                              .targets = m_settings.webhooks.targets,
                                                              .version = m_settings.version });
    const std::scoped_lock lock(m_bell);
    m_courier = std::move(courier);
}

void Engine::stopCourier()
{
    std::unique_ptr<Courier> courier;
    {
        const std::scoped_lock lock(m_bell);
        courier.swap(m_courier);
    }
    // Ends here, with the lock free: it may need the writer for that.
}

void Engine::ringCourier()
{
    const std::scoped_lock lock(m_bell);
    if (m_courier)
        m_courier->ring();
}

void Engine::keepHouse()
{
    if (!m_open)
        return;
    ringCourier(); // the clock may have been moved
    m_limiter.dropIdle();
    struct Found
    {
        qint64 databaseBytes = 0;
        bool isMoreDue = false;
    };
    const auto used = m_book.takeUsedKeys();
    write(
        this,
        [used](Services &services) -> Result<Found> {
            if (const auto noted = services.apiKeys.noteUsed(used); !noted)
                return noted.error();
            // Budgets that nobody touches start their new period here; the others did at their first gate.
            const auto reset = services.budgets.resetDue(MostResets);
            if (!reset)
                return reset.error();
            const auto expired = services.responses.removeExpired(MostExpired);
            if (!expired)
                return expired.error();
            const auto isOldLeft = services.dispatch.removeOld(MostOldWebhooks);
            if (!isOldLeft)
                return isOldLeft.error();
            return Found { services.context.db.sizeBytes(), *reset == MostResets || *expired == MostExpired || *isOldLeft };
        },
        [this](const Result<Found> &found) {
            if (!found)
                return;
            m_databaseBytes = found->databaseBytes;
            // Everybody's month begins in the same moment; in portions, so that calls are settled in between.
            if (found->isMoreDue)
                keepHouse();
        });
}

} // namespace assistiv
