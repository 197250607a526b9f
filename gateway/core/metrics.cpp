// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/metrics.h"

#include <algorithm>

namespace assistiv {

namespace {

constexpr qint64 Ms = 1'000;
constexpr qint64 Second = 1'000 * Ms;
constexpr qint64 CallBounds[] = { 25 * Ms,     50 * Ms,     100 * Ms,    250 * Ms,     500 * Ms,
                                  1 * Second,  2'500 * Ms,  5 * Second,  10 * Second,  20 * Second,
                                  30 * Second, 60 * Second, 120 * Second, 300 * Second };
constexpr qint64 CommitBounds[] = { 250,     500,      1 * Ms,   2 * Ms,   5 * Ms,     10 * Ms,   25 * Ms,
                                    50 * Ms, 100 * Ms, 250 * Ms, 500 * Ms, 1 * Second, 5 * Second };
constexpr qint64 BatchBounds[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256 };

} // namespace

Histogram::Histogram(std::span<const qint64> bounds)
    : m_bounds(bounds)
{
    Q_ASSERT(bounds.size() <= MostBounds && std::is_sorted(bounds.begin(), bounds.end()));
}

void Histogram::note(qint64 value)
{
    const auto bound = std::lower_bound(m_bounds.begin(), m_bounds.end(), value);
    m_counts[size_t(bound - m_bounds.begin())].add();
    m_sum.add(value);
}

UpstreamMetrics::UpstreamMetrics()
    : firstByte(CallBounds), duration(CallBounds)
{
}

UpstreamMetrics *UpstreamTable::find(const QString &provider)
{
    for (int i = 0; i < m_count.load(std::memory_order_acquire); ++i) {
        if (m_known[size_t(i)].name == provider)
            return &m_known[size_t(i)].metrics;
    }
    return nullptr;
}

UpstreamMetrics &UpstreamTable::of(const QString &provider)
{
    if (UpstreamMetrics *known = find(provider))
        return *known;
    const std::scoped_lock lock(m_mutex);
    if (UpstreamMetrics *known = find(provider))
        return *known;
    const int count = m_count.load(std::memory_order_relaxed);
    if (count > Most)
        return m_known[Most].metrics;
    m_known[size_t(count)].name = count < Most ? provider : QString(OtherName);
    m_count.store(count + 1, std::memory_order_release);
    return m_known[size_t(count)].metrics;
}

Metrics::Metrics()
    : startedAt(Clock::system().now()), callDuration(CallBounds), batchSize(BatchBounds), commitDuration(CommitBounds),
      webhookDuration(CallBounds)
{
}

void Metrics::noteAnswer(RouteGroup group, int status)
{
    answers[size_t(group)][size_t(std::clamp(status / 100, 0, 5))].add();
}

} // namespace assistiv
