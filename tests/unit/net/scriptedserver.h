// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QPointer>
#include <QtNetwork/QTcpServer>
#include <QtNetwork/QTcpSocket>

#include <functional>
#include <utility>

namespace assistiv {

/// A server on a free local port that answers each complete request with whatever bytes a test wants, on the test's own
/// thread.
class ScriptedServer : public QObject
{
public:
    struct Request
    {
        QByteArray head;
        QByteArray body;
        int connection = 0; // counted from 1
        int onConnection = 0; // which one on its connection, from 1
    };
    using Answer = std::function<void(QTcpSocket &, const Request &)>;

    explicit ScriptedServer(Answer answer) : m_answer(std::move(answer))
    {
        m_listener.setListenBacklogSize(1024);
        if (!m_listener.listen(QHostAddress::LocalHost))
            qFatal("no port to listen on");
        connect(&m_listener, &QTcpServer::newConnection, this, [this] {
            while (QTcpSocket *socket = m_listener.nextPendingConnection())
                adopt(socket);
        });
    }

    QByteArray url(const QByteArray &path = "/") const
    {
        return "http://127.0.0.1:" + QByteArray::number(m_listener.serverPort()) + path;
    }
    quint16 port() const { return m_listener.serverPort(); }
    void stopListening() { m_listener.close(); }

    QList<Request> requests;
    QList<QPointer<QTcpSocket>> sockets;
    int disconnected = 0;

    /// A whole answer that leaves the connection open.
    static QByteArray ok(const QByteArray &body, const QByteArray &moreHeaders = {})
    {
        return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + moreHeaders
            + "Content-Length: " + QByteArray::number(body.size()) + "\r\n\r\n" + body;
    }
    static QByteArray chunk(const QByteArray &piece)
    {
        return QByteArray::number(piece.size(), 16) + "\r\n" + piece + "\r\n";
    }
    /// Ends the connection with a reset instead of an orderly close.
    static void reset(QTcpSocket &socket) { socket.abort(); }

private:
    void adopt(QTcpSocket *socket)
    {
        sockets.append(socket);
        socket->setParent(this);
        socket->setProperty("number", int(sockets.size()));
        connect(socket, &QTcpSocket::readyRead, this, [this, socket] { read(*socket); });
        connect(socket, &QTcpSocket::disconnected, this, [this] { ++disconnected; });
    }

    void read(QTcpSocket &socket)
    {
        const QByteArray bytes = socket.peek(socket.bytesAvailable());
        const qsizetype end = bytes.indexOf("\r\n\r\n");
        if (end < 0)
            return;
        Request request;
        request.head = bytes.first(end + 4);
        const QByteArray lower = request.head.toLower();
        const qsizetype at = lower.indexOf("\r\ncontent-length: ");
        const qsizetype length = at < 0 ? 0 : lower.mid(at + 18, lower.indexOf('\r', at + 2) - at - 18).toLongLong();
        if (bytes.size() < end + 4 + length)
            return;
        request.body = bytes.mid(end + 4, length);
        socket.skip(end + 4 + length);
        request.connection = socket.property("number").toInt();
        request.onConnection = socket.property("requests").toInt() + 1;
        socket.setProperty("requests", request.onConnection);
        requests.append(request);
        m_answer(socket, request);
    }

    QTcpServer m_listener;
    Answer m_answer;
};

} // namespace assistiv
