// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArrayView>

#include <optional>

namespace assistiv {

/// How many milliseconds a Retry-After header (RFC 9110, 10.2.3) asks to wait, seconds or a date; never negative. Empty when
/// it is neither.
std::optional<qint64> retryAfterOf(QByteArrayView value);

} // namespace assistiv
