// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/writer.h"

#include "core/log.h"
#include "engine/journal.h"
#include "ledger/settlementstore.h"
#include "services/services.h"

#include <algorithm>
#include <chrono>
#include <unordered_map>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr int RetryDelaysMs[] = { 50, 200, 500, 1000, 2000 };
/// How often a batch is run that loses races for locks; each may have cost the time of Database::LockTimeout.
constexpr int MostAttempts = 5;
/// How long calls may be held up by another gateway's management write.
constexpr int LockPatienceMs = 50;
/// How long our own management writes wait for one.
constexpr qint64 MostPutOffMs = 10'000;

} // namespace

Writer::Writer(Parts parts)
    : m_parts(std::move(parts))
{
}

Writer::~Writer()
{
    stop();
}

Result<void> Writer::start()
{
    std::mutex mutex;
    std::condition_variable started;
    std::optional<Result<void>> outcome;
    m_thread = std::thread([&] {
        run([&](Result<void> result) {
            const std::scoped_lock lock(mutex);
            outcome = std::move(result);
            started.notify_one();
        });
    });
    std::unique_lock lock(mutex);
    started.wait(lock, [&] { return outcome.has_value(); });
    if (!*outcome) {
        lock.unlock();
        m_thread.join();
    }
    return *outcome;
}

void Writer::stop()
{
    {
        const std::scoped_lock lock(m_mutex);
        m_stopping = true;
    }
    m_wake.notify_one();
    if (m_thread.joinable())
        m_thread.join();
}

void Writer::settle(Settlement settlement, QObject *asker, std::function<void(Result<void>)> done)
{
    {
        const std::scoped_lock lock(m_mutex);
        m_queue.emplace_back(PendingSettlement { std::move(settlement), asker ? Mailbox::ofThisThread() : nullptr, asker,
                                                 std::move(done) });
        m_waiting.store(m_queue.size(), std::memory_order_relaxed);
    }
    m_wake.notify_one();
}

void Writer::enqueue(std::shared_ptr<Mailbox> mailbox, QPointer<QObject> asker, std::shared_ptr<DoorJob> job)
{
    {
        const std::scoped_lock lock(m_mutex);
        if (m_queue.size() < MostJobs && !m_stopping) {
            m_queue.emplace_back(PendingJob { std::move(mailbox), std::move(asker), std::move(job) });
            m_waiting.store(m_queue.size(), std::memory_order_relaxed);
            m_wake.notify_one();
            return;
        }
    }
    refuse({ std::move(mailbox), std::move(asker), std::move(job) });
}

void Writer::refuse(PendingJob pending)
{
    pending.job->fail(databaseUnavailable());
    pending.mailbox->post(std::move(pending.asker), [job = std::move(pending.job)] { job->deliver(); });
}

void Writer::run(std::function<void(Result<void>)> onStarted)
{
    auto opened = Database::open(m_parts.database, Database::Access::ReadWrite);
    if (!opened)
        return onStarted(opened.error());
    m_db = std::move(*opened);
    const ServiceContext context { *m_db, m_parts.clock, m_parts.vault, m_changes };
    m_services = std::make_unique<Services>(context);
    m_settlements = std::make_unique<SettlementStore>(context, m_services->budgets);
    m_order.emplace(*m_db, m_parts.book);
    onStarted({});

    for (;;) {
        Batch batch = takeBatch();
        if (batch.isEmpty())
            break;
        const bool committed = work(batch);
        m_healthy.store(committed, std::memory_order_relaxed);
        if (!committed)
            recover(batch);
        deliver(batch);
    }
    m_order.reset();
    m_settlements.reset();
    m_services.reset();
    m_db.reset();
}

