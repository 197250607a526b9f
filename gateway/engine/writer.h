// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/metrics.h"
#include "ledger/accountbook.h"
#include "ledger/settlement.h"
#include "services/doors.h"
#include "store/database.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <variant>

namespace assistiv {

class Journal;
class SettlementStore;
class Vault;

/// The only thread that writes. It takes what waits (at most BatchSize), runs each management write in a savepoint of its
/// own and neighbouring settlements together, commits once, publishes the new balances to the AccountBook and wakes
/// every asker once. While one commit runs the next batch collects, so there is no artificial wait.
class Writer final : public Settlements
{
public:
    static constexpr size_t BatchSize = 256;
    /// Above this no new inference calls are let in.
    static constexpr size_t FullAt = 4096;
    /// Management writes beyond this are refused with DatabaseUnavailable.
    static constexpr size_t MostJobs = 2048;

    struct Parts
    {
        DatabaseUrl database;
        const Clock &clock;
        const Vault &vault;
        AccountBook &book;
        Journal &journal;
        Metrics &metrics;
        /// Called on the writer's thread after a commit that changed providers, models or prices.
        std::function<void(Services &)> catalogueChanged;
    };

    explicit Writer(Parts parts);
    ~Writer() override;

    /// Opens the connection on the writer's thread and starts working; the connection's error otherwise.
    Result<void> start();
    /// Works off what waits, then ends the thread and closes the connection. Callers see to it that nothing new comes.
    void stop();

    void settle(Settlement settlement, QObject *asker, std::function<void(Result<void>)> done) override;
    bool isFull() const override { return !isHealthy() || m_waiting.load(std::memory_order_relaxed) >= FullAt; }
    void enqueue(std::shared_ptr<Mailbox> mailbox, QPointer<QObject> asker, std::shared_ptr<DoorJob> job);

    /// What is not committed yet, but for the batch at work.
    size_t waiting() const
    {
        return m_waiting.load(std::memory_order_relaxed) + m_held.load(std::memory_order_relaxed);
    }
    /// False while the database does not take commits.
    bool isHealthy() const { return m_healthy.load(std::memory_order_relaxed); }

private:
    struct PendingSettlement
    {
        Settlement settlement;
        std::shared_ptr<Mailbox> mailbox;
        QPointer<QObject> asker;
        std::function<void(Result<void>)> done;
        qint64 sinceSteadyMs = 0;
        /// The asker has got an answer, only the bill is still to be written.
        bool isAnswered = false;
        Result<void> outcome = {};
    };
    struct PendingJob
    {
        std::shared_ptr<Mailbox> mailbox;
        QPointer<QObject> asker;
        std::shared_ptr<DoorJob> job;
    };
    using Item = std::variant<PendingSettlement, PendingJob>;
    using Batch = std::deque<Item>;

    void run(std::function<void(Result<void>)> onStarted);
    Batch takeBatch();
    /// One transaction around the batch; false when the database could not commit it.
    bool commitBatch(Batch &batch);
    /// False when the database could not do its work: that is no fault of the settlements.
    bool runSettlements(Batch &batch, size_t from, size_t to);
    /// All of the group or, after an error, nothing, in what is written as in what will be published.
    Result<void> applyGroup(const QList<const Settlement *> &group);
    void runJob(PendingJob &pending);
    /// Settlements that broke a rule of the database wait in the journal for somebody to look at them.
    void keepPoisoned(Batch &batch);
    /// The batch was committed, with so many more settlements from the journal.
    void noteCommit(const Batch &batch, qint64 fromJournal, qint64 takenUpUs);
    void deliver(Batch &batch);

    // The database is away.

    /// Returns when it takes commits again, or the program ends. Until then management writes are refused, no new calls
    /// are let in, and settlements are tried again and again; those whose callers have waited long enough go to the
    /// journal.
    void sitOut(Batch held);
    /// False once the program ends.
    bool rest(int ms);
    void refuseJobs(Batch &batch);
    /// Commits everything that waits, in memory and in the journal; false when the database still does not take it.
    bool catchUp(Batch &held);
    /// Journals what is overdue, or everything at the end. What not even the journal takes is held in memory: there are
    /// no more of them than calls were in flight.
    void giveUpWaiting(Batch &held, bool isEnd);
    /// Balances that gates saw may stem from a commit whose answer was lost: loads everything anew.
    void forgetBalances();

    Parts m_parts;
    std::unique_ptr<Database> m_db;
    AccountChanges m_changes;
    std::unique_ptr<Services> m_services;
    std::unique_ptr<SettlementStore> m_settlements;
    /// Lines that wait for the database to come back.
    bool m_isJournalDue = false;

    std::mutex m_mutex;
    std::condition_variable m_wake;
    Batch m_queue;
    std::atomic<size_t> m_waiting = 0;
    /// Settlements that were taken from the queue and wait for the database to come back.
    std::atomic<size_t> m_held = 0;
    std::atomic<bool> m_healthy = true;
    bool m_stopping = false;
    std::thread m_thread;
};

} // namespace assistiv
