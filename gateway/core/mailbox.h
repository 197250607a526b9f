// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QObject>
#include <QtCore/QPointer>

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace assistiv {

/// Hands closures to another thread: many posts, one wake-up. A closure runs on the mailbox's thread and only if its
/// context still exists then; posts to a thread that has ended are dropped.
class Mailbox
{
public:
    struct Letter
    {
        QPointer<QObject> context;
        std::function<void()> run;
    };

    /// The mailbox of the calling thread, which must have an event loop. Keep the pointer to post from elsewhere.
    static std::shared_ptr<Mailbox> ofThisThread();

    /// Thread-safe. The context must live on the mailbox's thread.
    void post(QPointer<QObject> context, std::function<void()> run);
    /// Thread-safe; one lock and one wake-up for all of them.
    void post(std::vector<Letter> letters);

    ~Mailbox();
    Mailbox(const Mailbox &) = delete;
    Mailbox &operator=(const Mailbox &) = delete;

private:
    class Receiver;
    Mailbox();
    void close();

    std::mutex m_mutex;
    std::vector<Letter> m_letters;
    bool m_woken = false;
    bool m_closed = false;
    // Two locks: the thread that is being woken must not run into the one that its waker still holds.
    std::mutex m_receiverMutex;
    Receiver *m_receiver = nullptr; // on the thread itself; null once that has ended

    friend struct ThreadMailbox;
};

} // namespace assistiv
