// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/guard.h"
#include "net/httpexchange.h"

#include <QtCore/QPointer>

#include <memory>

namespace assistiv {

/// The HttpExchange of a guarded socket: turns calls into HTTP/1.1 bytes and deletes itself when there is nothing more
/// to say.
class SocketExchange final : public HttpExchange
{
    Q_OBJECT

public:
    /// The request is complete but for what the head does not say: body, peer and id.
    SocketExchange(GuardConnection &connection, RequestHead head, const QByteArray &body);

    const HttpRequest &request() const override { return m_request; }
    void addHeader(QByteArrayView name, QByteArrayView value) override;
    void reply(int status, const QByteArray &body) override;
    void beginStream(QByteArrayView contentType) override;
    bool write(QByteArrayView piece) override;
    void endStream() override;
    bool isGone() const override { return m_state == State::Gone; }

    bool isOver() const { return m_state == State::Complete || m_state == State::Gone; }
    /// Something to be let go when the answer is complete or the client has left.
    void holdUntilOver(std::shared_ptr<void> token) { m_held = std::move(token); }

private:
    enum class State { Open, Streaming, Complete, Gone };

    void appendCommonHeaders(QByteArray &head) const;
    void onWritten();
    void onEnded();
    void complete();

    QPointer<GuardConnection> m_connection;
    HttpRequest m_request;
    QByteArray m_addedHeaders;
    std::shared_ptr<void> m_held;
    State m_state = State::Open;
    bool m_isHttp10 = false;
    bool m_hasContentType = false;
    bool m_isFull = false;
};

} // namespace assistiv
