// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/clock.h"

#include <QtTest/QtTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_Timestamp : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void parses_data();
    void parses();
    void refuses_data();
    void refuses();
    void writes_data();
    void writes();
    void findsBoundaries_data();
    void findsBoundaries();
    void standsStillUntilMoved();
    void theSystemsClockMoves();
};

void tst_Timestamp::initTestCase()
{
    // Every result must be the same wherever the computer stands.
    qputenv("TZ", "Asia/Kolkata");
}

void tst_Timestamp::parses_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QByteArray>("iso");
    QTest::newRow("as we write it") << u"2026-04-08T10:30:00.412Z"_s << QByteArray("2026-04-08T10:30:00.412Z");
    QTest::newRow("without a fraction") << u"2026-04-08T10:30:00Z"_s << QByteArray("2026-04-08T10:30:00.000Z");
    QTest::newRow("one fractional digit") << u"2026-04-08T10:30:00.4Z"_s << QByteArray("2026-04-08T10:30:00.400Z");
    QTest::newRow("two fractional digits") << u"2026-04-08T10:30:00.41Z"_s << QByteArray("2026-04-08T10:30:00.410Z");
    QTest::newRow("six fractional digits are cut") << u"2026-04-08T10:30:00.412999Z"_s << QByteArray("2026-04-08T10:30:00.412Z");
    QTest::newRow("an offset to the east") << u"2026-04-08T16:00:00+05:30"_s << QByteArray("2026-04-08T10:30:00.000Z");
    QTest::newRow("an offset to the west") << u"2026-04-07T23:30:00.5-11:00"_s << QByteArray("2026-04-08T10:30:00.500Z");
    QTest::newRow("offset zero") << u"2026-04-08T10:30:00+00:00"_s << QByteArray("2026-04-08T10:30:00.000Z");
    QTest::newRow("an offset with a fraction of six digits")
        << u"2026-04-08T12:30:00.123456+02:00"_s << QByteArray("2026-04-08T10:30:00.123Z");
    QTest::newRow("the beginning of time") << u"1970-01-01T00:00:00Z"_s << QByteArray("1970-01-01T00:00:00.000Z");
    QTest::newRow("a leap day") << u"2028-02-29T23:59:59.999Z"_s << QByteArray("2028-02-29T23:59:59.999Z");
}

void tst_Timestamp::parses()
{
    QFETCH(QString, text);
    const auto moment = Timestamp::parse(text);
    QVERIFY(moment);
    QTEST(moment->toIso(), "iso");
}

void tst_Timestamp::refuses_data()
{
    QTest::addColumn<QString>("text");
    QTest::newRow("nothing") << QString();
    QTest::newRow("a word") << u"yesterday"_s;
    QTest::newRow("a number") << u"1775644200"_s;
    QTest::newRow("a day that does not exist") << u"2026-02-29T00:00:00Z"_s;
    QTest::newRow("a month that does not exist") << u"2026-13-01T00:00:00Z"_s;
    QTest::newRow("an hour that does not exist") << u"2026-04-08T25:00:00Z"_s;
    QTest::newRow("no offset: whose time is it?") << u"2026-04-08T10:30:00"_s;
    QTest::newRow("no offset, with a fraction") << u"2026-04-08T10:30:00.5"_s;
    QTest::newRow("a date alone") << u"2026-04-08"_s;
    QTest::newRow("seven fractional digits") << u"2026-04-08T10:30:00.4123456Z"_s;
    QTest::newRow("a point without digits") << u"2026-04-08T10:30:00.Z"_s;
    QTest::newRow("letters in the fraction") << u"2026-04-08T10:30:00.4x2Z"_s;
    QTest::newRow("letters behind the sixth digit") << u"2026-04-08T10:30:00.123456xZ"_s;
    QTest::newRow("something behind it") << u"2026-04-08T10:30:00Zebra"_s;
    QTest::newRow("a blank before it") << u" 2026-04-08T10:30:00Z"_s;
}

void tst_Timestamp::refuses()
{
    QFETCH(QString, text);
    QVERIFY(!Timestamp::parse(text));
}

