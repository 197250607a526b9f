// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/mailbox.h"

#include <QtCore/QCoreApplication>
#include <QtCore/QEvent>

namespace assistiv {

class Mailbox::Receiver final : public QObject
{
public:
    explicit Receiver(Mailbox &mailbox) : m_mailbox(mailbox) {}

    bool event(QEvent *event) override
    {
        if (event->type() != QEvent::User)
            return QObject::event(event);
        std::vector<Letter> letters;
        {
            const std::scoped_lock lock(m_mailbox.m_mutex);
            letters.swap(m_mailbox.m_letters);
            m_mailbox.m_woken = false;
        }
        for (Letter &letter : letters) {
            if (letter.context)
                letter.run();
        }
        return true;
    }

private:
    Mailbox &m_mailbox;
};

/// Ties a mailbox to the life of its thread.
struct ThreadMailbox
{
    std::shared_ptr<Mailbox> mailbox { new Mailbox };
    ~ThreadMailbox() { mailbox->close(); }
};

std::shared_ptr<Mailbox> Mailbox::ofThisThread()
{
    thread_local ThreadMailbox mine;
    return mine.mailbox;
}

Mailbox::Mailbox()
    : m_receiver(new Receiver(*this))
{
}

Mailbox::~Mailbox() = default;

void Mailbox::close()
{
    std::vector<Letter> undelivered;
    {
        const std::scoped_lock lock(m_mutex);
        m_closed = true;
        undelivered.swap(m_letters);
    }
    Receiver *receiver = nullptr;
    {
        const std::scoped_lock lock(m_receiverMutex);
        receiver = std::exchange(m_receiver, nullptr);
    }
    delete receiver; // on its own thread; takes the pending wake-up with it
}

void Mailbox::post(QPointer<QObject> context, std::function<void()> run)
{
    std::vector<Letter> one;
    one.push_back({ std::move(context), std::move(run) });
    post(std::move(one));
}

void Mailbox::post(std::vector<Letter> letters)
{
    {
        const std::scoped_lock lock(m_mutex);
        if (m_closed)
            return;
        std::move(letters.begin(), letters.end(), std::back_inserter(m_letters));
        if (std::exchange(m_woken, true))
            return;
    }
    const std::scoped_lock lock(m_receiverMutex);
    if (m_receiver)
        QCoreApplication::postEvent(m_receiver, new QEvent(QEvent::User));
}

} // namespace assistiv
