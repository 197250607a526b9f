// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "wording.h"

#include <QtCore/QCoreApplication>
#include <QtCore/QLocale>

namespace assistiv::console {

namespace {

constexpr qint64 Second = 1000;
constexpr qint64 Minute = 60 * Second;
constexpr qint64 Hour = 60 * Minute;
constexpr qint64 Day = 24 * Hour;

struct Wording
{
    Q_DECLARE_TR_FUNCTIONS(Wording)
};

QString twoDigits(qint64 value)
{
    return QString::number(value).rightJustified(2, u'0');
}

} // namespace

QString uptimeText(qint64 ms)
{
    if (ms < Minute)
        return Wording::tr("%1 s").arg(ms / Second);
    if (ms < Hour)
        return Wording::tr("%1 min").arg(ms / Minute);
    if (ms < Day)
        return Wording::tr("%1 h %2 min").arg(ms / Hour).arg(ms % Hour / Minute);
    return Wording::tr("%1 d %2").arg(ms / Day).arg(twoDigits(ms % Day / Hour) + u':' + twoDigits(ms % Hour / Minute));
}

QString durationText(qint64 ms)
{
    const QLocale locale;
    if (ms < 1)
        return Wording::tr("<1 ms");
    if (ms < Second)
        return Wording::tr("%1 ms").arg(locale.toString(ms));
    if (ms < 100 * Second)
        return Wording::tr("%1 s").arg(locale.toString(double(ms) / Second, 'f', ms < 10 * Second ? 2 : 1));
    return Wording::tr("%1 min %2 s").arg(ms / Minute).arg(ms % Minute / Second);
}

QString agoText(qint64 atMs, qint64 nowMs)
{
    const qint64 age = nowMs - atMs;
    if (age < 45 * Second)
        return Wording::tr("just now");
    if (age < Hour)
        return Wording::tr("%1 min ago").arg(qMax<qint64>(1, age / Minute));
    if (age < Day)
        return Wording::tr("%1 h ago").arg(age / Hour);
    return Wording::tr("%1 d ago").arg(age / Day);
}

QString countText(qint64 count)
{
    return QLocale().toString(count);
}

QString sizeText(qint64 bytes)
{
    return QLocale().formattedDataSize(bytes, bytes < 10'000'000 ? 1 : 0, QLocale::DataSizeSIFormat);
}

QString shareText(qint64 part, qint64 whole)
{
    const double percent = whole > 0 ? 100.0 * double(part) / double(whole) : 0;
    if (part > 0 && percent < 0.1)
        return Wording::tr("<0.1 %");
    return Wording::tr("%1 %").arg(QLocale().toString(percent, 'f', part > 0 && percent < 10 ? 1 : 0));
}

} // namespace assistiv::console
