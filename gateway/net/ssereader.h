// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArray>

#include <optional>

namespace assistiv {

/// One server-sent event. The views point into the reader and hold until its next call.
struct SseEvent
{
    /// Empty when the stream gave none; the standard then means "message".
    QByteArrayView name;
    /// The lines of data, joined by line feeds.
    QByteArrayView data;
    /// The event as it came, with its comments, unknown fields and closing empty line: for passing it on unchanged.
    QByteArrayView raw;
};

/// Takes a stream of server-sent events apart as it arrives, cut anywhere. Frames without data (comments that keep the
/// line open) are swallowed, as the standard asks; id and retry are not looked at.
class SseReader
{
public:
    /// A longer frame is an error, whole or not.
    static constexpr qsizetype MaximumFrameBytes = qsizetype(4) * 1024 * 1024;

    /// Adds what has arrived; costs no copy when everything before has been read.
    void feed(QByteArray bytes);
    /// The next complete event; empty when more bytes are needed.
    std::optional<SseEvent> next();

    /// True after a frame that was too long; nothing is read any more.
    bool hasFailed() const { return m_failed; }
    /// What has arrived and belongs to no complete event: at the end of a stream, what was cut off.
    QByteArrayView rest() const { return QByteArrayView(m_buffer).sliced(m_frame); }

private:
    /// A stretch of m_buffer.
    struct Span
    {
        qsizetype begin = 0;
        qsizetype size = 0;
    };

    bool findLine(Span &line);
    void readField(Span line);
    std::optional<SseEvent> finishFrame();
    void fail();
    QByteArrayView view(Span span) const
    {
        return span.size > 0 ? QByteArrayView(m_buffer).sliced(span.begin, span.size) : QByteArrayView("");
    }

    QByteArray m_buffer;
    qsizetype m_frame = 0; // where the frame being read begins
    qsizetype m_line = 0; // where the line being read begins
    qsizetype m_scanned = 0; // up to here there is no end of that line
    Span m_name;
    Span m_data; // the first line of data
    QByteArray m_joined; // all of them, from the second on
    int m_dataLines = 0;
    bool m_atStart = true;
    bool m_skipLineFeed = false; // the line before ended with a CR: a LF right behind belongs to it
    bool m_failed = false;
};

} // namespace assistiv
