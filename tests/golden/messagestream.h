// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QString>

namespace assistiv::golden {

/// Reads a stream of the Messages API as a careful client would and says what is wrong with it: frames, and where we have
/// written the events ourselves also their order. Empty: nothing.
QString problemOfMessageStream(const QByteArray &stream, bool isOurs);

} // namespace assistiv::golden
