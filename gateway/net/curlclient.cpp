// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/curlclient.h"

#include "net/curlreply.h"

#include <QtCore/QPointer>
#include <QtCore/QSocketNotifier>

#include <algorithm>
#include <limits>
#include <utility>

namespace assistiv {

namespace {

constexpr long ConnectionsKept = 256;
constexpr long ConnectionIdleSeconds = 60;
constexpr size_t EasyHandlesKept = 128;
constexpr long UploadBufferBytes = 16 * 1024;
// Deadlines need not be kept more exactly than this, so a thousand calls cost at most twenty walks a second.
constexpr qint64 SweepGapMs = 50;

CURLM *newMulti()
{
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = ready == CURLE_OK ? curl_multi_init() : nullptr;
    if (!multi)
        qFatal("libcurl does not start");
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, ConnectionsKept);
    // One call per connection at a time, with HTTP/2 too: in libcurl 7.88 a paused stream stops all others of its
    // connection, so one client that reads slowly would hold up the calls of everybody else.
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, long(CURLPIPE_NOTHING));
    return multi;
}

/// A handle with everything that is the same for all calls.
CURL *newEasy()
{
    CURL *easy = curl_easy_init();
    Q_CHECK_PTR(easy);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    // Made and freed anew for every upload: 64 KiB, the default, is where malloc begins to tidy up at each free().
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, UploadBufferBytes);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, long(CURL_HTTP_VERSION_2TLS));
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, ConnectionIdleSeconds);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    // A call that is cancelled while its name is looked up must not wait for the end of the look-up.
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    return easy;
}

} // namespace

/// The notifiers of one descriptor. They stay, switched off, when libcurl has no more use for it: a kept connection, or
/// the next one with the same number, takes them up again.
struct CurlClient::Watch
{
    Watch(curl_socket_t socket, CurlClient &client)
        : readable(socket, QSocketNotifier::Read)
        , writable(socket, QSocketNotifier::Write)
    {
        readable.setEnabled(false);
        writable.setEnabled(false);
        connect(&readable, &QSocketNotifier::activated, &client,
                [&client, socket] { client.act(socket, CURL_CSELECT_IN); });
        connect(&writable, &QSocketNotifier::activated, &client,
                [&client, socket] { client.act(socket, CURL_CSELECT_OUT); });
    }

    QSocketNotifier readable;
    QSocketNotifier writable;
};

CurlClient::CurlClient(QObject *parent, const Clock &clock) : HttpClient(parent), m_clock(clock), m_multi(newMulti())
{
    curl_multi_setopt(m_multi, CURLMOPT_SOCKETFUNCTION, &CurlClient::onSocket);
    curl_multi_setopt(m_multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(m_multi, CURLMOPT_TIMERFUNCTION, &CurlClient::onTimer);
    curl_multi_setopt(m_multi, CURLMOPT_TIMERDATA, this);
    m_timer.setSingleShot(true);
    m_timer.setTimerType(Qt::PreciseTimer); // a timer that fires early would find nothing due and not be set again
    connect(&m_timer, &QTimer::timeout, this, [this] { act(CURL_SOCKET_TIMEOUT, 0); });
    m_wake.setSingleShot(true);
    m_wake.setInterval(0);
    connect(&m_wake, &QTimer::timeout, this, &CurlClient::publish);
    m_sweep.setSingleShot(true);
    connect(&m_sweep, &QTimer::timeout, this, &CurlClient::sweep);
}

CurlClient::~CurlClient()
{
    for (CurlReply *reply : std::exchange(m_live, {}))
        reply->abandon();
    for (CURL *easy : m_free)
        curl_easy_cleanup(easy);
    curl_multi_cleanup(m_multi);
}

HttpReply *CurlClient::send(HttpCall call, QObject *parent)
{
    auto *reply = new CurlReply(*this, std::move(call), parent);
    m_live.push_back(reply);
    CURL *easy = takeEasy();
    if (reply->start(easy))
        curl_multi_add_handle(m_multi, easy); // does nothing yet but set the timer
    return reply;
}

CURL *CurlClient::takeEasy()
{
    if (m_free.empty())
        return newEasy();
    CURL *easy = m_free.back();
    m_free.pop_back();
    return easy;
}

void CurlClient::giveBack(CURL *easy)
{
    curl_multi_remove_handle(m_multi, easy);
    if (m_free.size() >= EasyHandlesKept) {
        curl_easy_cleanup(easy);
        return;
    }
    // Nothing may point into the call that is over.
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, nullptr);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, nullptr);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, nullptr);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, nullptr);
    m_free.push_back(easy);
}

