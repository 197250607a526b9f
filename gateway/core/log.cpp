// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/log.h"

#include "core/clock.h"
#include "core/jsonwriter.h"

#include <QtCore/QRegularExpression>

#include <atomic>
#include <cstdio>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

std::atomic<LogLevel> leastLevel = LogLevel::Info;
std::atomic<LogFormat> lineFormat = LogFormat::Text;

QByteArrayView nameOf(LogLevel level)
{
    switch (level) {
    case LogLevel::Debug: return "debug";
    case LogLevel::Info: return "info";
    case LogLevel::Warning: return "warning";
    case LogLevel::Error: return "error";
    }
    return "error";
}

// Control characters could forge lines, or more, on a terminal.
QByteArray printable(const QString &text)
{
    QByteArray line;
    for (const char c : text.toUtf8()) {
        if (c == '\n')
            line += "\n    ";
        else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            line += "\\x" + QByteArray(1, c).toHex();
        else
            line += c;
    }
    return line;
}

void onQtMessage(QtMsgType type, const QMessageLogContext &context, const QString &message)
{
    // A guard server gets its sockets handed over and never listens itself; Qt warns about that at every start.
    if (message.startsWith("The TCP server"_L1) && message.contains("is not listening"_L1))
        return;
    // One line for every prepared statement of a database connection that is lost.
    if (message.startsWith("Unable to free statement:"_L1))
        return;
    const LogLevel level = type == QtDebugMsg ? LogLevel::Debug
        : type == QtInfoMsg                   ? LogLevel::Info
        : type == QtWarningMsg                ? LogLevel::Warning
                                              : LogLevel::Error;
    Log::write(level, context.category && qstrcmp(context.category, "default") != 0 ? context.category : "qt", message);
    if (type == QtFatalMsg)
        std::abort();
}

} // namespace

void Log::install(LogLevel least, LogFormat format)
{
    leastLevel = least;
    lineFormat = format;
    qInstallMessageHandler(onQtMessage);
}

void Log::write(LogLevel level, QByteArrayView area, const QString &message)
{
    if (level < leastLevel.load(std::memory_order_relaxed))
        return;
    const Timestamp now = Clock::system().now();
    const QString clean = redacted(message);
    QByteArray line;
    if (lineFormat == LogFormat::Json) {
        JsonWriter json;
        json.beginObject().member("time", now).key("level").utf8(nameOf(level)).key("area").utf8(area);
        json.member("message", clean).endObject();
        line = json.take();
    } else {
        line = now.toIso() + ' ' + nameOf(level).toByteArray().leftJustified(7) + ' ' + area.toByteArray() + ": "
            + printable(clean);
    }
    line += '\n';
    std::fwrite(line.constData(), 1, size_t(line.size()), stderr);
}

QString redacted(const QString &text)
{
    if (text.isEmpty())
        return text; // as every call's that went well
    // Key prefixes of eight or nine characters are public: only what goes on is a secret.
    static const QRegularExpression secret(
        uR"(\b(sk-(?:plat|eu|admin)_|sk-(?:ant|proj)-|sk-(?!(?:plat|eu|admin)_)|whsec_|xai-|AIza|gh[opsu]_|xox[bp]-|(?i:Bearer)\s+)[A-Za-z0-9+/=_.-]{6,})"_s);
    static const QRegularExpression password(uR"((://[^/\s:@]*:)[^/\s]+@)"_s);
    QString clean = text;
    clean.replace(secret, u"\\1…"_s);
    clean.replace(password, u"\\1…@"_s);
    return clean;
}

} // namespace assistiv
