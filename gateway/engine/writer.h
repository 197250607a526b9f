// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/metrics.h"
#include "ledger/accountbook.h"
#include "ledger/commitorder.h"
#include "ledger/settlement.h"
#include "services/doors.h"
#include "store/database.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>
#include <vector>

namespace assistiv {

class Journal;
class SettlementStore;
class Vault;
struct WebhookTargets;

/// The only thread that writes. It takes what waits (at most BatchSize), runs the settlements together and then each
/// management write in a savepoint of its own, commits once, publishes the new balances to the AccountBook and wakes
/// every asker once. While one commit runs the next batch collects, so there is no artificial wait. Other gateways may
/// write on the same PostgreSQL. Settlements take their locks in the same order everywhere; management writes of all
/// gateways come one after another, and while another one's takes long, ours are put off and calls are settled all the
/// same. What is left of races for locks ends in a batch that is rolled back and run again.
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
        /// Called on the writer's thread after a commit by which webhook deliveries are due.
        std::function<void()> deliveriesDue = [] {};
        /// Who we are among the gateways on the database.
        QByteArray node = {};
        /// Must outlive the writer.
        const WebhookTargets *webhookTargets = nullptr;
    };

    explicit Writer(Parts parts);
    ~Writer() override;

    /// Opens the connection on the writer's thread and starts working; the connection's error otherwise.
    Result<void> start();
    /// Works off what waits, then ends the thread and closes the connection. Callers see to it that nothing new comes.
    void stop();

    void settle(Settlement settlement, QObject *asker, std::function<void(Result<void>)> done) override;
    void expect() override;
    bool isFull() const override { return !isHealthy() || m_waiting.load(std::memory_order_relaxed) >= FullAt; }
    void enqueue(std::shared_ptr<Mailbox> mailbox, QPointer<QObject> asker, std::shared_ptr<DoorJob> job);

    /// What is not committed yet, but for the batch at work.
    size_t waiting() const
    {
        return m_waiting.load(std::memory_order_relaxed) + m_held.load(std::memory_order_relaxed);
    }
    /// False while the database does not take commits.
    bool isHealthy() const { return m_healthy.load(std::memory_order_relaxed); }
    /// How often something was committed.
    quint64 commits() const { return m_commits.load(std::memory_order_relaxed); }
    /// Number of the newest commit that was published (ledger/commitorder.h).
    quint64 published() const { return m_published.load(std::memory_order_acquire); }

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
        /// When it was first put off; 0: never.
        qint64 putOffSinceMs = 0;
    };
    using Item = std::variant<PendingSettlement, PendingJob>;
    struct Batch
    {
        std::vector<PendingSettlement> settlements;
        std::vector<PendingJob> jobs;
        bool isEmpty() const { return settlements.empty() && jobs.empty(); }
    };

    void run(std::function<void(Result<void>)> onStarted);
    Batch takeBatch();
    /// The head of the queue, which is locked and not empty, goes into the batch.
    void take(Batch &batch);
    /// Commits the batch in as many attempts as races for locks make necessary; false when the database is away.
    bool work(Batch &batch);
    /// One transaction around the batch. Settlements that are taken together need no savepoint, for which the database would
    /// keep a copy of each page; so one that cannot be booked undoes all, and they are taken one by one.
    enum class Taken { Together, OneByOne };
    enum class Came { Committed, Poisoned, Undone };
    Came commitBatch(Batch &batch, Taken taken);
    /// Undone when the database could not do its work: that is no fault of the settlements.
    Came runSettlements(std::vector<PendingSettlement> &settlements, Taken taken);
    /// The settlement or, after an error, nothing, in what is written as in what will be published.
    Result<void> applyAlone(const Settlement &settlement);
    void runJob(PendingJob &pending);
    /// Another gateway's management write takes long: ours go back to the head of the queue, except those that have
    /// waited long enough.
    void putOff(std::vector<PendingJob> jobs);
    /// Settlements that broke a rule of the database wait in the journal for somebody to look at them.
    void keepPoisoned(const Batch &batch);
    /// The batch was committed, with so many more settlements from the journal.
    void noteCommit(const Batch &batch, qint64 fromJournal, qint64 takenUpUs);
    void deliver(Batch &batch);
    static void refuse(PendingJob pending);

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
    void forgetBalances(quint64 floor);

    Parts m_parts;
    std::unique_ptr<Database> m_db;
    AccountChanges m_changes;
    std::unique_ptr<Services> m_services;
    std::unique_ptr<SettlementStore> m_settlements;
    std::optional<CommitOrder> m_order;
    /// Lines that wait for the database to come back.
    bool m_isJournalDue = false;

    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::deque<Item> m_queue;
    std::atomic<size_t> m_waiting = 0;
    std::atomic<bool> m_isAsleep = false;
    bool m_isExpecting = false;
    /// Settlements that were taken from the queue and wait for the database to come back.
    std::atomic<size_t> m_held = 0;
    std::atomic<bool> m_healthy = true;
    std::atomic<quint64> m_commits = 0;
    std::atomic<quint64> m_published = 0;
    bool m_stopping = false;
    std::thread m_thread;
};

} // namespace assistiv
