// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/targeturl.h"
#include "webhooks/targets.h"

#include <QtTest/QTest>

#include <arpa/inet.h>
#include <netinet/in.h>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_Targets : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void publicOnly_data();
    void publicOnly();
    void reads_data();
    void reads();
    void opened_data();
    void opened();
    void leaveForOne();
    void movesAreSeen_data();
    void movesAreSeen();
    void reach();
};

void tst_Targets::publicOnly_data()
{
    QTest::addColumn<QString>("url");
    QTest::addColumn<bool>("isGood");
    const auto good = [](const char *sentence, const char *url) {
        QTest::newRow(sentence) << QString::fromUtf8(url) << true;
    };
    const auto bad = [](const char *sentence, const char *url) {
        QTest::newRow(sentence) << QString::fromUtf8(url) << false;
    };
    good("a name is looked up later", "https://my-saas.example/webhooks/assistiv");
    good("a port and a query are fine", "https://my-saas.example:8443/hook?tenant=1&x=%20");
    good("no path is fine", "https://my-saas.example");
    good("upper case is the same", "HTTPS://My-SaaS.Example/");
    good("a public address", "https://8.8.8.8/hook");
    good("a public address of IPv6", "https://[2606:4700:4700::1111]/hook");
    good("a name that only looks like this machine", "https://localhost.example/");
    good("a name that only ends like this machine", "https://mylocalhost/");
    good("a name of digits that is no address", "https://4294967296/");
    good("an at sign behind the host", "https://my-saas.example/@hook");

    bad("http is not https", "http://my-saas.example/hook");
    bad("another scheme", "ftp://my-saas.example/hook");
    bad("no scheme", "my-saas.example/hook");
    bad("no host", "https:///hook");
    bad("no host, a query", "https://?x");
    bad("nothing behind the scheme", "https://");
    bad("a scheme with one slash", "https:/my-saas.example/");
    bad("one slash too many", "https:///127.0.0.1/");
    bad("user info", "https://user:word@my-saas.example/");
    bad("an empty user", "https://@my-saas.example/");
    bad("user info that looks like a host", "https://my-saas.example@127.0.0.1/");
    bad("a backslash, which browsers take for a slash", "https://my-saas.example\\@127.0.0.1/");
    bad("a fragment", "https://my-saas.example/hook#part");
    bad("an empty fragment", "https://my-saas.example/hook#");
    bad("a blank", "https://my-saas.example/a b");
    bad("a blank in front", " https://my-saas.example/");
    bad("a line break at the end", "https://my-saas.example/\n");
    bad("letters beyond ASCII", "https://b\u00fccher.example/");
    bad("dots beyond ASCII", "https://127\u30020\u30020\u30021/");
    bad("a port that is no number", "https://my-saas.example:x/");
    bad("a port that is too large", "https://my-saas.example:65536/");
    bad("port 0", "https://my-saas.example:0/");

    bad("loopback", "https://127.0.0.1/hook");
    bad("loopback with a port", "https://127.0.0.1:9003/hook");
    bad("loopback with a dot", "https://127.0.0.1./hook");
    bad("any loopback", "https://127.8.9.10/");
    bad("loopback as one number", "https://2130706433/");
    bad("loopback in hex", "https://0x7f000001/");
    bad("loopback in upper case hex", "https://0X7F.0.0.1/");
    bad("loopback in octal", "https://0177.0.0.1/");
    bad("loopback in octal with zeros", "https://000000177.1/");
    bad("loopback in two parts", "https://127.1/");
    bad("loopback in two parts with a dot", "https://127.1./");
    bad("loopback in three parts", "https://127.0.1/");
    bad("loopback in mixed parts", "https://0x7f.0.01/");
    bad("loopback with percent signs", "https://%31%32%37.0.0.1/");
    bad("loopback with a dot in percent", "https://127%2e0.0.1/");
    bad("zero", "https://0/");
    bad("this network", "https://0.0.0.0/");
    bad("private 10", "https://10.0.0.1/");
    bad("private 172", "https://172.16.5.4/");
    bad("private 192", "https://192.168.1.1/");
    bad("private as one number", "https://3232235777/");
    bad("metadata of clouds", "https://169.254.169.254/latest/meta-data/");
    bad("metadata in octal", "https://0251.0376.0251.0376/");
    bad("carriers", "https://100.64.0.1/");
    bad("multicast", "https://224.0.0.1/");
    bad("broadcast", "https://255.255.255.255/");
    bad("loopback of IPv6", "https://[::1]/hook");
    bad("loopback of IPv6 in full", "https://[0:0:0:0:0:0:0:1]:8443/hook");
    bad("unspecified of IPv6", "https://[::]/");
    bad("mapped loopback", "https://[::ffff:127.0.0.1]/");
    bad("mapped private in hex", "https://[::ffff:a00:1]/");
    bad("link-local", "https://[fe80::1]/");
    bad("link-local with a zone", "https://[fe80::1%25eth0]/");
    bad("unique local", "https://[fd00::1]/");
    bad("translated IPv4", "https://[64:ff9b::a00:1]/");
    bad("6to4", "https://[2002:a00:1::]/");
    bad("brackets that do not close", "https://[::1/");
    bad("brackets around IPv4", "https://[127.0.0.1]/");
    bad("this machine by name", "https://localhost/hook");
    bad("this machine in upper case", "https://LocalHost:9003/hook");
    bad("this machine with a dot", "https://localhost./hook");
    bad("this machine in percent", "https://%6cocalhost/");
    bad("below this machine", "https://api.localhost/hook");

    QTest::newRow("as long as may be") << u"https://a.example/"_s + QString(2048 - 18, u'a') << true;
    QTest::newRow("one character too long") << u"https://a.example/"_s + QString(2048 - 17, u'a') << false;
}

