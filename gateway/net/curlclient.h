// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "net/httpreply.h"

#include <QtCore/QTimer>

#include <curl/curl.h>

#include <unordered_map>
#include <vector>

namespace assistiv {

class CurlReply;

/// Outbound HTTP on libcurl's multi interface, driven by the event loop of the thread it lives on. It keeps connections
/// for the next call, speaks HTTP/2 where TLS offers it, follows no redirects and repeats only calls that change
/// nothing. Calls that may reach public addresses only go there directly; others use the proxy that the environment
/// names.
class CurlClient final : public HttpClient
{
public:
    explicit CurlClient(QObject *parent = nullptr, const Clock &clock = Clock::system());
    /// Calls still in flight end with NetError::Broken.
    ~CurlClient() override;

    HttpReply *send(HttpCall call, QObject *parent) override;

private:
    friend class CurlReply;
    struct Watch;

    // For replies.
    qint64 nowMs() const { return m_clock.steadyMs(); }
    void giveBack(CURL *easy);
    void noteNews(CurlReply &reply);
    void noteDeadline(qint64 atMs);
    void forget(CurlReply &reply);

    CURL *takeEasy();
    void watch(curl_socket_t socket, int what);
    void act(curl_socket_t socket, int events);
    void sweep();
    void publish();

    static int onSocket(CURL *, curl_socket_t socket, int what, void *client, void *);
    static int onTimer(CURLM *, long timeoutMs, void *client);

    const Clock &m_clock;
    CURLM *m_multi = nullptr;
    QTimer m_timer; // libcurl's own
    QTimer m_wake; // brings news that came up outside of the event loop into it
    QTimer m_sweep; // one for the deadlines of all calls
    qint64 m_sweepAtMs = 0;
    std::unordered_map<curl_socket_t, Watch> m_watches;
    std::vector<CURL *> m_free;
    std::vector<CurlReply *> m_live; // until they are deleted
    std::vector<CurlReply *> m_news; // have something to tell; null when deleted since
    std::vector<CurlReply *> m_publishing; // the batch being told
    bool m_acting = false;
};

} // namespace assistiv
