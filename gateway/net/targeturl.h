// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QString>
#include <QtNetwork/QHostAddress>

#include <optional>

namespace assistiv {

/// Where a URL of http or https leads, as the client that will call it reads it. A host in any spelling of an address
/// (decimal, octal, hex, with fewer than four parts, percent-encoded, mapped) is that address.
struct TargetUrl
{
    bool isSecure = false;
    /// Lower case, without a dot at its end; of an address its usual form.
    QString host;
    quint16 port = 0;
    /// Set when the host is one and not a name.
    std::optional<QHostAddress> address;

    /// Empty when it is no absolute URL of these schemes in visible ASCII, or has user info or a fragment.
    static std::optional<TargetUrl> parse(const QString &url);

    /// A name for this machine that nobody needs to look up: localhost and what is below it.
    bool isLocalName() const;

    friend bool operator==(const TargetUrl &, const TargetUrl &) = default;
};

} // namespace assistiv
