// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/acceptor.h"

#include "core/os.h"
#include "http/errorbody.h"

namespace assistiv {

using namespace Qt::StringLiterals;

Acceptor::Acceptor(int mostConnections, std::atomic<int> &connections, Counter &refused,
                   std::function<void(qintptr)> handOver)
    : m_mostConnections(mostConnections), m_handOver(std::move(handOver)), m_connections(connections),
      m_refused(refused)
{
    setListenBacklogSize(1024);
}

void Acceptor::incomingConnection(qintptr descriptor)
{
    if (m_connections.fetch_add(1, std::memory_order_relaxed) < m_mostConnections)
        return m_handOver(descriptor);
    m_connections.fetch_sub(1, std::memory_order_relaxed);
    m_refused.add();
    os::sayAndClose(int(descriptor), closingAnswer({ .code = ErrorCode::TooManyConnections,
                                                     .message = u"Too many connections are open."_s,
                                                     .retryAfterSeconds = 1 }));
}

} // namespace assistiv
