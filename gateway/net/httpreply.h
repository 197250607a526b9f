// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "net/httpexchange.h"
#include "net/networks.h"

#include <QtCore/QByteArray>
#include <QtCore/QObject>
#include <QtCore/QString>

namespace assistiv {

/// How an outbound call failed on the way; a status of 400 or more is an answer, not a failure.
enum class NetError {
    None,
    Connect,         ///< no connection: refused, unreachable, DNS
    Tls,             ///< certificate or handshake
    AddressRefused,  ///< our own address policy said no
    Timeout,         ///< connecting, waiting for the first byte, or silence took too long
    Broken,          ///< the connection died, or what came was not HTTP
    TooLarge,        ///< more bytes than the call allows
};

/// An outbound call to be made.
struct HttpCall
{
    HttpMethod method = HttpMethod::Post;
    QByteArray url;
    HttpHeaders headers;
    QByteArray body;
    int connectTimeoutMs = 5'000;
    /// From the start until the first byte of the answer's head.
    int firstByteTimeoutMs = 60'000;
    /// Between two bytes.
    int idleTimeoutMs = 60'000;
    /// From the start to the last byte of the answer; 0: no limit.
    int totalTimeoutMs = 0;
    /// The other side minds no repetition: when a kept connection turns out to be dead the call is sent again on a fresh
    /// one, as calls are that change nothing.
    bool mayBeRepeated = false;
    /// Private, loopback and link-local addresses are refused at connect time unless this is set.
    bool allowPrivateAddress = false;
    /// Those of them that are allowed all the same.
    Networks openNetworks = {};
    /// More than this is NetError::TooLarge; 0 means unbounded (streams that are passed on).
    qint64 maximumBytes = 64 * 1024 * 1024;
};

/// One outbound call in flight; deleting it cancels it at once. Signals come from the event loop, never from inside the
/// call that made it or from pause() and resume(). After finished() nothing more comes.
class HttpReply : public QObject
{
    Q_OBJECT

public:
    using QObject::QObject;

    /// 0 until the head has arrived.
    virtual int status() const = 0;
    /// Header of the answer (case does not matter); empty when there is none.
    QByteArray header(QByteArrayView name) const
    {
        for (const auto &[key, value] : headers()) {
            if (key.compare(name, Qt::CaseInsensitive) == 0)
                return value;
        }
        return {};
    }
    /// All headers of the answer, in the order and spelling in which they came.
    virtual HttpHeaders headers() const = 0;
    /// What has arrived since the last call.
    virtual QByteArray takeBytes() = 0;
    virtual bool isFinished() const = 0;
    virtual NetError error() const = 0;
    /// For the log and for errors towards the caller: without secrets, without credentials.
    virtual QString errorText() const = 0;
    /// False only when not one byte of the request can have reached the other side's application.
    virtual bool mayHaveBeenReceived() const = 0;

    /// Stops reading from the other side (TCP makes it wait) until resume().
    virtual void pause() = 0;
    virtual void resume() = 0;

Q_SIGNALS:
    void headArrived();
    void bytesArrived();
    void finished();
};

/// Makes outbound calls. One per thread.
class HttpClient : public QObject
{
    Q_OBJECT

public:
    using QObject::QObject;
    /// Never null and never finished when it returns; owned by the caller through parent.
    virtual HttpReply *send(HttpCall call, QObject *parent) = 0;
};

} // namespace assistiv