void tst_Targets::publicOnly()
{
    QFETCH(QString, url);
    QFETCH(bool, isGood);
    const auto checked = WebhookTargets().check(url, false);
    QCOMPARE(checked.ok(), isGood);
    if (isGood)
        return;
    QCOMPARE(checked.error().code, ErrorCode::ValidationError);
    QCOMPARE(checked.error().param, u"url"_s);
}

void tst_Targets::reads_data()
{
    QTest::addColumn<QString>("url");
    QTest::addColumn<QString>("host");
    QTest::addColumn<int>("port");
    QTest::addColumn<bool>("isAddress");
    QTest::newRow("a name") << u"https://My-SaaS.Example/x"_s << u"my-saas.example"_s << 443 << false;
    QTest::newRow("a name with a dot") << u"http://my-saas.example.:8080"_s << u"my-saas.example"_s << 8080 << false;
    QTest::newRow("http has its port") << u"http://a.example?x"_s << u"a.example"_s << 80 << false;
    QTest::newRow("an address in its usual form") << u"https://0x7f.1/"_s << u"127.0.0.1"_s << 443 << true;
    QTest::newRow("IPv6") << u"https://[0:0::1]:0443/"_s << u"::1"_s << 443 << true;
}

void tst_Targets::reads()
{
    QFETCH(QString, url);
    QFETCH(QString, host);
    QFETCH(int, port);
    QFETCH(bool, isAddress);
    const auto target = TargetUrl::parse(url);
    QVERIFY(target);
    QCOMPARE(target->host, host);
    QCOMPARE(int(target->port), port);
    QCOMPARE(target->address.has_value(), isAddress);
    QCOMPARE(target->isSecure, url.startsWith("https"_L1));
}

