// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "services/doors.h"
#include "store/database.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace assistiv {

class Vault;

/// Threads with read-only connections for lists, reports and cache misses. Each question runs in a transaction of its own,
/// so that a count and the rows beside it agree.
class Readers
{
public:
    static constexpr size_t MostWaiting = 2048;

    Readers(DatabaseUrl database, const Clock &clock, const Vault &vault);
    ~Readers();

    Result<void> start(int threads);
    void stop();
    void enqueue(std::shared_ptr<Mailbox> mailbox, QPointer<QObject> asker, std::shared_ptr<DoorJob> job);

private:
    struct Item
    {
        std::shared_ptr<Mailbox> mailbox;
        QPointer<QObject> asker;
        std::shared_ptr<DoorJob> job;
    };
    void run(Result<void> *outcome, bool *ready);
    /// False when the database is away.
    bool answer(Database &db, Services &services, Item &item);

    DatabaseUrl m_database;
    const Clock &m_clock;
    const Vault &m_vault;
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::condition_variable m_started;
    std::deque<Item> m_queue;
    bool m_stopping = false;
    std::vector<std::thread> m_threads;
};

} // namespace assistiv
