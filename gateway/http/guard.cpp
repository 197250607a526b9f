// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/guard.h"

#include "core/os.h"
#include "http/answerhead.h"
#include "http/errorbody.h"

#include <QtCore/QMetaMethod>

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// A dual-stack socket reports IPv4 clients as ::ffff:a.b.c.d; logs and limits want the address people know.
QHostAddress plainAddress(const QHostAddress &address)
{
    bool isIpv4 = false;
    const quint32 ipv4 = address.toIPv4Address(&isIpv4);
    return isIpv4 ? QHostAddress(ipv4) : address;
}

} // namespace

GuardConnection::GuardConnection(QTcpSocket &socket, GuardServer &server)
    : QObject(&socket)
    , m_socket(socket)
    , m_tls(qobject_cast<QSslSocket *>(&socket))
    , m_server(server)
    , m_peer(plainAddress(socket.peerAddress()))
    , m_deadlineMs(server.m_clock.steadyMs() + server.m_limits.headMs)
    , m_check(server.m_limits.head)
{
    connect(&m_socket, &QTcpSocket::readyRead, this, &GuardConnection::onReadyRead);
    connect(&m_socket, &QTcpSocket::disconnected, this, &GuardConnection::onDisconnected);
    // A TLS socket tells with bytesWritten that it has encrypted, which says nothing about the client.
    if (m_tls)
        connect(m_tls, &QSslSocket::encryptedBytesWritten, this, &GuardConnection::onBytesWritten);
    else
        connect(&m_socket, &QTcpSocket::bytesWritten, this, &GuardConnection::onBytesWritten);
}

RequestHead GuardConnection::beginAnswer()
{
    Q_ASSERT(m_phase == Phase::Body && m_bodyLeft == 0);
    m_phase = Phase::Answering;
    m_closesAfterAnswer = m_closesAfterAnswer || m_head.wantsClose;
    restartTimer();
    return std::exchange(m_head, {});
}

bool GuardConnection::closesAfterAnswer() const
{
    return m_closesAfterAnswer || m_server.m_draining;
}

void GuardConnection::send(const QByteArray &bytes)
{
    if (m_phase == Phase::Ended)
        return;
    // Small pieces are copied into one buffer and leave with one system call; large ones are worth a call of their own.
    constexpr qsizetype WorthSharing = 16 * 1024;
    if (bytes.size() < WorthSharing)
        m_socket.write(bytes.constData(), bytes.size());
    else
        m_socket.write(bytes);
    if (m_deadlineMs == Never)
        restartTimer();
}

qint64 GuardConnection::pendingBytes() const
{
    return m_socket.bytesToWrite() + (m_tls ? m_tls->encryptedBytesToWrite() : 0);
}

void GuardConnection::endAnswer()
{
    if (m_phase != Phase::Answering)
        return;
    // Now, and not in another round of the event loop.
    m_socket.flush();
    if (m_phase != Phase::Answering)
        return; // the client had left
    if (closesAfterAnswer())
        return close();
    m_phase = Phase::Idle;
    restartTimer();
}

void GuardConnection::noteAnswer(RouteGroup group, int status)
{
    Q_EMIT m_server.answered(group, status);
}

void GuardConnection::endIfIdle()
{
    if (m_phase == Phase::Idle && pendingBytes() > 0)
        close();
    else if (m_phase == Phase::Idle)
        abort();
}

void GuardConnection::enforceDeadline(qint64 nowMs)
{
    if (nowMs < m_deadlineMs)
        return;
    switch (m_phase) {
    case Phase::Head:
    case Phase::Body:
        return refuse({ErrorCode::RequestTimeout, u"The request took too long to arrive."_s});
    case Phase::Idle:
        return pendingBytes() > 0 ? abort() : close();
    case Phase::Answering:
    case Phase::Closing:
        return abort();
    case Phase::Ended:
        return;
    }
}

