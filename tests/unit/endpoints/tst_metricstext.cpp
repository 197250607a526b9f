// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/metricstext.h"

#include "limits/ratelimiter.h"

#include <QtCore/QRegularExpression>
#include <QtCore/QSet>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_MetricsText : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void showsWhatWasNoted();
    void aHistogramAddsUp();
    void everyFamilyIsIntroducedOnce();
    void labelsCannotBreakOut();
};

void tst_MetricsText::showsWhatWasNoted()
{
    Metrics metrics;
    metrics.noteAnswer(RouteGroup::Inference, 200);
    metrics.noteAnswer(RouteGroup::Inference, 402);
    metrics.noteAnswer(RouteGroup::None, 408);
    metrics.rateLimited[size_t(RateBucket::PlatformTpm)].add(5);
    metrics.streamsOpen = 6;
    metrics.unbilled.add();
    metrics.noteRefusal(ErrorCode::BudgetExhausted);
    metrics.upstreams.of(u"openai"_s).attempts[size_t(UpstreamOutcome::TimedOut)].add(4);
    metrics.billedMicros.add(9'007'199'254'740'993); // more than a double holds
    metrics.promptTokens.add(25);
    EngineStatus status;
    status.version = u"1.2.3"_s;
    status.databaseKind = u"sqlite"_s;
    status.callsInFlight = 3;
    status.connections = 7;
    status.writerQueue = 11;
    status.journalEntries = 2;
    status.databaseHealthy = false;

    const QByteArray text = metricsText(metrics, status, 123'456);
    for (const QByteArray &line : {
             QByteArray("assistiv_http_requests_total{group=\"inference\",status=\"2xx\"} 1"),
             QByteArray("assistiv_http_requests_total{group=\"inference\",status=\"4xx\"} 1"),
             QByteArray("assistiv_http_requests_total{group=\"none\",status=\"4xx\"} 1"),
             QByteArray("assistiv_http_requests_total{group=\"admin\",status=\"2xx\"} 0"),
             QByteArray("assistiv_calls_refused_total{code=\"budget_exhausted\",status=\"402\"} 1"),
             QByteArray("assistiv_rate_limited_calls_total{denied_by=\"plat_tpm\"} 5"),
             QByteArray("assistiv_rate_limited_calls_total{denied_by=\"eu_rpm\"} 0"),
             QByteArray("assistiv_streams_open 6"),
             QByteArray("assistiv_unbilled_settlements_total 1"),
             QByteArray("assistiv_upstream_attempts_total{provider=\"openai\",outcome=\"timeout\"} 4"),
             QByteArray("assistiv_upstream_attempts_total{provider=\"openai\",outcome=\"success\"} 0"),
             QByteArray("assistiv_billed_microdollars_total 9007199254740993"),
             QByteArray("assistiv_tokens_total{kind=\"prompt\"} 25"),
             QByteArray("assistiv_calls_in_flight 3"),
             QByteArray("assistiv_connections 7"),
             QByteArray("assistiv_writer_queue_length 11"),
             QByteArray("assistiv_journal_entries 2"),
             QByteArray("assistiv_database_healthy 0"),
             QByteArray("process_resident_memory_bytes 123456"),
             "assistiv_build_info{version=\"1.2.3\",qt=\"" + QByteArray(qVersion()) + "\",database=\"sqlite\"} 1",
         })
        QVERIFY2(('\n' + text).contains('\n' + line + '\n'), line.constData());
    const QByteArray start = QByteArray::number(metrics.startedAt.ms() / 1000);
    QVERIFY(text.contains("process_start_time_seconds " + start));
    QVERIFY(!text.contains("wallet_insufficient"));
}

void tst_MetricsText::aHistogramAddsUp()
{
    Metrics metrics;
    for (const qint64 us : { 20'000, 25'000, 60'000, 400'000'000 })
        metrics.callDuration.note(us);
    metrics.batchSize.note(3);
    const QByteArray text = metricsText(metrics, {}, 0);
    for (const char *line : { "assistiv_call_duration_seconds_bucket{le=\"0.025\"} 2\n",
                              "assistiv_call_duration_seconds_bucket{le=\"0.05\"} 2\n",
                              "assistiv_call_duration_seconds_bucket{le=\"0.1\"} 3\n",
                              "assistiv_call_duration_seconds_bucket{le=\"300\"} 3\n",
                              "assistiv_call_duration_seconds_bucket{le=\"+Inf\"} 4\n",
                              "assistiv_call_duration_seconds_sum 400.105\n",
                              "assistiv_call_duration_seconds_count 4\n",
                              "assistiv_writer_batch_size_bucket{le=\"2\"} 0\n",
                              "assistiv_writer_batch_size_bucket{le=\"4\"} 1\n" })
        QVERIFY2(text.contains(line), line);
}

void tst_MetricsText::everyFamilyIsIntroducedOnce()
{
    Metrics metrics;
    metrics.upstreams.of(u"openai"_s);
    metrics.upstreams.of(u"local"_s);
    static const QRegularExpression sample(
        uR"(\A([a-z_]+?)(?:_bucket|_sum|_count)?(?:\{[^{}]*\})? (?:\d+(?:\.\d+)?)\z)"_s);
    QSet<QString> introduced;
    QString family;
    for (const QString &line : QString::fromUtf8(metricsText(metrics, {}, 0)).split(u'\n', Qt::SkipEmptyParts)) {
        if (line.startsWith("# TYPE "_L1)) {
            family = line.section(u' ', 2, 2);
            QVERIFY2(!introduced.contains(family), qPrintable(line));
            introduced.insert(family);
        } else if (!line.startsWith(u'#')) {
            const auto match = sample.match(line);
            QVERIFY2(match.hasMatch() && family.startsWith(match.captured(1)), qPrintable(family + u": "_s + line));
        }
    }
    QVERIFY(introduced.size() > 15);
}

void tst_MetricsText::labelsCannotBreakOut()
{
    Metrics metrics;
    metrics.upstreams.of(u"a\"b\\c\nd"_s);
    EngineStatus status;
    status.version = u"1\"} 2\n"_s;
    const QByteArray text = metricsText(metrics, status, 0);
    QVERIFY(text.contains("provider=\"a\\\"b\\\\c\\nd\""));
    QVERIFY(text.contains("version=\"1\\\"} 2\\n\""));
}

QTEST_APPLESS_MAIN(tst_MetricsText)
#include "tst_metricstext.moc"
