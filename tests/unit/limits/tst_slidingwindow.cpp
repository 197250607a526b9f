// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "limits/slidingwindow.h"

#include <QtTest/QTest>

using namespace assistiv;

class tst_SlidingWindow : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void forgetsAtTheEdge_data();
    void forgetsAtTheEdge();
    void forgetsASlotWithItsLatest();
    void saysWhenItIsBelow();
    void takesBackAPart();
    void takesBackOnlyWhatIsLeft();
    void prepends();
    void releasesItsMemory();
    void goesOnForDays();

private:
    using Minute = SlidingWindow<60'000, 1'000>;
};

void tst_SlidingWindow::forgetsAtTheEdge_data()
{
    QTest::addColumn<qint64>("at");
    QTest::newRow("at the beginning of a second") << qint64(1'000'000);
    QTest::newRow("right after it") << qint64(1'000'001);
    QTest::newRow("in its middle") << qint64(1'000'500);
    QTest::newRow("at its end") << qint64(1'000'999);
}

void tst_SlidingWindow::forgetsAtTheEdge()
{
    QFETCH(qint64, at);
    Minute window;
    window.add(at, 1);
    QCOMPARE(window.total(at), 1);
    QCOMPARE(window.total(at + 59'999), 1);
    QCOMPARE(window.msUntilBelow(1, at + 59'999), 1);
    QCOMPARE(window.total(at + 60'000), 0);
    QCOMPARE(window.msUntilBelow(1, at + 60'000), 0);
}

void tst_SlidingWindow::forgetsASlotWithItsLatest()
{
    Minute window;
    window.add(1'000'000, 1);
    window.add(1'000'700, 2);
    window.add(1'001'000, 4); // another second
    QCOMPARE(window.total(1'060'699), 7);
    QCOMPARE(window.total(1'060'700), 4);
    QCOMPARE(window.total(1'060'999), 4);
    QCOMPARE(window.total(1'061'000), 0);
}

void tst_SlidingWindow::saysWhenItIsBelow()
{
    Minute window;
    QCOMPARE(window.msUntilBelow(1, 1'000'000), 0);
    window.add(1'000'000, 10);
    window.add(1'010'000, 10);
    window.add(1'020'000, 10);
    const qint64 now = 1'030'000;
    QCOMPARE(window.msUntilBelow(31, now), 0);
    QCOMPARE(window.msUntilBelow(30, now), 30'000);
    QCOMPARE(window.msUntilBelow(21, now), 30'000);
    QCOMPARE(window.msUntilBelow(20, now), 40'000);
    QCOMPARE(window.msUntilBelow(10, now), 50'000);
    QCOMPARE(window.msUntilBelow(1, now), 50'000);
}

void tst_SlidingWindow::takesBackAPart()
{
    Minute all;
    Minute part;
    all.add(1'000'000, 1);
    all.add(1'000'400, 5);
    part.add(1'000'400, 5);
    all.add(1'000'900, 1); // the slot is younger than the part's
    all.add(1'010'000, 7);
    part.add(1'010'000, 7);
    all.add(1'020'000, 1);
    all.takeBack(part);
    QCOMPARE(all.total(1'020'000), 3);
    QCOMPARE(all.total(1'060'899), 3);
    QCOMPARE(all.total(1'060'900), 1);
    QCOMPARE(all.total(1'080'000), 0);
}

void tst_SlidingWindow::takesBackOnlyWhatIsLeft()
{
    Minute all;
    Minute part;
    all.add(1'000'000, 5);
    part.add(1'000'000, 5);
    all.add(1'030'000, 3);
    QCOMPARE(all.total(1'060'000), 3); // the first slot is forgotten here, but not in the part
    all.takeBack(part);
    QCOMPARE(all.total(1'060'000), 3);
}

void tst_SlidingWindow::prepends()
{
    Minute window;
    window.add(1'030'500, 1);
    window.add(1'040'000, 1);
    Minute earlier;
    earlier.add(1'000'000, 10);
    earlier.add(1'030'100, 20); // in the second in which the window begins
    window.prepend(earlier);
    QCOMPARE(window.total(1'040'000), 32);
    QCOMPARE(window.total(1'060'000), 22);
    QCOMPARE(window.total(1'090'499), 22);
    QCOMPARE(window.total(1'090'500), 1);
    QCOMPARE(window.total(1'100'000), 0);
}

void tst_SlidingWindow::releasesItsMemory()
{
    Minute window;
    window.add(1'000'000, 1);
    QVERIFY(!window.releaseIfEmpty(1'059'999));
    QCOMPARE(window.total(1'059'999), 1);
    QVERIFY(window.releaseIfEmpty(1'060'000));
    window.add(1'070'000, 2);
    QCOMPARE(window.total(1'070'000), 2);
}

void tst_SlidingWindow::goesOnForDays()
{
    Minute window;
    for (qint64 second = 0; second < 200'000; ++second)
        window.add(second * 1'000, 3);
    QCOMPARE(window.total(199'999'000), 180);
}

QTEST_APPLESS_MAIN(tst_SlidingWindow)
#include "tst_slidingwindow.moc"
