// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "net/httpexchange.h"

/// An exchange without a socket: keeps what it was told.
class RecordingExchange final : public assistiv::HttpExchange
{
public:
    explicit RecordingExchange(assistiv::HttpRequest request = {}) : m_request(std::move(request)) { }

    const assistiv::HttpRequest &request() const override { return m_request; }
    void addHeader(QByteArrayView name, QByteArrayView value) override
    {
        headers.emplace_back(name.toByteArray(), value.toByteArray());
    }
    void reply(int answerStatus, const QByteArray &answerBody) override
    {
        status = answerStatus;
        body = answerBody;
    }
    void beginStream(QByteArrayView) override { }
    bool write(QByteArrayView) override { return true; }
    void endStream() override { }
    bool isGone() const override { return false; }

    int status = 0;
    QByteArray body;
    assistiv::HttpHeaders headers;

private:
    assistiv::HttpRequest m_request;
};
