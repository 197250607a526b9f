// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArray>
#include <QtCore/QStringView>
#include <QtCore/QtGlobal>

#include <atomic>
#include <compare>
#include <optional>

namespace assistiv {

/// A moment in UTC, counted in milliseconds since 1970.
class Timestamp
{
public:
    constexpr Timestamp() = default;
    static constexpr Timestamp fromMs(qint64 ms) { return Timestamp(ms); }
    /// ISO 8601 with an offset or Z and 0 to 6 fractional digits; empty when it is anything else.
    static std::optional<Timestamp> parse(QStringView text);

    constexpr qint64 ms() const { return m_ms; }
    /// "2026-04-08T10:30:00.412Z"
    QByteArray toIso() const;
    Timestamp startOfDay() const;
    Timestamp startOfMonth() const;
    Timestamp startOfNextDay() const;
    Timestamp startOfNextMonth() const;
    constexpr Timestamp plusMs(qint64 ms) const { return Timestamp(m_ms + ms); }

    friend constexpr auto operator<=>(Timestamp, Timestamp) = default;

private:
    explicit constexpr Timestamp(qint64 ms) : m_ms(ms) {}
    qint64 m_ms = 0;
};

/// Where everything asks for the time; tests put their own in its place. Thread-safe.
class Clock
{
public:
    virtual ~Clock() = default;
    virtual Timestamp now() const = 0;
    /// Milliseconds of a clock that never jumps, for measuring and for deadlines.
    virtual qint64 steadyMs() const = 0;
    /// The same in microseconds, for what is short.
    virtual qint64 steadyUs() const { return steadyMs() * 1000; }

    /// The system's own clock.
    static const Clock &system();
};

/// A clock that stands still until it is moved.
class SettableClock final : public Clock
{
public:
    explicit SettableClock(Timestamp start) : m_ms(start.ms()) {}
    Timestamp now() const override { return Timestamp::fromMs(m_ms.load()); }
    qint64 steadyMs() const override { return m_ms.load(); }
    void set(Timestamp to) { m_ms.store(to.ms()); }
    void advanceMs(qint64 by) { m_ms.fetch_add(by); }

private:
    std::atomic<qint64> m_ms;
};

} // namespace assistiv
