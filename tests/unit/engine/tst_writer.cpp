// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/vault.h"
#include "engine/journal.h"
#include "engine/writer.h"
#include "ledger/settlementstore.h"
#include "services/services.h"
#include "services/verify.h"
#include "store/migrations.h"

#include <QtCore/QDir>
#include <QtCore/QTemporaryDir>
#include <QtCore/QThread>
#include <QtTest/QSignalSpy>
#include <QtTest/QTest>

#include <ctime>

using namespace assistiv;
using namespace Qt::StringLiterals;

/// The writer on a real SQLite file: batches, poisoned settlements, savepoints of management writes, publishing.
class tst_Writer : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();
    void settlesExactlyOnce();
    void writesNothingOfWhatIsNotBillable();
    void onePoisonedSettlementSinksNoOther();
    void whatIsExpectedMayComeOrNot();
    void failedWriteLeavesNothing();
    void publishesWhatItCommitted();
    void publishesTheLastBalanceOfABatch();
    void commitsNothingOfALostTransaction();
    void debitsNothingForADeletedPlatform();
    void recognisesWhatIsThereAlready();
    void outlastsADatabaseThatGoesAway_data();
    void outlastsADatabaseThatGoesAway();

private:
    Settlement settlement(Money cost);
    qint64 number(const QString &sql);
    bool booksBalance();
    void knowAccount();
    void settleAndWait(const QList<Settlement> &all, QList<bool> *outcomes = nullptr);

    std::unique_ptr<QTemporaryDir> m_dir;
    DatabaseUrl m_url;
    const Vault m_vault { QByteArray(Vault::KeyBytes, 'k') };
    AccountBook m_book;
    std::unique_ptr<Journal> m_journal;
    std::unique_ptr<Metrics> m_metrics;
    std::unique_ptr<Writer> m_writer;
    PlatformId m_platform;
    EndUserId m_user;
    BudgetId m_budget;
};

void tst_Writer::init()
{
    m_dir = std::make_unique<QTemporaryDir>();
    m_url = { .dialect = Dialect::Sqlite, .name = m_dir->filePath(u"test.db"_s) };
    auto db = Database::open(m_url, Database::Access::ReadWrite);
    QVERIFY(db);
    QVERIFY(migrate(**db));
    m_platform = PlatformId::create();
    m_user = EndUserId::create();
    m_budget = BudgetId::create();
    const QString p = m_platform.toString();
    const QString u = m_user.toString();
    const QString w = WalletId::create().toString();
    QVERIFY((*db)->run(u"INSERT INTO platforms VALUES ('%1', 's', 'n', TRUE, '{}', 1, 1)"_s.arg(p)));
    QVERIFY((*db)->run(u"INSERT INTO wallets VALUES ('%2', '%1', 1000000, NULL, TRUE, 1, 1)"_s.arg(p, w)));
    QVERIFY((*db)->run(u"INSERT INTO wallet_transactions (id, wallet_id, platform_id, type, amount, balance_after, description, "
                       "metadata, created_at) VALUES ('t', '%2', '%1', 'top_up', 1000000, 1000000, '', '{}', 1)"_s.arg(p, w)));
    QVERIFY((*db)->run(u"INSERT INTO end_users VALUES ('%1', '%2', 'e', NULL, '{}', TRUE, 1, 1)"_s.arg(u, p)));
    QVERIFY((*db)->run(u"INSERT INTO budgets VALUES ('%1', '%2', '%3', 500000, 0, 'one_time', 1, 253402300799999, FALSE, NULL, "
                       "NULL, TRUE, FALSE, FALSE, FALSE, NULL, 0, 1, 1)"_s.arg(m_budget.toString(), p, u)));
    QVERIFY((*db)->run(u"INSERT INTO budget_transactions (id, platform_id, end_user_id, budget_id, type, source, amount, "
                       "max_after, used_after, metadata, created_at) VALUES ('o', '%1', '%2', '%3', 'opening', 'api', 500000, "
                       "500000, 0, '{}', 1)"_s.arg(p, u, m_budget.toString())));
    m_journal = std::make_unique<Journal>(m_dir->filePath(u"journal"_s));
    m_metrics = std::make_unique<Metrics>();
    m_writer = std::make_unique<Writer>(
        Writer::Parts { m_url, Clock::system(), m_vault, m_book, *m_journal, *m_metrics, [](Services &) {}, [] {}, {} });
    QVERIFY(m_writer->start());
}

