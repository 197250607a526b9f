// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/readers.h"

#include "services/services.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// A server that does not answer costs seconds each time it is tried: what waits meanwhile is not tried again.
constexpr qint64 AwayMs = 500;

} // namespace

Readers::Readers(DatabaseUrl database, const Clock &clock, const Vault &vault)
    : m_database(std::move(database)), m_clock(clock), m_vault(vault)
{
}

Readers::~Readers()
{
    stop();
}

Result<void> Readers::start(int threads)
{
    for (int i = 0; i < threads; ++i) {
        Result<void> outcome;
        bool ready = false;
        m_threads.emplace_back([&] { run(&outcome, &ready); });
        std::unique_lock lock(m_mutex);
        m_started.wait(lock, [&] { return ready; });
        if (!outcome) {
            lock.unlock();
            stop();
            return outcome;
        }
    }
    return {};
}

void Readers::stop()
{
    {
        const std::scoped_lock lock(m_mutex);
        m_stopping = true;
    }
    m_wake.notify_all();
    for (std::thread &thread : m_threads)
        thread.join();
    m_threads.clear();
}

void Readers::enqueue(std::shared_ptr<Mailbox> mailbox, QPointer<QObject> asker, std::shared_ptr<DoorJob> job)
{
    {
        const std::scoped_lock lock(m_mutex);
        if (m_queue.size() < MostWaiting && !m_stopping) {
            m_queue.push_back({ std::move(mailbox), std::move(asker), std::move(job) });
            m_wake.notify_one();
            return;
        }
    }
    job->fail(databaseUnavailable());
    mailbox->post(std::move(asker), [job] { job->deliver(); });
}

void Readers::run(Result<void> *outcome, bool *ready)
{
    auto db = Database::open(m_database, Database::Access::ReadOnly);
    {
        const std::scoped_lock lock(m_mutex);
        if (!db)
            *outcome = db.error();
        *ready = true;
    }
    m_started.notify_all();
    if (!db)
        return;

    AccountChanges unused;
    const auto services = std::make_unique<Services>(ServiceContext { **db, m_clock, m_vault, unused });
    qint64 awayUntilMs = 0;
    for (;;) {
        std::unique_lock lock(m_mutex);
        m_wake.wait(lock, [this] { return !m_queue.empty() || m_stopping; });
        if (m_queue.empty())
            return;
        Item item = std::move(m_queue.front());
        m_queue.pop_front();
        lock.unlock();
        if (m_clock.steadyMs() < awayUntilMs)
            item.job->fail(databaseUnavailable());
        else if (!answer(**db, *services, item))
            awayUntilMs = m_clock.steadyMs() + AwayMs;
        item.mailbox->post(std::move(item.asker), [job = std::move(item.job)] { job->deliver(); });
    }
}

bool Readers::answer(Database &db, Services &services, Item &item)
{
    for (const bool isRepeat : { false, true }) {
        {
            Transaction transaction(db);
            if (transaction.started()) {
                item.job->run(services);
                if (transaction.isSound())
                    return true;
            }
        }
        // A connection that was lost, while idle or in the middle of the question: once anew.
        if (isRepeat || !db.reconnect())
            break;
    }
    item.job->fail(databaseUnavailable());
    return false;
}

} // namespace assistiv
