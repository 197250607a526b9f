// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArray>
#include <QtCore/QString>

namespace assistiv {

enum class LogLevel { Debug, Info, Warning, Error };
enum class LogFormat { Text, Json };

/// What the program says to its operator goes through here: to standard error, one line each, with everything that looks
/// like a key or a token taken out. Installing it also catches Qt's own messages. Thread-safe.
namespace Log {

/// Takes over Qt's message handler; call it once, before any thread is started.
void install(LogLevel least, LogFormat format);
void write(LogLevel level, QByteArrayView area, const QString &message);

inline void info(QByteArrayView area, const QString &message) { write(LogLevel::Info, area, message); }
inline void warning(QByteArrayView area, const QString &message) { write(LogLevel::Warning, area, message); }
inline void error(QByteArrayView area, const QString &message) { write(LogLevel::Error, area, message); }

} // namespace Log

/// The text with every API key, bearer token, webhook secret and password in a URL replaced by its type and "…".
QString redacted(const QString &text);

} // namespace assistiv