void GuardConnection::onReadyRead()
{
    // Runs before Qt's parser sees the bytes. Whatever an earlier connection left here was not taken and never will be.
    m_server.m_complete = nullptr;
    if (m_socket.bytesAvailable() == 0)
        return; // Qt repeats the signal by itself
    switch (m_phase) {
    case Phase::Idle:
        // A client that waits for its answer cannot send before that has left this process.
        if (pendingBytes() > 0) {
            discardInput();
            return close();
        }
        m_phase = Phase::Head;
        m_deadlineMs = m_server.m_clock.steadyMs() + m_server.m_limits.headMs;
        [[fallthrough]];
    case Phase::Head:
        return readHead();
    case Phase::Body:
        return followBody();
    case Phase::Answering:
        m_closesAfterAnswer = true;
        m_bytesBehind += m_socket.bytesAvailable();
        // More than a largest request behind a request: a flood, which is not worth an answer. Qt's slot still runs
        // after this one and expects an open socket.
        if (m_bytesBehind > m_server.m_limits.head.bodyBytes)
            QTimer::singleShot(0, this, &GuardConnection::abort);
        return discardInput();
    case Phase::Closing:
    case Phase::Ended:
        return discardInput();
    }
}

void GuardConnection::readHead()
{
    // What is read inside a transaction is hidden from Qt's parser but not gone: bytes behind the head stay in place.
    if (!m_socket.isTransactionStarted())
        m_socket.startTransaction();
    const HeadCheck::State state =
        m_check.take(m_socket.read(qMin<qint64>(m_check.wanted(), m_socket.bytesAvailable())));
    if (state == HeadCheck::State::Refused)
        return refuse(m_check.refusal());
    if (state == HeadCheck::State::Reading)
        return;

    m_socket.rollbackTransaction();
    m_socket.skip(m_check.size());
    const qint64 bodyHere = m_socket.bytesAvailable();
    m_head = m_check.takeHead();
    passHeadToQt();
    m_phase = Phase::Body;
    m_bodyLeft = m_head.bodyBytes;
    m_bodyDeadlineMs = m_server.m_clock.steadyMs() + m_server.m_limits.bodyStallMs
        + m_head.bodyBytes * 1000 / m_server.m_limits.bodyBytesPerSecond;
    countBody(bodyHere);
    if (m_head.expectsContinue && m_bodyLeft > 0 && bodyHere == 0)
        send("HTTP/1.1 100 Continue\r\n\r\n");
}

/// Qt's parser is generous and takes its time, one call per byte. It never sees the client's head but a short one in
/// its place, with all that it needs to find the end of the body.
void GuardConnection::passHeadToQt()
{
    QByteArray head = "POST / HTTP/1.1\r\n";
    if (m_head.bodyBytes > 0)
        appendHeader(head, "Content-Length", QByteArray::number(m_head.bodyBytes));
    head += "\r\n";
    std::for_each(head.crbegin(), head.crend(), [this](char c) { m_socket.ungetChar(c); });
}

void GuardConnection::followBody()
{
    // Qt's parser keeps its own copy of what it has read; without this the socket would hold the body a second time.
    if (m_socket.isTransactionStarted())
        m_socket.commitTransaction();
    countBody(m_socket.bytesAvailable());
}

void GuardConnection::countBody(qint64 bytes)
{
    m_closesAfterAnswer = m_closesAfterAnswer || bytes > m_bodyLeft;
    m_bodyLeft -= qMin(bytes, m_bodyLeft);
    m_deadlineMs = qMin(m_server.m_clock.steadyMs() + m_server.m_limits.bodyStallMs, m_bodyDeadlineMs);
    if (m_bodyLeft == 0)
        m_server.m_complete = this;
}

void GuardConnection::discardInput()
{
    if (m_socket.isTransactionStarted())
        m_socket.commitTransaction();
    m_socket.skip(m_socket.bytesAvailable());
}

void GuardConnection::refuse(const Error &error)
{
    m_refused = true;
    noteAnswer(RouteGroup::None, errorStatus(error));
    discardInput();
    const bool hasHead = m_phase == Phase::Body;
    send(closingAnswer(error, hasHead ? m_head.request.method : m_check.method(),
                       hasHead ? QByteArrayView(m_head.request.path) : m_check.path()));
    close();
}

