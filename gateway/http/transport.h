// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/guard.h"
#include "net/httpexchange.h"

#include <functional>

namespace assistiv {

/// One worker's HTTP server: accepted sockets in, exchanges out. Built on QAbstractHttpServer behind the guard. Lives
/// on the worker's thread, with everything it makes.
class Transport final : public QObject
{
    Q_OBJECT

public:
    /// Takes a complete request; the answer may be given at once or later.
    using Sink = std::function<void(HttpExchange *)>;

    Transport(const GuardLimits &limits, Sink sink, const Clock &clock = Clock::system(), QObject *parent = nullptr);
    /// Running exchanges see gone().
    ~Transport() override;

    /// Connections adopted from now on speak TLS.
    void setTls(const QSslConfiguration &configuration);
    /// Takes over an accepted socket. False: it cannot be used and is still the caller's to close.
    bool adopt(qintptr descriptor);
    /// Orderly end: idle connections at once, the others behind their answer; drained() follows when none is left.
    /// Nothing is adopted any more.
    void drain();
    /// Ends all connections at once; running exchanges see gone().
    void abortAll();
    qsizetype connectionCount() const;

Q_SIGNALS:
    /// An adopted connection is over: once for each. For the acceptor's count.
    void connectionEnded();
    /// A request has got its status.
    void answered(assistiv::RouteGroup group, int status);
    void drained();

private:
    class Server;

    GuardServer *m_guard; // owned by the server
    Server *m_server;
};

} // namespace assistiv