Writer::Batch Writer::takeBatch()
{
    std::unique_lock lock(m_mutex);
    m_wake.wait(lock, [this] { return !m_queue.empty() || m_stopping; });
    Batch batch;
    for (size_t i = 0; i < BatchSize && !m_queue.empty(); ++i) {
        if (auto *settlement = std::get_if<PendingSettlement>(&m_queue.front()))
            batch.settlements.push_back(std::move(*settlement));
        else
            batch.jobs.push_back(std::move(std::get<PendingJob>(m_queue.front())));
        m_queue.pop_front();
    }
    m_waiting.store(m_queue.size(), std::memory_order_relaxed);
    return batch;
}

bool Writer::work(Batch &batch)
{
    for (int attempt = 0; !batch.isEmpty(); ++attempt) {
        if (commitBatch(batch))
            break;
        if (!m_db->mustRepeat() || attempt == MostAttempts)
            return false;
    }
    return true;
}

bool Writer::commitBatch(Batch &batch)
{
    m_changes = {};
    Transaction transaction(*m_db);
    if (!transaction.started())
        return false;
    if (!batch.jobs.empty() && !NodeStore(*m_db).lockOthersOut(LockPatienceMs)) {
        if (m_db->mustRepeat())
            putOff(std::exchange(batch.jobs, {}));
        return false;
    }
    if (!runSettlements(batch.settlements))
        return false;
    for (PendingJob &job : batch.jobs) {
        runJob(job);
        if (m_db->mustRepeat())
            return false;
    }
    std::optional<quint64> number;
    if (!m_changes.isEmpty()) {
        const auto sealed = m_order->seal(m_changes, m_parts.node);
        if (!sealed)
            return false;
        number = *sealed;
    }
    // A connection that broke inside the batch shows here at the latest.
    if (!transaction.commit())
        return false;
    keepPoisoned(batch);
    m_commits.fetch_add(1, std::memory_order_relaxed);
    if (!number)
        return true;
    const bool catalogueChanged = m_changes.catalogue;
    m_parts.book.publishCommit(std::exchange(m_changes, {}), *number);
    m_published.store(*number, std::memory_order_release);
    if (catalogueChanged)
        m_parts.catalogueChanged(*m_services);
    return true;
}

void Writer::putOff(std::vector<PendingJob> jobs)
{
    const qint64 now = m_parts.clock.steadyMs();
    for (auto pending = jobs.rbegin(); pending != jobs.rend(); ++pending) {
        if (pending->putOffSinceMs == 0)
            pending->putOffSinceMs = now;
        if (now - pending->putOffSinceMs > MostPutOffMs) {
            refuse(std::move(*pending));
            continue;
        }
        const std::scoped_lock lock(m_mutex);
        m_queue.emplace_front(std::move(*pending));
        m_waiting.store(m_queue.size(), std::memory_order_relaxed);
    }
}

Result<void> Writer::applyGroup(const QList<const Settlement *> &group)
{
    const AccountChanges before = m_changes;
    Savepoint savepoint(*m_db);
    if (!savepoint.isOpen())
        return databaseUnavailable();
    auto applied = m_settlements->apply(group);
    if (applied)
        applied = savepoint.keep();
    if (!applied)
        m_changes = before;
    return applied;
}

bool Writer::runSettlements(std::vector<PendingSettlement> &settlements)
{
    if (settlements.empty())
        return true;
    QList<const Settlement *> group;
    for (PendingSettlement &pending : settlements) {
        pending.outcome = {};
        group.append(&pending.settlement);
    }
    const auto isAway = [](const Result<void> &outcome) {
        return !outcome && outcome.error().code == ErrorCode::DatabaseUnavailable;
    };
    const auto together = applyGroup(group);
    if (together)
        return true;
    if (isAway(together))
        return false;
    // One of them is poisoned: alone, each of the others gets through.
    for (PendingSettlement &pending : settlements) {
        pending.outcome = group.size() == 1 ? together : applyGroup({ &pending.settlement });
        if (isAway(pending.outcome))
            return false;
    }
    return true;
}

