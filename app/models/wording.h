// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QString>

#include <optional>

// How figures other than money are written: times and counts follow the system's language.
namespace assistiv::console {

/// "42 s", "12 min", "4 h 12 min", "6 d 04:12"
QString uptimeText(qint64 ms);
/// "<1 ms", "612 ms", "1.49 s", "2 min 5 s"
QString durationText(qint64 ms);
/// "just now", "4 min ago", "3 h ago", "2 d ago"
QString agoText(qint64 atMs, qint64 nowMs);
/// "9,412"
QString countText(qint64 count);
/// "41 MB"
QString sizeText(qint64 bytes);
/// "1.7 %": one place below ten, none above; never "0 %" for something.
QString shareText(qint64 part, qint64 whole);

} // namespace assistiv::console
