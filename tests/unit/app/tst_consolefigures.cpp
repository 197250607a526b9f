// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "consolerig.h"

using namespace assistiv;
using namespace Qt::StringLiterals;
using console::OverviewRange;

/// What the console shows of calls: the overview and the newest request.
class tst_ConsoleFigures : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();

    void rangesBeginAtRoundTimes_data();
    void rangesBeginAtRoundTimes();
    void anEmptyPlatformHasFigures();
    void sumsEqualTheRows();
    void countsWhatWasRefused();
    void aRefusedCallIsACall();
    void namesWhatRefusalsMet();
    void showsTheMostFrequentErrors();
    void showsLowBudgets();
    void showsTheLowestBudgetsOnly();

    void thereIsNoRequestYet();
    void showsASuccess();
    void showsAFailure_data();
    void showsAFailure();
    void showsTheNewerOfCallAndRefusal();
    void showsWhatIsNew();

private:
    console::OverviewFigures overview(OverviewRange range = OverviewRange::Hour)
    {
        return valueOf(ConsoleQuestions::overview(m_rig->services, *m_refusals, m_platform, range));
    }
    std::optional<console::RequestRow> latest(Timestamp since = {})
    {
        return valueOf(ConsoleQuestions::latestRequest(m_rig->services, *m_refusals, m_platform, since.ms()));
    }
    Timestamp now() const { return m_rig->scratch.clock.now(); }
    void refuse(ErrorCode code, qint64 atMs = 0, const EndUserId &user = {}, const QString &model = u"cheap"_s)
    {
        const Error error { code, u"Not today."_s };
        m_refusals->note({ m_platform, user, u"refused-request"_s, model, error, now().plusMs(atMs) });
    }

    std::unique_ptr<ConsoleRig> m_rig;
    std::unique_ptr<Refusals> m_refusals;
    PlatformId m_platform;
    PlatformId m_other;
};

void tst_ConsoleFigures::init()
{
    m_rig.reset();
    m_rig = std::make_unique<ConsoleRig>();
    m_refusals = std::make_unique<Refusals>();
    m_platform = m_rig->addPlatform();
    // Its calls and refusals are nowhere to be seen.
    m_other = m_rig->addPlatform(u"other"_s);
    m_rig->call(m_other, { .costMicros = 77, .user = m_rig->addUser(m_other, u"eve"_s, "0.0001") });
    m_refusals->note({ m_other, {}, u"r"_s, u"m"_s, { ErrorCode::WalletInsufficient, {} }, now() });
}

void tst_ConsoleFigures::rangesBeginAtRoundTimes_data()
{
    QTest::addColumn<int>("range");
    QTest::addColumn<int>("slices");
    QTest::addColumn<qint64>("widthMs");
    QTest::addColumn<QString>("end");
    // It is half past ten.
    QTest::newRow("an hour by the minute") << int(OverviewRange::Hour) << 60 << 60'000LL << u"2026-04-08T10:31:00Z"_s;
    QTest::newRow("a day by the hour") << int(OverviewRange::Day) << 24 << 3'600'000LL << u"2026-04-08T11:00:00Z"_s;
    QTest::newRow("a week by six hours") << int(OverviewRange::Week) << 28 << 21'600'000LL << u"2026-04-08T12:00:00Z"_s;
    QTest::newRow("a month by the day") << int(OverviewRange::Month) << 30 << 86'400'000LL << u"2026-04-09T00:00:00Z"_s;
}

