// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "webhooks/retryrules.h"

#include <algorithm>

namespace assistiv {

namespace {

constexpr qint64 Second = 1'000;
constexpr qint64 Minute = 60 * Second;
constexpr qint64 Hour = 60 * Minute;
constexpr double Jitter = 0.2;

} // namespace

RetryRules RetryRules::standard()
{
    return { .delaysMs = { 0, 5 * Second, 5 * Minute, 30 * Minute, 2 * Hour, 5 * Hour, 10 * Hour, 10 * Hour } };
}

RetryRules RetryRules::fast()
{
    return { .delaysMs = { 0, 200, 400, 800, 1'000, 1'000, 1'000, 1'000 }, .overloadMs = Second, .disableAfterMs = 30 * Second };
}

qint64 RetryRules::patienceMs() const
{
    qint64 sum = 0;
    for (const qint64 delay : delaysMs)
        sum += std::max(delay, overloadMs) * 2 + AttemptMs;
    return sum;
}

std::optional<qint64> RetryRules::delayAfter(qint64 made, bool isOverload, std::optional<qint64> retryAfterMs, double chance) const
{
    if (made >= delaysMs.size())
        return {};
    const qint64 least = isOverload ? overloadMs : 0;
    const qint64 planned = std::max(delaysMs[made], least);
    const qint64 delay = std::max(planned + qint64(double(planned) * Jitter * (2 * chance - 1)), least);
    return retryAfterMs ? std::clamp(*retryAfterMs, delay, 2 * planned) : delay;
}

} // namespace assistiv
