// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArray>

namespace assistiv {

/// SHA-256, 32 raw bytes. Thread-safe (one context per thread).
QByteArray sha256(QByteArrayView data);
/// HMAC-SHA-256, 32 raw bytes.
QByteArray hmacSha256(QByteArrayView key, QByteArrayView data);
/// Bytes of the system's cryptographic random generator; ends the program when it has none.
QByteArray randomBytes(int count);
/// Compares without telling by its duration where the difference is.
bool equalInConstantTime(QByteArrayView a, QByteArrayView b);

} // namespace assistiv
