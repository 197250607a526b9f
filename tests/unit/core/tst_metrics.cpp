// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/metrics.h"

#include <QtTest/QTest>

#include <thread>
#include <vector>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_Metrics : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aValueFallsIntoItsBucket();
    void statusesCountByTheirFirstDigit();
    void refusalsCountByCode();
    void eachProviderHasItsOwnNumbers();
    void providersBeyondTheBoundShareOne();
    void threadsLoseNothing();
};

void tst_Metrics::aValueFallsIntoItsBucket()
{
    static constexpr qint64 bounds[] = { 10, 100 };
    Histogram histogram(bounds);
    for (const qint64 value : { 0, 10, 11, 100, 101, 5'000 })
        histogram.note(value);
    QCOMPARE(histogram.countAt(0), 2);
    QCOMPARE(histogram.countAt(1), 2);
    QCOMPARE(histogram.countAt(2), 2);
    QCOMPARE(histogram.sum(), 5'222);
}

void tst_Metrics::statusesCountByTheirFirstDigit()
{
    Metrics metrics;
    for (const int status : { 200, 204, 304, 404, 503, 599, 999, 0 })
        metrics.noteAnswer(RouteGroup::Admin, status);
    const auto &admin = metrics.answers[size_t(RouteGroup::Admin)];
    QCOMPARE(admin[2].value(), 2);
    QCOMPARE(admin[3].value(), 1);
    QCOMPARE(admin[4].value(), 1);
    QCOMPARE(admin[5].value(), 3);
    QCOMPARE(metrics.answers[size_t(RouteGroup::Inference)][2].value(), 0);
}

void tst_Metrics::refusalsCountByCode()
{
    Metrics metrics;
    // Every code has a place of its own.
    for (const ErrorRow &row : errorRows()) {
        QVERIFY(size_t(row.code) < metrics.refusals.size());
        metrics.noteRefusal(row.code);
    }
    for (const ErrorRow &row : errorRows())
        QCOMPARE(metrics.refusals[size_t(row.code)].value(), 1);
}

void tst_Metrics::eachProviderHasItsOwnNumbers()
{
    UpstreamTable table;
    UpstreamMetrics &first = table.of(u"openai"_s);
    UpstreamMetrics &second = table.of(u"local"_s);
    QVERIFY(&first != &second);
    QCOMPARE(&table.of(u"openai"_s), &first);
    first.attempts[0].add(2);
    second.attempts[1].add(3);
    QStringList names;
    qint64 attempts = 0;
    table.each([&](const QString &name, const UpstreamMetrics &upstream) {
        names.append(name);
        attempts += upstream.attempts[0].value() + upstream.attempts[1].value();
    });
    QCOMPARE(names, (QStringList { u"openai"_s, u"local"_s }));
    QCOMPARE(attempts, 5);
}

void tst_Metrics::providersBeyondTheBoundShareOne()
{
    UpstreamTable table;
    for (int i = 0; i < UpstreamTable::Most; ++i)
        table.of(u"p%1"_s.arg(i)).attempts[0].add();
    UpstreamMetrics &others = table.of(u"one more"_s);
    QCOMPARE(&table.of(u"and another"_s), &others);
    QCOMPARE(others.attempts[0].value(), 0);
    QStringList names;
    table.each([&](const QString &name, const UpstreamMetrics &) { names.append(name); });
    QCOMPARE(names.size(), UpstreamTable::Most + 1);
    QCOMPARE(names.constLast(), QString(UpstreamTable::OtherName));
    QCOMPARE(table.of(u"p7"_s).attempts[0].value(), 1);
}

void tst_Metrics::threadsLoseNothing()
{
    constexpr int Threads = 4;
    constexpr int Rounds = 5'000;
    Metrics metrics;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < Threads; ++thread) {
        threads.emplace_back([&metrics, thread] {
            for (int i = 0; i < Rounds; ++i) {
                // New providers come up while others are counted.
                metrics.upstreams.of(u"p%1"_s.arg((i * Threads + thread) / 100 % 50)).attempts[0].add();
                metrics.callDuration.note(i);
                metrics.noteAnswer(RouteGroup::Inference, 200);
            }
        });
    }
    for (std::thread &thread : threads)
        thread.join();
    qint64 attempts = 0;
    QStringList names;
    metrics.upstreams.each([&](const QString &name, const UpstreamMetrics &upstream) {
        names.append(name);
        attempts += upstream.attempts[0].value();
    });
    QCOMPARE(attempts, qint64(Threads) * Rounds);
    QCOMPARE(names.size(), 50);
    QCOMPARE(names.removeDuplicates(), 0);
    QCOMPARE(metrics.callDuration.sum(), qint64(Threads) * Rounds * (Rounds - 1) / 2);
    QCOMPARE(metrics.answers[size_t(RouteGroup::Inference)][2].value(), qint64(Threads) * Rounds);
}

QTEST_APPLESS_MAIN(tst_Metrics)
#include "tst_metrics.moc"
