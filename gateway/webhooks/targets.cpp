// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "webhooks/targets.h"

#include "net/addresspolicy.h"
#include "net/targeturl.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Error badUrl(const QString &message)
{
    return { .code = ErrorCode::ValidationError, .message = message, .param = u"url"_s };
}

} // namespace

Result<void> WebhookTargets::checkForm(const QString &url)
{
    if (url.size() > LongestUrl)
        return badUrl(u"url must have at most %1 characters."_s.arg(LongestUrl));
    if (!TargetUrl::parse(url))
        return badUrl(u"url must be an absolute https URL in ASCII, without user info or fragment."_s);
    return {};
}

Result<void> WebhookTargets::check(const QString &url, bool allowPrivate) const
{
    if (const auto good = checkForm(url); !good)
        return good;
    const auto target = TargetUrl::parse(url);
    if (!target->isSecure && !allowHttp && !allowPrivate)
        return badUrl(u"url must begin with https://."_s);
    if (allowPrivate)
        return {};
    const bool isLocal = target->isLocalName() && !mayReach(QHostAddress(QHostAddress::LocalHost))
        && !mayReach(QHostAddress(QHostAddress::LocalHostIPv6));
    if (isLocal || (target->address && !mayReach(*target->address)))
        return badUrl(u"url must not lead to this machine or into a private network."_s);
    return {};
}

bool WebhookTargets::mayReach(const QHostAddress &address) const
{
    return isPublicAddress(address) || open.contains(address);
}

bool WebhookTargets::mayReach(const sockaddr *address) const
{
    return isPublicAddress(address) || open.contains(address);
}

} // namespace assistiv
