// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/refusals.h"

namespace assistiv {

void Refusals::note(Refusal refusal)
{
    const std::scoped_lock lock(m_mutex);
    m_refusals.push_back(std::move(refusal));
    m_count.fetch_add(1, std::memory_order_relaxed);
    if (m_refusals.size() > Most)
        m_refusals.pop_front();
}

QList<Refusal> Refusals::since(const PlatformId &platform, Timestamp moment) const
{
    const std::scoped_lock lock(m_mutex);
    QList<Refusal> found;
    for (const Refusal &refusal : m_refusals) {
        if (refusal.platform == platform && refusal.at >= moment)
            found.append(refusal);
    }
    return found;
}

} // namespace assistiv
