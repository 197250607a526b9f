// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/writer.h"

#include "core/log.h"
#include "engine/journal.h"
#include "engine/journalreplay.h"
#include "ledger/settlementstore.h"
#include "services/installation.h"
#include "services/services.h"

#include <algorithm>
#include <chrono>
#include <unordered_map>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// How often a batch is run that loses races for locks; each may have cost the time of Database::LockTimeout.
constexpr int MostAttempts = 5;
/// How long calls may be held up by another gateway's management write.
constexpr int LockPatienceMs = 50;
/// How long our own management writes wait for one.
constexpr qint64 MostPutOffMs = 10'000;
/// While the database is away; the last one again and again.
constexpr int RetryDelaysMs[] = { 50, 200, 500, 1000 };
/// How long the writer looks out for a settlement that is expected before it sleeps again.
constexpr auto LookOut = std::chrono::microseconds(150);
/// So long a client waits for its call to be billed.
constexpr qint64 PatienceMs = 4000;

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
        auto mailbox = asker ? Mailbox::ofThisThread() : nullptr;
        m_queue.emplace_back(PendingSettlement { std::move(settlement), std::move(mailbox), asker, std::move(done),
                                                 m_parts.clock.steadyMs() });
        m_waiting.store(m_queue.size(), std::memory_order_relaxed);
    }
    m_wake.notify_one();
}

void Writer::expect()
{
    if (!m_isAsleep.load(std::memory_order_relaxed))
        return; // it looks into the queue again by itself
    {
        const std::scoped_lock lock(m_mutex);
        m_isExpecting = true;
    }
    m_wake.notify_one();
}

