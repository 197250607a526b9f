// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/errors.h"

#include <QtCore/QByteArray>
#include <QtCore/QList>

/// Requests that the guard must not let through, with the reason it has to give. Told to the pure check and, through
/// real sockets, to the whole server.
struct RefusedRequest
{
    const char *name;
    QByteArray text;
    assistiv::ErrorCode code;
};

inline QByteArray withHeaders(const QByteArray &lines)
{
    return "POST /v1/x HTTP/1.1\r\nHost: gateway\r\n" + lines + "\r\n";
}

inline QByteArray withTarget(const QByteArray &target)
{
    return "GET " + target + " HTTP/1.1\r\nHost: gateway\r\n\r\n";
}

inline QList<RefusedRequest> refusedRequests()
{
    using enum assistiv::ErrorCode;
    const QByteArray nul(1, '\0');
    return {
        {"a header line without a colon", withHeaders("Broken\r\n"), MalformedRequest},
        {"a blank before the colon", withHeaders("X-A : 1\r\n"), MalformedRequest},
        {"a length with a blank before the colon", withHeaders("Content-Length : 5\r\n") + "hello", MalformedRequest},
        {"a header without a name", withHeaders(": 1\r\n"), MalformedRequest},
        {"a folded header line", withHeaders("X-A: 1\r\n 2\r\n"), MalformedRequest},
        {"a folded first header line", "GET / HTTP/1.1\r\n Host: gateway\r\n\r\n", MalformedRequest},
        {"a control character in a header", withHeaders("X-A: a\x01z\r\n"), MalformedRequest},
        {"a NUL in a header", withHeaders("X-A: a" + nul + "\r\n"), MalformedRequest},
        {"a carriage return inside a header", withHeaders("X-A: a\rContent-Length: 5\r\n"), MalformedRequest},
        {"header lines that end with LF alone", "GET / HTTP/1.1\r\nHost: gateway\n\n", MalformedRequest},
        {"a request line that ends with LF alone", "GET / HTTP/1.1\nHost: gateway\r\n\r\n", MalformedRequest},
        {"an empty line that ends with LF alone", "GET / HTTP/1.1\r\nHost: gateway\r\n\n", MalformedRequest},

        {"a length in words", withHeaders("Content-Length: five\r\n") + "hello", MalformedRequest},
        {"a length with a sign", withHeaders("Content-Length: +5\r\n") + "hello", MalformedRequest},
        {"a negative length", withHeaders("Content-Length: -5\r\n") + "hello", MalformedRequest},
        {"a hexadecimal length", withHeaders("Content-Length: 0x5\r\n") + "hello", MalformedRequest},
        {"an empty length", withHeaders("Content-Length:\r\n") + "hello", MalformedRequest},
        {"a list of lengths", withHeaders("Content-Length: 5, 5\r\n") + "hello", MalformedRequest},
        {"a length with a blank inside", withHeaders("Content-Length: 5 5\r\n") + "hello", MalformedRequest},
        {"two different lengths", withHeaders("Content-Length: 5\r\nContent-Length: 6\r\n") + "hello",
         MalformedRequest},
        {"the same length twice", withHeaders("Content-Length: 5\r\ncontent-length: 5\r\n") + "hello",
         MalformedRequest},

        {"a length beside chunked", withHeaders("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
         MalformedRequest},
        {"chunked beside a length", withHeaders("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") + "0\r\n\r\n",
         MalformedRequest},
        {"a transfer coding other than chunked", withHeaders("Transfer-Encoding: gzip\r\n"), MalformedRequest},
        {"a list of transfer codings", withHeaders("Transfer-Encoding: gzip, chunked\r\n"), MalformedRequest},
        {"an empty transfer coding", withHeaders("Transfer-Encoding:\r\nContent-Length: 5\r\n") + "hello",
         MalformedRequest},
        {"a transfer coding that only looks like chunked", withHeaders("Transfer-Encoding: xchunked\r\n"),
         MalformedRequest},
        {"two lines of transfer codings", withHeaders("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
         MalformedRequest},
        {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         MalformedRequest},
        {"a chunked body", withHeaders("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n", LengthRequired},
        {"a chunked body with a trailer",
         withHeaders("Transfer-Encoding: Chunked\r\n") + "5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", LengthRequired},

        {"no Host", "GET / HTTP/1.1\r\n\r\n", MalformedRequest},
        {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", MalformedRequest},
        {"an empty Host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", MalformedRequest},
        {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", MalformedRequest},
        {"a Host with a user", "GET / HTTP/1.1\r\nHost: me@a\r\n\r\n", MalformedRequest},

        {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HttpVersion},
        {"a version to come", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", HttpVersion},
        {"a minor version to come", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", HttpVersion},
        {"a version in lower case", "GET / http/1.1\r\nHost: a\r\n\r\n", MalformedRequest},
        {"a version with two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", MalformedRequest},
        {"another protocol", "GET / RTSP/1.0\r\nHost: a\r\n\r\n", MalformedRequest},
        {"no version", "GET /\r\nHost: a\r\n\r\n", MalformedRequest},

        {"two blanks in the request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", MalformedRequest},
        {"a blank behind the request line", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", MalformedRequest},
        {"a blank before the request line", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", MalformedRequest},
        {"a tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", MalformedRequest},
        {"a method that is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", MalformedRequest},
        {"a TLS greeting on a plain port", QByteArray("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 12),
         MalformedRequest},

        {"a control character in the target", withTarget("/a\x01"), MalformedRequest},
        {"a byte above ASCII in the target", withTarget("/caf\xc3\xa9"), MalformedRequest},
        {"a fragment in the target", withTarget("/a#b"), MalformedRequest},
        {"a percent sign without digits", withTarget("/a%zz"), MalformedRequest},
        {"a percent sign cut short", withTarget("/a?b=%4"), MalformedRequest},
        {"an encoded NUL in the path", withTarget("/a%00"), MalformedRequest},
        {"an encoded NUL in the query", withTarget("/a?b=%00"), MalformedRequest},
        {"an encoded line break in the path", withTarget("/a%0d%0a"), MalformedRequest},
        {"a target without a slash", withTarget("v1/models"), MalformedRequest},
        {"an asterisk for GET", withTarget("*"), MalformedRequest},
        {"a URL of another scheme", withTarget("ftp://gateway/a"), MalformedRequest},
        {"a URL with a user", withTarget("http://me@gateway/a"), MalformedRequest},
        {"a URL without a host", withTarget("http:///a"), MalformedRequest},
        {"a request to be a proxy", "CONNECT gateway:443 HTTP/1.1\r\nHost: gateway:443\r\n\r\n", MalformedRequest},

        {"an unknown expectation", withHeaders("Content-Length: 5\r\nExpect: a-miracle\r\n"), ExpectationFailed},

        {"a target of 9 KB", withTarget("/" + QByteArray(9 * 1024, 'a')), UriTooLong},
        {"a request line that never ends", QByteArray(9 * 1024, 'a'), UriTooLong},
        {"a header of 33 KB", withHeaders("X-A: " + QByteArray(33 * 1024, 'a') + "\r\n"), HeadTooLarge},
        {"headers that never end",
         withHeaders(QByteArray("X-A: 1\r\n").repeated(50) + "X-B: " + QByteArray(64 * 1024, 'b')), HeadTooLarge},
        {"empty lines that never end", QByteArray("\r\n").repeated(20'000), HeadTooLarge},
        {"101 headers", withHeaders(QByteArray("X-A: 1\r\n").repeated(100)), HeadTooLarge},
        {"a body of one byte too many", withHeaders("Content-Length: 10485761\r\n"), PayloadTooLarge},
        {"a body of 1 GB", withHeaders("Content-Length: 1073741824\r\n") + QByteArray(100'000, 'x'), PayloadTooLarge},
        {"a length beyond all numbers", withHeaders("Content-Length: 99999999999999999999\r\n"), PayloadTooLarge},
        {"a body too large that waits to be asked for",
         withHeaders("Content-Length: 10485761\r\nExpect: 100-continue\r\n"), PayloadTooLarge},
    };
}
