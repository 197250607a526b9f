// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ssereader.h"

#include <cstring>
#include <utility>

namespace assistiv {

void SseReader::feed(QByteArray bytes)
{
    if (m_failed)
        return;
    if (m_frame == m_buffer.size()) {
        m_buffer = std::move(bytes);
    } else {
        m_buffer.remove(0, m_frame);
        m_buffer.append(bytes);
        m_name.begin -= m_frame;
        m_data.begin -= m_frame;
    }
    m_line -= m_frame;
    m_scanned -= m_frame;
    m_frame = 0;
}

std::optional<SseEvent> SseReader::next()
{
    Span line;
    while (!m_failed && findLine(line)) {
        if (line.size > 0) {
            readField(line);
        } else if (const auto event = finishFrame()) {
            return event;
        }
    }
    if (m_buffer.size() - m_frame > MaximumFrameBytes)
        fail();
    return std::nullopt;
}

bool SseReader::findLine(Span &line)
{
    const char *const begin = m_buffer.constData();
    const qsizetype size = m_buffer.size();
    if (m_skipLineFeed && m_line < size) {
        // Between two frames the stray half of a CR LF belongs to neither.
        if (begin[m_line] == '\n') {
            if (m_frame == m_line)
                ++m_frame;
            m_scanned = ++m_line;
        }
        m_skipLineFeed = false;
    }

    // Two calls of memchr are much faster than a look at each byte: most streams have no CR, or one before each LF.
    const size_t unseen = size_t(size - m_scanned);
    if (unseen == 0)
        return false;
    const char *const from = begin + m_scanned;
    const auto *end = static_cast<const char *>(std::memchr(from, '\n', unseen));
    const size_t upTo = end ? size_t(end - from) : unseen;
    if (const auto *cr = static_cast<const char *>(std::memchr(from, '\r', upTo)))
        end = cr;
    if (!end) {
        m_scanned = size;
        return false;
    }

    line = {m_line, end - begin - m_line};
    m_line = end - begin + 1;
    // A CR at the very end must not wait for a LF that may never come.
    if (*end == '\r') {
        if (m_line == size)
            m_skipLineFeed = true;
        else if (begin[m_line] == '\n')
            ++m_line;
    }
    m_scanned = m_line;

    if (std::exchange(m_atStart, false) && view(line).startsWith("\xEF\xBB\xBF")) {
        line.begin += 3;
        line.size -= 3;
        m_frame = line.begin;
    }
    return true;
}

void SseReader::readField(Span line)
{
    const QByteArrayView text = view(line);
    const qsizetype colon = text.indexOf(':');
    const QByteArrayView field = colon < 0 ? text : text.first(colon);
    const bool isData = field == "data";
    if (!isData && field != "event")
        return;

    Span value{line.begin + line.size, 0};
    if (colon >= 0) {
        const qsizetype skip = colon + 1 + (colon + 1 < text.size() && text[colon + 1] == ' ' ? 1 : 0);
        value = {line.begin + skip, line.size - skip};
    }
    if (!isData) {
        m_name = value;
        return;
    }
    if (++m_dataLines == 1) {
        m_data = value;
        return;
    }
    if (m_dataLines == 2)
        m_joined = view(m_data).toByteArray();
    m_joined += '\n';
    m_joined += view(value);
}

std::optional<SseEvent> SseReader::finishFrame()
{
    const Span frame{m_frame, m_line - m_frame};
    const Span name = std::exchange(m_name, {});
    const int lines = std::exchange(m_dataLines, 0);
    m_frame = m_line;
    if (frame.size > MaximumFrameBytes) {
        fail();
        return std::nullopt;
    }
    if (lines == 0)
        return std::nullopt;
    return SseEvent{view(name), lines == 1 ? view(m_data) : QByteArrayView(m_joined), view(frame)};
}

void SseReader::fail()
{
    *this = SseReader();
    m_failed = true;
}

} // namespace assistiv
