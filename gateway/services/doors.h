// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/mailbox.h"
#include "core/result.h"

#include <QtCore/QPointer>

#include <memory>
#include <optional>

namespace assistiv {

struct Services;

/// One question to the database on its way there and back.
class DoorJob
{
public:
    virtual ~DoorJob() = default;
    /// On the door's thread. False: the answer is an error and nothing it wrote may stay.
    virtual bool run(Services &services) = 0;
    /// Replaces the answer: the job could not be run or its commit failed.
    virtual void fail(const Error &error) = 0;
    /// On the asker's thread, if the asker still exists.
    virtual void deliver() = 0;
};

/// The two ways to the database for everything that has no connection of its own: endpoints and console models. A
/// question runs on a reader or on the writer with that thread's Services; the answer comes back on the asker's thread, and
/// only if the asker still exists. Thread-safe.
class Doors
{
public:
    virtual ~Doors() = default;

    /// fn: Result<T>(Services &), selects only. done: void(Result<T>).
    template<typename Fn, typename Done>
    void read(QObject *asker, Fn fn, Done done)
    {
        enqueueRead(Mailbox::ofThisThread(), asker, makeJob(std::move(fn), std::move(done)));
    }

    /// Like read(), inside the writer's transaction: done is called after the commit. An error undoes what fn wrote.
    template<typename Fn, typename Done>
    void write(QObject *asker, Fn fn, Done done)
    {
        enqueueWrite(Mailbox::ofThisThread(), asker, makeJob(std::move(fn), std::move(done)));
    }

protected:
    virtual void enqueueRead(std::shared_ptr<Mailbox> mailbox, QPointer<QObject> asker, std::shared_ptr<DoorJob> job) = 0;
    virtual void enqueueWrite(std::shared_ptr<Mailbox> mailbox, QPointer<QObject> asker, std::shared_ptr<DoorJob> job) = 0;

private:
    template<typename Fn, typename Done>
    static std::shared_ptr<DoorJob> makeJob(Fn fn, Done done)
    {
        using Outcome = std::invoke_result_t<Fn &, Services &>;
        class Job final : public DoorJob
        {
        public:
            Job(Fn f, Done d) : m_fn(std::move(f)), m_done(std::move(d)) {}
            bool run(Services &services) override
            {
                m_answer.emplace(m_fn(services));
                return m_answer->ok();
            }
            void fail(const Error &error) override { m_answer.emplace(error); }
            void deliver() override { m_done(std::move(*m_answer)); }

        private:
            Fn m_fn;
            Done m_done;
            std::optional<Outcome> m_answer;
        };
        return std::make_shared<Job>(std::move(fn), std::move(done));
    }
};

} // namespace assistiv
