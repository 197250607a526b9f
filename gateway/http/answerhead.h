// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArray>

namespace assistiv {

class Timestamp;

// The text of an answer's head: a status line, headers, an empty line.

inline constexpr char JsonContentType[] = "application/json; charset=utf-8";

/// "HTTP/1.1 200 OK" and the date, each with its line end.
QByteArray beginHead(int status);
/// "Sun, 06 Nov 1994 08:49:37 GMT"
QByteArray httpDate(Timestamp moment);
/// Control characters in the value become blanks: a value can never begin a line of its own.
void appendHeader(QByteArray &head, QByteArrayView name, QByteArrayView value);

} // namespace assistiv
