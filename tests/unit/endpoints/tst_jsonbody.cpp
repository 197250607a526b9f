// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/jsonbody.h"

#include <QtCore/QUrlQuery>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_JsonBody : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void parses_data();
    void parses();
    void money_data();
    void money();
    void seconds_data();
    void seconds();
    void texts_data();
    void texts();
    void remembersTheFirstBrokenRule();
    void tellsNullFromMissing();
    void keepsObjectsAsTheyWere();
    void pages_data();
    void pages();
    void queryValues();
};

void tst_JsonBody::parses_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<int>("code");
    const int invalid = int(ErrorCode::InvalidJson);
    const int refused = int(ErrorCode::ValidationError);
    QTest::newRow("an object") << QByteArray(" {\"a\":1}\n") << -1;
    QTest::newRow("nothing is an empty object") << QByteArray(" \n") << -1;
    QTest::newRow("half an object") << QByteArray("{\"a\":") << invalid;
    QTest::newRow("something behind the object") << QByteArray("{} x") << invalid;
    QTest::newRow("a trailing comma") << QByteArray("{\"a\":1,}") << invalid;
    QTest::newRow("bytes that are no UTF-8") << QByteArray("{\"a\":\"\xff\"}") << invalid;
    QTest::newRow("plain words") << QByteArray("hello") << invalid;
    QTest::newRow("two values") << QByteArray("1,2") << invalid;
    QTest::newRow("a list") << QByteArray("[1]") << refused;
    QTest::newRow("a number") << QByteArray("5") << refused;
    QTest::newRow("a string") << QByteArray("\"{}\"") << refused;
    QTest::newRow("null") << QByteArray("null") << refused;
}

void tst_JsonBody::parses()
{
    QFETCH(QByteArray, text);
    QFETCH(int, code);
    const auto checked = JsonBody(text).check();
    QCOMPARE(checked ? -1 : int(checked.error().code), code);
}

void tst_JsonBody::money_data()
{
    QTest::addColumn<QByteArray>("value");
    QTest::addColumn<qint64>("micros");
    QTest::newRow("whole dollars") << QByteArray("10") << 10'000'000LL;
    QTest::newRow("with zeros behind") << QByteArray("10.000000000") << 10'000'000LL;
    QTest::newRow("six decimals") << QByteArray("0.000001") << 1LL;
    QTest::newRow("digits that a double cannot hold") << QByteArray("999999.999999") << 999'999'999'999LL;
    QTest::newRow("in scientific notation") << QByteArray("1e-6") << 1LL;
    QTest::newRow("the largest") << QByteArray("1000000") << 1'000'000'000'000LL;
    QTest::newRow("seven decimals") << QByteArray("0.0000011") << -1LL;
    QTest::newRow("more than the largest") << QByteArray("1000000.000001") << -1LL;
    QTest::newRow("nothing") << QByteArray("0") << -1LL;
    QTest::newRow("negative") << QByteArray("-1") << -1LL;
    QTest::newRow("text") << QByteArray("\"10\"") << -1LL;
    QTest::newRow("true") << QByteArray("true") << -1LL;
    QTest::newRow("an object") << QByteArray("{}") << -1LL;
    QTest::newRow("null") << QByteArray("null") << -1LL;
}

void tst_JsonBody::money()
{
    QFETCH(QByteArray, value);
    QFETCH(qint64, micros);
    for (const QByteArray &name : { QByteArray("amount"), QByteArray("am\\u006funt") }) {
        JsonBody body("{ \"other\": 3, \"" + name + "\" : " + value + " }");
        const Money found = body.requiredMoney("amount"_L1, Money::fromMicros(1), LargestAmount);
        QCOMPARE(body.check().ok(), micros >= 0);
        if (micros >= 0)
            QCOMPARE(found.micros(), micros);
        else
            QCOMPARE(body.check().error().param, u"amount"_s);
    }
}

void tst_JsonBody::seconds_data()
{
    QTest::addColumn<QByteArray>("value");
    QTest::addColumn<qint64>("ms");
    QTest::newRow("none") << QByteArray("0") << 0LL;
    QTest::newRow("a whole number") << QByteArray("86400") << 86'400'000LL;
    QTest::newRow("three decimals") << QByteArray("0.125") << 125LL;
    QTest::newRow("with zeros behind") << QByteArray("1.500000") << 1'500LL;
    QTest::newRow("the most") << QByteArray("100000") << 100'000'000LL;
    QTest::newRow("more than the most") << QByteArray("100000.001") << -1LL;
    QTest::newRow("four decimals") << QByteArray("0.0001") << -1LL;
    QTest::newRow("seven decimals") << QByteArray("0.0000001") << -1LL;
    QTest::newRow("negative") << QByteArray("-1") << -1LL;
    QTest::newRow("text") << QByteArray("\"10\"") << -1LL;
    QTest::newRow("true") << QByteArray("true") << -1LL;
    QTest::newRow("a list") << QByteArray("[1]") << -1LL;
}

