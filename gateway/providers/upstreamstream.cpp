// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/upstreamstream.h"

#include <algorithm>

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
        m_decoder->onEvent(*event, events);
        endAtLast(events);
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
    endAtLast(events);
    if (!m_isOver)
        fail(events, truncatedAnswer());
    return events;
}

void UpstreamStream::endAtLast(middle::Events &events)
{
    const auto last = std::find_if(events.cbegin(), events.cend(), middle::isLast);
    if (last == events.cend())
        return;
    events.erase(last + 1, events.cend());
    m_isOver = true;
}

void UpstreamStream::fail(middle::Events &events, const UpstreamFailure &failure)
{
    events.append(middle::Fail { failure });
    m_isOver = true;
}

} // namespace assistiv