void tst_ConsoleFigures::rangesBeginAtRoundTimes()
{
    QFETCH(int, range);
    QFETCH(int, slices);
    QFETCH(qint64, widthMs);
    QFETCH(QString, end);
    const qint64 lengthMs = slices * widthMs;
    const Timestamp until = *Timestamp::parse(end);
    const Timestamp since = until.plusMs(-lengthMs);
    QVERIFY(!overview(OverviewRange(range)).spendBefore);
    // At both edges of the range and of the one before it, on either side.
    const auto call = [&](Timestamp at, qint64 cost) {
        m_rig->call(m_platform, { .atMs = at.ms() - now().ms(), .costMicros = cost });
    };
    call(until, 100'000'000);
    call(until.plusMs(-1), 1);
    call(since, 20);
    call(since.plusMs(-1), 300);
    call(since.plusMs(-lengthMs), 4'000);
    call(since.plusMs(-lengthMs - 1), 50'000);
    refuse(ErrorCode::BudgetExhausted, since.ms() - now().ms() - 1);
    refuse(ErrorCode::BudgetExhausted, since.ms() - now().ms());

    const auto figures = overview(OverviewRange(range));
    QCOMPARE(figures.fromMs, since.ms());
    QCOMPARE(figures.toMs, until.ms());
    QCOMPARE(figures.points.size(), slices);
    for (int i = 0; i < slices; ++i)
        QCOMPARE(figures.points[i].fromMs, since.ms() + i * widthMs);
    QCOMPARE(figures.points.constFirst().spend.micros(), 20);
    QCOMPARE(figures.points.constFirst().requests, 2);
    QCOMPARE(figures.points.constFirst().failed, 1);
    QCOMPARE(figures.points.constLast().spend.micros(), 1);
    QCOMPARE(figures.points.constLast().requests, 1);
    QCOMPARE(figures.spend.micros(), 21);
    QCOMPARE(figures.requests, 3);
    QCOMPARE(figures.failed, 1);
    QCOMPARE(figures.spendBefore, std::optional(Money::fromMicros(4'300)));
}

void tst_ConsoleFigures::anEmptyPlatformHasFigures()
{
    for (const auto range : { OverviewRange::Hour, OverviewRange::Day, OverviewRange::Week, OverviewRange::Month }) {
        const auto figures = overview(range);
        QVERIFY(!figures.points.isEmpty());
        for (const console::OverviewPoint &point : figures.points) {
            QCOMPARE(point.spend, Money());
            QCOMPARE(point.requests, 0);
            QVERIFY(!point.p50Ms && !point.p95Ms);
        }
        QCOMPARE(figures.spend, Money());
        QCOMPARE(figures.requests + figures.failed, 0);
        QVERIFY(!figures.spendBefore && !figures.p50Ms && !figures.p95Ms && !figures.overheadMs);
        QVERIFY(figures.errors.isEmpty() && figures.lowBudgets.isEmpty() && !figures.anyRequest);
    }
    // What is long past still says that there were calls.
    m_rig->call(m_platform, { .atMs = -90LL * 86'400'000, .costMicros = 5 });
    const auto figures = overview(OverviewRange::Month);
    QCOMPARE(figures.requests, 0);
    QVERIFY(figures.anyRequest && !figures.spendBefore);
}

void tst_ConsoleFigures::sumsEqualTheRows()
{
    const EndUserId user = m_rig->addUser(m_platform, u"alice"_s, "100");
    qint64 cost = 0;
    for (int i = 0; i < 20; ++i) {
        cost += 7;
        m_rig->call(m_platform, { .atMs = -i * 120'000LL, .costMicros = cost, .latencyMs = 100 + i, .user = user });
    }
    // Refused by one provider, answered by the next: one request, and it went well.
    m_rig->call(m_platform, { .status = CallStatus::Error, .user = user, .request = "twice", .error = "boom" });
    m_rig->call(m_platform, { .costMicros = 9, .latencyMs = 5'000, .user = user, .request = "twice" });
    m_rig->call(m_platform, { .atMs = -60'000, .status = CallStatus::Error, .user = user, .error = "boom" });
    m_rig->call(m_platform, { .atMs = -60'000, .costMicros = 3, .status = CallStatus::Cancelled, .user = user });

    const auto figures = overview();
    const QString of = u" FROM request_logs WHERE platform_id = '%1'"_s.arg(m_platform.toString());
    QCOMPARE(figures.spend.micros(), m_rig->number(u"SELECT CAST(sum(cost) AS BIGINT)"_s + of));
    QCOMPARE(figures.spend.micros(), 7 * 210 + 12);
    QCOMPARE(figures.requests, m_rig->number(u"SELECT count(DISTINCT request_id)"_s + of));
    QCOMPARE(figures.requests, 23);
    QCOMPARE(figures.failed, 1);
    Money spend;
    qint64 requests = 0;
    qint64 failed = 0;
    for (const console::OverviewPoint &point : figures.points) {
        spend += point.spend;
        requests += point.requests;
        failed += point.failed;
    }
    QCOMPARE(spend, figures.spend);
    QCOMPARE(requests, figures.requests);
    QCOMPARE(failed, figures.failed);
    // Of 21 calls that went well the eleventh and the twentieth.
    QCOMPARE(figures.p50Ms, std::optional<qint64>(110));
    QCOMPARE(figures.p95Ms, std::optional<qint64>(119));
    QCOMPARE(figures.points.constLast().p50Ms, std::optional<qint64>(100));
    QCOMPARE(figures.points.constLast().p95Ms, std::optional<qint64>(5'000));
    QCOMPARE(figures.errors.size(), 1);
    QCOMPARE(figures.errors.constFirst().status, 502);
    QCOMPARE(figures.errors.constFirst().code, u"provider_error"_s);
    QCOMPARE(figures.errors.constFirst().count, 2);
    QCOMPARE(figures.errors.constFirst().lastAtMs, now().ms());
}

void tst_ConsoleFigures::countsWhatWasRefused()
{
    const EndUserId user = m_rig->addUser(m_platform, u"alice"_s, "1");
    m_rig->call(m_platform, { .atMs = -60'000, .costMicros = 5, .user = user });
    refuse(ErrorCode::BudgetExhausted, -120'000, user);
    refuse(ErrorCode::BudgetExhausted, -60'000, user);
    refuse(ErrorCode::ModelNotFound, -60'000, user, u"gpt-0"_s);
    const auto figures = overview();
    QCOMPARE(figures.requests, 4);
    QCOMPARE(figures.failed, 3);
    QCOMPARE(figures.spend.micros(), 5);
    const console::OverviewPoint &minute = figures.points[figures.points.size() - 2];
    QCOMPARE(minute.requests, 3);
    QCOMPARE(minute.failed, 2);
    QCOMPARE(figures.errors.size(), 2);
    const console::ErrorGroup &budget = figures.errors.constFirst();
    QCOMPARE(budget.status, 402);
    QCOMPARE(budget.code, u"budget_exhausted"_s);
    QCOMPARE(budget.count, 2);
    QCOMPARE(budget.lastAtMs, now().ms() - 60'000);
    QCOMPARE(budget.subjects, QStringList { u"alice"_s });
    const console::ErrorGroup &model = figures.errors.constLast();
    QCOMPARE(model.status, 404);
    QCOMPARE(model.code, u"model_not_found"_s);
    QCOMPARE(model.subjects, QStringList { u"gpt-0"_s });
}

void tst_ConsoleFigures::aRefusedCallIsACall()
{
    refuse(ErrorCode::WalletInsufficient);
    const auto figures = overview();
    QCOMPARE(figures.requests, 1);
    QVERIFY2(figures.anyRequest, "the page would say that nobody has called");
}

void tst_ConsoleFigures::namesWhatRefusalsMet()
{
    QList<EndUserId> users;
    for (const QString &name : { u"a"_s, u"b"_s, u"c"_s, u"d"_s })
        users.append(m_rig->addUser(m_platform, name, "1"));
    const auto subjects = [this] { return overview().errors.constFirst().subjects; };
    refuse(ErrorCode::RateLimitExceeded, -9'000);
    QCOMPARE(subjects(), QStringList { u"cheap"_s });
    refuse(ErrorCode::RateLimitExceeded, -8'000, users[0]);
    refuse(ErrorCode::RateLimitExceeded, -7'000, users[1]);
    QCOMPARE(subjects(), (QStringList { u"b"_s, u"a"_s, u"cheap"_s }));
    refuse(ErrorCode::RateLimitExceeded, -6'000, users[2]);
    refuse(ErrorCode::RateLimitExceeded, -5'000, users[3]);
    refuse(ErrorCode::RateLimitExceeded, -4'000, users[1]);
    QCOMPARE(subjects(), (QStringList { u"b"_s, u"d"_s, u"c"_s }));
    // Who is gone has no name any more.
    QVERIFY(m_rig->write([&](Services &s) { return s.endUsers.remove(m_platform, users[3]); }));
    QCOMPARE(subjects(), (QStringList { u"b"_s, u"c"_s, u"a"_s }));
    QCOMPARE(overview().errors.constFirst().count, 6);
}

void tst_ConsoleFigures::showsTheMostFrequentErrors()
{
    const ErrorCode codes[] = { ErrorCode::BudgetExhausted, ErrorCode::BudgetSuspended,   ErrorCode::WalletInsufficient,
                                ErrorCode::ModelNotFound,   ErrorCode::RateLimitExceeded, ErrorCode::ThreadBusy };
    int times = 0;
    for (const ErrorCode code : codes) {
        ++times;
        for (int i = 0; i < times; ++i)
            refuse(code);
    }
    for (int i = 0; i < 4; ++i)
        m_rig->call(m_platform, { .status = CallStatus::Error, .error = "boom" });
    const auto figures = overview();
    QCOMPARE(figures.errors.size(), 6);
    QList<qint64> counts;
    QStringList words;
    for (const console::ErrorGroup &group : figures.errors) {
        counts.append(group.count);
        words.append(group.code);
    }
    QCOMPARE(counts, (QList<qint64> { 6, 5, 4, 4, 3, 2 }));
    QVERIFY(words.contains(u"provider_error"_s) && !words.contains(u"budget_exhausted"_s));
    QCOMPARE(figures.failed, 1 + 2 + 3 + 4 + 5 + 6 + 4);
}

void tst_ConsoleFigures::showsLowBudgets()
{
    const auto spent = [this](const QString &name, qint64 micros) {
        const EndUserId user = m_rig->addUser(m_platform, name, "10");
        if (micros > 0)
            m_rig->call(m_platform, { .costMicros = micros, .user = user });
        return user;
    };
    spent(u"fresh"_s, 0);
    spent(u"just enough"_s, 7'999'999);
    const EndUserId fifth = spent(u"a fifth left"_s, 8'000'000);
    const EndUserId over = spent(u"beyond its limit"_s, 12'500'000);
    const EndUserId gone = spent(u"without a budget"_s, 10'000'000);
    QVERIFY(m_rig->write([&](Services &s) { return s.budgets.deactivate(m_platform, gone, consoleActor()); }));
    const auto low = overview().lowBudgets;
    QCOMPARE(low.size(), 2);
    QCOMPARE(low[0].endUser, over);
    QCOMPARE(low[0].externalId, u"beyond its limit"_s);
    QCOMPARE(low[0].remaining, usd("-2.5"));
    QCOMPARE(low[0].limit, usd("10"));
    QCOMPARE(low[1].endUser, fifth);
    QCOMPARE(low[1].remaining, usd("2"));
}

void tst_ConsoleFigures::showsTheLowestBudgetsOnly()
{
    for (int i = 0; i < 8; ++i) {
        const EndUserId user = m_rig->addUser(m_platform, u"user-%1"_s.arg(i), "1");
        m_rig->call(m_platform, { .costMicros = 850'000 + i * 10'000, .user = user });
    }
    QStringList names;
    for (const console::LowBudget &budget : overview().lowBudgets)
        names.append(budget.externalId);
    QCOMPARE(names, u"user-7 user-6 user-5 user-4 user-3 user-2"_s.split(u' '));
}

void tst_ConsoleFigures::thereIsNoRequestYet()
{
    QVERIFY(!latest());
}

void tst_ConsoleFigures::showsASuccess()
{
    const EndUserId user = m_rig->addUser(m_platform, u"alice"_s, "10");
    m_rig->call(m_platform, { .atMs = -1'000, .status = CallStatus::Error, .user = user, .error = "boom" });
    m_rig->call(m_platform, { .costMicros = 500'001, .latencyMs = 321, .user = user, .request = "the-request" });
    const auto row = latest();
    QVERIFY(row);
    QCOMPARE(row->atMs, now().ms());
    QCOMPARE(row->status, 200);
    QVERIFY(row->errorCode.isEmpty() && row->errorMessage.isEmpty());
    QCOMPARE(row->requestId, u"the-request"_s);
    QCOMPARE(row->model, u"cheap"_s);
    QCOMPARE(row->inputTokens, 25);
    QCOMPARE(row->outputTokens, 8);
    QCOMPARE(row->durationMs, 321);
    QCOMPARE(row->cost, usd("0.500001"));
    QCOMPARE(row->budgetLeft, std::optional(usd("9.499999")));
    // With a platform key there is no budget.
    m_rig->call(m_platform, { .atMs = 1, .costMicros = 5 });
    QVERIFY(!latest()->budgetLeft);
}

void tst_ConsoleFigures::showsAFailure_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<int>("shown");
    QTest::addColumn<QString>("code");
    QTest::newRow("the provider failed") << int(CallStatus::Error) << 502 << u"provider_error"_s;
    QTest::newRow("the client left") << int(CallStatus::Cancelled) << 499 << u"cancelled"_s;
}

void tst_ConsoleFigures::showsAFailure()
{
    QFETCH(int, status);
    QFETCH(int, shown);
    QFETCH(QString, code);
    m_rig->call(m_platform, { .status = CallStatus(status), .error = "What went wrong." });
    const auto row = latest();
    QVERIFY(row);
    QCOMPARE(row->status, shown);
    QCOMPARE(row->errorCode, code);
    QCOMPARE(row->errorMessage, u"What went wrong."_s);
}

void tst_ConsoleFigures::showsTheNewerOfCallAndRefusal()
{
    const EndUserId user = m_rig->addUser(m_platform, u"alice"_s, "10");
    m_rig->call(m_platform, { .costMicros = 10'000'000, .user = user });
    refuse(ErrorCode::RateLimitExceeded, 0, user);
    QCOMPARE(latest()->status, 200);
    refuse(ErrorCode::BudgetExhausted, 1, user, u"dear"_s);
    const auto refused = latest();
    QCOMPARE(refused->atMs, now().ms() + 1);
    QCOMPARE(refused->status, 402);
    QCOMPARE(refused->errorCode, u"budget_exhausted"_s);
    QCOMPARE(refused->errorMessage, u"Not today."_s);
    QCOMPARE(refused->requestId, u"refused-request"_s);
    QCOMPARE(refused->model, u"dear"_s);
    QCOMPARE(refused->cost, Money());
    QCOMPARE(refused->budgetLeft, std::optional(Money()));
    m_rig->call(m_platform, { .atMs = 2 });
    QCOMPARE(latest()->status, 200);
}

void tst_ConsoleFigures::showsWhatIsNew()
{
    m_rig->call(m_platform, { .costMicros = 5 });
    QVERIFY(latest(now().plusMs(-1)));
    QVERIFY(!latest(now()));
    refuse(ErrorCode::WalletInsufficient, 10);
    QCOMPARE(latest(now())->errorCode, u"wallet_insufficient"_s);
    QVERIFY(!latest(now())->budgetLeft);
    QVERIFY(!latest(now().plusMs(10)));
}

QTEST_GUILESS_MAIN(tst_ConsoleFigures)
#include "tst_consolefigures.moc"