void tst_Targets::opened_data()
{
    QTest::addColumn<QString>("open");
    QTest::addColumn<bool>("allowHttp");
    QTest::addColumn<QString>("url");
    QTest::addColumn<bool>("isGood");
    const auto row = [](const char *sentence, const char *open, bool allowHttp, const char *url, bool isGood) {
        QTest::newRow(sentence) << QString::fromLatin1(open) << allowHttp << QString::fromLatin1(url) << isGood;
    };
    row("http where it is allowed", "", true, "http://my-saas.example/", true);
    row("http opens no network", "", true, "http://127.0.0.1/", false);
    row("nor this machine's name", "", true, "http://localhost/", false);
    row("a network opens no http", "127.0.0.0/8", false, "http://127.0.0.1/", false);
    row("an open network", "127.0.0.0/8", false, "https://127.0.0.1/", true);
    row("an open network in another spelling", "127.0.0.0/8", false, "https://0x7f.1/", true);
    row("an open network in the mapped form", "127.0.0.0/8", false, "https://[::ffff:127.0.0.1]/", true);
    row("another network stays closed", "127.0.0.0/8", false, "https://10.0.0.1/", false);
    row("and so does IPv6", "127.0.0.0/8", false, "https://[::1]/", false);
    row("this machine by name, with its network", "127.0.0.0/8", false, "https://localhost/", true);
    row("this machine by name, with IPv6 alone", "::1", false, "https://localhost/", true);
    row("this machine by name, with another network", "10.0.0.0/8", false, "https://localhost/", false);
    row("public addresses stay open", "10.0.0.0/8", false, "https://8.8.8.8/", true);
}

void tst_Targets::opened()
{
    QFETCH(QString, open);
    QFETCH(bool, allowHttp);
    QFETCH(QString, url);
    QFETCH(bool, isGood);
    const WebhookTargets targets { .open = *Networks::parse(open), .allowHttp = allowHttp };
    QCOMPARE(targets.check(url, false).ok(), isGood);
}

void tst_Targets::leaveForOne()
{
    const WebhookTargets targets;
    for (const QString &url : { u"http://127.0.0.1:9003/hook"_s, u"https://10.0.0.1/"_s, u"http://localhost/"_s })
        QVERIFY2(targets.check(url, true), qPrintable(url));
    for (const QString &url : { u"ftp://127.0.0.1/"_s, u"http://a@127.0.0.1/"_s, u"http://127.0.0.1/#x"_s, u"hook"_s })
        QVERIFY2(!targets.check(url, true), qPrintable(url));
}

void tst_Targets::movesAreSeen_data()
{
    QTest::addColumn<QString>("to");
    QTest::addColumn<bool>("hasMoved");
    QTest::newRow("another path") << u"http://127.0.0.1:9003/other"_s << false;
    QTest::newRow("another query") << u"http://127.0.0.1:9003/hook?x"_s << false;
    QTest::newRow("another spelling") << u"HTTP://0x7f.1:09003/hook"_s << false;
    QTest::newRow("another scheme") << u"https://127.0.0.1:9003/hook"_s << true;
    QTest::newRow("another host") << u"http://127.0.0.2:9003/hook"_s << true;
    QTest::newRow("another port") << u"http://127.0.0.1:9004/hook"_s << true;
    QTest::newRow("the usual port") << u"http://127.0.0.1/hook"_s << true;
}

void tst_Targets::movesAreSeen()
{
    QFETCH(QString, to);
    QFETCH(bool, hasMoved);
    const auto target = TargetUrl::parse(to);
    QVERIFY(target);
    QCOMPARE(target != TargetUrl::parse(u"http://127.0.0.1:9003/hook"_s), hasMoved);
}

void tst_Targets::reach()
{
    const WebhookTargets targets { .open = *Networks::parse(u"10.0.0.0/8"), .allowHttp = false };
    QVERIFY(targets.mayReach(QHostAddress(u"10.1.2.3"_s)));
    QVERIFY(targets.mayReach(QHostAddress(u"8.8.8.8"_s)));
    QVERIFY(!targets.mayReach(QHostAddress(u"127.0.0.1"_s)));
    sockaddr_in in {};
    in.sin_family = AF_INET;
    for (const auto &[text, isOpen] :
         { std::pair("10.1.2.3", true), std::pair("8.8.8.8", true), std::pair("127.0.0.1", false) }) {
        QCOMPARE(inet_pton(AF_INET, text, &in.sin_addr), 1);
        QCOMPARE(targets.mayReach(reinterpret_cast<const sockaddr *>(&in)), isOpen);
    }
}

QTEST_GUILESS_MAIN(tst_Targets)
#include "tst_targets.moc"
