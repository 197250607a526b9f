// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/curlreply.h"

#include "net/addresspolicy.h"
#include "net/curlclient.h"

#include <QtCore/QPointer>

#include <algorithm>
#include <utility>

#include <sys/socket.h>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype MaximumHeadBytes = 262'144;
constexpr qsizetype UsualHeadBytes = 1024;

/// Methods that change nothing may be sent twice when a kept connection turns out to be dead.
bool isRepeatable(HttpMethod method)
{
    return method == HttpMethod::Get || method == HttpMethod::Head || method == HttpMethod::Options;
}

/// The word of a method for which libcurl has no option of its own.
const char *customWord(HttpMethod method)
{
    switch (method) {
    case HttpMethod::Put:
        return "PUT";
    case HttpMethod::Patch:
        return "PATCH";
    case HttpMethod::Delete:
        return "DELETE";
    case HttpMethod::Options:
        return "OPTIONS";
    case HttpMethod::Get:
    case HttpMethod::Head:
    case HttpMethod::Post:
    case HttpMethod::Other:
        break;
    }
    return nullptr;
}

bool hasBody(const HttpCall &call)
{
    switch (call.method) {
    case HttpMethod::Post:
    case HttpMethod::Put:
    case HttpMethod::Patch:
        return true; // with Content-Length: 0 when there is none
    case HttpMethod::Delete:
    case HttpMethod::Options:
        return !call.body.isEmpty();
    case HttpMethod::Get:
    case HttpMethod::Head:
    case HttpMethod::Other:
        break;
    }
    return false;
}

bool isTlsError(CURLcode result)
{
    switch (result) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_CLIENTCERT:
        return true;
    default:
        return false;
    }
}

/// Of "HTTP/1.1 200 OK" the 200; libcurl lets nothing else through.
int statusOf(QByteArrayView line)
{
    const qsizetype blank = line.indexOf(' ');
    return blank < 0 ? 0 : line.sliced(blank + 1).first(std::min<qsizetype>(3, line.size() - blank - 1)).toInt();
}

} // namespace

CurlReply::CurlReply(CurlClient &client, HttpCall call, QObject *parent)
    : HttpReply(parent)
    , m_client(&client)
    , m_call(std::move(call))
    , m_startMs(client.nowMs())
{
}

CurlReply::~CurlReply()
{
    if (!m_client)
        return;
    if (m_easy)
        m_client->giveBack(m_easy);
    m_client->forget(*this);
}

bool CurlReply::start(CURL *easy)
{
    m_easy = easy;
    if (!prepare()) {
        end(NetError::Connect, u"the call has an address, method or header that cannot be sent"_s);
        return false;
    }
    m_client->noteDeadline(deadlineMs());
    return true;
}

