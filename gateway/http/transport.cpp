// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/transport.h"

#include "core/log.h"
#include "http/socketexchange.h"

#include <QtHttpServer/QAbstractHttpServer>
#include <QtHttpServer/QHttpServerRequest>
#include <QtHttpServer/QHttpServerResponder>

namespace assistiv {

using namespace Qt::StringLiterals;

/// Qt's HTTP server, which changed its virtual functions twice; everything that depends on Qt's version is in here. It
/// collects the body and keeps the order of requests; heads and answers are the guard's, in all versions.
class Transport::Server final : public QAbstractHttpServer
{
public:
    Server(GuardServer &guard, Sink sink, QObject *parent)
        : QAbstractHttpServer(parent)
        , m_guard(guard)
        , m_sink(std::move(sink))
    {
        // bind() wants a listening server, from Qt 6.8 on even to do its work. Nobody can be accepted in between.
        m_guard.listen(QHostAddress::LocalHost, 0);
        bind(&m_guard);
        m_guard.close();
    }

protected:
#if QT_VERSION < QT_VERSION_CHECK(6, 5, 0)
    bool handleRequest(const QHttpServerRequest &request, QTcpSocket *) override
    {
        return start(request) != nullptr;
    }
    void missingHandler(const QHttpServerRequest &, QTcpSocket *socket) override
    {
        socket->abort();
    }
#else
    bool handleRequest(const QHttpServerRequest &request, QHttpServerResponder &responder) override
    {
        SocketExchange *exchange = start(request);
        // The connection takes its next request when the responder is gone. Letting go of it in here, for an answer
        // that was given at once, would connect Qt's slot to the socket twice.
        if (exchange && !exchange->isOver())
            exchange->holdUntilOver(std::make_shared<QHttpServerResponder>(std::move(responder)));
        return exchange != nullptr;
    }
#if QT_VERSION < QT_VERSION_CHECK(6, 8, 0)
    void missingHandler(const QHttpServerRequest &, QHttpServerResponder &&) override { }
#else
    void missingHandler(const QHttpServerRequest &, QHttpServerResponder &) override { }
#endif
#endif

private:
    /// Null when Qt's parser does not agree with the guard about the request, which must not be answered then.
    SocketExchange *start(const QHttpServerRequest &request)
    {
        GuardConnection *connection = m_guard.takeComplete();
        const QByteArray body = request.body();
        if (!connection || connection->bodyBytes() != body.size()) {
            Log::error("http", u"The guard and Qt's parser disagree about a request; its connection was closed."_s);
            if (connection)
                connection->abort();
            return nullptr;
        }
        auto *exchange = new SocketExchange(*connection, connection->beginAnswer(), body);
        m_sink(exchange);
        return exchange;
    }

    GuardServer &m_guard;
    const Sink m_sink;
};

Transport::Transport(const GuardLimits &limits, Sink sink, const Clock &clock, QObject *parent)
    : QObject(parent)
    , m_guard(new GuardServer(limits, clock))
    , m_server(new Server(*m_guard, std::move(sink), this))
{
    connect(m_guard, &GuardServer::connectionEnded, this, &Transport::connectionEnded);
    connect(m_guard, &GuardServer::answered, this, &Transport::answered);
    connect(m_guard, &GuardServer::drained, this, &Transport::drained);
}

Transport::~Transport()
{
    m_guard->abortAll();
}

void Transport::setTls(const QSslConfiguration &configuration)
{
    m_guard->setTls(configuration);
}

bool Transport::adopt(qintptr descriptor)
{
    return m_guard->adopt(descriptor);
}

void Transport::drain()
{
    m_guard->drain();
}

void Transport::abortAll()
{
    m_guard->abortAll();
}

qsizetype Transport::connectionCount() const
{
    return m_guard->connectionCount();
}

} // namespace assistiv
