// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/answerhead.h"

#include "core/clock.h"

#include <QtCore/QDateTime>
#include <QtCore/QLocale>

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

struct Reason
{
    int status;
    const char *phrase;
};

constexpr Reason Reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

/// Empty for a status without a name of its own; the blank before it stays (RFC 9112, 4).
QByteArrayView reasonOf(int status)
{
    for (const Reason &reason : Reasons) {
        if (reason.status == status)
            return reason.phrase;
    }
    return {};
}

/// Made once a second at most; every answer needs it. Caches on the way compare it with their own clocks, so it is the
/// system's even where the gateway's clock was moved for a test.
QByteArray dateText()
{
    thread_local qint64 second = 0;
    thread_local QByteArray text;
    const Timestamp now = Clock::system().now();
    if (now.ms() / 1000 != second || text.isEmpty()) {
        second = now.ms() / 1000;
        text = httpDate(now);
    }
    return text;
}

} // namespace

QByteArray httpDate(Timestamp moment)
{
    const QDateTime utc = QDateTime::fromMSecsSinceEpoch(moment.ms(), Qt::UTC);
    return QLocale::c().toString(utc, u"ddd, dd MMM yyyy hh:mm:ss 'GMT'"_s).toLatin1();
}

QByteArray beginHead(int status)
{
    QByteArray head;
    head.reserve(512); // a usual head, in one allocation
    head += "HTTP/1.1 ";
    head += QByteArray::number(status);
    head += ' ';
    head += reasonOf(status);
    head += "\r\n";
    appendHeader(head, "date", dateText());
    return head;
}

void appendHeader(QByteArray &head, QByteArrayView name, QByteArrayView value)
{
    head += name;
    head += ": ";
    head += value;
    const auto isControl = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    std::replace_if(head.end() - value.size(), head.end(), isControl, ' ');
    head += "\r\n";
}

} // namespace assistiv
