// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/socketexchange.h"

#include "core/id.h"
#include "http/answerhead.h"

namespace assistiv {

namespace {

// A stream is held back when more than this waits for a slow reader, and goes on when little is left.
constexpr qint64 FullBytes = 256 * 1024;
constexpr qint64 RoomBytes = 64 * 1024;

} // namespace

SocketExchange::SocketExchange(GuardConnection &connection, RequestHead head, const QByteArray &body)
    : m_connection(&connection)
    , m_request(std::move(head.request))
    , m_isHttp10(head.isHttp10)
{
    m_request.body = body;
    m_request.peer = connection.peer();
    m_request.requestId = RequestId::create().toLatin1();
    connect(&connection, &GuardConnection::ended, this, &SocketExchange::onEnded);
}

void SocketExchange::addHeader(QByteArrayView name, QByteArrayView value)
{
    m_hasContentType = m_hasContentType || name.compare("content-type", Qt::CaseInsensitive) == 0;
    appendHeader(m_addedHeaders, name, value);
}

void SocketExchange::reply(int status, const QByteArray &body)
{
    Q_ASSERT(m_state == State::Open || m_state == State::Gone);
    if (m_state != State::Open)
        return;
    const bool hasBody = status != 204 && status != 304;
    QByteArray answer = beginHead(status);
    if (hasBody && !m_hasContentType)
        appendHeader(answer, "content-type", JsonContentType);
    if (hasBody)
        appendHeader(answer, "content-length", QByteArray::number(body.size()));
    appendCommonHeaders(answer);
    if (hasBody && m_request.method != HttpMethod::Head)
        answer += body;
    m_connection->noteAnswer(group(), status);
    m_connection->send(answer);
    complete();
}

void SocketExchange::beginStream(QByteArrayView contentType)
{
    Q_ASSERT(m_state == State::Open || m_state == State::Gone);
    if (m_state != State::Open)
        return;
    m_state = State::Streaming;
    connect(m_connection, &GuardConnection::written, this, &SocketExchange::onWritten);
    QByteArray head = beginHead(200);
    appendHeader(head, "content-type", contentType);
    appendHeader(head, "cache-control", "no-cache");
    appendHeader(head, "x-accel-buffering", "no"); // reverse proxies would collect the events otherwise
    if (!m_isHttp10)
        appendHeader(head, "transfer-encoding", "chunked");
    appendCommonHeaders(head);
    m_connection->noteAnswer(group(), 200);
    m_connection->send(head);
}

bool SocketExchange::write(QByteArrayView piece)
{
    Q_ASSERT(m_state == State::Streaming || m_state == State::Gone);
    if (m_state != State::Streaming)
        return true;
    // An empty chunk would end the stream.
    if (!piece.isEmpty() && m_request.method != HttpMethod::Head) {
        QByteArray chunk;
        chunk.reserve(piece.size() + 16);
        if (!m_isHttp10)
            chunk += QByteArray::number(piece.size(), 16) + "\r\n";
        chunk += piece;
        if (!m_isHttp10)
            chunk += "\r\n";
        m_connection->send(chunk);
    }
    m_isFull = m_connection->pendingBytes() > FullBytes;
    return !m_isFull;
}

void SocketExchange::endStream()
{
    Q_ASSERT(m_state == State::Streaming || m_state == State::Gone);
    if (m_state != State::Streaming)
        return;
    if (!m_isHttp10 && m_request.method != HttpMethod::Head)
        m_connection->send("0\r\n\r\n");
    complete();
}

void SocketExchange::appendCommonHeaders(QByteArray &head) const
{
    appendHeader(head, "x-request-id", m_request.requestId);
    head += m_addedHeaders;
    if (m_connection->closesAfterAnswer())
        appendHeader(head, "connection", "close");
    head += "\r\n";
}

void SocketExchange::onWritten()
{
    if (m_state != State::Streaming || !m_isFull || m_connection->pendingBytes() >= RoomBytes)
        return;
    m_isFull = false;
    Q_EMIT writable();
}

void SocketExchange::onEnded()
{
    if (isOver())
        return;
    m_state = State::Gone;
    m_held.reset();
    deleteLater();
    Q_EMIT gone();
}

void SocketExchange::complete()
{
    m_state = State::Complete;
    m_connection->endAnswer();
    m_held.reset();
    deleteLater();
}

} // namespace assistiv
