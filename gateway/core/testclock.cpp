// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/testclock.h"

namespace assistiv {

Timestamp TestClock::now() const
{
    return Clock::system().now().plusMs(m_aheadMs.load());
}

qint64 TestClock::steadyMs() const
{
    return Clock::system().steadyMs();
}

qint64 TestClock::steadyUs() const
{
    return Clock::system().steadyUs();
}

bool TestClock::advanceMs(qint64 by)
{
    if (by < 0 || by > Latest.ms())
        return false;
    qint64 ahead = m_aheadMs.load();
    do {
        if (Clock::system().now().plusMs(ahead + by) > Latest)
            return false;
    } while (!m_aheadMs.compare_exchange_weak(ahead, ahead + by));
    return true;
}

bool TestClock::advanceTo(Timestamp moment)
{
    if (moment > Latest)
        return false;
    const qint64 wanted = moment.ms() - Clock::system().now().ms();
    qint64 ahead = m_aheadMs.load();
    do {
        if (wanted < ahead)
            return false;
    } while (!m_aheadMs.compare_exchange_weak(ahead, wanted));
    return true;
}

} // namespace assistiv
