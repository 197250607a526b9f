// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/keythrottle.h"

#include <QtTest/QTest>

using namespace assistiv;

class tst_KeyThrottle : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void letsMistakesPass();
    void slowsDownGuessing();
    void forgetsAfterTheWindow();
    void keepsAddressesApart();

private:
    const QHostAddress m_guesser { QStringLiteral("192.0.2.1") };
    const QHostAddress m_other { QStringLiteral("192.0.2.2") };
};

void tst_KeyThrottle::letsMistakesPass()
{
    KeyThrottle throttle;
    for (int i = 0; i < KeyThrottle::FreeFailures - 1; ++i)
        throttle.noteFailure(m_guesser, 1'000'000);
    QCOMPARE(throttle.delayMs(m_guesser, 1'000'000), 0);
}

void tst_KeyThrottle::slowsDownGuessing()
{
    KeyThrottle throttle;
    for (int i = 0; i < KeyThrottle::FreeFailures; ++i)
        throttle.noteFailure(m_guesser, 1'000'000);
    QCOMPARE(throttle.delayMs(m_guesser, 1'000'001), KeyThrottle::DelayMs);
}

void tst_KeyThrottle::forgetsAfterTheWindow()
{
    KeyThrottle throttle;
    for (int i = 0; i < KeyThrottle::FreeFailures; ++i)
        throttle.noteFailure(m_guesser, 1'000'000);
    QCOMPARE(throttle.delayMs(m_guesser, 1'000'000 + KeyThrottle::WindowMs), KeyThrottle::DelayMs);
    QCOMPARE(throttle.delayMs(m_guesser, 1'000'001 + KeyThrottle::WindowMs), 0);
}

void tst_KeyThrottle::keepsAddressesApart()
{
    KeyThrottle throttle;
    for (int i = 0; i < KeyThrottle::FreeFailures; ++i)
        throttle.noteFailure(m_guesser, 1'000'000);
    QCOMPARE(throttle.delayMs(m_other, 1'000'000), 0);
}

QTEST_APPLESS_MAIN(tst_KeyThrottle)
#include "tst_keythrottle.moc"
