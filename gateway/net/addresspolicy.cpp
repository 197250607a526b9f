// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/addresspolicy.h"

#include <QtCore/QtEndian>

#include <algorithm>
#include <array>
#include <cstring>
#include <netinet/in.h>

namespace assistiv {

namespace {

struct Range4
{
    quint32 network;
    int bits;
};

constexpr quint32 ipv4(quint32 a, quint32 b, quint32 c, quint32 d)
{
    return a << 24 | b << 16 | c << 8 | d;
}

// The special-purpose registry of IANA, and what clouds put beside it.
constexpr Range4 refused4[] = {
    {ipv4(0, 0, 0, 0), 8}, // "this network"; reaches the machine itself on Linux
    {ipv4(10, 0, 0, 0), 8}, // private
    {ipv4(100, 64, 0, 0), 10}, // shared by carriers; also the metadata service of some clouds
    {ipv4(127, 0, 0, 0), 8}, // loopback
    {ipv4(168, 63, 129, 16), 32}, // the host's own service on Azure, although a public number
    {ipv4(169, 254, 0, 0), 16}, // link-local, with the metadata services
    {ipv4(172, 16, 0, 0), 12}, // private
    {ipv4(192, 0, 0, 0), 24}, // protocol assignments
    {ipv4(192, 0, 2, 0), 24}, // documentation
    {ipv4(192, 88, 99, 0), 24}, // relays of 6to4
    {ipv4(192, 168, 0, 0), 16}, // private
    {ipv4(198, 18, 0, 0), 15}, // benchmarks
    {ipv4(198, 51, 100, 0), 24}, // documentation
    {ipv4(203, 0, 113, 0), 24}, // documentation
    {ipv4(224, 0, 0, 0), 4}, // multicast
    {ipv4(240, 0, 0, 0), 4}, // reserved, broadcast
};

bool isPublic4(quint32 address)
{
    return std::none_of(std::begin(refused4), std::end(refused4),
                        [address](Range4 range) { return (address ^ range.network) >> (32 - range.bits) == 0; });
}

using Bytes6 = std::array<quint8, 16>;

struct Range6
{
    Bytes6 network;
    int bits;
};

// Inside 2000::/3; nothing outside of it is public (loopback, unique and link-local, multicast, 64:ff9b::/96 and
// other wrappings of IPv4 are all there).
constexpr Range6 refused6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, // protocol assignments, with Teredo (2001::/32)
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, // documentation
    {{0x20, 0x02}, 16}, // 6to4: wraps any IPv4 address
    {{0x3f, 0xff, 0x00}, 20}, // documentation
};

bool isInside(const Bytes6 &address, const Range6 &range)
{
    const int whole = range.bits / 8;
    const int rest = range.bits % 8;
    return std::equal(address.begin(), address.begin() + whole, range.network.begin())
        && (rest == 0 || (address[size_t(whole)] ^ range.network[size_t(whole)]) >> (8 - rest) == 0);
}

bool isPublic6(const Bytes6 &address)
{
    // ::ffff:a.b.c.d is IPv4 in another spelling.
    constexpr Range6 mapped{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96};
    if (isInside(address, mapped))
        return isPublic4(qFromBigEndian<quint32>(address.data() + 12));

    constexpr Range6 globalUnicast{{0x20}, 3};
    return isInside(address, globalUnicast)
        && std::none_of(std::begin(refused6), std::end(refused6),
                        [&address](const Range6 &range) { return isInside(address, range); });
}

} // namespace

bool isPublicAddress(const QHostAddress &address)
{
    if (address.protocol() == QAbstractSocket::IPv4Protocol)
        return isPublic4(address.toIPv4Address());
    if (address.protocol() != QAbstractSocket::IPv6Protocol)
        return false;
    Bytes6 bytes;
    const Q_IPV6ADDR raw = address.toIPv6Address();
    std::copy(std::begin(raw.c), std::end(raw.c), bytes.begin());
    return isPublic6(bytes);
}

bool isPublicAddress(const sockaddr *address)
{
    // Copied instead of cast: whoever hands us a sockaddr need not have aligned it for its family.
    if (address->sa_family == AF_INET) {
        sockaddr_in in;
        std::memcpy(&in, address, sizeof in);
        return isPublic4(qFromBigEndian<quint32>(in.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        sockaddr_in6 in6;
        std::memcpy(&in6, address, sizeof in6);
        Bytes6 bytes;
        std::copy(std::begin(in6.sin6_addr.s6_addr), std::end(in6.sin6_addr.s6_addr), bytes.begin());
        return isPublic6(bytes);
    }
    return false;
}

} // namespace assistiv
