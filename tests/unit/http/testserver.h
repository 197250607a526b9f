// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/transport.h"

#include <QtCore/QCoreApplication>
#include <QtCore/QPointer>
#include <QtCore/QTimer>
#include <QtNetwork/QTcpServer>
#include <QtNetwork/QTcpSocket>

#include <functional>
#include <vector>

/// Limits whose sweep keeps up with a test; the times themselves pass on the test's clock.
inline assistiv::GuardLimits quickSweeps()
{
    assistiv::GuardLimits limits;
    limits.sweepMs = 5;
    return limits;
}

/// A transport behind a real listening socket. Answers at once with what it understood of the request; paths that begin
/// with /later are left to the test.
class TestServer : public QTcpServer
{
public:
    explicit TestServer(const assistiv::GuardLimits &limits = quickSweeps())
        : transport(
            limits, [this](assistiv::HttpExchange *exchange) { take(exchange); }, clock)
    {
        QObject::connect(&transport, &assistiv::Transport::connectionEnded, this, [this] { ++ended; });
        QObject::connect(&transport, &assistiv::Transport::drained, this, [this] { ++drained; });
        setListenBacklogSize(1024);
        if (!listen(QHostAddress::LocalHost, 0))
            qFatal("cannot listen");
    }

    /// What a request to any other path is answered with.
    static QByteArray echoOf(const assistiv::HttpRequest &request)
    {
        return request.path + ' ' + request.query + ' ' + request.body;
    }

    assistiv::SettableClock clock{assistiv::Timestamp::fromMs(1'000'000)};
    assistiv::Transport transport;
    int requests = 0;
    int ended = 0;
    int drained = 0;
    bool lastAdopted = true;
    std::vector<QPointer<assistiv::HttpExchange>> waiting;

protected:
    void incomingConnection(qintptr descriptor) override
    {
        lastAdopted = transport.adopt(descriptor);
        if (!lastAdopted)
            QTcpSocket().setSocketDescriptor(descriptor); // closes it
    }

private:
    void take(assistiv::HttpExchange *exchange)
    {
        ++requests;
        if (exchange->request().path.startsWith("/later"))
            waiting.emplace_back(exchange);
        else if (exchange->request().path == "/empty")
            exchange->reply(204, {});
        else
            exchange->reply(200, echoOf(exchange->request()));
    }
};

/// Waits without the steps of QTRY_…, for tests that wait very often.
template <typename Predicate> bool until(Predicate happened)
{
    QTimer timeout;
    timeout.setSingleShot(true);
    timeout.start(10'000);
    while (!happened() && timeout.isActive())
        QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
    return happened();
}

/// A client that says exactly what it is told and keeps what it hears.
class RawClient : public QTcpSocket
{
public:
    explicit RawClient(const QTcpServer &server)
    {
        QObject::connect(this, &QTcpSocket::readyRead, this, [this] {
            if (readBufferSize() == 0)
                received += readAll();
        });
        QObject::connect(this, &QTcpSocket::disconnected, this, [this] { isOver = true; });
        connectToHost(QHostAddress::LocalHost, server.serverPort());
    }

    void stopReading() { setReadBufferSize(1); }
    void goOnReading()
    {
        setReadBufferSize(0);
        received += readAll();
    }

    QByteArray head() const { return received.left(received.indexOf("\r\n\r\n") + 4); }
    QByteArray body() const { return received.mid(head().size()); }
    int status() const { return received.startsWith("HTTP/1.1 ") ? received.mid(9, 3).toInt() : 0; }
    QByteArray header(const QByteArray &name) const
    {
        const qsizetype at = head().indexOf("\r\n" + name + ": ");
        const qsizetype begin = at + name.size() + 4;
        return at < 0 ? QByteArray() : received.mid(begin, received.indexOf('\r', begin) - begin);
    }
    /// A whole answer with a length has arrived.
    bool hasAnswer() const
    {
        return received.contains("\r\n\r\n") && body().size() >= header("content-length").toLongLong();
    }

    QByteArray received;
    bool isOver = false;
};
