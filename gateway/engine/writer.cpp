// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/writer.h"

#include "core/log.h"
#include "engine/journal.h"
#include "ledger/settlementstore.h"
#include "services/services.h"

#include <chrono>
#include <unordered_map>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr int RetryDelaysMs[] = { 50, 200, 500, 1000, 2000 };

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
    job->fail(databaseUnavailable());
    mailbox->post(std::move(asker), [job] { job->deliver(); });
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
    onStarted({});

    for (;;) {
        Batch batch = takeBatch();
        if (batch.empty())
            break;
        const bool committed = commitBatch(batch);
        m_healthy.store(committed, std::memory_order_relaxed);
        if (!committed)
            recover(batch);
        deliver(batch);
    }
    m_settlements.reset();
    m_services.reset();
    m_db.reset();
}

Writer::Batch Writer::takeBatch()
{
    std::unique_lock lock(m_mutex);
    m_wake.wait(lock, [this] { return !m_queue.empty() || m_stopping; });
    Batch batch;
    if (m_queue.size() <= BatchSize) {
        batch.swap(m_queue);
    } else {
        for (size_t i = 0; i < BatchSize; ++i) {
            batch.push_back(std::move(m_queue.front()));
            m_queue.pop_front();
        }
    }
    m_waiting.store(m_queue.size(), std::memory_order_relaxed);
    return batch;
}

bool Writer::commitBatch(Batch &batch)
{
    m_changes = {};
    Transaction transaction(*m_db);
    if (!transaction.started())
        return false;
    for (size_t at = 0; at < batch.size();) {
        if (auto *job = std::get_if<PendingJob>(&batch[at])) {
            runJob(*job);
            ++at;
            continue;
        }
        size_t end = at + 1;
        while (end < batch.size() && std::holds_alternative<PendingSettlement>(batch[end]))
            ++end;
        if (!runSettlements(batch, at, end))
            return false;
        at = end;
    }
    // A connection that broke inside the batch shows here at the latest.
    if (!transaction.commit())
        return false;
    keepPoisoned(batch);
    const bool catalogueChanged = m_changes.catalogue;
    m_parts.book.publishCommit(std::exchange(m_changes, {}));
    if (catalogueChanged)
        m_parts.catalogueChanged(*m_services);
    return true;
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

bool Writer::runSettlements(Batch &batch, size_t from, size_t to)
{
    QList<const Settlement *> group;
    for (size_t at = from; at < to; ++at) {
        auto &pending = std::get<PendingSettlement>(batch[at]);
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
    for (size_t at = from; at < to; ++at) {
        auto &pending = std::get<PendingSettlement>(batch[at]);
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
    for (Item &item : batch) {
        if (auto *job = std::get_if<PendingJob>(&item))
            job->job->fail(databaseUnavailable());
    }
    const auto pendingOf = [](Item &item) { return std::get_if<PendingSettlement>(&item); };

    for (const int delayMs : RetryDelaysMs) {
        std::this_thread::sleep_for(std::chrono::milliseconds(delayMs));
        if (!m_db->reconnect())
            continue;
        m_changes = {};
        Transaction transaction(*m_db);
        if (!transaction.started())
            continue;
        bool reachable = true;
        for (Item &item : batch) {
            PendingSettlement *pending = pendingOf(item);
            if (!pending || !reachable)
                continue;
            // The first commit may have arrived although its answer did not.
            const auto applied = m_settlements->isApplied(pending->settlement);
            if (!applied) {
                reachable = false;
            } else if (*applied) {
                pending->outcome = {};
            } else {
                pending->outcome = applyGroup({ &pending->settlement });
                reachable = pending->outcome.ok() || pending->outcome.error().code != ErrorCode::DatabaseUnavailable;
            }
        }
        if (reachable && transaction.commit()) {
            keepPoisoned(batch);
            forgetBalances();
            m_healthy.store(true, std::memory_order_relaxed);
            Log::info("writer", u"the database takes commits again"_s);
            return;
        }
    }
    // One of the commits may have arrived all the same.
    forgetBalances();
    for (Item &item : batch) {
        PendingSettlement *pending = pendingOf(item);
        if (!pending)
            continue;
        pending->outcome = databaseUnavailable();
        putInJournal(pending->settlement);
    }
}

void Writer::forgetBalances()
{
    m_changes = {};
    m_parts.book.drop();
    m_parts.catalogueChanged(*m_services);
}

void Writer::keepPoisoned(Batch &batch)
{
    for (Item &item : batch) {
        const auto *pending = std::get_if<PendingSettlement>(&item);
        if (pending && !pending->outcome)
            putInJournal(pending->settlement);
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
    for (Item &item : batch) {
        if (auto *job = std::get_if<PendingJob>(&item)) {
            letters[job->mailbox].push_back({ std::move(job->asker), [job = std::move(job->job)] { job->deliver(); } });
        } else if (auto &pending = std::get<PendingSettlement>(item); pending.mailbox) {
            letters[pending.mailbox].push_back(
                { std::move(pending.asker),
                  [done = std::move(pending.done), outcome = std::move(pending.outcome)] { done(outcome); } });
        }
    }
    for (auto &[mailbox, bundle] : letters)
        mailbox->post(std::move(bundle));
}

} // namespace assistiv