void tst_Writer::cleanup()
{
    m_writer.reset();
    m_book.drop(m_book.committed() + 1);
}

Settlement tst_Writer::settlement(Money cost)
{
    Settlement s;
    s.id = LogRowId::create();
    s.platform = m_platform;
    s.endUser = m_user;
    s.budget = m_budget;
    s.requestId = "request";
    s.requestType = "chat.completion";
    s.modelSlug = "m";
    s.providerModelId = "m";
    s.cost = cost;
    s.isBillable = true;
    s.metadata = "{}";
    s.createdAt = Clock::system().now();
    return s;
}

qint64 tst_Writer::number(const QString &sql)
{
    auto db = Database::open(m_url, Database::Access::ReadOnly);
    Query query = (*db)->prepare(sql);
    return query.exec() && query.next() ? query.integer(0) : -1;
}

bool tst_Writer::booksBalance()
{
    auto db = Database::open(m_url, Database::Access::ReadOnly);
    const auto report = verifyBooks(**db);
    if (report && !report->ok())
        qWarning() << report->toJson();
    return report && report->ok();
}

void tst_Writer::settleAndWait(const QList<Settlement> &all, QList<bool> *outcomes)
{
    QObject asker;
    qsizetype answered = 0;
    for (const Settlement &s : all) {
        m_writer->settle(s, &asker, [&answered, outcomes](const Result<void> &done) {
            ++answered;
            if (outcomes)
                outcomes->append(done.ok());
        });
    }
    QTRY_COMPARE(answered, all.size());
}

void tst_Writer::settlesExactlyOnce()
{
    QList<Settlement> all;
    for (int i = 0; i < 1000; ++i)
        all.append(settlement(Money::fromMicros(i + 1)));
    settleAndWait(all);
    const qint64 sum = 1000 * 1001 / 2;
    QCOMPARE(number(u"SELECT count(*) FROM request_logs"_s), 1000);
    QCOMPARE(number(u"SELECT sum(cost) FROM request_logs"_s), sum);
    QCOMPARE(number(u"SELECT balance FROM wallets"_s), 1'000'000 - sum);
    QCOMPARE(number(u"SELECT used_usd FROM budgets"_s), sum);
    QVERIFY(booksBalance());
    QCOMPARE(m_metrics->billedMicros.value(), sum);
    QCOMPARE(m_metrics->batchSize.sum(), 1000);
    QCOMPARE(m_metrics->journalled.value(), 0);
}

void tst_Writer::writesNothingOfWhatIsNotBillable()
{
    Settlement s = settlement(Money::fromMicros(5));
    s.isBillable = false;
    settleAndWait({ s });
    QCOMPARE(number(u"SELECT count(*) FROM request_logs WHERE billing_status = 'not_billable' AND cost = 0"_s), 1);
    QCOMPARE(number(u"SELECT balance FROM wallets"_s), 1'000'000);
    QVERIFY(booksBalance());
    QCOMPARE(m_metrics->billedMicros.value(), 0);
}

