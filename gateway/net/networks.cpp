// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/networks.h"

#include <QtCore/QStringList>

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr int AddressBits = 128;
/// How long the prefix is that makes IPv6 of IPv4: ::ffff:0:0/96.
constexpr int MappedBits = 96;

using Bytes16 = std::array<quint8, 16>;

Bytes16 mapped(const void *fourBytes)
{
    Bytes16 bytes { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    std::memcpy(bytes.data() + MappedBits / 8, fourBytes, 4);
    return bytes;
}

bool isMapped(const Bytes16 &address)
{
    constexpr Bytes16 prefix { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    return std::equal(address.begin(), address.begin() + MappedBits / 8, prefix.begin());
}

bool haveSamePrefix(const Bytes16 &a, const Bytes16 &b, int bits)
{
    const int whole = bits / 8;
    const int rest = bits % 8;
    return std::equal(a.begin(), a.begin() + whole, b.begin())
        && (rest == 0 || (a[size_t(whole)] ^ b[size_t(whole)]) >> (8 - rest) == 0);
}

} // namespace

std::optional<Networks::Network> Networks::parseOne(const QString &text)
{
    // inet_pton and not QHostAddress: it knows the usual spelling only, and an administrator shall not open by accident
    // what 010.0.0.0 means to one and not to another.
    const QByteArray address = text.section(u'/', 0, 0).trimmed().toLatin1();
    Network network { {}, AddressBits };
    int extraBits = 0;
    if (in_addr four; inet_pton(AF_INET, address.constData(), &four) == 1) {
        network.address = mapped(&four);
        extraBits = MappedBits;
    } else if (inet_pton(AF_INET6, address.constData(), network.address.data()) != 1) {
        return {};
    }
    if (!text.contains(u'/'))
        return network;

    bool isNumber = false;
    const QString length = text.section(u'/', 1).trimmed();
    const uint bits = length.toUInt(&isNumber);
    if (!isNumber || length.startsWith(u'+') || bits > uint(AddressBits - extraBits))
        return {};
    network.bits = int(bits) + extraBits;
    return network;
}

Result<Networks> Networks::parse(QStringView text)
{
    Networks networks;
    for (const QString &part : text.toString().split(u',')) {
        if (part.trimmed().isEmpty())
            continue;
        const auto network = parseOne(part.trimmed());
        if (!network)
            return Error { .code = ErrorCode::ValidationError,
                           .message = u"\"%1\" is no network such as 10.0.0.0/8 or ::1/128."_s.arg(part.trimmed()) };
        networks.m_networks.append(*network);
    }
    return networks;
}

bool Networks::contains(const QHostAddress &address) const
{
    if (address.protocol() == QAbstractSocket::IPv4Protocol) {
        const quint32 number = htonl(address.toIPv4Address());
        return containsBytes(mapped(&number));
    }
    if (address.protocol() != QAbstractSocket::IPv6Protocol)
        return false;
    Bytes bytes;
    const Q_IPV6ADDR raw = address.toIPv6Address();
    std::copy(std::begin(raw.c), std::end(raw.c), bytes.begin());
    return containsBytes(bytes);
}

bool Networks::contains(const sockaddr *address) const
{
    // Copied instead of cast: whoever hands us a sockaddr need not have aligned it for its family.
    if (address->sa_family == AF_INET) {
        sockaddr_in in;
        std::memcpy(&in, address, sizeof in);
        return containsBytes(mapped(&in.sin_addr));
    }
    if (address->sa_family == AF_INET6) {
        sockaddr_in6 in6;
        std::memcpy(&in6, address, sizeof in6);
        Bytes bytes;
        std::copy(std::begin(in6.sin6_addr.s6_addr), std::end(in6.sin6_addr.s6_addr), bytes.begin());
        return containsBytes(bytes);
    }
    return false;
}

bool Networks::containsBytes(const Bytes &address) const
{
    const int leastBits = isMapped(address) ? MappedBits : 0;
    return std::any_of(m_networks.begin(), m_networks.end(), [&](const Network &network) {
        return network.bits >= leastBits && haveSamePrefix(address, network.address, network.bits);
    });
}

} // namespace assistiv
