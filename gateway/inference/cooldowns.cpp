// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/cooldowns.h"

#include <algorithm>

namespace assistiv {

namespace {

constexpr qint64 FirstRestMs = 15'000;
constexpr qint64 LongestRestMs = 300'000;
/// A probe that has not come back by then is forgotten, and the next call is one.
constexpr qint64 ProbeMs = 60'000;
/// Ways that were deleted since must not fill the memory.
constexpr qsizetype MostTroubles = 10'000;

} // namespace

void Cooldowns::rest(Trouble &trouble, qint64 ms) const
{
    trouble.untilMs = m_clock.steadyMs() + ms;
    trouble.until = m_clock.now().plusMs(ms);
    trouble.isProbed = false;
}

void Cooldowns::sort(QList<RouteLeg> &legs)
{
    if (legs.size() < 2 || m_count.load(std::memory_order_relaxed) == 0)
        return;
    const std::scoped_lock lock(m_mutex);
    const qint64 now = m_clock.steadyMs();
    const auto warm = std::stable_partition(legs.begin(), legs.end(), [&](const RouteLeg &leg) {
        const auto trouble = m_troubles.constFind(wayOf(leg));
        return trouble == m_troubles.constEnd() || trouble->untilMs <= now;
    });
    if (warm == legs.begin())
        return; // none is better than the other
    // The first one is the one that is called.
    if (const auto probed = m_troubles.find(wayOf(legs.constFirst())); probed != m_troubles.end() && probed->untilMs > 0) {
        rest(*probed, ProbeMs);
        probed->isProbed = true;
    }
}

void Cooldowns::noteSuccess(const RouteLeg &leg)
{
    if (m_count.load(std::memory_order_relaxed) == 0)
        return;
    const std::scoped_lock lock(m_mutex);
    m_troubles.remove(wayOf(leg));
    m_count.store(m_troubles.size(), std::memory_order_relaxed);
}

void Cooldowns::noteFailure(const RouteLeg &leg, int retryAfterSeconds)
{
    const std::scoped_lock lock(m_mutex);
    if (m_troubles.size() >= MostTroubles)
        m_troubles.removeIf([now = m_clock.steadyMs()](const auto &entry) { return entry->untilMs <= now; });
    Trouble &trouble = m_troubles[wayOf(leg)];
    trouble.provider = leg.mapping->providerSlug;
    trouble.providerModel = leg.mapping->providerModelId;
    m_count.store(m_troubles.size(), std::memory_order_relaxed);
    ++trouble.failures;
    qint64 ms = qMin(qint64(retryAfterSeconds) * 1000, LongestRestMs);
    if (trouble.failures >= Patience || trouble.isProbed) {
        const int doublings = qBound(0, trouble.failures - Patience, 10);
        ms = qMax(ms, qMin(FirstRestMs << doublings, LongestRestMs));
    }
    if (ms > 0)
        rest(trouble, ms);
}

void Cooldowns::noteNothing(const RouteLeg &leg)
{
    if (m_count.load(std::memory_order_relaxed) == 0)
        return;
    const std::scoped_lock lock(m_mutex);
    if (const auto trouble = m_troubles.find(wayOf(leg)); trouble != m_troubles.end() && trouble->isProbed)
        rest(*trouble, 0);
}

QList<Cooldowns::Cooling> Cooldowns::cooling() const
{
    const std::scoped_lock lock(m_mutex);
    const qint64 now = m_clock.steadyMs();
    QList<Cooling> all;
    for (auto it = m_troubles.constBegin(); it != m_troubles.constEnd(); ++it) {
        if (it->untilMs > now)
            all.append({ it->provider, it->providerModel, it.key().second, it->until, it->failures });
    }
    std::sort(all.begin(), all.end(), [](const Cooling &a, const Cooling &b) { return a.until < b.until; });
    return all;
}

} // namespace assistiv
