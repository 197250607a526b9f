// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "ledger/idempotency.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_Idempotency : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void fingerprints_data();
    void fingerprints();
    void dependsOnMethodAndPath();
    void remembersTheAnswer();
    void belongsToOnePlatform();
    void goesWithItsUser();
};

void tst_Idempotency::fingerprints_data()
{
    QTest::addColumn<QByteArray>("one");
    QTest::addColumn<QByteArray>("other");
    QTest::addColumn<bool>("same");
    const auto row = [](const char *name, const char *one, const char *other, bool same) {
        QTest::newRow(name) << QByteArray(one) << QByteArray(other) << same;
    };
    row("blanks do not matter", R"({"a":1,"b":2})", " {\n \"a\" : 1 , \"b\":2}\t", true);
    row("the order of members does not matter", R"({"a":1,"b":2})", R"({"b":2,"a":1})", true);
    row("nor inside", R"({"m":{"x":1,"y":[2,{"p":1,"q":2}]}})", R"({"m":{"y":[2,{"q":2,"p":1}],"x":1}})", true);
    row("numbers count by value", R"({"a":5})", R"({"a":5.00})", true);
    row("also in scientific notation", R"({"a":5})", R"({"a":50e-1})", true);
    row("also zeros", R"({"a":0})", R"({"a":-0.0e9})", true);
    row("also tens", R"({"a":1200})", R"({"a":1.2E3})", true);
    row("nothing and an empty object are the same", "", "{}", true);
    row("escapes do not matter", R"({"a":"caf\u00e9"})", "{\"a\":\"caf\xc3\xa9\"}", true);
    row("also in names", R"({"\u0061":1})", R"({"a":1})", true);
    row("the last of repeated members counts", R"({"a":1,"a":2})", R"({"a":2})", true);
    row("another value", R"({"a":5})", R"({"a":5.000001})", false);
    row("digits that a double cannot hold", R"({"a":9007199254740993})", R"({"a":9007199254740992})", false);
    row("another sign", R"({"a":5})", R"({"a":-5})", false);
    row("a number is no string", R"({"a":5})", R"({"a":"5"})", false);
    row("null is not nothing", R"({"a":null})", "{}", false);
    row("true is not false", R"({"a":true})", R"({"a":false})", false);
    row("the order of a list matters", R"({"a":[1,2]})", R"({"a":[2,1]})", false);
    row("a list is not flat", R"({"a":[[1],2]})", R"({"a":[1,[2]]})", false);
    row("names and values do not run together", R"({"a":"b\",\"c\":\"d"})", R"({"a":"b","c":"d"})", false);
    row("what is no JSON counts as it is", "{", "{ ", false);
    row("an absurd exponent is no trouble", R"({"a":1e99999999999999999999})", R"({"a":2e99999999999999999999})", false);
}

void tst_Idempotency::fingerprints()
{
    QFETCH(QByteArray, one);
    QFETCH(QByteArray, other);
    QFETCH(bool, same);
    const QString a = Idempotency::requestFingerprint("POST", "/p", one);
    QCOMPARE(a.size(), 64);
    QCOMPARE(a == Idempotency::requestFingerprint("POST", "/p", other), same);
}

void tst_Idempotency::dependsOnMethodAndPath()
{
    const QString a = Idempotency::requestFingerprint("POST", "/p", "{}");
    QVERIFY(a != Idempotency::requestFingerprint("PATCH", "/p", "{}"));
    QVERIFY(a != Idempotency::requestFingerprint("POST", "/q", "{}"));
    QCOMPARE(a, Idempotency::requestFingerprint("POST", "/p", "{}"));
}

void tst_Idempotency::remembersTheAnswer()
{
    ScratchDatabase scratch(ScratchDatabase::currentDialect());
    Idempotency idempotency(scratch.context());
    const PlatformId platform = scratch.addPlatform();
    QVERIFY(!*idempotency.find(platform, u"key"_s));
    QVERIFY(idempotency.store(platform, u"key"_s, {}, { u"f1"_s, 200, "{\"é\":1.50}" }));
    const auto found = idempotency.find(platform, u"key"_s);
    QVERIFY(*found);
    QCOMPARE((*found)->fingerprint, u"f1"_s);
    QCOMPARE((*found)->status, 200);
    QCOMPARE((*found)->body, QByteArray("{\"é\":1.50}"));
    const auto twice = idempotency.store(platform, u"key"_s, {}, { u"f2"_s, 200, "{}" });
    QCOMPARE(twice.error().code, ErrorCode::Conflict);
}

void tst_Idempotency::belongsToOnePlatform()
{
    ScratchDatabase scratch(ScratchDatabase::currentDialect());
    Idempotency idempotency(scratch.context());
    const PlatformId one = scratch.addPlatform(u"one"_s);
    const PlatformId other = scratch.addPlatform(u"other"_s);
    QVERIFY(idempotency.store(one, u"key"_s, {}, { u"f"_s, 200, "1" }));
    QVERIFY(!*idempotency.find(other, u"key"_s));
    QVERIFY(idempotency.store(other, u"key"_s, {}, { u"f"_s, 204, {} }));
    QCOMPARE((*idempotency.find(other, u"key"_s))->status, 204);
    QCOMPARE((*idempotency.find(one, u"key"_s))->body, QByteArray("1"));
}

void tst_Idempotency::goesWithItsUser()
{
    ScratchDatabase scratch(ScratchDatabase::currentDialect());
    Idempotency idempotency(scratch.context());
    const PlatformId platform = scratch.addPlatform();
    const EndUserId user = scratch.addEndUser(platform);
    QVERIFY(idempotency.store(platform, u"key"_s, user, { u"f"_s, 200, "{}" }));
    QVERIFY(scratch.db().run(u"DELETE FROM end_users"_s));
    QVERIFY(!*idempotency.find(platform, u"key"_s));
}

QTEST_GUILESS_MAIN(tst_Idempotency)
#include "tst_idempotency.moc"
