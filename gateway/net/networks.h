// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"

#include <QtCore/QList>
#include <QtNetwork/QHostAddress>

#include <array>
#include <optional>

struct sockaddr;

namespace assistiv {

/// A set of IP networks, as an administrator names them. Implicitly shared; reading is thread-safe. ::ffff:a.b.c.d is
/// the IPv4 address in it, here as in addresses; ::/0 holds no IPv4 address.
class Networks
{
public:
    /// Reads "10.0.0.0/8,::1/128"; an address without a length is a network of one, and bits behind the length do not
    /// count. Nothing between the commas is nothing. ValidationError with a message that names what cannot be read.
    static Result<Networks> parse(QStringView text);

    bool isEmpty() const { return m_networks.isEmpty(); }
    bool contains(const QHostAddress &address) const;
    /// Only IPv4 and IPv6 can be in one.
    bool contains(const sockaddr *address) const;

private:
    /// IPv4 is kept in its mapped form.
    using Bytes = std::array<quint8, 16>;
    struct Network
    {
        Bytes address;
        int bits;
    };

    static std::optional<Network> parseOne(const QString &text);
    bool containsBytes(const Bytes &address) const;

    QList<Network> m_networks;
};

} // namespace assistiv
