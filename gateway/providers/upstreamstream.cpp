// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/upstreamstream.h"

namespace assistiv {

middle::Events UpstreamStream::feed(QByteArray bytes)
{
    middle::Events events;
    if (m_isOver)
        return events;
    m_reader.feed(std::move(bytes));
    while (!m_isOver) {
        const auto event = m_reader.next();
        if (!event)
            break;
        if (event->data.isEmpty())
            continue;
        const qsizetype before = events.size();
        m_decoder->onEvent(*event, events);
        m_isOver = middle::endAtLast(events, before);
    }
    if (!m_isOver && m_reader.hasFailed())
        fail(events, unreadableAnswer());
    return events;
}

middle::Events UpstreamStream::end()
{
    middle::Events events;
    if (m_isOver)
        return events;
    m_decoder->onEnd(events);
    m_isOver = middle::endAtLast(events);
    if (!m_isOver)
        fail(events, truncatedAnswer());
    return events;
}

void UpstreamStream::fail(middle::Events &events, const UpstreamFailure &failure)
{
    events.append(middle::Fail { failure });
    m_isOver = true;
}

} // namespace assistiv
