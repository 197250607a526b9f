// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/metrics.h"

#include <QtCore/QByteArray>
#include <QtCore/QList>
#include <QtCore/QObject>
#include <QtNetwork/QHostAddress>

#include <utility>

namespace assistiv {

enum class HttpMethod { Get, Head, Post, Put, Patch, Delete, Options, Other };

using HttpHeaders = QList<std::pair<QByteArray, QByteArray>>;

/// One request as a client sent it, complete and checked by the guard.
struct HttpRequest
{
    HttpMethod method = HttpMethod::Other;
    /// As sent, without query; not percent-decoded.
    QByteArray path;
    /// Behind the question mark, as sent.
    QByteArray query;
    HttpHeaders headers;
    QByteArray body;
    QHostAddress peer;
    /// UUID text made by the transport; sent back as x-request-id.
    QByteArray requestId;

    /// Value of the first header of that name (ASCII case does not matter); empty when there is none.
    QByteArrayView header(QByteArrayView name) const
    {
        for (const auto &[key, value] : headers) {
            if (key.compare(name, Qt::CaseInsensitive) == 0)
                return value;
        }
        return {};
    }
};

/// The client's side of one request in flight. Lives on its worker's thread and is deleted by the transport after the
/// answer is complete or the client has left, never from inside a call into it. Exactly one of reply() and
/// beginStream() is called, once. After gone() every call is allowed and does nothing.
class HttpExchange : public QObject
{
    Q_OBJECT

public:
    using QObject::QObject;

    virtual const HttpRequest &request() const = 0;
    /// What the answer counts for.
    RouteGroup group() const { return m_group; }
    void setGroup(RouteGroup group) { m_group = group; }

    /// Adds a header to the answer that reply() or beginStream() will send.
    virtual void addHeader(QByteArrayView name, QByteArrayView value) = 0;
    /// Sends a whole answer. content-type is application/json; charset=utf-8 unless addHeader() named another.
    virtual void reply(int status, const QByteArray &body) = 0;
    /// Sends the head of a chunked 200 answer of the given content type, without buffering and without caching.
    virtual void beginStream(QByteArrayView contentType) = 0;
    /// Sends a piece. False: the client reads slowly, hold back until writable().
    virtual bool write(QByteArrayView piece) = 0;
    /// Ends the stream properly; the connection may be used again.
    virtual void endStream() = 0;

    /// True once the client has left.
    virtual bool isGone() const = 0;

Q_SIGNALS:
    /// The client has left before the answer was complete. Emitted once, from the event loop.
    void gone();
    /// After write() returned false: there is room again.
    void writable();

private:
    RouteGroup m_group = RouteGroup::None;
};

} // namespace assistiv