bool CurlReply::prepare()
{
    if (m_call.method == HttpMethod::Other || m_call.url.contains('\0') || !m_lines.set(m_call.headers))
        return false;

    // The handle has served another call: what is set here must be set for every call, in both directions.
    bool ok = curl_easy_setopt(m_easy, CURLOPT_URL, m_call.url.constData()) == CURLE_OK;
    ok = ok && curl_easy_setopt(m_easy, CURLOPT_HTTPHEADER, m_lines.list()) == CURLE_OK;
    ok = ok && curl_easy_setopt(m_easy, CURLOPT_HTTPGET, 1L) == CURLE_OK; // also undoes HEAD and POST
    if (m_call.method == HttpMethod::Head) {
        ok = ok && curl_easy_setopt(m_easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    } else if (hasBody(m_call)) {
        ok = ok && curl_easy_setopt(m_easy, CURLOPT_POST, 1L) == CURLE_OK;
        ok = ok && curl_easy_setopt(m_easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(m_call.body.size())) == CURLE_OK;
        ok = ok && curl_easy_setopt(m_easy, CURLOPT_POSTFIELDS, m_call.body.constData()) == CURLE_OK; // not copied
    }
    ok = ok && curl_easy_setopt(m_easy, CURLOPT_CUSTOMREQUEST, customWord(m_call.method)) == CURLE_OK;
    // Behind a proxy nobody knows which address is reached.
    ok = ok && curl_easy_setopt(m_easy, CURLOPT_PROXY, m_call.allowPrivateAddress ? nullptr : "") == CURLE_OK;
    // A name that may lead anywhere is asked for with every connection: what it was a minute ago says nothing.
    ok = ok && curl_easy_setopt(m_easy, CURLOPT_DNS_CACHE_TIMEOUT, m_call.allowPrivateAddress ? 60L : 0L) == CURLE_OK;
    ok = ok
        && curl_easy_setopt(m_easy, CURLOPT_CONNECTTIMEOUT_MS, long(std::max(1, m_call.connectTimeoutMs))) == CURLE_OK;
    if (!ok)
        return false;

    curl_easy_setopt(m_easy, CURLOPT_PRIVATE, this);
    curl_easy_setopt(m_easy, CURLOPT_ERRORBUFFER, m_problem.data());
    curl_easy_setopt(m_easy, CURLOPT_HEADERFUNCTION, &CurlReply::onHeader);
    curl_easy_setopt(m_easy, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(m_easy, CURLOPT_WRITEFUNCTION, &CurlReply::onBody);
    curl_easy_setopt(m_easy, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(m_easy, CURLOPT_PREREQFUNCTION, &CurlReply::onRequest);
    curl_easy_setopt(m_easy, CURLOPT_PREREQDATA, this);
    curl_easy_setopt(m_easy, CURLOPT_OPENSOCKETFUNCTION, &CurlReply::onOpenSocket);
    curl_easy_setopt(m_easy, CURLOPT_OPENSOCKETDATA, this);
    return true;
}

HttpHeaders CurlReply::headers() const
{
    HttpHeaders found;
    if (m_status == 0)
        return found;
    // The first line is the status.
    for (const QByteArray &line : m_head.split('\n').sliced(1)) {
        if (const qsizetype colon = line.indexOf(':'); colon > 0)
            found.append({ line.first(colon), line.sliced(colon + 1).trimmed() });
    }
    return found;
}

void CurlReply::resume()
{
    if (!std::exchange(m_paused, false) || m_ended)
        return;
    m_lastByteMs = m_client->nowMs(); // the other side was silent because we did not listen
    m_client->noteDeadline(deadlineMs());
    if (!std::exchange(m_held, false))
        return;
    // Hands over what libcurl kept back; a failure is told nowhere else.
    if (const CURLcode result = curl_easy_pause(m_easy, CURLPAUSE_CONT); result != CURLE_OK)
        complete(result);
}

void CurlReply::complete(CURLcode result)
{
    if (result == CURLE_OK && m_status != 0)
        return end(NetError::None, {});

    const NetError error = errorOf(result);
    if (error == NetError::AddressRefused) // and nothing about what listens there
        return end(error, u"address not allowed"_s);
    if (error == NetError::TooLarge)
        return end(error, u"the answer is larger than allowed"_s);
    if (m_resendRefused)
        return end(error, u"the connection was closed before an answer came"_s);
    end(error, QString::fromUtf8(m_problem[0] != '\0' ? m_problem.data() : curl_easy_strerror(result)));
}

NetError CurlReply::errorOf(CURLcode result) const
{
    if (m_tooLarge)
        return NetError::TooLarge;
    if (m_addressRefused && !m_mayHaveBeenReceived && result != CURLE_OPERATION_TIMEDOUT)
        return NetError::AddressRefused;
    if (result == CURLE_OPERATION_TIMEDOUT)
        return NetError::Timeout;
    if (isTlsError(result))
        return NetError::Tls;
    return m_mayHaveBeenReceived ? NetError::Broken : NetError::Connect;
}

void CurlReply::end(NetError error, const QString &text)
{
    m_client->giveBack(std::exchange(m_easy, nullptr));
    m_error = error;
    m_errorText = text;
    m_ended = true;
    m_client->noteNews(*this);
}

void CurlReply::tell()
{
    const QPointer<CurlReply> self(this);
    if (std::exchange(m_headIsNews, false)) {
        Q_EMIT headArrived();
        if (!self)
            return;
    }
    if (std::exchange(m_bytesAreNews, false)) {
        Q_EMIT bytesArrived();
        if (!self)
            return;
    }
    if (m_ended && !std::exchange(m_finished, true))
        Q_EMIT finished();
}

void CurlReply::abandon()
{
    if (!m_ended)
        end(NetError::Broken, u"the gateway is stopping"_s);
    m_client = nullptr;
    if (!m_finished)
        QMetaObject::invokeMethod(
            this, [this] { tell(); }, Qt::QueuedConnection);
}

qint64 CurlReply::deadlineMs() const
{
    if (m_ended || m_paused)
        return Never;
    const qint64 next = m_answering ? m_lastByteMs + m_call.idleTimeoutMs : m_startMs + m_call.firstByteTimeoutMs;
    return m_call.totalTimeoutMs > 0 ? std::min(next, m_startMs + m_call.totalTimeoutMs) : next;
}

void CurlReply::timeOut()
{
    if (m_call.totalTimeoutMs > 0 && m_client->nowMs() >= m_startMs + m_call.totalTimeoutMs)
        return end(NetError::Timeout, u"not answered within %1 ms"_s.arg(m_call.totalTimeoutMs));
    end(NetError::Timeout,
        m_answering ? u"nothing more came for %1 ms"_s.arg(m_call.idleTimeoutMs)
                    : u"no answer within %1 ms"_s.arg(m_call.firstByteTimeoutMs));
}

bool CurlReply::takeHeadLine(QByteArrayView line)
{
    if (m_status != 0)
        return true; // a trailer
    if (m_head.size() + line.size() > MaximumHeadBytes) {
        m_tooLarge = true;
        return false;
    }

    // 1xx heads come before the real one, are not part of the answer and do not stop its clock.
    const bool isStatusLine = m_head.isEmpty();
    if (isStatusLine) {
        m_head.reserve(UsualHeadBytes);
        m_comingStatus = statusOf(line);
        m_answering = m_comingStatus >= 200;
    }
    m_head.append(line);
    if (m_answering) {
        m_lastByteMs = m_client->nowMs();
        if (isStatusLine)
            m_client->noteDeadline(deadlineMs());
    }
    if (!line.trimmed().isEmpty())
        return true;
    if (!m_answering) {
        m_head.clear();
        return true;
    }
    m_status = m_comingStatus;
    m_headIsNews = true;
    m_client->noteNews(*this);
    return true;
}

size_t CurlReply::takeBody(QByteArrayView piece)
{
    if (m_paused) {
        m_held = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    m_lastByteMs = m_client->nowMs();
    const qint64 room = m_call.maximumBytes > 0 ? m_call.maximumBytes - m_received : piece.size();
    const QByteArrayView fitting = piece.first(std::min<qsizetype>(piece.size(), room));
    m_received += fitting.size();
    m_bytes.append(fitting);
    m_tooLarge = fitting.size() < piece.size();
    if (!fitting.isEmpty()) {
        m_bytesAreNews = true;
        m_client->noteNews(*this);
    }
    return size_t(fitting.size()); // fewer than offered ends the transfer
}

template<typename Address>
bool CurlReply::mayReach(const Address &address) const
{
    return m_call.allowPrivateAddress || isPublicAddress(address) || m_call.openNetworks.contains(address);
}

int CurlReply::beforeRequest(const char *address)
{
    // Asked again although openSocket() did: a kept connection may have been opened for a call with more rights.
    if (!mayReach(QHostAddress(QString::fromLatin1(address)))) {
        m_addressRefused = true;
        return CURL_PREREQFUNC_ABORT;
    }
    // A second time means that libcurl found its kept connection dead and wants to send everything again on a fresh
    // one. The other side may have read the first request all the same, and would do and bill it twice.
    if (std::exchange(m_mayHaveBeenReceived, true) && !m_call.mayBeRepeated && !isRepeatable(m_call.method)) {
        m_resendRefused = true;
        return CURL_PREREQFUNC_ABORT;
    }
    return CURL_PREREQFUNC_OK;
}

curl_socket_t CurlReply::openSocket(const curl_sockaddr &address)
{
    // Here, with the resolved address in hand, a name that changes its address between check and use gains nothing.
    if (!mayReach(&address.addr)) {
        m_addressRefused = true;
        return CURL_SOCKET_BAD;
    }
    int type = address.socktype;
#ifdef SOCK_CLOEXEC
    type |= SOCK_CLOEXEC;
#endif
    return ::socket(address.family, type, address.protocol);
}

size_t CurlReply::onHeader(char *data, size_t size, size_t count, void *reply)
{
    const size_t bytes = size * count;
    return static_cast<CurlReply *>(reply)->takeHeadLine({data, qsizetype(bytes)}) ? bytes : 0;
}

size_t CurlReply::onBody(char *data, size_t size, size_t count, void *reply)
{
    return static_cast<CurlReply *>(reply)->takeBody({data, qsizetype(size * count)});
}

int CurlReply::onRequest(void *reply, char *address, char *, int, int)
{
    return static_cast<CurlReply *>(reply)->beforeRequest(address);
}

curl_socket_t CurlReply::onOpenSocket(void *reply, curlsocktype, curl_sockaddr *address)
{
    return static_cast<CurlReply *>(reply)->openSocket(*address);
}

} // namespace assistiv
