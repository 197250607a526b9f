// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/money.h"

#include <QtCore/QRandomGenerator>
#include <QtTest/QtTest>

#include <limits>

using namespace assistiv;

namespace {

constexpr qint64 MaximumMicros = std::numeric_limits<qint64>::max();

// gpt-4o-mini's prices of 2024: 0.15 and 0.60 USD per million tokens.
static_assert(Money::fromPicos(25 * 150'000 + 8 * 600'000) == Money::fromMicros(9));
static_assert(Money::fromPicos(150'000) == Money::fromMicros(1), "a used token is never free");
static_assert(Money::fromPicos(0) == Money());
static_assert(Money::fromPicos(1) == Money::fromMicros(1));
static_assert(Money::fromPicos(1'499'999) == Money::fromMicros(1));
static_assert(Money::fromPicos(1'500'000) == Money::fromMicros(2), "half is rounded up");
static_assert(Money::fromPicos(2'500'000) == Money::fromMicros(3), "and not to even");

} // namespace

class tst_Money : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void parses_data();
    void parses();
    void refuses_data();
    void refuses();
    void writes_data();
    void writes();
    void everyAmountSurvivesBeingWrittenAndRead();
    void markupIsRoundedOnce_data();
    void markupIsRoundedOnce();
    void markupOfTheLargestCallDoesNotOverflow();
    void comparesAndAdds();
};

void tst_Money::parses_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<qint64>("micros");
    QTest::newRow("zero") << QByteArray("0") << qint64(0);
    QTest::newRow("minus zero is zero") << QByteArray("-0.00") << qint64(0);
    QTest::newRow("whole dollars") << QByteArray("10") << qint64(10'000'000);
    QTest::newRow("cents") << QByteArray("10.25") << qint64(10'250'000);
    QTest::newRow("one micro-dollar") << QByteArray("0.000001") << qint64(1);
    QTest::newRow("six places") << QByteArray("1.500175") << qint64(1'500'175);
    QTest::newRow("zeros behind the sixth place") << QByteArray("0.00000100000000") << qint64(1);
    QTest::newRow("negative") << QByteArray("-2.14") << qint64(-2'140'000);
    QTest::newRow("exponent") << QByteArray("1e1") << qint64(10'000'000);
    QTest::newRow("capital exponent with plus") << QByteArray("2.5E+2") << qint64(250'000'000);
    QTest::newRow("negative exponent") << QByteArray("15e-6") << qint64(15);
    QTest::newRow("exponent that undoes the places") << QByteArray("0.0000001e1") << qint64(1);
    QTest::newRow("zero with any exponent") << QByteArray("0e-40") << qint64(0);
    QTest::newRow("the largest single amount") << QByteArray("1000000") << LargestAmount.micros();
    QTest::newRow("the largest that fits") << QByteArray("9223372036854.775807") << MaximumMicros;
    QTest::newRow("the smallest that fits symmetrically") << QByteArray("-9223372036854.775807") << -MaximumMicros;
}

void tst_Money::parses()
{
    QFETCH(QByteArray, text);
    QFETCH(qint64, micros);
    const auto money = Money::parse(text);
    QVERIFY(money);
    QCOMPARE(money->micros(), micros);
}

void tst_Money::refuses_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::newRow("nothing") << QByteArray();
    QTest::newRow("a sign alone") << QByteArray("-");
    QTest::newRow("a plus sign") << QByteArray("+1");
    QTest::newRow("a point alone") << QByteArray(".");
    QTest::newRow("no digit before the point") << QByteArray(".5");
    QTest::newRow("no digit behind the point") << QByteArray("5.");
    QTest::newRow("no digit behind the point, with exponent") << QByteArray("5.e1");
    QTest::newRow("two points") << QByteArray("1.2.3");
    QTest::newRow("a comma") << QByteArray("1,5");
    QTest::newRow("a blank before") << QByteArray(" 1");
    QTest::newRow("a blank behind") << QByteArray("1 ");
    QTest::newRow("letters") << QByteArray("ten");
    QTest::newRow("letters behind digits") << QByteArray("10usd");
    QTest::newRow("hexadecimal") << QByteArray("0x10");
    QTest::newRow("not a number") << QByteArray("NaN");
    QTest::newRow("infinity") << QByteArray("Infinity");
    QTest::newRow("exponent without digits") << QByteArray("1e");
    QTest::newRow("exponent with a sign only") << QByteArray("1e-");
    QTest::newRow("exponent with a point") << QByteArray("1e1.5");
    QTest::newRow("a quoted number") << QByteArray("\"1\"");
    QTest::newRow("seven places") << QByteArray("0.0000001");
    QTest::newRow("seven places through an exponent") << QByteArray("1e-7");
    QTest::newRow("one more than fits") << QByteArray("9223372036854.775808");
    QTest::newRow("far more than fits") << QByteArray("99999999999999999999999999999999999999999999");
    QTest::newRow("far more through an exponent") << QByteArray("1e40");
    QTest::newRow("an exponent that is a bomb") << QByteArray("1e999999999999");
    QTest::newRow("a zero byte") << QByteArray("1\0", 2);
}

