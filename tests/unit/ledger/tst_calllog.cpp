// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "ledger/calllog.h"

#include <QtCore/QFile>
#include <QtCore/QRandomGenerator>
#include <QtTest/QTest>

#include <algorithm>
#include <map>
#include <set>

#ifdef Q_OS_LINUX
#include <malloc.h>
#endif

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
    void aRequestAcrossSlicesIsOneInTheWhole();
    void groupsFailures();
    void figuresAgreeWithANaiveCount();
    void figuresKeepNoRows();
    void spend();
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
    RangeFigures figures(int fromMs, int toMs, int slices, int mostFailures = 6);
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

RangeFigures tst_CallLog::figures(int fromMs, int toMs, int slices, int mostFailures)
{
    const auto read = m_log->figures(m_platform, at(fromMs), at(toMs), slices, mostFailures);
    return read ? *read : RangeFigures();
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
    const auto [whole, slices, failures] = figures(0, 4000, 4);
    QCOMPARE(slices.size(), 4);
    QCOMPARE(slices.at(0).spend, Money::fromMicros(12));
    QCOMPARE(slices.at(0).requests, 2);
    QCOMPARE(slices.at(0).p50Ms, 100);
    QCOMPARE(slices.at(0).p95Ms, 300);
    QCOMPARE(slices.at(1).requests, 1);
    QCOMPARE(slices.at(1).failed, 1);
    QVERIFY(!slices.at(1).p95Ms);
    QCOMPARE(slices.at(2).requests, 0);
    QCOMPARE(slices.at(3).spend, Money::fromMicros(1));
    QCOMPARE(whole.from, at(0));
    QCOMPARE(whole.spend, Money::fromMicros(13));
    QCOMPARE(whole.requests, 4);
    QCOMPARE(whole.failed, 1);
    QCOMPARE(whole.p50Ms, 100);
}

void tst_CallLog::slicesHaveNoGaps()
{
    // 10 ms in 3 slices: of 4 ms each, so that the last moment is inside.
    add({ .atMs = 9, .costMicros = 3 });
    const RangeFigures found = figures(0, 10, 3);
    QCOMPARE(found.slices.size(), 3);
    QCOMPARE(found.slices.at(1).from, at(4));
    QCOMPARE(found.slices.at(2).spend, Money::fromMicros(3));
    const RangeFigures nothing = figures(100, 200, 2);
    QCOMPARE(nothing.slices.size(), 2);
    QCOMPARE(nothing.whole.requests, 0);
    QVERIFY(!nothing.whole.p50Ms);
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
    const RangeFigures found = figures(0, 1000, 1);
    for (const CallFigures &each : { found.whole, found.slices.constFirst() }) {
        QCOMPARE(each.p50Ms, p50);
        QCOMPARE(each.p95Ms, p95);
    }
}

void tst_CallLog::aRepeatedRequestIsOneRequest()
{
    add({ .atMs = 1, .status = "error", .request = "r1" });
    add({ .atMs = 2, .costMicros = 4, .request = "r1" });
    add({ .atMs = 3, .status = "error", .request = "r2" });
    add({ .atMs = 4, .status = "error", .request = "r2" });
    add({ .atMs = 5, .status = "cancelled", .request = "r3" });
    const CallFigures whole = figures(0, 1000, 1).whole;
    QCOMPARE(whole.requests, 3);
    QCOMPARE(whole.failed, 1);
}

void tst_CallLog::aRequestAcrossSlicesIsOneInTheWhole()
{
    add({ .atMs = 499, .status = "error", .request = "r1" });
    add({ .atMs = 500, .request = "r1" });
    add({ .atMs = 999, .status = "error", .request = "r1" });
    const auto [whole, slices, failures] = figures(0, 1000, 2);
    QCOMPARE(whole.requests, 1);
    QCOMPARE(whole.failed, 0);
    QCOMPARE(slices.at(0).requests, 1);
    QCOMPARE(slices.at(0).failed, 1);
    QCOMPARE(slices.at(1).requests, 1);
    QCOMPARE(slices.at(1).failed, 0);
}

void tst_CallLog::groupsFailures()
{
    add({ .atMs = 1, .status = "error", .error = "provider timeout" });
    add({ .atMs = 2, .status = "error", .error = "provider timeout" });
    add({ .atMs = 3, .status = "error" });
    add({ .atMs = 4, .status = "success" });
    const QList<FailureGroup> groups = figures(0, 1000, 3).failures;
    QCOMPARE(groups.size(), 2);
    QCOMPARE(groups.at(0).message, u"provider timeout"_s);
    QCOMPARE(groups.at(0).count, 2);
    QCOMPARE(groups.at(0).lastAt, at(2));
    QVERIFY(groups.at(1).message.isEmpty());
    QCOMPARE(figures(0, 1000, 3, 1).failures.size(), 1);
}