void tst_JsonBody::seconds()
{
    QFETCH(QByteArray, value);
    QFETCH(qint64, ms);
    JsonBody body("{\"wait\":" + value + '}');
    const auto found = body.secondsInMs("wait"_L1, 100'000);
    QCOMPARE(found.value_or(-1), ms);
    QCOMPARE(body.check().ok(), ms >= 0);
    QVERIFY(!JsonBody("{\"wait\":null}").secondsInMs("wait"_L1, 1));
}

void tst_JsonBody::texts_data()
{
    QTest::addColumn<QByteArray>("value");
    QTest::addColumn<bool>("valid");
    QTest::newRow("one character") << QByteArray("\"a\"") << true;
    QTest::newRow("three characters outside of the first plane") << QByteArray("\"😀😀😀\"") << true;
    QTest::newRow("four") << QByteArray("\"abcd\"") << false;
    QTest::newRow("none") << QByteArray("\"\"") << false;
    QTest::newRow("the character that ends strings in C") << QByteArray("\"a\\u0000\"") << false;
    QTest::newRow("a number") << QByteArray("12") << false;
}

void tst_JsonBody::texts()
{
    QFETCH(QByteArray, value);
    QFETCH(bool, valid);
    JsonBody body("{\"name\":" + value + "}");
    QCOMPARE(body.text("name"_L1, 1, 3).has_value(), valid);
    QCOMPARE(body.check().ok(), valid);
}

void tst_JsonBody::remembersTheFirstBrokenRule()
{
    JsonBody body(R"({"a":1,"b":"x","c":[1],"d":2.5,"e":"2026-01-01T00:00:00","f":"no"})");
    QVERIFY(!body.text("a"_L1, 1, 5));
    QVERIFY(!body.flag("b"_L1));
    QVERIFY(!body.texts("c"_L1, 5, 5));
    QVERIFY(!body.integer("d"_L1, 0, 9));
    QVERIFY(!body.time("e"_L1));
    QVERIFY(!body.oneOf("f"_L1, { u"yes"_s }));
    QCOMPARE(body.check().error().param, u"a"_s);
    JsonBody missing("{}");
    QCOMPARE(missing.requiredText("name"_L1, 1, 5), QString());
    QCOMPARE(missing.check().error().code, ErrorCode::ValidationError);
    QCOMPARE(missing.check().error().param, u"name"_s);
}

void tst_JsonBody::tellsNullFromMissing()
{
    JsonBody body(R"({"a":null})");
    QVERIFY(body.has("a"_L1) && body.isNull("a"_L1));
    QVERIFY(!body.has("b"_L1));
    QVERIFY(!body.text("a"_L1, 1, 5) && !body.object("a"_L1, 10));
    QVERIFY(body.check());
}

void tst_JsonBody::keepsObjectsAsTheyWere()
{
    JsonBody body("{\"m\": { \"z\" : 10.00, \"a\" : [ 12345678901234567890, \"a b\" ] }}");
    QCOMPARE(*body.object("m"_L1, 100), QByteArray(R"({"z":10.00,"a":[12345678901234567890,"a b"]})"));
    QVERIFY(!body.object("m"_L1, 20));
    QCOMPARE(body.check().error().param, u"m"_s);
}

void tst_JsonBody::pages_data()
{
    QTest::addColumn<QString>("query");
    QTest::addColumn<int>("number");
    QTest::addColumn<int>("limit");
    QTest::addColumn<QString>("param");
    QTest::newRow("nothing given") << u""_s << 1 << 20 << QString();
    QTest::newRow("both given") << u"page=3&limit=100"_s << 3 << 100 << QString();
    QTest::newRow("page zero") << u"page=0"_s << 0 << 0 << u"page"_s;
    QTest::newRow("a limit beyond the largest") << u"limit=101"_s << 0 << 0 << u"limit"_s;
    QTest::newRow("limit zero") << u"limit=0"_s << 0 << 0 << u"limit"_s;
    QTest::newRow("no number") << u"page=two"_s << 0 << 0 << u"page"_s;
    QTest::newRow("a sign") << u"page=%2B2"_s << 0 << 0 << u"page"_s;
    QTest::newRow("a fraction") << u"limit=1.0"_s << 0 << 0 << u"limit"_s;
    QTest::newRow("empty") << u"limit="_s << 0 << 0 << u"limit"_s;
    QTest::newRow("more digits than a number has") << u"page=99999999999999999999"_s << 0 << 0 << u"page"_s;
}

void tst_JsonBody::pages()
{
    QFETCH(QString, query);
    QFETCH(int, number);
    QFETCH(int, limit);
    QFETCH(QString, param);
    const QUrlQuery parsed(query);
    QueryReader reader(parsed);
    const Page page = reader.page();
    QCOMPARE(reader.check() ? QString() : reader.check().error().param, param);
    if (param.isEmpty()) {
        QCOMPARE(page.number, number);
        QCOMPARE(page.limit, limit);
        QCOMPARE(page.offset(), (number - 1) * limit);
    }
}

void tst_JsonBody::queryValues()
{
    const QUrlQuery query(u"q=jane+smith%2B1&since=2026-01-01T02:00:00%2B02:00&until=2026-01-01T02:00:00+02:00"
                          "&is_active=true&user=0D3B8A4E-6B9F-4F0E-9A77-0C0A4C1F2B11&bad=x"_s);
    QueryReader reader(query);
    QCOMPARE(*reader.text("q"_L1), u"jane smith+1"_s);
    QCOMPARE(reader.time("since"_L1)->toIso(), QByteArray("2026-01-01T00:00:00.000Z"));
    QCOMPARE(reader.time("until"_L1), reader.time("since"_L1));
    QCOMPARE(reader.flag("is_active"_L1), true);
    QCOMPARE(*reader.uuid("user"_L1), u"0d3b8a4e-6b9f-4f0e-9a77-0c0a4c1f2b11"_s);
    QVERIFY(reader.check());
    QVERIFY(!reader.flag("bad"_L1) && !reader.uuid("bad"_L1) && !reader.time("bad"_L1) && !reader.oneOf("bad"_L1, { u"y"_s }));
    QCOMPARE(reader.check().error().param, u"bad"_s);
}

QTEST_GUILESS_MAIN(tst_JsonBody)
#include "tst_jsonbody.moc"