void tst_Money::refuses()
{
    QFETCH(QByteArray, text);
    QVERIFY(!Money::parse(text));
}

void tst_Money::writes_data()
{
    QTest::addColumn<qint64>("micros");
    QTest::addColumn<QByteArray>("decimal");
    QTest::addColumn<QByteArray>("fixed");
    QTest::newRow("zero") << qint64(0) << QByteArray("0.00") << QByteArray("0.000000");
    QTest::newRow("dollars keep two places") << qint64(10'000'000) << QByteArray("10.00") << QByteArray("10.000000");
    QTest::newRow("tenths keep two places") << qint64(1'500'000) << QByteArray("1.50") << QByteArray("1.500000");
    QTest::newRow("more only when needed") << qint64(24'850'100) << QByteArray("24.8501") << QByteArray("24.850100");
    QTest::newRow("never scientific") << qint64(1) << QByteArray("0.000001") << QByteArray("0.000001");
    QTest::newRow("negative below one dollar") << qint64(-5) << QByteArray("-0.000005") << QByteArray("-0.000005");
    QTest::newRow("negative") << qint64(-2'140'000) << QByteArray("-2.14") << QByteArray("-2.140000");
    QTest::newRow("the largest") << MaximumMicros << QByteArray("9223372036854.775807") << QByteArray("9223372036854.775807");
    QTest::newRow("the smallest") << std::numeric_limits<qint64>::min() << QByteArray("-9223372036854.775808")
                                  << QByteArray("-9223372036854.775808");
}

void tst_Money::writes()
{
    QFETCH(qint64, micros);
    QTEST(Money::fromMicros(micros).toDecimal(), "decimal");
    QTEST(Money::fromMicros(micros).toFixed(), "fixed");
}

void tst_Money::everyAmountSurvivesBeingWrittenAndRead()
{
    const quint32 seed = qEnvironmentVariableIsSet("ASSISTIV_TEST_SEED") ? quint32(qEnvironmentVariableIntValue("ASSISTIV_TEST_SEED"))
                                                                         : QRandomGenerator::global()->generate();
    qInfo("seed: ASSISTIV_TEST_SEED=%u", seed);
    QRandomGenerator random(seed);
    for (int i = 0; i < 100'000; ++i) {
        // Shifting makes all magnitudes equally likely.
        const qint64 micros = qint64(random.generate64() >> random.bounded(1, 64)) * (random.bounded(2) == 0 ? 1 : -1);
        const Money money = Money::fromMicros(micros);
        const QByteArray decimal = money.toDecimal();
        QCOMPARE(Money::parse(decimal), std::optional(money));
        QCOMPARE(Money::parse(money.toFixed()), std::optional(money));
        QVERIFY2(!decimal.contains('e') && decimal.contains('.'), decimal.constData());
    }
}

void tst_Money::markupIsRoundedOnce_data()
{
    QTest::addColumn<qint64>("picos");
    QTest::addColumn<int>("basisPoints");
    QTest::addColumn<qint64>("micros");
    QTest::newRow("no markup") << qint64(8'550'000) << 0 << qint64(9);
    QTest::newRow("a tenth") << qint64(100'000'000) << 1'000 << qint64(110);
    QTest::newRow("an eighth, half rounded up") << qint64(100'000'000) << 1'250 << qint64(113);
    QTest::newRow("rounding first would give 11") << qint64(9'500'000) << 1'000 << qint64(10);
    QTest::newRow("a hundredth of a percent") << qint64(10'000'000'000) << 1 << qint64(10'001);
    QTest::newRow("the largest markup") << qint64(1'000'000) << 100'000 << qint64(11);
    QTest::newRow("nothing stays nothing") << qint64(0) << 100'000 << qint64(0);
    QTest::newRow("something is never free") << qint64(1) << 0 << qint64(1);
}

void tst_Money::markupIsRoundedOnce()
{
    QFETCH(qint64, picos);
    QFETCH(int, basisPoints);
    QFETCH(qint64, micros);
    QCOMPARE(Money::fromPicos(picos, basisPoints).micros(), micros);
}

void tst_Money::markupOfTheLargestCallDoesNotOverflow()
{
    // 10 million tokens at 600 USD per million, with 1000 %: far above any real call, exact all the same.
    QCOMPARE(Money::fromPicos(Picos(10'000'000) * 600'000'000, 100'000), Money::fromMicros(66'000'000'000));
}

void tst_Money::comparesAndAdds()
{
    const Money one = Money::fromMicros(1'000'000);
    Money sum = one + one;
    QCOMPARE(sum.micros(), qint64(2'000'000));
    sum -= Money::fromMicros(2'000'001);
    QVERIFY(sum.isNegative());
    QVERIFY(sum < Money());
    QVERIFY(!sum.isZero());
    QCOMPARE(-sum, Money::fromMicros(1));
    sum += Money::fromMicros(1);
    QVERIFY(sum.isZero() && !sum.isNegative());
    QCOMPARE(one - Money::fromMicros(250'000), Money::fromMicros(750'000));
}

QTEST_APPLESS_MAIN(tst_Money)
#include "tst_money.moc"