void tst_Writer::onePoisonedSettlementSinksNoOther()
{
    Settlement poisoned = settlement(Money::fromMicros(1));
    poisoned.id = {}; // the column refuses null
    QList<bool> outcomes;
    settleAndWait({ settlement(Money::fromMicros(1)), poisoned, settlement(Money::fromMicros(1)) }, &outcomes);
    QCOMPARE(outcomes.count(false), 1);
    QCOMPARE(number(u"SELECT count(*) FROM request_logs"_s), 2);
    QCOMPARE(number(u"SELECT balance FROM wallets"_s), 999'998);
    QVERIFY(booksBalance());
    QVERIFY(QFile::exists(m_dir->filePath(u"journal"_s)));
    QCOMPARE(m_metrics->billedMicros.value(), 2);
    QCOMPARE(m_metrics->journalled.value(), 1);
    QCOMPARE(m_journal->waiting(), 1);
}

void tst_Writer::whatIsExpectedMayComeOrNot()
{
    // At once, while it looks out, after it has gone back to sleep, and never.
    for (const int afterMs : { 0, 0, 1, 20, 0 }) {
        m_writer->expect();
        QThread::msleep(ulong(afterMs));
        settleAndWait({ settlement(Money::fromMicros(10)) });
        m_writer->expect();
        m_writer->expect();
    }
    QCOMPARE(number(u"SELECT COUNT(*) FROM request_logs"_s), 5);
    // Nor does it keep the writer from sleeping: what waits for nothing costs no processor time.
    QThread::msleep(50);
    const std::clock_t before = std::clock();
    QThread::msleep(200);
    QVERIFY2(std::clock() - before < CLOCKS_PER_SEC / 20, "the writer is still looking out");
    m_writer->expect();
    m_writer->stop();
    QVERIFY(booksBalance());
}

void tst_Writer::failedWriteLeavesNothing()
{
    QObject asker;
    class Job final : public DoorJob
    {
    public:
        explicit Job(bool *delivered) : m_delivered(delivered) {}
        bool run(Services &services) override
        {
            (void)services.context.db.run(u"UPDATE wallets SET balance = 7"_s);
            services.context.changes.add(WalletState { .balance = Money::fromMicros(7) });
            return false;
        }
        void fail(const Error &) override {}
        void deliver() override { *m_delivered = true; }

    private:
        bool *m_delivered;
    };
    bool delivered = false;
    m_writer->enqueue(Mailbox::ofThisThread(), &asker, std::make_shared<Job>(&delivered));
    QTRY_VERIFY(delivered);
    QCOMPARE(number(u"SELECT balance FROM wallets"_s), 1'000'000);
}

void tst_Writer::knowAccount()
{
    AccountChanges known;
    known.add(PlatformState { .id = m_platform });
    known.add(PlatformLimitsState { .platform = m_platform });
    known.add(EndUserLimitsState { .platform = m_platform, .endUser = m_user });
    known.add(ProviderKeysState { m_platform, std::make_shared<QList<ProviderKey>>() });
    known.add(PlatformLimitsState { .platform = m_platform });
    known.add(EndUserLimitsState { .platform = m_platform, .endUser = m_user });
    known.add(WalletState { m_platform, WalletId::create(), Money::fromMicros(1'000'000) });
    known.add(EndUserState { m_platform, m_user });
    known.add(BudgetState { m_platform, m_user, m_budget, true, Money::fromMicros(500'000), Money(), false,
                            Timestamp::fromMs(253402300799999) });
    m_book.publishLoaded(known, m_book.committed());
}

void tst_Writer::publishesWhatItCommitted()
{
    knowAccount();
    const Caller caller { {}, KeyType::EndUser, m_platform, m_user };
    QVERIFY(std::holds_alternative<Admission>(m_book.admit(caller, Clock::system().now())));
    settleAndWait({ settlement(Money::fromMicros(500'000)) });
    const auto gate = m_book.admit(caller, Clock::system().now());
    QVERIFY(std::holds_alternative<Error>(gate));
    QCOMPARE(int(std::get<Error>(gate).code), int(ErrorCode::BudgetExhausted));
}

namespace {

/// A management write of one function; remembers its answer.
class StepJob final : public DoorJob
{
public:
    explicit StepJob(std::function<bool(Services &)> step) : m_step(std::move(step)) {}
    bool run(Services &services) override { return (succeeded = m_step(services)); }
    void fail(const Error &) override { succeeded = false; }
    void deliver() override { delivered = true; }

    bool succeeded = false;
    bool delivered = false;

private:
    std::function<bool(Services &)> m_step;
};

// Keeps the writer busy until what follows waits together.
bool holdUp(Services &)
{
    QThread::msleep(100);
    return true;
}

} // namespace

void tst_Writer::publishesTheLastBalanceOfABatch()
{
    knowAccount();
    QObject asker;
    const auto mailbox = Mailbox::ofThisThread();
    int settled = 0;
    const auto settle = [&] {
        m_writer->settle(settlement(Money::fromMicros(250'000)), &asker, [&](const Result<void> &) { ++settled; });
    };
    m_writer->enqueue(mailbox, &asker, std::make_shared<StepJob>(holdUp));
    settle();
    m_writer->enqueue(mailbox, &asker, std::make_shared<StepJob>([](Services &) { return true; }));
    settle();
    QTRY_COMPARE(settled, 2);
    const auto gate = m_book.admit({ {}, KeyType::EndUser, m_platform, m_user }, Clock::system().now());
    QVERIFY(std::holds_alternative<Error>(gate));
    QCOMPARE(int(std::get<Error>(gate).code), int(ErrorCode::BudgetExhausted));
}

void tst_Writer::commitsNothingOfALostTransaction()
{
    // What SQLite does by itself when the disk is full: everything is rolled back, in the middle of a batch.
    QObject asker;
    const auto mailbox = Mailbox::ofThisThread();
    const auto setBalance = [](Services &services) {
        return services.context.db.run(u"UPDATE wallets SET balance = 7"_s).ok();
    };
    const auto before = std::make_shared<StepJob>(setBalance);
    const auto after = std::make_shared<StepJob>(setBalance);
    Settlement poisoned = settlement(Money::fromMicros(1));
    poisoned.id = {};
    QList<bool> outcomes;
    const auto noteOutcome = [&](const Result<void> &done) { outcomes.append(done.ok()); };
    m_writer->enqueue(mailbox, &asker, std::make_shared<StepJob>(holdUp));
    m_writer->enqueue(mailbox, &asker, before);
    m_writer->enqueue(mailbox, &asker, std::make_shared<StepJob>([](Services &services) {
        (void)services.context.db.run(u"ROLLBACK"_s);
        return false;
    }));
    m_writer->enqueue(mailbox, &asker, after);
    m_writer->settle(settlement(Money::fromMicros(5)), &asker, noteOutcome);
    m_writer->settle(poisoned, &asker, noteOutcome);
    QTRY_COMPARE(outcomes.size(), 2);
    QCOMPARE(outcomes, QList<bool>({ true, false }));
    QVERIFY(before->delivered && !before->succeeded);
    QVERIFY(after->delivered && !after->succeeded);
    QCOMPARE(number(u"SELECT balance FROM wallets"_s), 999'995);
    QCOMPARE(number(u"SELECT count(*) FROM request_logs"_s), 1);
    QVERIFY(booksBalance());
    const auto journal = m_journal->read();
    QVERIFY(journal.ok());
    QVERIFY(QFile::exists(m_dir->filePath(u"journal"_s)));
}

void tst_Writer::debitsNothingForADeletedPlatform()
{
    Settlement s = settlement(Money::fromMicros(5));
    s.platform = PlatformId::create();
    settleAndWait({ s });
    QCOMPARE(number(u"SELECT count(*) FROM request_logs"_s), 0);
    QCOMPARE(number(u"SELECT used_usd FROM budgets"_s), 0);
}

void tst_Writer::recognisesWhatIsThereAlready()
{
    const Settlement s = settlement(Money::fromMicros(5));
    settleAndWait({ s });
    m_writer->stop();
    auto db = Database::open(m_url, Database::Access::ReadWrite);
    AccountChanges changes;
    const ServiceContext context { **db, Clock::system(), m_vault, changes };
    Budgets budgets(context);
    SettlementStore store(context, budgets);
    const auto there = store.isApplied(s);
    QVERIFY(there && *there);
    const auto other = store.isApplied(settlement(Money::fromMicros(5)));
    QVERIFY(other && !*other);
}

void tst_Writer::outlastsADatabaseThatGoesAway_data()
{
    QTest::addColumn<bool>("journalWorks");
    QTest::newRow("bills wait in the journal") << true;
    QTest::newRow("bills wait in memory") << false;
}

void tst_Writer::outlastsADatabaseThatGoesAway()
{
    QFETCH(bool, journalWorks);
    const QString journal = m_dir->filePath(u"journal"_s);
    if (!journalWorks)
        QVERIFY(QDir().mkdir(journal)); // nobody can write to a file of that name
    QObject asker;
    const auto mailbox = Mailbox::ofThisThread();
    const auto failing = std::make_shared<StepJob>([](Services &services) {
        // A full disk, until the connection is made anew.
        return services.context.db.run(u"PRAGMA max_page_count = 1"_s).ok();
    });
    m_writer->enqueue(mailbox, &asker, failing);
    QTRY_VERIFY(failing->delivered);
    QVERIFY(failing->succeeded);
    QVERIFY(!m_writer->isFull());

    const QString elsewhere = m_url.name + u".away"_s;
    QVERIFY(QFile::rename(m_url.name, elsewhere));
    const int calls = 300; // need new pages
    int settled = 0;
    int refused = 0;
    const auto count = [&](const Result<void> &done) { ++(done ? settled : refused); };
    for (int i = 0; i < calls; ++i) {
        Settlement call = settlement(Money::fromMicros(1));
        StoredResponse response;
        response.id = newResponseId();
        call.response = std::make_shared<const StoredResponse>(response);
        m_writer->settle(call, &asker, count);
    }
    QTRY_VERIFY(!m_writer->isHealthy());
    QVERIFY(m_writer->isFull());
    const auto job = std::make_shared<StepJob>([](Services &) { return true; });
    m_writer->enqueue(mailbox, &asker, job);
    QTRY_VERIFY_WITH_TIMEOUT(job->delivered, 200);
    QVERIFY(!job->succeeded);

    QTRY_VERIFY_WITH_TIMEOUT(refused > 0, 10'000); // told, once they have waited long enough
    QTRY_COMPARE(refused + settled, calls);
    QVERIFY(!m_writer->isHealthy());
    QCOMPARE(QFileInfo(journal).isFile() && QFileInfo(journal).size() > 0, journalWorks);
    // Those whom the first attempt billed are in neither place.
    QCOMPARE(m_metrics->journalled.value(), journalWorks ? refused : 0);
    QCOMPARE(m_journal->waiting(), journalWorks ? refused : 0);
    QTRY_COMPARE(m_writer->waiting(), size_t(journalWorks ? 0 : refused));
    QVERIFY(QFile::rename(elsewhere, m_url.name));
    QTRY_VERIFY(m_writer->isHealthy());
    QVERIFY(!QFileInfo(journal).isFile());
    QCOMPARE(number(u"SELECT count(*) FROM request_logs"_s), calls);
    QCOMPARE(number(u"SELECT balance FROM wallets"_s), 1'000'000 - calls);
    QCOMPARE(number(u"SELECT count(*) FROM responses"_s), settled); // whoever got an error knows of none
    QCOMPARE(m_metrics->billedMicros.value(), calls); // each once, wherever it waited
    QCOMPARE(m_metrics->batchSize.sum(), calls + 1); // and what emptied the disk
    QCOMPARE(m_metrics->unbilled.value(), 0);
    QCOMPARE(m_journal->waiting(), 0);
    QCOMPARE(m_writer->waiting(), size_t(0));
    settleAndWait({ settlement(Money::fromMicros(1)) });
    QVERIFY(booksBalance());
}

QTEST_GUILESS_MAIN(tst_Writer)
#include "tst_writer.moc"