void Writer::runJob(PendingJob &pending)
{
    const AccountChanges before = m_changes;
    Savepoint savepoint(*m_db);
    if (!savepoint.isOpen())
        return pending.job->fail(databaseUnavailable());
    bool kept = pending.job->run(*m_services);
    if (kept) {
        if (const auto released = savepoint.keep(); !released) {
            pending.job->fail(released.error());
            kept = false;
        }
    }
    if (!kept)
        m_changes = before;
}

void Writer::recover(Batch &batch)
{
    // Management writes were promised to nobody: their callers may repeat them.
    for (PendingJob &pending : std::exchange(batch.jobs, {}))
        refuse(std::move(pending));
    // Wallets are locked in this order everywhere, whoever else recovers at the same time.
    std::stable_sort(batch.settlements.begin(), batch.settlements.end(), [](const auto &one, const auto &other) {
        return one.settlement.platform < other.settlement.platform;
    });

    for (const int delayMs : RetryDelaysMs) {
        std::this_thread::sleep_for(std::chrono::milliseconds(delayMs));
        if (!m_db->reconnect())
            continue;
        m_changes = {};
        Transaction transaction(*m_db);
        if (!transaction.started())
            continue;
        bool reachable = true;
        for (PendingSettlement &pending : batch.settlements) {
            // The first commit may have arrived although its answer did not.
            const auto applied = m_settlements->isApplied(pending.settlement);
            if (applied)
                pending.outcome = *applied ? Result<void>() : applyGroup({ &pending.settlement });
            reachable = applied && (pending.outcome || pending.outcome.error().code != ErrorCode::DatabaseUnavailable);
            if (!reachable)
                break;
        }
        if (!reachable)
            continue;
        const auto number = m_order->seal(m_changes, m_parts.node);
        if (number && transaction.commit()) {
            keepPoisoned(batch);
            m_commits.fetch_add(1, std::memory_order_relaxed);
            forgetBalances(*number);
            m_published.store(*number, std::memory_order_release);
            m_healthy.store(true, std::memory_order_relaxed);
            Log::info("writer", u"the database takes commits again"_s);
            return;
        }
    }
    // One of the commits may have arrived all the same.
    forgetBalances(m_order->afterLostCommit());
    for (PendingSettlement &pending : batch.settlements) {
        pending.outcome = databaseUnavailable();
        putInJournal(pending.settlement);
    }
}

void Writer::forgetBalances(quint64 floor)
{
    m_changes = {};
    m_parts.book.drop(floor);
    m_parts.catalogueChanged(*m_services);
}

void Writer::keepPoisoned(const Batch &batch)
{
    for (const PendingSettlement &pending : batch.settlements) {
        if (!pending.outcome)
            putInJournal(pending.settlement);
    }
}

void Writer::putInJournal(const Settlement &settlement)
{
    Log::error("writer", u"a call could not be billed, it waits in the journal: log row %1"_s.arg(settlement.id.toString()));
    if (!m_parts.journal.append(settlement))
        Log::error("writer", u"NOT BILLED, neither database nor journal can be written: "_s
                       + QString::fromUtf8(journalLine(settlement)));
}

void Writer::deliver(Batch &batch)
{
    std::unordered_map<std::shared_ptr<Mailbox>, std::vector<Mailbox::Letter>> letters;
    for (PendingJob &pending : batch.jobs)
        letters[pending.mailbox].push_back(
            { std::move(pending.asker), [job = std::move(pending.job)] { job->deliver(); } });
    for (PendingSettlement &pending : batch.settlements) {
        if (pending.mailbox)
            letters[pending.mailbox].push_back(
                { std::move(pending.asker),
                  [done = std::move(pending.done), outcome = std::move(pending.outcome)] { done(outcome); } });
    }
    for (auto &[mailbox, bundle] : letters)
        mailbox->post(std::move(bundle));
}

} // namespace assistiv
