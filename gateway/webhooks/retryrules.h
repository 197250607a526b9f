// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QList>

#include <optional>

namespace assistiv {

/// When what failed is tried again, and when nobody tries any more (docs/contract/webhooks.md). Milliseconds.
struct RetryRules
{
    /// What an attempt may take, answer included.
    static constexpr qint64 AttemptMs = 15'000;

    /// Before each attempt, from the end of the failure before; the first attempt's is 0.
    QList<qint64> delaysMs;
    /// At least so long after a timeout or a 429.
    qint64 overloadMs = 60'000;
    /// So long nothing but failures, and an endpoint is switched off.
    qint64 disableAfterMs = 5LL * 24 * 3'600'000;

    /// All delays, chance and overload included: whatever is still pending so long after its beginning had not enough
    /// attempts because its receiver was too slow for what it is sent, and has failed like one that had them all.
    qint64 patienceMs() const;

    static RetryRules standard();
    /// For tests.
    static RetryRules fast();

    /// How long to wait after the failure of the schedule's attempt number `made`; empty when that was the last one.
    /// isOverload: a timeout or a 429. retryAfterMs: what the receiver asked for; kept up to twice the delay. chance in
    /// [0, 1) places the delay in its 20 % up or down.
    std::optional<qint64> delayAfter(qint64 made, bool isOverload, std::optional<qint64> retryAfterMs, double chance) const;
};

} // namespace assistiv
