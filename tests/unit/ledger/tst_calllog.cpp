// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "ledger/calllog.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_CallLog : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();
    void lists();
    void filters_data();
    void filters();
    void sumsUpInSlices();
    void slicesHaveNoGaps();
    void percentiles_data();
    void percentiles();
    void aRepeatedRequestIsOneRequest();
    void groupsFailures();
    void newest();
    void spendRate();

private:
    struct Call
    {
        int atMs = 0;
        qint64 costMicros = 0;
        const char *status = "success";
        int latencyMs = 10;
        const char *request = nullptr;
        const char *model = "m";
        const char *error = nullptr;
    };
    void add(const Call &call);
    Timestamp at(int ms) const { return m_start.plusMs(ms); }

    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<CallLog> m_log;
    PlatformId m_platform;
    EndUserId m_user;
    Timestamp m_start;
};

void tst_CallLog::init()
{
    m_log.reset();
    m_scratch.reset();
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_log = std::make_unique<CallLog>(m_scratch->context());
    m_platform = m_scratch->addPlatform();
    m_user = m_scratch->addEndUser(m_platform);
    m_start = m_scratch->clock.now();
}

void tst_CallLog::add(const Call &call)
{
    Query query = m_scratch->db().prepare(
        u"INSERT INTO request_logs (id, platform_id, end_user_id, request_id, request_type, model, prompt_tokens, "
        "completion_tokens, latency_ms, cost, status, error_message, token_count_method, billing_status, metadata, created_at) "
        "VALUES (?, ?, ?, ?, 'chat.completion', ?, 25, 8, ?, ?, ?, ?, 'reported', ?, '{\"stream\":false}', ?)"_s);
    const LogRowId id = LogRowId::create();
    const QString request = call.request ? QString::fromLatin1(call.request) : id.toString();
    query.bind(id, m_platform, m_user, request, QString::fromLatin1(call.model), call.latencyMs, call.costMicros,
               QString::fromLatin1(call.status), QString::fromLatin1(call.error),
               QString::fromLatin1(call.costMicros > 0 ? "billed" : "not_billable"), at(call.atMs));
    QVERIFY(query.exec());
}

void tst_CallLog::lists()
{
    add({ .atMs = 5, .costMicros = 175 });
    add({ .atMs = 5, .status = "error", .error = "boom" });
    const auto found = m_log->rows(m_platform, {}, 0, 20);
    QVERIFY(found);
    QCOMPARE(found->total, 2);
    const LogRow newest = found->rows.constFirst();
    QCOMPARE(newest.errorMessage, u"boom"_s);
    QVERIFY(newest.provider.isNull());
    const LogRow row = found->rows.constLast();
    QCOMPARE(row.cost, Money::fromMicros(175));
    QCOMPARE(row.endUser, m_user);
    QCOMPARE(row.promptTokens, 25);
    QCOMPARE(row.metadata, QByteArray("{\"stream\":false}"));
    QCOMPARE(row.createdAt, at(5));
    QVERIFY(row.errorMessage.isEmpty());
    QVERIFY(m_log->rows(m_platform, {}, 2, 20)->rows.isEmpty());
    QCOMPARE(m_log->rows(PlatformId::create(), {}, 0, 20)->total, 0);
}

void tst_CallLog::filters_data()
{
    QTest::addColumn<int>("filter");
    QTest::addColumn<int>("total");
    QTest::newRow("by model") << 0 << 1;
    QTest::newRow("an unknown model gives nothing") << 1 << 0;
    QTest::newRow("by user") << 2 << 3;
    QTest::newRow("an unknown user gives nothing") << 3 << 0;
    QTest::newRow("by type") << 4 << 3;
    QTest::newRow("by status") << 5 << 1;
    QTest::newRow("by request") << 6 << 2;
    QTest::newRow("since includes its moment") << 7 << 2;
    QTest::newRow("until excludes its moment") << 8 << 1;
}

void tst_CallLog::filters()
{
    QFETCH(int, filter);
    QFETCH(int, total);
    add({ .atMs = 0, .request = "r1" });
    add({ .atMs = 1000, .request = "r1", .model = "other" });
    add({ .atMs = 2000, .status = "error" });
    const LogFilter filters[] = { { .model = u"other"_s },
                                  { .model = u"unknown"_s },
                                  { .endUser = m_user },
                                  { .endUser = EndUserId::create() },
                                  { .requestType = u"chat.completion"_s },
                                  { .status = u"error"_s },
                                  { .requestId = u"r1"_s },
                                  { .since = at(1000) },
                                  { .until = at(1000) } };
    const auto found = m_log->rows(m_platform, filters[filter], 0, 20);
    QVERIFY(found);
    QCOMPARE(found->total, total);
    QCOMPARE(found->rows.size(), total);
}

