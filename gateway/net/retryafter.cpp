// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/retryafter.h"

#include "core/clock.h"

#include <QtCore/QDateTime>

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr double MostSeconds = 30.0 * 24 * 3600;

} // namespace

std::optional<qint64> retryAfterOf(QByteArrayView value)
{
    bool isNumber = false;
    // Numbers that are none ("nan", "-inf") fall on the lower end.
    if (const double seconds = value.toByteArray().toDouble(&isNumber); isNumber)
        return seconds > 0 ? qint64(std::min(seconds, MostSeconds) * 1000) : 0;
    // Qt knows zones in digits only.
    const QDateTime date = QDateTime::fromString(QString::fromLatin1(value).replace("GMT"_L1, "+0000"_L1), Qt::RFC2822Date);
    if (!date.isValid())
        return {};
    // Their date is one of the real world, which a clock that was moved for a test has left.
    return std::max<qint64>(0, date.toMSecsSinceEpoch() - Clock::system().now().ms());
}

} // namespace assistiv