void Writer::enqueue(std::shared_ptr<Mailbox> mailbox, QPointer<QObject> asker, std::shared_ptr<DoorJob> job)
{
    {
        const std::scoped_lock lock(m_mutex);
        if (m_queue.size() < MostJobs && !m_stopping && isHealthy()) {
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
    m_db->reserveLog();
    const ServiceContext context { *m_db, m_parts.clock, m_parts.vault, m_changes, m_parts.webhookTargets };
    m_services = std::make_unique<Services>(context);
    m_settlements = std::make_unique<SettlementStore>(context, m_services->budgets);
    m_order.emplace(*m_db, m_parts.book);
    onStarted({});

    for (;;) {
        Batch batch = takeBatch();
        if (batch.isEmpty())
            break;
        if (work(batch))
            deliver(batch);
        else
            sitOut(std::move(batch));
    }
    m_order.reset();
    m_settlements.reset();
    m_services.reset();
    m_db.reset();
}

Writer::Batch Writer::takeBatch()
{
    std::unique_lock lock(m_mutex);
    while (m_queue.empty() && !m_stopping) {
        m_isAsleep.store(true, std::memory_order_relaxed);
        m_wake.wait(lock, [this] { return !m_queue.empty() || m_stopping || m_isExpecting; });
        m_isAsleep.store(false, std::memory_order_relaxed);
        if (!std::exchange(m_isExpecting, false) || !m_queue.empty())
            continue;
        lock.unlock();
        for (const auto end = std::chrono::steady_clock::now() + LookOut;
             m_waiting.load(std::memory_order_relaxed) == 0 && std::chrono::steady_clock::now() < end;)
            std::this_thread::yield();
        lock.lock();
    }
    Batch batch;
    for (size_t i = 0; i < BatchSize && !m_queue.empty(); ++i)
        take(batch);
    return batch;
}

void Writer::take(Batch &batch)
{
    if (auto *settlement = std::get_if<PendingSettlement>(&m_queue.front()))
        batch.settlements.push_back(std::move(*settlement));
    else
        batch.jobs.push_back(std::move(std::get<PendingJob>(m_queue.front())));
    m_queue.pop_front();
    m_waiting.store(m_queue.size(), std::memory_order_relaxed);
}

bool Writer::work(Batch &batch)
{
    Taken taken = Taken::Together;
    for (int attempt = 0; !batch.isEmpty(); ++attempt) {
        const Came came = commitBatch(batch, taken);
        if (came == Came::Committed)
            break;
        if (came == Came::Poisoned && attempt < MostAttempts)
            taken = Taken::OneByOne;
        else if (!m_db->mustRepeat() || attempt >= MostAttempts)
            return false;
    }
    return true;
}

Writer::Came Writer::commitBatch(Batch &batch, Taken taken)
{
    const qint64 takenUpUs = m_parts.clock.steadyUs();
    m_changes = {};
    Transaction transaction(*m_db);
    if (!transaction.started())
        return Came::Undone;
    if (!batch.jobs.empty() && !NodeStore(*m_db).lockOthersOut(LockPatienceMs)) {
        if (m_db->mustRepeat())
            putOff(std::exchange(batch.jobs, {}));
        return Came::Undone;
    }
    if (const Came came = runSettlements(batch.settlements, taken); came != Came::Committed)
        return came;
    for (PendingJob &job : batch.jobs) {
        runJob(job);
        if (m_db->mustRepeat())
            return Came::Undone;
    }
    std::optional<quint64> number;
    if (!m_changes.isEmpty()) {
        const auto sealed = m_order->seal(m_changes, m_parts.node);
        if (!sealed)
            return Came::Undone;
        number = *sealed;
    }
    // A connection that broke inside the batch shows here at the latest.
    if (!transaction.commit())
        return Came::Undone;
    noteCommit(batch, 0, takenUpUs);
    keepPoisoned(batch);
    if (m_changes.deliveriesDue)
        m_parts.deliveriesDue();
    if (!number)
        return Came::Committed;
    const bool catalogueChanged = m_changes.catalogue;
    m_parts.book.publishCommit(std::exchange(m_changes, {}), *number);
    m_published.store(*number, std::memory_order_release);
    if (catalogueChanged)
        m_parts.catalogueChanged(*m_services);
    return Came::Committed;
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

Result<void> Writer::applyAlone(const Settlement &settlement)
{
    const AccountChanges before = m_changes;
    Savepoint savepoint(*m_db);
    if (!savepoint.isOpen())
        return databaseUnavailable();
    auto applied = m_settlements->apply({ &settlement });
    if (applied)
        applied = savepoint.keep();
    if (!applied)
        m_changes = before;
    return applied;
}

Writer::Came Writer::runSettlements(std::vector<PendingSettlement> &settlements, Taken taken)
{
    const auto isAway = [](const Result<void> &outcome) {
        return !outcome && outcome.error().code == ErrorCode::DatabaseUnavailable;
    };
    if (taken == Taken::OneByOne) {
        for (PendingSettlement &pending : settlements) {
            pending.outcome = applyAlone(pending.settlement);
            if (isAway(pending.outcome))
                return Came::Undone;
        }
        return Came::Committed;
    }
    QList<const Settlement *> group;
    for (PendingSettlement &pending : settlements) {
        pending.outcome = {};
        group.append(&pending.settlement);
    }
    const auto applied = group.isEmpty() ? Result<void>() : m_settlements->apply(group);
    if (applied)
        return Came::Committed;
    return isAway(applied) ? Came::Undone : Came::Poisoned;
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

void Writer::keepPoisoned(const Batch &batch)
{
    for (const PendingSettlement &pending : batch.settlements) {
        if (pending.outcome)
            continue;
        const QString id = pending.settlement.id.toString();
        if (m_parts.journal.append(pending.settlement)) {
            m_parts.metrics.journalled.add();
            Log::error("writer", u"a call could not be billed, it waits in the journal: log row %1"_s.arg(id));
        } else {
            m_parts.metrics.unbilled.add();
            Log::error("writer", u"NOT BILLED, the journal cannot be written: "_s
                           + QString::fromUtf8(journalLine(pending.settlement)));
        }
    }
}

void Writer::noteCommit(const Batch &batch, qint64 fromJournal, qint64 takenUpUs)
{
    m_commits.fetch_add(1, std::memory_order_relaxed);
    m_parts.metrics.commitDuration.note(m_parts.clock.steadyUs() - takenUpUs);
    m_parts.metrics.batchSize.note(qint64(batch.settlements.size() + batch.jobs.size()) + fromJournal);
    for (const PendingSettlement &pending : batch.settlements) {
        if (pending.outcome)
            noteBilled(m_parts.metrics, pending.settlement);
    }
}

void Writer::sitOut(Batch held)
{
    refuseJobs(held);
    for (size_t attempt = 0;; ++attempt) {
        m_held.store(held.settlements.size(), std::memory_order_relaxed);
        const bool isEnd = !rest(RetryDelaysMs[std::min(attempt, std::size(RetryDelaysMs) - 1)]);
        if (catchUp(held)) {
            m_held.store(0, std::memory_order_relaxed);
            m_healthy.store(true, std::memory_order_relaxed);
            Log::info("writer", u"the database takes commits again"_s);
            return deliver(held);
        }
        // A hiccup is over by the first attempt; from now on nobody is let in who would have to wait.
        m_healthy.store(false, std::memory_order_relaxed);
        {
            const std::scoped_lock lock(m_mutex);
            while (!m_queue.empty())
                take(held);
        }
        refuseJobs(held);
        giveUpWaiting(held, isEnd);
        if (isEnd) {
            m_held.store(0, std::memory_order_relaxed);
            return;
        }
    }
}

bool Writer::rest(int ms)
{
    std::unique_lock lock(m_mutex);
    return !m_wake.wait_for(lock, std::chrono::milliseconds(ms), [this] { return m_stopping; });
}

void Writer::refuseJobs(Batch &batch)
{
    // They were promised to nobody: their callers may repeat them.
    for (PendingJob &pending : std::exchange(batch.jobs, {}))
        refuse(std::move(pending));
}

bool Writer::catchUp(Batch &held)
{
    if (!m_db->reconnect())
        return false;
    const qint64 takenUpUs = m_parts.clock.steadyUs();
    // Wallets are locked in this order everywhere, whoever else catches up at the same time.
    std::stable_sort(held.settlements.begin(), held.settlements.end(), [](const auto &one, const auto &other) {
        return one.settlement.platform < other.settlement.platform;
    });
    m_changes = {};
    Transaction transaction(*m_db);
    // A transaction that writes nothing would succeed on a full disk, too.
    const QString now = QString::number(m_parts.clock.now().ms());
    if (!transaction.started() || !Installation::setSetting(*m_db, u"database_back_at"_s, now))
        return false;
    for (PendingSettlement &pending : held.settlements) {
        // The first commit may have arrived although its answer did not.
        const auto applied = m_settlements->isApplied(pending.settlement);
        if (!applied)
            return false;
        pending.outcome = *applied ? Result<void>() : applyAlone(pending.settlement);
        if (!pending.outcome && pending.outcome.error().code == ErrorCode::DatabaseUnavailable)
            return false;
    }
    std::optional<Replayed> replayed;
    if (m_isJournalDue) {
        if (auto outcome = replayJournal(m_parts.journal, *m_services))
            replayed = std::move(*outcome);
        else if (outcome.error().code == ErrorCode::DatabaseUnavailable)
            return false;
        else
            Log::error("writer", outcome.error().message); // a start would not go on before that is solved
    }
    const auto number = m_order->seal(m_changes, m_parts.node);
    if (!number || !transaction.commit())
        return false;
    m_isJournalDue = false;
    noteCommit(held, replayed ? replayed->billed.size() : 0, takenUpUs);
    if (replayed) {
        m_parts.journal.keepOnly(replayed->refused);
        for (const Settlement &settlement : replayed->billed)
            noteBilled(m_parts.metrics, settlement);
    }
    keepPoisoned(held);
    if (m_changes.deliveriesDue)
        m_parts.deliveriesDue();
    forgetBalances(*number);
    m_published.store(*number, std::memory_order_release);
    return true;
}

void Writer::giveUpWaiting(Batch &held, bool isEnd)
{
    Batch told;
    Batch kept;
    bool journalWorks = true;
    for (PendingSettlement &pending : held.settlements) {
        if (!isEnd && m_parts.clock.steadyMs() - pending.sinceSteadyMs < PatienceMs) {
            kept.settlements.push_back(std::move(pending));
            continue;
        }
        journalWorks = journalWorks && m_parts.journal.append(pending.settlement);
        if (journalWorks) {
            m_isJournalDue = true;
            m_parts.metrics.journalled.add();
            Log::error("writer", u"a call cannot be billed now, it waits in the journal: log row %1"_s
                           .arg(pending.settlement.id.toString()));
        } else if (isEnd) {
            m_parts.metrics.unbilled.add();
            Log::error("writer", u"NOT BILLED, neither database nor journal can be written: "_s
                           + QString::fromUtf8(journalLine(pending.settlement)));
        } else {
            if (!pending.isAnswered) {
                Log::error("writer", u"no database and no journal can be written; a bill waits in memory: log row %1"_s
                               .arg(pending.settlement.id.toString()));
            }
            kept.settlements.push_back({ .settlement = pending.settlement, .mailbox = {}, .asker = {}, .done = {},
                                         .sinceSteadyMs = pending.sinceSteadyMs, .isAnswered = true });
            // As in the journal: its client gets an error, and knows of no response.
            kept.settlements.back().settlement.response.reset();
        }
        pending.outcome = databaseUnavailable();
        told.settlements.push_back(std::move(pending));
    }
    held = std::move(kept);
    deliver(told);
}

void Writer::forgetBalances(quint64 floor)
{
    m_changes = {};
    m_parts.book.drop(floor);
    m_parts.catalogueChanged(*m_services);
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
