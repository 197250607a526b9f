// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "http/headcheck.h"

#include <QtCore/QSet>
#include <QtCore/QTimer>
#include <QtNetwork/QSslConfiguration>
#include <QtNetwork/QSslSocket>
#include <QtNetwork/QTcpServer>
#include <QtNetwork/QTcpSocket>

#include <limits>
#include <optional>
#include <utility>

namespace assistiv {

class GuardServer;

/// What a client may cost: sizes in bytes, times in milliseconds.
struct GuardLimits
{
    HeadLimits head;
    /// From a head's first byte to its last; also from the connection to the first byte (TLS handshake included).
    int headMs = 10'000;
    /// Without progress of the body…
    int bodyStallMs = 30'000;
    /// …and, with that time on top, for the whole of it.
    int bodyBytesPerSecond = 16 * 1024;
    /// Between an answer and the next request.
    int idleMs = 75'000;
    /// Without progress while something waits to be sent.
    int writeStallMs = 30'000;
    /// How long a client may take to leave after we have closed our side.
    int lingerMs = 2'000;
    /// How often deadlines are looked at.
    int sweepMs = 1'000;
};

/// One client connection: reads and checks the heads of requests, lets Qt's parser have their bodies, one request at a
/// time, and is the only one to write to the socket. Child of the socket.
///
/// Bytes behind a request, or during its answer, are a second request that nobody waited for: it is not looked at, and
/// the connection ends behind the running answer.
class GuardConnection final : public QObject
{
    Q_OBJECT

public:
    GuardConnection(QTcpSocket &socket, GuardServer &server);

    const QHostAddress &peer() const { return m_peer; }
    /// Size of the body that the request announced.
    qint64 bodyBytes() const { return m_head.bodyBytes; }

    /// The request is complete and is being answered from now on, until endAnswer().
    RequestHead beginAnswer();
    /// The connection ends behind this answer, which should say so.
    bool closesAfterAnswer() const;
    void send(const QByteArray &bytes);
    /// What was sent and has not left this process.
    qint64 pendingBytes() const;
    void endAnswer();
    /// For whoever counts.
    void noteAnswer(RouteGroup group, int status);

    /// Ends the connection now; what was not sent is lost.
    void abort() { m_socket.abort(); }
    void endIfIdle();
    void enforceDeadline(qint64 nowMs);

Q_SIGNALS:
    /// Some of what was sent has left.
    void written();
    /// The connection is over. Emitted once.
    void ended();

private:
    enum class Phase { Idle, Head, Body, Answering, Closing, Ended };
    static constexpr qint64 Never = std::numeric_limits<qint64>::max();

    void onReadyRead();
    void onBytesWritten();
    void onDisconnected();
    void readHead();
    void passHeadToQt();
    void followBody();
    void countBody(qint64 bytes);
    void discardInput();
    void refuse(const Error &error);
    void close();
    void finishSending();
    void restartTimer();

    QTcpSocket &m_socket;
    QSslSocket *const m_tls; // the same socket, or null
    GuardServer &m_server;
    const QHostAddress m_peer;
    Phase m_phase = Phase::Idle;
    qint64 m_deadlineMs = Never;
    HeadCheck m_check;
    RequestHead m_head;
    qint64 m_bodyLeft = 0;
    qint64 m_bodyDeadlineMs = Never;
    qint64 m_bytesBehind = 0; // came in during the answer
    bool m_closesAfterAnswer = false;
    bool m_refused = false;
};

/// Where a worker's connections enter: a QTcpServer that does not listen but is handed accepted sockets, and puts a
/// GuardConnection in front of each before Qt's HTTP server gets to know it.
class GuardServer final : public QTcpServer
{
    Q_OBJECT

public:
    GuardServer(const GuardLimits &limits, const Clock &clock, QObject *parent = nullptr);
    ~GuardServer() override;

    /// Connections adopted from now on speak TLS.
    void setTls(const QSslConfiguration &configuration) { m_tls = configuration; }
    /// Takes over an accepted socket. False: it cannot be used and is still the caller's to close.
    bool adopt(qintptr descriptor);
    /// Ends idle connections at once and the others behind their answer; drained() follows when none is left.
    void drain();
    bool isDraining() const { return m_draining; }
    /// Ends all connections at once.
    void abortAll();
    qsizetype connectionCount() const { return m_connections.size(); }

    /// The connection whose request became complete with the bytes that are being delivered right now; null otherwise.
    GuardConnection *takeComplete() { return std::exchange(m_complete, nullptr); }

    bool hasPendingConnections() const override { return m_newcomer != nullptr; }
    QTcpSocket *nextPendingConnection() override { return std::exchange(m_newcomer, nullptr); }

Q_SIGNALS:
    /// An adopted connection is over: once for each. For the acceptor's count.
    void connectionEnded();
    /// A request has got its status: from its route, or from the guard itself.
    void answered(assistiv::RouteGroup group, int status);
    void drained();

private:
    friend class GuardConnection;
    void forget(GuardConnection *connection);
    void sweep();

    const GuardLimits m_limits;
    const Clock &m_clock;
    std::optional<QSslConfiguration> m_tls;
    QSet<GuardConnection *> m_connections;
    QTcpSocket *m_newcomer = nullptr;
    GuardConnection *m_complete = nullptr;
    QTimer m_sweep{this}; // a child, so that it moves to the thread along with the server
    bool m_draining = false;
};

} // namespace assistiv
