// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/turns.h"

#include "core/mailbox.h"

#include <QtCore/QHash>
#include <QtCore/QPointer>
#include <QtCore/QTimer>

#include <algorithm>
#include <chrono>
#include <deque>
#include <mutex>

namespace assistiv {

struct Turn::Waiter
{
    QByteArray what;
    std::shared_ptr<Mailbox> mailbox;
    QPointer<QObject> asker;
    /// Empty once it was called, or its place is gone.
    std::function<void(bool)> come;
};

struct Turn::Lines
{
    using WaiterPtr = std::shared_ptr<Waiter>;

    /// Never held while a letter is posted or a closure ends: either may lead back here.
    std::mutex mutex;
    /// Whoever stands first in a line has the turn. There are no empty lines.
    QHash<QByteArray, std::deque<WaiterPtr>> lines;

    /// Whose turn it is now, if it was this one's before. Call it with the mutex locked.
    WaiterPtr remove(const WaiterPtr &waiter)
    {
        const auto line = lines.find(waiter->what);
        if (line == lines.end())
            return {};
        const auto place = std::find(line->begin(), line->end(), waiter);
        if (place == line->end())
            return {};
        const bool hadTurn = place == line->begin();
        line->erase(place);
        if (!line->empty())
            return hadTurn ? line->front() : WaiterPtr();
        lines.erase(line);
        return {};
    }

    std::function<void(bool)> takeCome(const WaiterPtr &waiter)
    {
        const std::scoped_lock lock(mutex);
        return std::exchange(waiter->come, {});
    }

    static void tell(const std::shared_ptr<Lines> &self, const WaiterPtr &waiter, bool isMyTurn)
    {
        waiter->mailbox->post(waiter->asker, [self, waiter, isMyTurn] {
            if (const auto come = self->takeCome(waiter))
                come(isMyTurn);
        });
    }

    /// Its time is over, if it still waits.
    static void giveUp(const std::shared_ptr<Lines> &self, const WaiterPtr &waiter)
    {
        {
            const std::scoped_lock lock(self->mutex);
            const auto line = self->lines.constFind(waiter->what);
            if (line == self->lines.constEnd() || line->front() == waiter)
                return;
            self->remove(waiter);
        }
        if (const auto come = self->takeCome(waiter))
            come(false);
    }
};

Turn::Turn(std::shared_ptr<Lines> lines, std::shared_ptr<Waiter> waiter)
    : m_lines(std::move(lines)), m_waiter(std::move(waiter))
{
}

Turn &Turn::operator=(Turn &&other) noexcept
{
    if (this != &other) {
        leave();
        m_lines = std::move(other.m_lines);
        m_waiter = std::move(other.m_waiter);
    }
    return *this;
}

void Turn::leave()
{
    if (!m_waiter)
        return;
    const auto lines = std::move(m_lines);
    const auto waiter = std::move(m_waiter);
    std::shared_ptr<Waiter> next;
    {
        const std::scoped_lock lock(lines->mutex);
        next = lines->remove(waiter);
    }
    const auto unheard = lines->takeCome(waiter);
    if (next)
        Lines::tell(lines, next, true);
}

Turns::Turns(int waitLimitMs)
    : m_lines(std::make_shared<Turn::Lines>()), m_waitLimitMs(waitLimitMs)
{
}

Turn Turns::ask(const QByteArray &what, QObject *asker, std::function<void(bool isMyTurn)> come)
{
    const auto waiter = std::make_shared<Turn::Waiter>(
        Turn::Waiter { what, Mailbox::ofThisThread(), QPointer<QObject>(asker), std::move(come) });
    size_t ahead = 0;
    {
        const std::scoped_lock lock(m_lines->mutex);
        auto &line = m_lines->lines[what];
        ahead = line.size();
        if (ahead <= MostWaiting)
            line.push_back(waiter);
    }
    if (ahead == 0 || ahead > MostWaiting) {
        Turn::Lines::tell(m_lines, waiter, ahead == 0);
    } else {
        QTimer::singleShot(std::chrono::milliseconds(m_waitLimitMs), asker,
                           [lines = m_lines, late = std::weak_ptr(waiter)] {
                               if (const auto still = late.lock())
                                   Turn::Lines::giveUp(lines, still);
                           });
    }
    return Turn(m_lines, waiter);
}

} // namespace assistiv
