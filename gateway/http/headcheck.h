// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "net/httpexchange.h"

namespace assistiv {

/// Bounds of what a client may announce before it has said who it is; sizes in bytes.
struct HeadLimits
{
    qsizetype requestLineBytes = 8 * 1024;
    qsizetype headBytes = 32 * 1024;
    int fields = 100;
    qint64 bodyBytes = 10 * 1024 * 1024;
};

/// A request's head in which every rule was kept.
struct RequestHead
{
    /// Method, path, query and headers; the rest is filled in by the transport.
    HttpRequest request;
    /// Exact size of the body that follows; 0 when none was announced.
    qint64 bodyBytes = 0;
    bool isHttp10 = false;
    /// The client wants the connection to end behind the answer; HTTP/1.0 always means that here.
    bool wantsClose = false;
    bool expectsContinue = false;
};

/// Reads one request's head as it arrives and refuses everything that two parsers could understand differently
/// (RFC 9112). Pure: no socket, no clock.
///
/// A chunked body is refused with 411: our clients announce a length, and a second framing is a second way to smuggle.
class HeadCheck
{
public:
    enum class State { Reading, Complete, Refused };

    explicit HeadCheck(const HeadLimits &limits) : m_limits(limits) { }

    /// Takes in what has arrived. Bytes behind the head are allowed and ignored.
    State take(const QByteArray &bytes);
    /// How many more bytes take() can make use of before it decides in any case.
    qsizetype wanted() const { return m_limits.headBytes + 1 - m_text.size(); }

    /// Once Complete: how many of the bytes taken were the head.
    qsizetype size() const { return m_lineBegin; }
    /// Once Complete: what it says. Makes the check ready for the next request.
    RequestHead takeHead();
    /// What is known so far.
    HttpMethod method() const { return m_head.request.method; }
    QByteArrayView path() const { return m_head.request.path; }
    /// Once Refused: why.
    const Error &refusal() const { return m_refusal; }

private:
    Result<void> readRequestLine(QByteArrayView line);
    Result<void> readTarget(QByteArrayView target);
    Result<void> readField(QByteArrayView line);
    Result<void> readLength(QByteArrayView value);
    Result<void> conclude();
    State refuse(const Error &error);

    HeadLimits m_limits;
    QByteArray m_text;
    qsizetype m_lineBegin = 0;
    qsizetype m_searched = 0; // no line ends before
    bool m_hasRequestLine = false;
    int m_hosts = 0;
    int m_lengths = 0;
    int m_codings = 0;
    bool m_isChunked = false;
    RequestHead m_head;
    Error m_refusal;
};

} // namespace assistiv
