// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "net/networks.h"

namespace assistiv {

/// Where the administrator lets webhooks go: public addresses by https, and what is opened beyond that
/// (docs/contract/webhooks.md, "Targets"). An endpoint with allow_private may go anywhere, and by http.
struct WebhookTargets
{
    Networks open = {};
    bool allowHttp = false;

    static constexpr int LongestUrl = 2048;

    /// ValidationError (param url) when the text can be no endpoint's URL, whatever is open.
    static Result<void> checkForm(const QString &url);
    /// The same, and when it leads where webhooks may not go. Names are not looked up: where they lead is
    /// decided when a delivery connects.
    Result<void> check(const QString &url, bool allowPrivate) const;

    bool mayReach(const QHostAddress &address) const;
    bool mayReach(const sockaddr *address) const;
};

} // namespace assistiv
