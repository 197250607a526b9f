// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QtGlobal>

#include <algorithm>
#include <vector>

namespace assistiv {

/// How much has happened in the last LengthMs. What falls into the same SlotMs is remembered as if all of it had
/// happened at the latest of its moments: it is forgotten a little late, never early. Moments are milliseconds and must
/// not run backwards. Takes no memory while nothing has happened.
template<qint64 LengthMs, qint64 SlotMs>
class SlidingWindow
{
public:
    void add(qint64 now, qint64 count)
    {
        if (count <= 0)
            return;
        forgetBefore(now);
        if (m_first < m_slots.size() && m_slots.back().latestMs / SlotMs == now / SlotMs) {
            m_slots.back().latestMs = std::max(m_slots.back().latestMs, now);
            m_slots.back().count += count;
        } else {
            if (m_first > 0 && m_slots.size() == m_slots.capacity()) {
                m_slots.erase(m_slots.begin(), m_slots.begin() + std::ptrdiff_t(m_first));
                m_first = 0;
            }
            m_slots.push_back({ now, count });
        }
        m_total += count;
    }

    qint64 total(qint64 now)
    {
        forgetBefore(now);
        return m_total;
    }

    /// How long until the total is below the limit, if nothing is added meanwhile; 0 when it is.
    qint64 msUntilBelow(qint64 limit, qint64 now)
    {
        qint64 left = total(now);
        if (left < limit)
            return 0;
        for (size_t at = m_first; at < m_slots.size(); ++at) {
            left -= m_slots[at].count;
            if (left < limit)
                return m_slots[at].latestMs + LengthMs - now;
        }
        return LengthMs;
    }

    /// Puts what happened before the first of these moments in front of them.
    void prepend(SlidingWindow earlier)
    {
        for (size_t at = m_first; at < m_slots.size(); ++at)
            earlier.add(m_slots[at].latestMs, m_slots[at].count);
        *this = std::move(earlier);
    }

    /// Takes back what was added here and, at the same moments, to that other window.
    void takeBack(const SlidingWindow &part)
    {
        size_t at = m_first;
        for (size_t other = part.m_first; other < part.m_slots.size(); ++other) {
            const qint64 slot = part.m_slots[other].latestMs / SlotMs;
            while (at < m_slots.size() && m_slots[at].latestMs / SlotMs < slot)
                ++at;
            if (at == m_slots.size())
                return;
            if (m_slots[at].latestMs / SlotMs != slot)
                continue; // forgotten here already
            const qint64 count = std::min(m_slots[at].count, part.m_slots[other].count);
            m_slots[at].count -= count;
            m_total -= count;
        }
    }

    /// Gives memory back when nothing is remembered.
    bool releaseIfEmpty(qint64 now)
    {
        forgetBefore(now);
        if (m_first < m_slots.size())
            return false;
        *this = {};
        return true;
    }

private:
    struct Slot
    {
        qint64 latestMs;
        qint64 count;
    };

    void forgetBefore(qint64 now)
    {
        while (m_first < m_slots.size() && m_slots[m_first].latestMs + LengthMs <= now)
            m_total -= m_slots[m_first++].count;
        if (m_first == m_slots.size()) {
            m_slots.clear();
            m_first = 0;
        }
    }

    /// One for each SlotMs in which something happened, oldest first, from m_first on.
    std::vector<Slot> m_slots;
    size_t m_first = 0;
    qint64 m_total = 0;
};

} // namespace assistiv
