// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArray>
#include <QtCore/QObject>

#include <functional>
#include <memory>

namespace assistiv {

/// A place in a line and, once it has come, the turn itself. Its end leaves the line or lets the next one in, on any thread.
class Turn
{
public:
    Turn() = default;
    Turn(Turn &&) noexcept = default;
    Turn &operator=(Turn &&other) noexcept;
    ~Turn() { leave(); }

private:
    friend class Turns;
    struct Lines;
    struct Waiter;
    Turn(std::shared_ptr<Lines> lines, std::shared_ptr<Waiter> waiter);
    void leave();

    std::shared_ptr<Lines> m_lines;
    std::shared_ptr<Waiter> m_waiter;
};

/// Lets those who name the same thing go one after another, in the order in which they came. Thread-safe.
class Turns
{
public:
    /// For one thing, behind the one whose turn it is.
    static constexpr int MostWaiting = 16;
    static constexpr int WaitLimitMs = 120'000;

    explicit Turns(int waitLimitMs = WaitLimitMs);

    /// The asker keeps what is returned for as long as it waits and works. come(true) says that its turn has come, come(false)
    /// that it never will: too many wait already, or it took too long. One of them comes, once, on the calling thread, after
    /// this call, and only if the asker and its place still exist.
    [[nodiscard]] Turn ask(const QByteArray &what, QObject *asker, std::function<void(bool isMyTurn)> come);

private:
    std::shared_ptr<Turn::Lines> m_lines;
    const int m_waitLimitMs;
};

} // namespace assistiv