namespace {

/// The figures as their description says, whatever it costs.
CallFigures naiveFigures(const QList<LogRow> &rows, Timestamp since, Timestamp until)
{
    CallFigures figures;
    figures.from = since;
    std::set<QString> requests;
    std::set<QString> good;
    QList<qint64> latencies;
    for (const LogRow &row : rows) {
        if (row.createdAt < since || row.createdAt >= until)
            continue;
        figures.spend += row.cost;
        requests.insert(row.requestId);
        if (row.status != "error"_L1)
            good.insert(row.requestId);
        if (row.status == "success"_L1)
            latencies.append(row.latencyMs);
    }
    figures.requests = qint64(requests.size());
    figures.failed = figures.requests - qint64(good.size());
    if (!latencies.isEmpty()) {
        std::sort(latencies.begin(), latencies.end());
        figures.p50Ms = latencies.at((latencies.size() * 50 + 99) / 100 - 1);
        figures.p95Ms = latencies.at((latencies.size() * 95 + 99) / 100 - 1);
    }
    return figures;
}

/// All groups by their message.
std::map<QString, FailureGroup> naiveFailures(const QList<LogRow> &rows, Timestamp since, Timestamp until)
{
    std::map<QString, FailureGroup> groups;
    for (const LogRow &row : rows) {
        if (row.createdAt < since || row.createdAt >= until || row.status != "error"_L1)
            continue;
        FailureGroup &group = groups[row.errorMessage];
        ++group.count;
        group.lastAt = std::max(group.lastAt, row.createdAt);
    }
    return groups;
}

QByteArray describe(const CallFigures &figures)
{
    return QByteArray::number(figures.from.ms()) + ": " + QByteArray::number(figures.spend.micros()) + " for "
        + QByteArray::number(figures.requests) + ", failed " + QByteArray::number(figures.failed) + ", p50 "
        + QByteArray::number(figures.p50Ms.value_or(-1)) + ", p95 " + QByteArray::number(figures.p95Ms.value_or(-1));
}

} // namespace

