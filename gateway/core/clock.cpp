// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/clock.h"

#include <QtCore/QDateTime>
#include <QtCore/QTimeZone>

#include <chrono>
#include <cstdio>

namespace assistiv {

namespace {

using std::chrono::days;
using std::chrono::milliseconds;
using std::chrono::sys_days;
using std::chrono::sys_time;
using std::chrono::year_month_day;

sys_time<milliseconds> pointOf(qint64 ms)
{
    return sys_time<milliseconds>(milliseconds(ms));
}

Timestamp timestampOf(sys_days day)
{
    return Timestamp::fromMs(std::chrono::duration_cast<milliseconds>(day.time_since_epoch()).count());
}

class SystemClock final : public Clock
{
public:
    Timestamp now() const override
    {
        const auto sinceEpoch = std::chrono::system_clock::now().time_since_epoch();
        return Timestamp::fromMs(std::chrono::duration_cast<milliseconds>(sinceEpoch).count());
    }
    qint64 steadyMs() const override { return steadyUs() / 1000; }
    qint64 steadyUs() const override
    {
        const auto sinceStart = std::chrono::steady_clock::now().time_since_epoch();
        return std::chrono::duration_cast<std::chrono::microseconds>(sinceStart).count();
    }
};

} // namespace

std::optional<Timestamp> Timestamp::parse(QStringView text)
{
    // QDateTime keeps milliseconds only: digits four to six are cut off before, and checked for being digits.
    QString reduced = text.toString();
    if (const qsizetype point = reduced.indexOf(u'.'); point >= 0) {
        qsizetype end = point + 1;
        while (end < reduced.size() && reduced[end] >= u'0' && reduced[end] <= u'9')
            ++end;
        if (end - point - 1 > 6 || end == point + 1)
            return {};
        if (end - point - 1 > 3)
            reduced.remove(point + 4, end - point - 4);
    }
    const QDateTime moment = QDateTime::fromString(reduced, Qt::ISODateWithMs);
    // A time without an offset would mean the server's local time: not a moment anybody can agree on.
    if (!moment.isValid() || moment.timeSpec() == Qt::LocalTime)
        return {};
    return fromMs(moment.toMSecsSinceEpoch());
}

QByteArray Timestamp::toIso() const
{
    const auto point = pointOf(m_ms);
    const auto day = std::chrono::floor<days>(point);
    const year_month_day date(day);
    const qint64 inDay = (point - day).count();
    char text[40];
    const int size = std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", int(date.year()),
                                   unsigned(date.month()), unsigned(date.day()), int(inDay / 3'600'000),
                                   int(inDay / 60'000 % 60), int(inDay / 1000 % 60), int(inDay % 1000));
    return QByteArray(text, size);
}

Timestamp Timestamp::startOfDay() const
{
    return timestampOf(std::chrono::floor<days>(pointOf(m_ms)));
}

Timestamp Timestamp::startOfMonth() const
{
    const year_month_day date(std::chrono::floor<days>(pointOf(m_ms)));
    return timestampOf(sys_days(date.year() / date.month() / 1));
}

Timestamp Timestamp::startOfNextDay() const
{
    return timestampOf(std::chrono::floor<days>(pointOf(m_ms)) + days(1));
}

Timestamp Timestamp::startOfNextMonth() const
{
    const year_month_day date(std::chrono::floor<days>(pointOf(m_ms)));
    return timestampOf(sys_days((date.year() / date.month() + std::chrono::months(1)) / 1));
}

const Clock &Clock::system()
{
    static const SystemClock clock;
    return clock;
}

} // namespace assistiv
