// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArray>
#include <QtCore/QString>

namespace assistiv::golden {

/// Reads a client's stream of the Responses API as a careful client would and says what is wrong with it: numbers with
/// gaps, items that overlap or stay open, texts that differ from their pieces, an end that differs from what was told.
QString problemOfResponseStream(const QByteArray &stream);

} // namespace assistiv::golden
