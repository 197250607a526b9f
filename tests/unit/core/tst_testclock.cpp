// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/testclock.h"

#include <QtTest/QTest>

#include <limits>
#include <thread>
#include <vector>

using namespace assistiv;

class tst_TestClock : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void goesAsTheSystemsClock();
    void movesAheadAndGoesOn();
    void neverMovesBack();
    void neverMovesBeyondItsEnd();
    void movesOfManyThreadsAddUp();
};

namespace {

constexpr qint64 DayMs = 86'400'000;

qint64 aheadMs(const Clock &clock)
{
    return clock.now().ms() - Clock::system().now().ms();
}

} // namespace

void tst_TestClock::goesAsTheSystemsClock()
{
    const TestClock clock;
    QVERIFY(qAbs(aheadMs(clock)) < 5'000);
    const qint64 before = clock.steadyMs();
    const Timestamp then = clock.now();
    QTRY_VERIFY(clock.steadyMs() > before && clock.now() > then);
    QVERIFY(qAbs(clock.steadyUs() / 1000 - clock.steadyMs()) < 5'000);
}

void tst_TestClock::movesAheadAndGoesOn()
{
    TestClock clock;
    const qint64 steadyBefore = clock.steadyMs();
    QVERIFY(clock.advanceMs(40 * DayMs));
    QVERIFY(qAbs(aheadMs(clock) - 40 * DayMs) < 5'000);
    QVERIFY(clock.advanceMs(0));
    QVERIFY(clock.advanceMs(1));

    const Timestamp wanted = clock.now().startOfNextMonth();
    QVERIFY(clock.advanceTo(wanted));
    QVERIFY(clock.now() >= wanted);
    QVERIFY(clock.now() < wanted.plusMs(5'000));
    QTRY_VERIFY(clock.now() > wanted);
    QVERIFY2(clock.steadyMs() - steadyBefore < DayMs, "a deadline must not notice");
}

void tst_TestClock::neverMovesBack()
{
    TestClock clock;
    QVERIFY(clock.advanceMs(DayMs));
    QVERIFY(!clock.advanceMs(-1));
    QVERIFY(!clock.advanceTo(clock.now().plusMs(-60'000)));
    QVERIFY(!clock.advanceTo(Timestamp::fromMs(0)));
    QVERIFY(aheadMs(clock) > DayMs - 5'000);
}

void tst_TestClock::neverMovesBeyondItsEnd()
{
    TestClock clock;
    QVERIFY(!clock.advanceTo(TestClock::Latest.plusMs(1)));
    QVERIFY(!clock.advanceMs(std::numeric_limits<qint64>::max()));
    QVERIFY(clock.advanceTo(TestClock::Latest.plusMs(-60'000)));
    QVERIFY(!clock.advanceMs(60'001));
    QVERIFY(clock.advanceMs(1));
    QCOMPARE(clock.now().startOfNextMonth().toIso(), QByteArray("9999-01-01T00:00:00.000Z"));
    QCOMPARE(TestClock::Latest.startOfNextMonth().toIso(), QByteArray("9999-02-01T00:00:00.000Z"));
}

void tst_TestClock::movesOfManyThreadsAddUp()
{
    constexpr int Threads = 4;
    constexpr int Moves = 1'000;
    TestClock clock;
    std::vector<std::thread> threads;
    for (int i = 0; i < Threads; ++i) {
        threads.emplace_back([&clock] {
            for (int move = 0; move < Moves; ++move)
                clock.advanceMs(100'000);
        });
    }
    for (std::thread &thread : threads)
        thread.join();
    QVERIFY(qAbs(aheadMs(clock) - qint64(Threads) * Moves * 100'000) < 50'000);
}

QTEST_APPLESS_MAIN(tst_TestClock)
#include "tst_testclock.moc"