void tst_CallLog::sumsUpInSlices()
{
    add({ .atMs = -1, .costMicros = 1'000'000 });
    add({ .atMs = 0, .costMicros = 5, .latencyMs = 100 });
    add({ .atMs = 999, .costMicros = 7, .latencyMs = 300 });
    add({ .atMs = 1000, .status = "error", .latencyMs = 9000 });
    add({ .atMs = 3999, .costMicros = 1, .latencyMs = 50 });
    add({ .atMs = 4000, .costMicros = 1'000'000 });
    const auto slices = m_log->slices(m_platform, at(0), at(4000), 4);
    QVERIFY(slices);
    QCOMPARE(slices->size(), 4);
    QCOMPARE(slices->at(0).spend, Money::fromMicros(12));
    QCOMPARE(slices->at(0).requests, 2);
    QCOMPARE(slices->at(0).p50Ms, 100);
    QCOMPARE(slices->at(0).p95Ms, 300);
    QCOMPARE(slices->at(1).requests, 1);
    QCOMPARE(slices->at(1).failed, 1);
    QVERIFY(!slices->at(1).p95Ms);
    QCOMPARE(slices->at(2).requests, 0);
    QCOMPARE(slices->at(3).spend, Money::fromMicros(1));
    const auto totals = m_log->totals(m_platform, at(0), at(4000));
    QCOMPARE(totals->spend, Money::fromMicros(13));
    QCOMPARE(totals->requests, 4);
    QCOMPARE(totals->failed, 1);
    QCOMPARE(totals->p50Ms, 100);
}

void tst_CallLog::slicesHaveNoGaps()
{
    // 10 ms in 3 slices: of 4 ms each, so that the last moment is inside.
    add({ .atMs = 9, .costMicros = 3 });
    const auto slices = m_log->slices(m_platform, at(0), at(10), 3);
    QCOMPARE(slices->size(), 3);
    QCOMPARE(slices->at(1).from, at(4));
    QCOMPARE(slices->at(2).spend, Money::fromMicros(3));
    QCOMPARE(m_log->totals(m_platform, at(100), at(200))->requests, 0);
}

void tst_CallLog::percentiles_data()
{
    QTest::addColumn<int>("calls");
    QTest::addColumn<qint64>("p50");
    QTest::addColumn<qint64>("p95");
    // Latencies are 1, 2, … n.
    QTest::newRow("of one call both are that call") << 1 << 1LL << 1LL;
    QTest::newRow("of two") << 2 << 1LL << 2LL;
    QTest::newRow("of twenty the 95th is the nineteenth") << 20 << 10LL << 19LL;
    QTest::newRow("of twenty-one it is the last but one") << 21 << 11LL << 20LL;
}

void tst_CallLog::percentiles()
{
    QFETCH(int, calls);
    QFETCH(qint64, p50);
    QFETCH(qint64, p95);
    for (int i = calls; i > 0; --i)
        add({ .atMs = i, .latencyMs = i });
    const auto totals = m_log->totals(m_platform, at(0), at(1000));
    QCOMPARE(totals->p50Ms, p50);
    QCOMPARE(totals->p95Ms, p95);
}

void tst_CallLog::aRepeatedRequestIsOneRequest()
{
    add({ .atMs = 1, .status = "error", .request = "r1" });
    add({ .atMs = 2, .costMicros = 4, .request = "r1" });
    add({ .atMs = 3, .status = "error", .request = "r2" });
    add({ .atMs = 4, .status = "error", .request = "r2" });
    add({ .atMs = 5, .status = "cancelled", .request = "r3" });
    const auto totals = m_log->totals(m_platform, at(0), at(1000));
    QCOMPARE(totals->requests, 3);
    QCOMPARE(totals->failed, 1);
}

void tst_CallLog::groupsFailures()
{
    add({ .atMs = 1, .status = "error", .model = "a", .error = "provider timeout" });
    add({ .atMs = 2, .status = "error", .model = "b", .error = "provider timeout" });
    add({ .atMs = 3, .status = "error", .model = "a" });
    add({ .atMs = 4, .status = "success" });
    const auto groups = m_log->failures(m_platform, at(0), at(1000), 6);
    QVERIFY(groups);
    QCOMPARE(groups->size(), 2);
    QCOMPARE(groups->at(0).message, u"provider timeout"_s);
    QCOMPARE(groups->at(0).count, 2);
    QCOMPARE(groups->at(0).models, QStringList({ u"b"_s, u"a"_s }));
    QCOMPARE(groups->at(0).lastAt, at(2));
    QVERIFY(groups->at(1).message.isEmpty());
    QCOMPARE(groups->at(1).models, QStringList(u"a"_s));
    QCOMPARE(m_log->failures(m_platform, at(0), at(1000), 1)->size(), 1);
}

void tst_CallLog::newest()
{
    QVERIFY(!*m_log->newest(m_platform));
    add({ .atMs = 1 });
    add({ .atMs = 2, .model = "last" });
    QCOMPARE((*m_log->newest(m_platform))->modelSlug, u"last"_s);
    QVERIFY(*m_log->newest(m_platform, at(1)));
    QVERIFY(!*m_log->newest(m_platform, at(2)));
}

void tst_CallLog::spendRate()
{
    QVERIFY(!m_log->spendSince(m_platform, at(0))->firstAt);
    add({ .atMs = -1, .costMicros = 100 });
    add({ .atMs = 5, .status = "error" });
    add({ .atMs = 10, .costMicros = 30 });
    add({ .atMs = 20, .costMicros = 4 });
    const auto rate = m_log->spendSince(m_platform, at(0));
    QCOMPARE(rate->spent, Money::fromMicros(34));
    QCOMPARE(rate->firstAt, at(10));
}

QTEST_GUILESS_MAIN(tst_CallLog)
#include "tst_calllog.moc"
