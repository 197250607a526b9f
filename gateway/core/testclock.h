// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"

namespace assistiv {

/// The system's clock, moved ahead by hand: a test that crosses days need not last that long. What is measured or
/// waited for (steadyMs) does not notice. Thread-safe.
class TestClock final : public Clock
{
public:
    /// Years beyond have five digits, which no timestamp on the wire has; a month later there still is room.
    static constexpr Timestamp Latest = Timestamp::fromMs(253'370'764'800'000); // 9999-01-01T00:00:00Z

    Timestamp now() const override;
    qint64 steadyMs() const override;
    qint64 steadyUs() const override;

    /// False, and nothing moves, when that would be back or beyond Latest.
    bool advanceMs(qint64 by);
    bool advanceTo(Timestamp moment);

private:
    std::atomic<qint64> m_aheadMs = 0;
};

} // namespace assistiv
