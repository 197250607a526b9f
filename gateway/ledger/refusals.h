// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/errors.h"
#include "core/id.h"

#include <QtCore/QList>

#include <atomic>
#include <deque>
#include <mutex>

namespace assistiv {

/// A call that a gate turned away: it reached no provider, so the call log has no row of it.
struct Refusal
{
    PlatformId platform;
    EndUserId endUser;
    QString requestId;
    QString model;
    Error error;
    Timestamp at;
};

/// The newest refusals of this process, for whoever looks at the console. Thread-safe; forgotten with the process.
class Refusals
{
public:
    static constexpr size_t Most = 5'000;

    void note(Refusal refusal);
    /// Oldest first.
    QList<Refusal> since(const PlatformId &platform, Timestamp moment) const;
    /// Grows with every refusal.
    quint64 count() const { return m_count.load(std::memory_order_relaxed); }

private:
    mutable std::mutex m_mutex;
    std::deque<Refusal> m_refusals;
    std::atomic<quint64> m_count = 0;
};

} // namespace assistiv