void CurlClient::forget(CurlReply &reply)
{
    // The newest calls are the most likely to end next.
    if (const auto found = std::find(m_live.rbegin(), m_live.rend(), &reply); found != m_live.rend()) {
        *found = m_live.back();
        m_live.pop_back();
    }
    if (reply.m_hasNews) {
        std::replace(m_news.begin(), m_news.end(), &reply, static_cast<CurlReply *>(nullptr));
        std::replace(m_publishing.begin(), m_publishing.end(), &reply, static_cast<CurlReply *>(nullptr));
    }
}

void CurlClient::noteNews(CurlReply &reply)
{
    if (std::exchange(reply.m_hasNews, true))
        return;
    m_news.push_back(&reply);
    if (!m_acting)
        m_wake.start();
}

void CurlClient::noteDeadline(qint64 atMs)
{
    if (m_sweep.isActive() && m_sweepAtMs <= atMs)
        return;
    m_sweepAtMs = atMs;
    const qint64 inMs = std::clamp<qint64>(atMs - nowMs(), SweepGapMs, std::numeric_limits<int>::max());
    m_sweep.start(int(inMs));
}

void CurlClient::sweep()
{
    const qint64 now = nowMs();
    qint64 next = CurlReply::Never;
    for (CurlReply *reply : m_live) {
        const qint64 deadline = reply->deadlineMs();
        if (deadline <= now)
            reply->timeOut();
        else
            next = std::min(next, deadline);
    }
    if (next != CurlReply::Never)
        noteDeadline(next);
    publish();
}

void CurlClient::act(curl_socket_t socket, int events)
{
    m_acting = true;
    int running = 0;
    curl_multi_socket_action(m_multi, socket, events, &running);
    int left = 0;
    while (const CURLMsg *message = curl_multi_info_read(m_multi, &left)) {
        const CURLcode result = message->data.result; // the message is gone once its handle is removed
        CurlReply *reply = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &reply);
        reply->complete(result);
    }
    m_acting = false;
    publish();
}

void CurlClient::publish()
{
    // News that come up while telling wait for the next turn of the event loop.
    if (m_news.empty() || !m_publishing.empty())
        return;
    m_publishing.swap(m_news);
    const QPointer<CurlClient> self(this);
    for (size_t i = 0; i < m_publishing.size(); ++i) {
        if (CurlReply *reply = std::exchange(m_publishing[i], nullptr)) {
            reply->m_hasNews = false;
            reply->tell();
            if (!self)
                return;
        }
    }
    m_publishing.clear();
    if (!m_news.empty())
        m_wake.start();
}

void CurlClient::watch(curl_socket_t socket, int what)
{
    Watch &watch = m_watches.try_emplace(socket, socket, *this).first->second;
    watch.readable.setEnabled(what == CURL_POLL_IN || what == CURL_POLL_INOUT);
    watch.writable.setEnabled(what == CURL_POLL_OUT || what == CURL_POLL_INOUT);
}

int CurlClient::onSocket(CURL *, curl_socket_t socket, int what, void *client, void *)
{
    static_cast<CurlClient *>(client)->watch(socket, what);
    return 0;
}

int CurlClient::onTimer(CURLM *, long timeoutMs, void *client)
{
    QTimer &timer = static_cast<CurlClient *>(client)->m_timer;
    if (timeoutMs < 0)
        timer.stop();
    else
        timer.start(int(std::min<long>(timeoutMs, std::numeric_limits<int>::max())));
    return 0;
}

} // namespace assistiv
