// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/targeturl.h"

#include <QtCore/QRegularExpression>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <memory>
#include <netinet/in.h>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using ParsedUrl = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

QByteArray partOf(CURLU *url, CURLUPart part, unsigned flags = 0)
{
    char *text = nullptr;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
        return {};
    const QByteArray copy = text;
    curl_free(text);
    return copy;
}

std::optional<QHostAddress> addressOf(const QByteArray &host)
{
    // Not QHostAddress: it reads the usual spelling only, while who connects takes whatever inet_aton() takes.
    if (in_addr four; inet_aton(host.constData(), &four) != 0)
        return QHostAddress(ntohl(four.s_addr));
    if (!host.startsWith('['))
        return {};
    Q_IPV6ADDR bytes;
    if (inet_pton(AF_INET6, host.sliced(1).chopped(1).constData(), bytes.c) != 1)
        return {};
    return QHostAddress(bytes);
}

} // namespace

std::optional<TargetUrl> TargetUrl::parse(const QString &url)
{
    // What parsers disagree about is not let through to any: missing or extra slashes, backslashes, an empty user.
    static const QRegularExpression Form(uR"(\A(https?)://(?![/?#])[!-~]+\z)"_s,
                                         QRegularExpression::CaseInsensitiveOption);
    const auto form = Form.match(url);
    const QString authority = url.section(u'/', 2, 2).section(u'?', 0, 0);
    if (!form.hasMatch() || url.contains(u'#') || url.contains(u'\\') || authority.contains(u'@'))
        return {};

    const ParsedUrl parsed(curl_url(), &curl_url_cleanup);
    if (curl_url_set(parsed.get(), CURLUPART_URL, url.toLatin1().constData(), CURLU_PATH_AS_IS) != CURLUE_OK)
        return {};
    QByteArray host = partOf(parsed.get(), CURLUPART_HOST).toLower();
    if (host.endsWith('.'))
        host.chop(1);
    bool isNumber = false;
    const uint port = partOf(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT).toUInt(&isNumber);
    if (host.isEmpty() || !isNumber || port == 0 || port > 65535)
        return {};
    TargetUrl target { .isSecure = form.captured(1).size() == 5,
                       .host = QString::fromUtf8(host),
                       .port = quint16(port),
                       .address = addressOf(host) };
    if (target.address)
        target.host = target.address->toString();
    return target;
}

bool TargetUrl::isLocalName() const
{
    return !address && (host == "localhost"_L1 || host.endsWith(".localhost"_L1));
}

} // namespace assistiv
