// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/metrics.h"

#include <QtNetwork/QHostAddress>
#include <QtNetwork/QTcpServer>

#include <atomic>
#include <functional>

namespace assistiv {

/// Owns the listening socket and hands accepted connections to the workers, round robin. Lives on a thread of its own, so
/// that a busy worker never keeps others from connecting.
class Acceptor final : public QTcpServer
{
    Q_OBJECT

public:
    /// handOver is called on the acceptor's thread with an open socket that now belongs to the callee.
    /// connections is the count of open ones: raised here, lowered by whoever ends one.
    /// refused counts those that were one too many.
    Acceptor(int mostConnections, std::atomic<int> &connections, Counter &refused,
             std::function<void(qintptr)> handOver);

protected:
    void incomingConnection(qintptr descriptor) override;

private:
    const int m_mostConnections;
    const std::function<void(qintptr)> m_handOver;
    std::atomic<int> &m_connections;
    Counter &m_refused;
};

} // namespace assistiv
