// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/networks.h"

#include <QtTest/QTest>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

/// Both ways to ask; they must agree.
std::optional<bool> isIn(const Networks &networks, const QString &address)
{
    sockaddr_in in {};
    in.sin_family = AF_INET;
    sockaddr_in6 in6 {};
    in6.sin6_family = AF_INET6;
    const QByteArray text = address.toLatin1();
    const sockaddr *raw = nullptr;
    if (inet_pton(AF_INET, text.constData(), &in.sin_addr) == 1)
        raw = reinterpret_cast<const sockaddr *>(&in);
    else if (inet_pton(AF_INET6, text.constData(), &in6.sin6_addr) == 1)
        raw = reinterpret_cast<const sockaddr *>(&in6);
    else
        return {};
    const bool isInside = networks.contains(raw);
    return networks.contains(QHostAddress(address)) == isInside ? std::optional(isInside) : std::nullopt;
}

} // namespace

class tst_Networks : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void contains_data();
    void contains();
    void refuses_data();
    void refuses();
    void nothingIsInNone();
};

void tst_Networks::contains_data()
{
    QTest::addColumn<QString>("networks");
    QTest::addColumn<QString>("inside");
    QTest::addColumn<QString>("outside");
    const auto row = [](const char *sentence, const char *networks, const char *inside, const char *outside) {
        QTest::newRow(sentence) << QString::fromLatin1(networks) << QString::fromLatin1(inside)
                                << QString::fromLatin1(outside);
    };
    row("an address is a network of one", "127.0.0.1", "127.0.0.1", "127.0.0.2");
    row("a network begins at its first address", "10.0.0.0/8", "10.0.0.0", "9.255.255.255");
    row("a network ends at its last address", "10.0.0.0/8", "10.255.255.255", "11.0.0.0");
    row("lengths are bits, not bytes", "172.16.0.0/12", "172.31.255.255", "172.32.0.0");
    row("one bit makes half of all", "128.0.0.0/1", "200.1.2.3", "127.255.255.255");
    row("no bits make all of IPv4 and nothing else", "0.0.0.0/0", "255.255.255.255", "::1");
    row("bits behind the length do not count", "10.1.2.3/8", "10.200.0.1", "11.1.2.3");
    row("the second of two counts, too", "10.0.0.0/8,192.168.0.0/16", "192.168.255.255", "192.169.0.0");
    row("blanks and empty parts are nothing", " 10.0.0.0 / 8 ,, ::1/128 ,", "::1", "::2");
    row("IPv6 networks have their bits", "fd00::/8", "fdff:ffff::1", "fe00::");
    row("one address of IPv6", "::1/128", "::1", "::");
    row("IPv4 in its mapped form is IPv4", "10.0.0.0/8", "::ffff:10.9.8.7", "::ffff:11.0.0.1");
    row("a mapped network is one of IPv4", "::ffff:10.0.0.0/104", "10.255.0.1", "11.0.0.1");
    row("all of IPv6 holds no IPv4", "::/0", "2001:db8::1", "10.0.0.1");
    row("nor does it in the mapped form", "::/0", "::1", "::ffff:10.0.0.1");
}

void tst_Networks::contains()
{
    QFETCH(QString, networks);
    QFETCH(QString, inside);
    QFETCH(QString, outside);
    const auto parsed = Networks::parse(networks);
    QVERIFY(parsed);
    QVERIFY(!parsed->isEmpty());
    QCOMPARE(isIn(*parsed, inside), std::optional(true));
    QCOMPARE(isIn(*parsed, outside), std::optional(false));
}

void tst_Networks::refuses_data()
{
    QTest::addColumn<QString>("text");
    for (const char *text :
         { "nowhere", "10.0.0.0/33", "::1/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0/8",
           "010.0.0.0/8", "0x0a.0.0.0/8", "10.0.0.0/8;::1", "[::1]/128", "::1%lo/128", "/8", "10.0.0.0/8,nowhere" })
        QTest::newRow(text) << QString::fromLatin1(text);
}

void tst_Networks::refuses()
{
    QFETCH(QString, text);
    const auto parsed = Networks::parse(text);
    QVERIFY(!parsed);
    QCOMPARE(parsed.error().code, ErrorCode::ValidationError);
    QVERIFY(parsed.error().message.contains(u'"' + text.section(u',', -1) + u'"'));
}

void tst_Networks::nothingIsInNone()
{
    const auto none = Networks::parse(u"");
    QVERIFY(none && none->isEmpty());
    QCOMPARE(isIn(*none, u"127.0.0.1"_s), std::optional(false));
    const Networks all = *Networks::parse(u"0.0.0.0/0,::/0");
    sockaddr_un file {};
    file.sun_family = AF_UNIX;
    QVERIFY(!all.contains(reinterpret_cast<const sockaddr *>(&file)));
    QVERIFY(!all.contains(QHostAddress()));
}

QTEST_GUILESS_MAIN(tst_Networks)
#include "tst_networks.moc"
