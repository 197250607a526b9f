// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "net/headerlines.h"
#include "net/httpreply.h"

#include <curl/curl.h>

#include <array>
#include <limits>

namespace assistiv {

class CurlClient;

/// One call of a CurlClient. libcurl's callbacks only fill it; it speaks when its client says tell(), which is never
/// while libcurl is running. So whatever a slot does, deleting reply or client included, happens outside of libcurl.
class CurlReply final : public HttpReply
{
public:
    CurlReply(CurlClient &client, HttpCall call, QObject *parent);
    ~CurlReply() override;

    int status() const override { return m_status; }
    HttpHeaders headers() const override;
    QByteArray takeBytes() override { return std::exchange(m_bytes, {}); }
    bool isFinished() const override { return m_finished; }
    NetError error() const override { return m_error; }
    QString errorText() const override { return m_errorText; }
    bool mayHaveBeenReceived() const override { return m_mayHaveBeenReceived; }
    void pause() override { m_paused = true; }
    void resume() override;

private:
    friend class CurlClient;
    static constexpr qint64 Never = std::numeric_limits<qint64>::max();

    // For the client.
    /// Takes the handle for its own and prepares it; false when the call cannot be made.
    bool start(CURL *easy);
    void complete(CURLcode result);
    void tell();
    void abandon();
    qint64 deadlineMs() const;
    void timeOut();

    bool prepare();
    void end(NetError error, const QString &text);
    NetError errorOf(CURLcode result) const;
    template<typename Address>
    bool mayReach(const Address &address) const;
    bool takeHeadLine(QByteArrayView line);
    size_t takeBody(QByteArrayView piece);
    int beforeRequest(const char *address);
    curl_socket_t openSocket(const curl_sockaddr &address);

    static size_t onHeader(char *data, size_t size, size_t count, void *reply);
    static size_t onBody(char *data, size_t size, size_t count, void *reply);
    static int onRequest(void *reply, char *address, char *, int, int);
    static curl_socket_t onOpenSocket(void *reply, curlsocktype, curl_sockaddr *address);

    CurlClient *m_client;
    CURL *m_easy = nullptr;
    const HttpCall m_call;
    HeaderLines m_lines;
    std::array<char, CURL_ERROR_SIZE> m_problem{};

    QByteArray m_head; // as it came, status line first
    QByteArray m_bytes;
    int m_status = 0; // of the answer, once its head is complete
    int m_comingStatus = 0; // of the head that is being read
    qint64 m_received = 0;
    qint64 m_startMs = 0;
    qint64 m_lastByteMs = 0;
    NetError m_error = NetError::None;
    QString m_errorText;

    bool m_answering = false; // the final head has begun
    bool m_paused = false;
    bool m_held = false; // libcurl keeps a piece back and does not read on
    bool m_addressRefused = false;
    bool m_resendRefused = false;
    bool m_tooLarge = false;
    bool m_mayHaveBeenReceived = false;
    bool m_ended = false; // but perhaps not told yet
    bool m_finished = false;
    bool m_headIsNews = false;
    bool m_bytesAreNews = false;
    bool m_hasNews = false; // stands in a list of the client
};

} // namespace assistiv
