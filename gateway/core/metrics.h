// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/errors.h"

#include <array>
#include <atomic>
#include <mutex>
#include <span>

namespace assistiv {

/// Adds up. Lock-free, for any thread.
class Counter
{
public:
    void add(qint64 more = 1) { m_value.fetch_add(more, std::memory_order_relaxed); }
    qint64 value() const { return m_value.load(std::memory_order_relaxed); }

private:
    std::atomic<qint64> m_value = 0;
};

/// Counts values by size: one counter for each bound and one for what lies above all. Lock-free, for any thread.
class Histogram
{
public:
    static constexpr size_t MostBounds = 14;

    /// Ascending, at most MostBounds, and there as long as the program runs.
    explicit Histogram(std::span<const qint64> bounds);

    void note(qint64 value);

    std::span<const qint64> bounds() const { return m_bounds; }
    /// Values up to the bound of that index and above the one before; the last index is for what lies above all.
    qint64 countAt(size_t index) const { return m_counts[index].value(); }
    qint64 sum() const { return m_sum.value(); }

private:
    const std::span<const qint64> m_bounds;
    std::array<Counter, MostBounds + 1> m_counts;
    Counter m_sum;
};

/// Which part of the API a request was for; None: no route was reached.
enum class RouteGroup { None, Inference, SelfService, Platforms, Admin, Operation };
inline constexpr size_t RouteGroups = 6;

/// How a call to a provider ended, as far as its operator cares.
enum class UpstreamOutcome { Success, Cancelled, TimedOut, RateLimited, AuthFailed, Rejected, Failed };
inline constexpr size_t UpstreamOutcomes = 7;

/// What happened at one provider. Times in microseconds.
struct UpstreamMetrics
{
    UpstreamMetrics();

    std::array<Counter, UpstreamOutcomes> attempts;
    Histogram firstByte;
    Histogram duration;
};

/// One UpstreamMetrics for each provider that was called, by slug. Lock-free but for a provider's first call.
class UpstreamTable
{
public:
    /// Providers beyond share one, named OtherName: labels stay few whatever an operator does.
    static constexpr int Most = 64;
    static constexpr QLatin1StringView OtherName { "other" };

    UpstreamMetrics &of(const QString &provider);

    /// Calls back with the name and the numbers of each.
    template<typename Fn>
    void each(Fn fn) const
    {
        for (int i = 0; i < m_count.load(std::memory_order_acquire); ++i)
            fn(m_known[size_t(i)].name, m_known[size_t(i)].metrics);
    }

private:
    struct Known
    {
        QString name;
        UpstreamMetrics metrics;
    };
    UpstreamMetrics *find(const QString &provider);

    std::mutex m_mutex; // of those that add a provider
    std::atomic<int> m_count = 0;
    std::array<Known, Most + 1> m_known; // the last place is for the others
};

/// What the gateway counts about itself since it started. Noting never waits; a reading may be a moment out of step
/// with itself.
struct Metrics
{
    Metrics();

    void noteAnswer(RouteGroup group, int status);
    void noteRefusal(ErrorCode code) { refusals[size_t(code) % refusals.size()].add(); }

    /// Of the process, by the system's clock: whoever collects the numbers compares it with its own.
    const Timestamp startedAt;
    /// By group and first digit of the status.
    std::array<std::array<Counter, 6>, RouteGroups> answers;
    Counter connectionsRefused;
    /// Calls that a gate refused, by ErrorCode.
    std::array<Counter, 128> refusals;
    /// Those of them at which a rate limit was reached, by RateBucket.
    std::array<Counter, 6> rateLimited;
    UpstreamTable upstreams;
    /// Calls that reached a provider, from the request to the last byte of the answer, in microseconds.
    Histogram callDuration;
    /// Answers that are being streamed now.
    std::atomic<qint64> streamsOpen = 0;
    // What was settled.
    Counter promptTokens;
    Counter completionTokens;
    Counter billedMicros;
    // Of the writer.
    Histogram batchSize;
    Histogram commitDuration;
    Counter journalled;
    /// What neither database nor journal took.
    Counter unbilled;
    // Of the courier.
    Counter webhooksDelivered;
    Counter webhooksFailed;
    /// From the beginning of an attempt that got an answer to its end, in microseconds.
    Histogram webhookDuration;
};

} // namespace assistiv