void tst_CallLog::figuresAgreeWithANaiveCount()
{
    const quint32 seed = qEnvironmentVariableIsSet("ASSISTIV_TEST_SEED")
        ? quint32(qEnvironmentVariableIntValue("ASSISTIV_TEST_SEED"))
        : QRandomGenerator::global()->generate();
    qInfo("seed: ASSISTIV_TEST_SEED=%u", seed);
    QRandomGenerator random(seed);
    constexpr int Rows = 3000;
    const char *const statuses[] = { "success", "success", "success", "error", "cancelled" };
    QList<QByteArray> requests;
    {
        Transaction transaction(m_scratch->db());
        const PlatformId own = m_platform;
        const EndUserId user = m_user;
        int atMs = -1000;
        for (int i = 0; i < Rows; ++i) {
            // At equal moments now and then, and once not at all for a long time.
            atMs += i == Rows / 2 ? 4000 : int(random.bounded(9));
            // Mostly a new request, often one of the last few, seldom one of long ago.
            const auto choice = random.bounded(20);
            if (i == 0 || choice < 13)
                requests.append(RequestId::create().toLatin1());
            const auto count = int(requests.size());
            const int age = choice < 13 ? 0 : int(random.bounded(choice < 19 ? qMin(count, 4) : count));
            const QByteArray request = requests.at(count - 1 - age);
            const QByteArray message = "what failed " + QByteArray::number(random.bounded(8));
            const char *const status = statuses[random.bounded(5)];
            const bool hasMessage = qstrcmp(status, "error") == 0 && random.bounded(5) > 0;
            const int latencyMs = int(random.bounded(2) ? random.bounded(20) : random.bounded(100'000));
            add({ .atMs = atMs,
                  .costMicros = qstrcmp(status, "error") == 0 ? 0 : qint64(random.bounded(1'000'000)),
                  .status = status,
                  .latencyMs = latencyMs,
                  .request = request.constData(),
                  .error = hasMessage ? message.constData() : nullptr });
        }
        // Another platform's call, which nobody else hears of.
        m_platform = m_scratch->addPlatform(u"other"_s);
        m_user = m_scratch->addEndUser(m_platform);
        add({ .atMs = 5, .costMicros = 1 });
        m_platform = own;
        m_user = user;
        QVERIFY(transaction.commit());
    }
    const auto all = m_log->rows(m_platform, {}, 0, Rows + 1);
    QVERIFY(all);
    QCOMPARE(all->total, Rows);
    const QList<LogRow> rows(all->rows.crbegin(), all->rows.crend());
    const int lastMs = int(rows.constLast().createdAt.ms() - m_start.ms());
    for (int round = 0; round < 60; ++round) {
        const int fromMs = int(random.bounded(-2000, lastMs));
        const int toMs = round == 0 ? lastMs + 1 : fromMs + 1 + int(random.bounded(lastMs));
        const int count = 1 + int(random.bounded(60));
        const auto [whole, slices, failures] = figures(round == 0 ? -1000 : fromMs, toMs, count, 100);
        QCOMPARE(describe(whole), describe(naiveFigures(rows, whole.from, at(toMs))));
        QCOMPARE(slices.size(), count);
        for (int i = 0; i < count; ++i) {
            const Timestamp end = std::min(at(toMs), i + 1 < count ? slices.at(i + 1).from : at(toMs));
            QCOMPARE(describe(slices.at(i)), describe(naiveFigures(rows, slices.at(i).from, end)));
        }
        const auto expected = naiveFailures(rows, whole.from, at(toMs));
        QCOMPARE(size_t(failures.size()), expected.size());
        for (qsizetype i = 0; i < failures.size(); ++i) {
            const FailureGroup &group = failures.at(i);
            QVERIFY(expected.contains(group.message));
            QCOMPARE(group.count, expected.at(group.message).count);
            QCOMPARE(group.lastAt, expected.at(group.message).lastAt);
            const FailureGroup &other = failures.at(qMax<qsizetype>(0, i - 1));
            QVERIFY(std::pair(group.count, group.lastAt) <= std::pair(other.count, other.lastAt));
        }
    }
}

void tst_CallLog::figuresKeepNoRows()
{
#if !defined(Q_OS_LINUX) || defined(__SANITIZE_ADDRESS__)
    QSKIP("Memory is measured as Linux tells it, and the sanitizer keeps what is freed.");
#else
    // Many rows, but few requests and latencies: nothing that would have to be kept.
    constexpr int Rows = 200'000;
    Query fill = m_scratch->db().prepare(
        u"INSERT INTO request_logs (id, platform_id, request_id, request_type, model, prompt_tokens, "
        "completion_tokens, latency_ms, cost, status, token_count_method, billing_status, metadata, created_at) "
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < CAST(? AS BIGINT)) "
        "SELECT 'row', CAST(? AS TEXT), '00000000-0000-4000-8000-' || (100000000000 + i % 1000), 'chat.completion', "
        "'m', 1, 1, i % 500, 1, 'success', 'reported', 'billed', '{}', CAST(? AS BIGINT) + i FROM n"_s);
    QVERIFY(fill.bind(Rows, m_platform, m_start).exec());
    // What the database reads stays in its cache; that is not what is measured.
    QCOMPARE(*m_log->spend(m_platform, at(0), at(Rows + 1)), Money::fromMicros(Rows));

    const auto resident = [](const QByteArray &line) {
        QFile status(u"/proc/self/status"_s);
        if (!status.open(QIODevice::ReadOnly))
            return -1;
        const QByteArray text = status.readAll();
        return text.mid(text.indexOf(line) + line.size()).trimmed().split(' ').constFirst().toInt();
    };
    ::malloc_trim(0);
    QFile clear(u"/proc/self/clear_refs"_s);
    if (!clear.open(QIODevice::WriteOnly) || clear.write("5") != 1 || !clear.flush())
        QSKIP("The peak of memory cannot be set back here.");
    const int before = resident("VmRSS:");
    const RangeFigures found = figures(0, Rows + 1, 30);
    const int peak = resident("VmHWM:");
    QCOMPARE(found.whole.requests, 1000);
    QCOMPARE(found.whole.p50Ms, 249);
    QVERIFY2(peak - before < 8 * 1024, qPrintable(u"%1 KiB"_s.arg(peak - before)));
#endif
}

void tst_CallLog::spend()
{
    add({ .atMs = -1, .costMicros = 100 });
    QVERIFY(!*m_log->spend(m_platform, at(0), at(1000)));
    add({ .atMs = 0, .status = "error" });
    QCOMPARE(*m_log->spend(m_platform, at(0), at(1000)), Money());
    add({ .atMs = 999, .costMicros = 30 });
    add({ .atMs = 1000, .costMicros = 4 });
    QCOMPARE(*m_log->spend(m_platform, at(0), at(1000)), Money::fromMicros(30));
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
    add({ .atMs = -2, .status = "error" });
    QVERIFY(!m_log->spendSince(m_platform, at(0))->firstAt);
    add({ .atMs = 5, .status = "error" });
    add({ .atMs = 10, .costMicros = 30 });
    add({ .atMs = 20, .costMicros = 4 });
    QCOMPARE(m_log->spendSince(m_platform, at(0))->firstAt, at(10));
    add({ .atMs = -1, .costMicros = 100 });
    const auto rate = m_log->spendSince(m_platform, at(0));
    QCOMPARE(rate->spent, Money::fromMicros(34));
    QCOMPARE(rate->firstAt, at(-1));
}

QTEST_GUILESS_MAIN(tst_CallLog)
#include "tst_calllog.moc"
