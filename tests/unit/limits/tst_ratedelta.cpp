// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "limits/ratedelta.h"

#include <QtTest/QTest>

using namespace assistiv;

class tst_RateDelta : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void comesBackAsItWas();
    void linesAreShort_data();
    void linesAreShort();
    void refusesOtherTexts_data();
    void refusesOtherTexts();
};

void tst_RateDelta::comesBackAsItWas()
{
    const PlatformId a = PlatformId::create();
    const PlatformId b = PlatformId::create();
    const QList<RateDelta> deltas { { a, EndUserId::create(), 1, 0 },
                                    { a, {}, 0, 12'345 },
                                    { b, {}, 7, 9'000'000'000'000'000'000 },
                                    { b, EndUserId::create(), 0, 0 } };
    const QByteArrayList lines = encodeRateDeltas(deltas, 8'000);
    QCOMPARE(lines.size(), 1);
    for (const char c : lines.constFirst())
        QVERIFY(c > ' ' && c < 0x7f && c != '\'');
    QCOMPARE(lines.constFirst().count(';'), 1); // one platform's id is written once
    const auto read = decodeRateDeltas(lines.constFirst());
    QVERIFY(read);
    QCOMPARE(*read, deltas);
    QVERIFY(encodeRateDeltas({}, 8'000).isEmpty());
}

void tst_RateDelta::linesAreShort_data()
{
    QTest::addColumn<int>("most");
    QTest::newRow("as short as can be") << 128;
    QTest::newRow("a notification of PostgreSQL") << 7'900;
}

void tst_RateDelta::linesAreShort()
{
    QFETCH(int, most);
    QList<RateDelta> deltas;
    for (int platform = 0; platform < 10; ++platform) {
        const PlatformId id = PlatformId::create();
        for (int user = 0; user < 100; ++user)
            deltas.append({ id, EndUserId::create(), user, std::numeric_limits<qint64>::max() });
    }
    const QByteArrayList lines = encodeRateDeltas(deltas, most);
    QList<RateDelta> read;
    for (const QByteArray &line : lines) {
        QVERIFY2(line.size() <= most, line.constData());
        read += *decodeRateDeltas(line);
    }
    QCOMPARE(read, deltas);
    QVERIFY(lines.size() < 100'000 / most * 2 || most == 128);
}

void tst_RateDelta::refusesOtherTexts_data()
{
    QTest::addColumn<QByteArray>("text");
    const QByteArray platform = encodeRateDeltas({ { PlatformId::create(), {}, 1, 1 } }, 128).constFirst().first(22);
    QTest::newRow("nothing") << QByteArray();
    QTest::newRow("a platform without deltas") << platform;
    QTest::newRow("no platform") << QByteArray(",.1.1");
    QTest::newRow("a short id") << platform.first(20) + ",.1.1";
    QTest::newRow("letters that are none of base64") << QByteArray(22, '!') + ",.1.1";
    QTest::newRow("the null id") << QByteArray(22, 'A') + ",.1.1";
    QTest::newRow("a user that is none") << platform + ",xyz.1.1";
    QTest::newRow("one number") << platform + ",.1";
    QTest::newRow("three numbers") << platform + ",.1.1.1";
    QTest::newRow("a word") << platform + ",.one.1";
    QTest::newRow("a negative number") << platform + ",.1.-1";
    QTest::newRow("a number too large") << platform + ",.1.9999999999999999999";
    QTest::newRow("one good and one bad") << platform + ",.1.1;x";
}

void tst_RateDelta::refusesOtherTexts()
{
    QFETCH(QByteArray, text);
    QVERIFY(!decodeRateDeltas(text));
}

QTEST_APPLESS_MAIN(tst_RateDelta)
#include "tst_ratedelta.moc"