/// Behind what is still to be sent. What the client sends meanwhile is read and dropped: closing a socket with unread
/// bytes in it would reset the connection, and the client could lose the answer.
void GuardConnection::close()
{
    m_phase = Phase::Closing;
    restartTimer();
    if (pendingBytes() == 0)
        finishSending();
}

void GuardConnection::finishSending()
{
    if (!m_tls)
        return os::endSending(m_socket.socketDescriptor());
    // TLS cannot close one side only; a refused client has more to send and is given the time to read its answer.
    if (!m_refused)
        m_socket.disconnectFromHost();
}

void GuardConnection::onBytesWritten()
{
    if (m_phase != Phase::Head && m_phase != Phase::Body)
        restartTimer();
    if (m_phase == Phase::Closing && pendingBytes() == 0)
        finishSending();
    Q_EMIT written();
}

void GuardConnection::onDisconnected()
{
    if (m_phase == Phase::Ended)
        return;
    m_phase = Phase::Ended;
    m_deadlineMs = Never;
    m_server.forget(this);
    Q_EMIT ended();
}

/// For the phases in which we owe the client something, or nobody owes anything.
void GuardConnection::restartTimer()
{
    const GuardLimits &limits = m_server.m_limits;
    if (pendingBytes() > 0)
        m_deadlineMs = m_server.m_clock.steadyMs() + limits.writeStallMs;
    else if (m_phase == Phase::Idle)
        m_deadlineMs = m_server.m_clock.steadyMs() + limits.idleMs;
    else if (m_phase == Phase::Closing)
        m_deadlineMs = m_server.m_clock.steadyMs() + limits.lingerMs;
    else
        m_deadlineMs = Never; // the answer is being thought about
}

GuardServer::GuardServer(const GuardLimits &limits, const Clock &clock, QObject *parent)
    : QTcpServer(parent)
    , m_limits(limits)
    , m_clock(clock)
{
    m_sweep.setTimerType(Qt::CoarseTimer);
    m_sweep.setInterval(m_limits.sweepMs);
    connect(&m_sweep, &QTimer::timeout, this, &GuardServer::sweep);
}

GuardServer::~GuardServer()
{
    abortAll();
}

bool GuardServer::adopt(qintptr descriptor)
{
    QSslSocket *tls = m_tls ? new QSslSocket(this) : nullptr;
    QTcpSocket *socket = tls ? tls : new QTcpSocket(this);
    if (m_draining || !socket->setSocketDescriptor(descriptor)) {
        delete socket;
        return false;
    }
    socket->setSocketOption(QAbstractSocket::LowDelayOption, 1);
    m_connections.insert(new GuardConnection(*socket, *this));
    if (!m_sweep.isActive())
        m_sweep.start();

    // addPendingConnection() is for servers that listen: its counterpart warns about each connection otherwise.
    m_newcomer = socket;
    QMetaMethod::fromSignal(&QTcpServer::pendingConnectionAvailable).invoke(this, Qt::DirectConnection);
    if (tls) {
        tls->setSslConfiguration(*m_tls);
        tls->startServerEncryption();
    }
    return true;
}

void GuardServer::drain()
{
    m_draining = true;
    const auto connections = m_connections;
    for (GuardConnection *connection : connections)
        connection->endIfIdle();
    if (connections.isEmpty())
        QTimer::singleShot(0, this, &GuardServer::drained);
}

void GuardServer::abortAll()
{
    const auto connections = m_connections;
    for (GuardConnection *connection : connections)
        connection->abort();
}

void GuardServer::forget(GuardConnection *connection)
{
    m_connections.remove(connection);
    if (m_complete == connection)
        m_complete = nullptr;
    if (m_connections.isEmpty())
        m_sweep.stop();
    Q_EMIT connectionEnded();
    if (m_draining && m_connections.isEmpty())
        Q_EMIT drained();
}

void GuardServer::sweep()
{
    const qint64 now = m_clock.steadyMs();
    const auto connections = m_connections; // sharing is cheap, and enforcing takes connections out of the set
    for (GuardConnection *connection : connections)
        connection->enforceDeadline(now);
}

} // namespace assistiv
