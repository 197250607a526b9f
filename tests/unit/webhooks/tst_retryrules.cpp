// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "webhooks/retryrules.h"
#include "webhooks/signature.h"

#include <QtTest/QTest>

using namespace assistiv;

class tst_RetryRules : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void followsTheSchedule();
    void keepsDistanceAfterOverload();
    void honoursRetryAfter_data();
    void honoursRetryAfter();
    void signsAsTheStandardDoes();
};

void tst_RetryRules::followsTheSchedule()
{
    const RetryRules rules = RetryRules::standard();
    // Attempts and the whole span of docs/contract/webhooks.md: 27 h 35 min 5 s.
    QCOMPARE(rules.delaysMs.size(), 8);
    qint64 span = 0;
    for (qint64 made = 1; made < 8; ++made) {
        const auto middle = rules.delayAfter(made, false, {}, 0.5);
        QCOMPARE(middle.value(), rules.delaysMs[made]);
        QCOMPARE(rules.delayAfter(made, false, {}, 0.0).value(), rules.delaysMs[made] * 8 / 10);
        QVERIFY(rules.delayAfter(made, false, {}, 0.999'999).value() <= rules.delaysMs[made] * 12 / 10);
        span += *middle;
    }
    QCOMPARE(span, 99'305'000);
    QVERIFY(!rules.delayAfter(8, false, {}, 0.5));
}

void tst_RetryRules::keepsDistanceAfterOverload()
{
    const RetryRules rules = RetryRules::standard();
    for (const double chance : { 0.0, 0.5, 0.999 }) {
        const qint64 delay = rules.delayAfter(1, true, {}, chance).value();
        QVERIFY(delay >= 60'000 && delay <= 72'000);
    }
    QCOMPARE(rules.delayAfter(3, true, {}, 0.5).value(), 30 * 60'000);
}

void tst_RetryRules::honoursRetryAfter_data()
{
    QTest::addColumn<qint64>("asked");
    QTest::addColumn<bool>("overload");
    QTest::addColumn<qint64>("waits");
    QTest::newRow("less than the schedule") << qint64(1'000) << false << qint64(5 * 60'000);
    QTest::newRow("more") << qint64(400'000) << false << qint64(400'000);
    QTest::newRow("too much") << qint64(86'400'000) << false << qint64(10 * 60'000);
    QTest::newRow("of a 429") << qint64(400'000) << true << qint64(400'000);
}

void tst_RetryRules::honoursRetryAfter()
{
    QFETCH(qint64, asked);
    QFETCH(bool, overload);
    QFETCH(qint64, waits);
    QCOMPARE(RetryRules::standard().delayAfter(2, overload, asked, 0.5).value(), waits);
}

void tst_RetryRules::signsAsTheStandardDoes()
{
    // The example of the Standard Webhooks specification.
    const QByteArray key = QByteArray::fromBase64("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    QCOMPARE(webhookSignature({ key }, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1'614'265'330, "{\"test\": 2432232314}"),
             "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    const QByteArray two = webhookSignature({ key, "other" }, "msg_1", 1, "{}");
    QCOMPARE(two.size(), 2 * 47 + 1);
    QCOMPARE(two.indexOf(" v1,"), 47);
}

QTEST_GUILESS_MAIN(tst_RetryRules)
#include "tst_retryrules.moc"
