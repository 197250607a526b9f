// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"

#include <QtCore/QHash>
#include <QtNetwork/QHostAddress>

namespace assistiv {

/// Slows down addresses that keep sending keys nobody knows: each of them costs a look-up in the database. Known keys are in
/// memory and never wait, whatever else comes from their address. One per worker.
class KeyThrottle
{
public:
    /// So many unknown keys are free, within this time.
    static constexpr int FreeFailures = 30;
    static constexpr qint64 WindowMs = 10'000;
    static constexpr int DelayMs = 1'000;

    /// A key from there was not found.
    void noteFailure(const QHostAddress &address, qint64 nowMs)
    {
        if (m_failures.size() > MostAddresses)
            m_failures.clear();
        Failures &failures = m_failures[address];
        if (nowMs - failures.sinceMs > WindowMs)
            failures = { nowMs, 0 };
        ++failures.count;
    }

    /// How long the next look-up for that address should wait.
    int delayMs(const QHostAddress &address, qint64 nowMs) const
    {
        const auto failures = m_failures.constFind(address);
        if (failures == m_failures.constEnd() || nowMs - failures->sinceMs > WindowMs || failures->count < FreeFailures)
            return 0;
        return DelayMs;
    }

private:
    static constexpr qsizetype MostAddresses = 10'000;
    struct Failures
    {
        qint64 sinceMs = 0;
        int count = 0;
    };
    QHash<QHostAddress, Failures> m_failures;
};

} // namespace assistiv
