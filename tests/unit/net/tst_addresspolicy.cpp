// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/addresspolicy.h"

#include <QtCore/QtEndian>
#include <QtTest/QTest>

#include <netinet/in.h>
#include <sys/un.h>

using namespace assistiv;

class tst_AddressPolicy : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void literal_data();
    void literal();
    void otherFamiliesAreRefused();
};

void tst_AddressPolicy::literal_data()
{
    QTest::addColumn<QString>("address");
    QTest::addColumn<bool>("isPublic");
    const auto refused = [](const char *sentence, const char *address) {
        QTest::newRow(sentence) << QString::fromLatin1(address) << false;
    };
    const auto allowed = [](const char *sentence, const char *address) {
        QTest::newRow(sentence) << QString::fromLatin1(address) << true;
    };

    refused("unspecified is refused", "0.0.0.0");
    refused("all of this-network is refused", "0.255.255.255");
    allowed("right behind this-network is public", "1.0.0.0");
    allowed("right before 10/8 is public", "9.255.255.255");
    refused("10/8 begins here", "10.0.0.0");
    refused("10/8 ends here", "10.255.255.255");
    allowed("right behind 10/8 is public", "11.0.0.0");
    allowed("right before the carriers' range is public", "100.63.255.255");
    refused("the carriers' range begins here", "100.64.0.0");
    refused("a metadata service in the carriers' range is refused", "100.100.100.200");
    refused("the carriers' range ends here", "100.127.255.255");
    allowed("right behind the carriers' range is public", "100.128.0.0");
    refused("loopback is refused", "127.0.0.1");
    refused("every loopback address is refused", "127.255.255.254");
    refused("the host service of Azure is refused", "168.63.129.16");
    allowed("its neighbour is public", "168.63.129.17");
    refused("link-local metadata is refused", "169.254.169.254");
    allowed("right before 172.16/12 is public", "172.15.255.255");
    refused("172.16/12 begins here", "172.16.0.0");
    refused("172.16/12 ends here", "172.31.255.255");
    allowed("right behind 172.16/12 is public", "172.32.0.0");
    refused("protocol assignments are refused", "192.0.0.8");
    refused("first documentation range is refused", "192.0.2.1");
    refused("6to4 relays are refused", "192.88.99.1");
    refused("192.168/16 is refused", "192.168.1.1");
    allowed("right behind 192.168/16 is public", "192.169.0.0");
    refused("benchmark range is refused", "198.18.0.1");
    refused("benchmark range has fifteen bits", "198.19.255.255");
    allowed("right behind the benchmark range is public", "198.20.0.0");
    refused("second documentation range is refused", "198.51.100.7");
    refused("third documentation range is refused", "203.0.113.9");
    allowed("right before multicast is public", "223.255.255.255");
    refused("multicast is refused", "224.0.0.1");
    refused("reserved addresses are refused", "240.0.0.1");
    refused("broadcast is refused", "255.255.255.255");
    allowed("a usual server is public", "93.184.216.34");

    refused("unspecified IPv6 is refused", "::");
    refused("loopback IPv6 is refused", "::1");
    refused("IPv4-compatible IPv6 is refused", "::93.184.216.34");
    refused("mapped loopback is refused", "::ffff:127.0.0.1");
    refused("mapped private address is refused", "::ffff:10.0.0.1");
    refused("mapped private address in hexadecimal is refused", "::ffff:a00:1");
    allowed("mapped public address is public", "::ffff:93.184.216.34");
    refused("translated IPv4 is refused", "::ffff:0:10.0.0.1");
    refused("NAT64 of a private address is refused", "64:ff9b::10.0.0.1");
    refused("NAT64 is refused altogether", "64:ff9b::93.184.216.34");
    refused("local NAT64 is refused", "64:ff9b:1::1");
    refused("discard-only is refused", "100::1");
    refused("Teredo is refused", "2001:0:4136:e378:8000:63bf:3fff:fdd2");
    refused("protocol assignments of IPv6 are refused", "2001:1ff::1");
    allowed("right behind the protocol assignments is public", "2001:200::1");
    refused("documentation IPv6 is refused", "2001:db8::1");
    refused("6to4 of a private address is refused", "2002:a00:1::1");
    refused("6to4 is refused altogether", "2002:5db8:d822::1");
    refused("new documentation range is refused", "3fff:fff::1");
    refused("segment routing range is refused", "5f00::1");
    refused("what is not assigned is refused", "4000::1");
    refused("unique-local fc is refused", "fc00::1");
    refused("unique-local fd is refused", "fd12:3456:789a::1");
    refused("metadata service on a unique-local address is refused", "fd00:ec2::254");
    refused("link-local IPv6 is refused", "fe80::1");
    refused("link-local IPv6 with a scope is refused", "fe80::1%lo");
    refused("site-local IPv6 is refused", "fec0::1");
    refused("multicast IPv6 is refused", "ff02::1");
    allowed("a usual IPv6 server is public", "2606:2800:220:1:248:1893:25c8:1946");
    refused("no address at all is refused", "");
}

void tst_AddressPolicy::literal()
{
    QFETCH(QString, address);
    QFETCH(bool, isPublic);
    const QHostAddress host(address);
    QCOMPARE(isPublicAddress(host), isPublic);

    // Both doors must say the same.
    if (host.protocol() == QAbstractSocket::IPv4Protocol) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_addr.s_addr = qToBigEndian(host.toIPv4Address());
        QCOMPARE(isPublicAddress(reinterpret_cast<const sockaddr *>(&in)), isPublic);
    } else if (host.protocol() == QAbstractSocket::IPv6Protocol) {
        sockaddr_in6 in6{};
        in6.sin6_family = AF_INET6;
        const Q_IPV6ADDR raw = host.toIPv6Address();
        memcpy(in6.sin6_addr.s6_addr, raw.c, sizeof raw.c);
        QCOMPARE(isPublicAddress(reinterpret_cast<const sockaddr *>(&in6)), isPublic);
    }
}

void tst_AddressPolicy::otherFamiliesAreRefused()
{
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    QVERIFY(!isPublicAddress(reinterpret_cast<const sockaddr *>(&local)));
}

QTEST_APPLESS_MAIN(tst_AddressPolicy)
#include "tst_addresspolicy.moc"