void tst_Timestamp::writes_data()
{
    QTest::addColumn<qint64>("ms");
    QTest::addColumn<QByteArray>("iso");
    QTest::newRow("zero") << qint64(0) << QByteArray("1970-01-01T00:00:00.000Z");
    QTest::newRow("one millisecond") << qint64(1) << QByteArray("1970-01-01T00:00:00.001Z");
    QTest::newRow("before 1970") << qint64(-1) << QByteArray("1969-12-31T23:59:59.999Z");
    QTest::newRow("the year 2100 has no leap day") << qint64(4'107'542'400'000) << QByteArray("2100-03-01T00:00:00.000Z");
}

void tst_Timestamp::writes()
{
    QFETCH(qint64, ms);
    QTEST(Timestamp::fromMs(ms).toIso(), "iso");
    QCOMPARE(Timestamp::parse(QString::fromLatin1(Timestamp::fromMs(ms).toIso())), std::optional(Timestamp::fromMs(ms)));
}

void tst_Timestamp::findsBoundaries_data()
{
    QTest::addColumn<QString>("at");
    QTest::addColumn<QByteArray>("day");
    QTest::addColumn<QByteArray>("nextDay");
    QTest::addColumn<QByteArray>("month");
    QTest::addColumn<QByteArray>("nextMonth");
    const auto row = [](const char *name, QString at, const char *day, const char *nextDay, const char *month, const char *next) {
        const QByteArray midnight = "T00:00:00.000Z";
        QTest::newRow(name) << at << day + midnight << nextDay + midnight << month + midnight << next + midnight;
    };
    row("within a month", u"2026-04-08T10:30:00.412Z"_s, "2026-04-08", "2026-04-09", "2026-04-01", "2026-05-01");
    row("a boundary belongs to what begins", u"2026-05-01T00:00:00Z"_s, "2026-05-01", "2026-05-02", "2026-05-01", "2026-06-01");
    row("one millisecond before", u"2026-04-30T23:59:59.999Z"_s, "2026-04-30", "2026-05-01", "2026-04-01", "2026-05-01");
    row("December leads to the next year", u"2026-12-31T12:00:00Z"_s, "2026-12-31", "2027-01-01", "2026-12-01", "2027-01-01");
    row("a leap day", u"2028-02-28T12:00:00Z"_s, "2028-02-28", "2028-02-29", "2028-02-01", "2028-03-01");
    row("before 1970", u"1969-12-31T12:00:00Z"_s, "1969-12-31", "1970-01-01", "1969-12-01", "1970-01-01");
}

void tst_Timestamp::findsBoundaries()
{
    QFETCH(QString, at);
    const auto moment = Timestamp::parse(at);
    QVERIFY(moment);
    QTEST(moment->startOfDay().toIso(), "day");
    QTEST(moment->startOfNextDay().toIso(), "nextDay");
    QTEST(moment->startOfMonth().toIso(), "month");
    QTEST(moment->startOfNextMonth().toIso(), "nextMonth");
}

void tst_Timestamp::standsStillUntilMoved()
{
    SettableClock clock(Timestamp::fromMs(1'000));
    QCOMPARE(clock.now(), Timestamp::fromMs(1'000));
    clock.advanceMs(500);
    QCOMPARE(clock.now(), Timestamp::fromMs(1'500));
    QCOMPARE(clock.steadyMs(), qint64(1'500));
    clock.set(Timestamp::fromMs(10));
    QCOMPARE(clock.now(), Timestamp::fromMs(10));
    QVERIFY(clock.now() < clock.now().plusMs(1));
}

void tst_Timestamp::theSystemsClockMoves()
{
    const Clock &clock = Clock::system();
    const qint64 before = clock.steadyMs();
    QTRY_VERIFY(clock.steadyMs() > before);
    QVERIFY(clock.now() > Timestamp::fromMs(1'700'000'000'000));
}

QTEST_GUILESS_MAIN(tst_Timestamp)
#include "tst_timestamp.moc"
