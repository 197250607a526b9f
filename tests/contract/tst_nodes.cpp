// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/engine.h"
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "ledger/commitorder.h"
#include "limits/ratelimiter.h"
#include "services/bootstrap.h"
#include "services/services.h"
#include "services/verify.h"
#include "store/migrations.h"

#include <QtCore/QElapsedTimer>
#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtNetwork/QNetworkAccessManager>
#include <QtNetwork/QNetworkReply>
#include <QtTest/QSignalSpy>
#include <QtTest/QTest>

#include <csignal>

using namespace assistiv;
using namespace Qt::StringLiterals;

/// Several gateways on one PostgreSQL database (docs/architecture.md, "Several nodes"): what one commits the others
/// know, who waits for whom, and what happens when they cannot hear each other.
class tst_Nodes : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    // Messages and the lock of management writes are of a whole database.
    void initTestCase() { ScratchDatabase::useWholeDatabases(); }
    void init();
    void cleanup();

    // The ear.
    void hearsBalancesOfOthers();
    void hearsLongNewsInParts();
    void skipsWhatItsOwnWriterPublished();
    void hearsItsOwnCommitWhenTheAnswerWasLost();
    void missingNewsDropTheBook();
    void newsItDoesNotUnderstandDropTheBook();
    void listensAgainWhenTheLineWasLost();
    void knowsWhoIsAlive();
    void exchangesCounts();
    void tellsLaterWhatItCountedWithoutALine();
    void forgetsLimitsThatOthersChanged();

    // The writer among others.
    void runsABatchAgainAfterADeadlock();
    void waitsLongerThanTheLockTimeout();
    void settlesWhileAnotherOneManages();
    void numbersGrowInTheOrderOfCommits();
    void announcesALowBalanceOnce();
    void skipsResetsThatAnotherOneIsAtWorkOn();

    // Whole gateways.
    void revokedKeysAreRefusedEverywhere();
    void trustsNothingForLongWhileItIsDeaf();
    void catalogueChangesAreSeenEverywhere();
    void survivesTheLossOfAllConnections();
    void manyStartAtOnce();
    void refusesAnotherMasterKey();
    void adminKeysOfTheCommandAreKnownAtOnce();

private:
    struct Ear
    {
        Ear(const DatabaseUrl &url, const QByteArray &name);
        bool knows(const PlatformId &platform) const;
        bool hasNoTokensLeft(const PlatformId &platform, const EndUserId &user);

        AccountBook book;
        RateLimiter limiter { Clock::system() };
        std::atomic<quint64> published = 0;
        std::atomic<int> catalogueReads = 0;
        std::unique_ptr<Nodes> nodes;
    };

    Result<quint64> commit(const AccountChanges &changes, const QByteArray &node = "other");
    std::unique_ptr<Database> connection()
    {
        return valueOf(Database::open(m_scratch->url(), Database::Access::ReadWrite));
    }
    void cutLines();
    void makeAccount();
    std::unique_ptr<Writer> writer(AccountBook &book);
    Settlement settlement(Money cost);
    std::unique_ptr<Engine> engine(const QString &dataDir, const DatabaseUrl &url);
    CreatedPlatform openWithPlatform(Engine &engine);
    void revokeOn(Engine &engine, const CreatedPlatform &made);
    int statusOf(const Engine &engine, const QString &path, const QByteArray &key);
    bool booksBalance();

    static inline const Vault TheVault { QByteArray(Vault::KeyBytes, 'k') };
    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<QTemporaryDir> m_dir;
    std::unique_ptr<Journal> m_journal;
    Metrics m_metrics;
    QNetworkAccessManager m_network;
    PlatformId m_platform;
    EndUserId m_user;
    BudgetId m_budget;
};

namespace {

constexpr qint64 SomeTokens = 10;

/// A management write of one function; remembers how it went.
class NodeJob final : public DoorJob
{
public:
    explicit NodeJob(std::function<bool(Services &)> step) : m_step(std::move(step)) {}
    bool run(Services &services) override { return (succeeded = m_step(services)); }
    void fail(const Error &) override { succeeded = false; }
    void deliver() override { delivered = true; }

    bool succeeded = false;
    bool delivered = false;

private:
    std::function<bool(Services &)> m_step;
};

/// All accounts of a platform with one wallet, as a load would publish them.
AccountChanges platformWith(const PlatformId &platform, Money balance)
{
    AccountChanges states;
    states.add(PlatformState { .id = platform });
    states.add(ProviderKeysState { platform, std::make_shared<QList<ProviderKey>>() });
    states.add(PlatformLimitsState { .platform = platform });
    states.add(WalletState { platform, WalletId::create(), balance });
    return states;
}

} // namespace

tst_Nodes::Ear::Ear(const DatabaseUrl &url, const QByteArray &name)
{
    nodes = std::make_unique<Nodes>(Nodes::Parts { .database = url,
                                                   .clock = Clock::system(),
                                                   .vault = TheVault,
                                                   .book = book,
                                                   .limiter = limiter,
                                                   .self = name,
                                                   .published = [this] { return published.load(); },
                                                   .catalogueChanged = [this](Services &) { ++catalogueReads; } });
    if (!QTest::qWaitFor([this] { return nodes->isListening(); }))
        qFatal("does not listen");
}

bool tst_Nodes::Ear::knows(const PlatformId &platform) const
{
    const auto gate = book.admit({ {}, KeyType::Platform, platform, {} }, Clock::system().now());
    return !std::holds_alternative<AccountBook::Miss>(gate);
}

void tst_Nodes::init()
{
    m_scratch = std::make_unique<ScratchDatabase>(Dialect::PostgreSql);
    m_dir = std::make_unique<QTemporaryDir>();
    m_journal = std::make_unique<Journal>(m_dir->filePath(u"journal"_s));
}

void tst_Nodes::cleanup()
{
    m_journal.reset();
    m_scratch.reset();
}

Result<quint64> tst_Nodes::commit(const AccountChanges &changes, const QByteArray &node)
{
    Transaction transaction(m_scratch->db());
    const auto number = CommitOrder(m_scratch->db(), AccountBook()).seal(changes, node);
    if (!number || !transaction.commit())
        return databaseUnavailable();
    return *number;
}

// Ends all sessions on the test's database, as lost lines would.
void tst_Nodes::cutLines()
{
    mustSucceed(connection()->run(u"SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                  "WHERE datname = current_database() AND pid <> pg_backend_pid()"_s));
    mustSucceed(m_scratch->db().reconnect());
}

void tst_Nodes::hearsBalancesOfOthers()
{
    Ear ear(m_scratch->url(), "me");
    const PlatformId platform = PlatformId::create();
    ear.book.publishLoaded(platformWith(platform, Money::fromMicros(5)), ear.book.committed());
    const auto gate = [&] { return ear.book.admit({ {}, KeyType::Platform, platform, {} }, Clock::system().now()); };
    QVERIFY(std::holds_alternative<Admission>(gate()));
    AccountChanges emptied;
    emptied.add(WalletState { .platform = platform, .balance = Money() });
    const quint64 number = valueOf(commit(emptied));
    QTRY_COMPARE_WITH_TIMEOUT(ear.book.committed(), number, 1'000);
    QVERIFY(std::holds_alternative<Error>(gate()));
    // A load whose snapshot is older must not bring the money back.
    ear.book.publishLoaded(platformWith(platform, Money::fromMicros(5)), number - 1);
    QVERIFY(std::holds_alternative<Error>(gate()));
}

void tst_Nodes::hearsLongNewsInParts()
{
    Ear ear(m_scratch->url(), "me");
    AccountChanges many;
    QList<PlatformId> platforms;
    for (int i = 0; i < 500; ++i) {
        platforms.append(PlatformId::create());
        ear.book.publishLoaded(platformWith(platforms.constLast(), Money::fromMicros(5)), ear.book.committed());
        many.add(PlatformState { .id = platforms.constLast() });
    }
    QVERIFY(newsMessages("other", 1, many).size() > 2);
    valueOf(commit(many));
    QTRY_VERIFY(std::none_of(platforms.begin(), platforms.end(), [&](const auto &p) { return ear.knows(p); }));
    const int reads = ear.catalogueReads;
    AccountChanges catalogue;
    catalogue.catalogue = true;
    const quint64 next = valueOf(commit(catalogue));
    QTRY_COMPARE(ear.book.committed(), next); // nothing was taken for missing
    QCOMPARE(ear.catalogueReads, reads + 1);
}

void tst_Nodes::skipsWhatItsOwnWriterPublished()
{
    Ear ear(m_scratch->url(), "me");
    const PlatformId platform = PlatformId::create();
    AccountChanges changes = platformWith(platform, Money::fromMicros(5));
    ear.published = ear.book.committed() + 1;
    const quint64 own = valueOf(commit(changes, "me"));
    QCOMPARE(own, ear.published);
    ear.book.publishCommit(changes, own);
    AccountChanges other;
    other.catalogue = true;
    const quint64 next = valueOf(commit(other));
    QTRY_COMPARE(ear.book.committed(), next);
    QVERIFY(ear.knows(platform));
}

void tst_Nodes::hearsItsOwnCommitWhenTheAnswerWasLost()
{
    Ear ear(m_scratch->url(), "me");
    const PlatformId platform = PlatformId::create();
    ear.book.publishLoaded(platformWith(platform, Money::fromMicros(5)), ear.book.committed());
    AccountChanges changes;
    changes.add(PlatformState { .id = platform });
    valueOf(commit(changes, "me")); // the writer never came to publishing it
    QTRY_VERIFY(!ear.knows(platform));
}

void tst_Nodes::missingNewsDropTheBook()
{
    Ear ear(m_scratch->url(), "me");
    const PlatformId platform = PlatformId::create();
    ear.book.publishLoaded(platformWith(platform, Money::fromMicros(5)), ear.book.committed());
    mustSucceed(m_scratch->db().run(u"UPDATE node_clock SET n = n + 1"_s));
    const int reads = ear.catalogueReads;
    const quint64 number = valueOf(commit({}));
    QTRY_VERIFY(!ear.knows(platform));
    QTRY_COMPARE(ear.catalogueReads, reads + 1);
    QTRY_VERIFY(ear.nodes->isListening());
    QCOMPARE(ear.book.committed(), number);
    // And it goes on from there.
    ear.book.publishLoaded(platformWith(platform, Money::fromMicros(5)), number);
    const quint64 next = valueOf(commit({}));
    QTRY_COMPARE(ear.book.committed(), next);
    QVERIFY(ear.knows(platform));
}

void tst_Nodes::newsItDoesNotUnderstandDropTheBook()
{
    Ear ear(m_scratch->url(), "me");
    const PlatformId platform = PlatformId::create();
    ear.book.publishLoaded(platformWith(platform, Money::fromMicros(5)), ear.book.committed());
    mustSucceed(NodeStore(m_scratch->db()).notify(CommitOrder::channel(), "2 of another time"));
    QTRY_VERIFY(!ear.knows(platform));
    QTRY_VERIFY(ear.nodes->isListening());
}

void tst_Nodes::listensAgainWhenTheLineWasLost()
{
    Ear ear(m_scratch->url(), "me");
    const PlatformId platform = PlatformId::create();
    ear.book.publishLoaded(platformWith(platform, Money::fromMicros(5)), ear.book.committed());
    const int reads = ear.catalogueReads;
    cutLines();
    const quint64 number = valueOf(commit({})); // what nobody hears
    QTRY_VERIFY(ear.catalogueReads > reads);
    QTRY_VERIFY(ear.nodes->isListening());
    QVERIFY(!ear.knows(platform));
    QCOMPARE(ear.book.committed(), number);
    const quint64 next = valueOf(commit({}));
    QTRY_COMPARE(ear.book.committed(), next);
}

void tst_Nodes::knowsWhoIsAlive()
{
    Ear one(m_scratch->url(), "one");
    {
        Ear two(m_scratch->url(), "two");
        QTRY_COMPARE(one.nodes->seen().size(), 1);
        QCOMPARE(one.nodes->seen().constFirst().id, u"two"_s);
        QTRY_COMPARE(two.nodes->seen().size(), 1);
        const Timestamp first = one.nodes->seen().constFirst().lastHeardAt;
        QTRY_VERIFY_WITH_TIMEOUT(one.nodes->seen().constFirst().lastHeardAt > first, 2 * Nodes::HeartbeatMs);
    }
    QTRY_VERIFY_WITH_TIMEOUT(one.nodes->seen().isEmpty(), Nodes::ForgetMs + 2'000);
}

bool tst_Nodes::Ear::hasNoTokensLeft(const PlatformId &platform, const EndUserId &user)
{
    const CallLimits limits { .endUser = { .tokensPerMinute = SomeTokens } };
    return std::holds_alternative<RateLimiter::Denied>(limiter.admit(platform, user, limits));
}

void tst_Nodes::exchangesCounts()
{
    Ear one(m_scratch->url(), "one");
    const PlatformId platform = PlatformId::create();
    const EndUserId user = EndUserId::create();
    {
        Ear two(m_scratch->url(), "two");
        for (int i = 0; i < 3; ++i)
            (void)two.limiter.admit(platform, {}, {});
        two.limiter.addTokens(platform, user, SomeTokens);
        QElapsedTimer told;
        told.start();
        QTRY_VERIFY(one.hasNoTokensLeft(platform, user));
        QVERIFY2(told.elapsed() < 1'000, qPrintable(QString::number(told.elapsed())));
        const auto verdict = one.limiter.admit(platform, {}, { .platform = { .requestsPerMinute = 3 } });
        QVERIFY(std::holds_alternative<RateLimiter::Denied>(verdict));
        QVERIFY(two.hasNoTokensLeft(platform, user)); // what it hears of itself is not counted again
        QCOMPARE(two.limiter.size(), 2u);
    }
    QTRY_VERIFY_WITH_TIMEOUT(!one.hasNoTokensLeft(platform, user), Nodes::ForgetMs + 2'000);
}

void tst_Nodes::tellsLaterWhatItCountedWithoutALine()
{
    Ear one(m_scratch->url(), "one");
    Ear two(m_scratch->url(), "two");
    QTRY_VERIFY(!one.nodes->seen().isEmpty() && !two.nodes->seen().isEmpty());
    cutLines();
    const PlatformId platform = PlatformId::create();
    const EndUserId user = EndUserId::create();
    two.limiter.addTokens(platform, user, SomeTokens);
    QTRY_VERIFY(one.hasNoTokensLeft(platform, user));
}

void tst_Nodes::forgetsLimitsThatOthersChanged()
{
    Ear ear(m_scratch->url(), "me");
    const PlatformId platform = PlatformId::create();
    AccountChanges limits;
    limits.add(PlatformLimitsState { .platform = platform });
    ear.book.publishLoaded(platformWith(platform, Money::fromMicros(5)), ear.book.committed());
    QVERIFY(ear.knows(platform));
    valueOf(commit(limits));
    QTRY_VERIFY(!ear.knows(platform));
}

void tst_Nodes::makeAccount()
{
    m_platform = m_scratch->addPlatform();
    m_user = m_scratch->addEndUser(m_platform);
    Services services(m_scratch->context());
    mustSucceed(m_scratch->attempt([&]() -> Result<void> {
        if (const auto wallet = services.wallets.create(m_platform); !wallet)
            return wallet.error();
        const Actor actor = systemActor();
        if (const auto filled = services.wallets.topUp(m_platform, Money::fromMicros(1'000'000), {}, actor); !filled)
            return filled.error();
        const auto opened = services.budgets.create(
            m_platform, m_user, { .max = Money::fromMicros(500'000), .period = BudgetPeriod::Daily }, actor);
        if (!opened)
            return opened.error();
        m_budget = opened->budget.id;
        return {};
    }));
}

std::unique_ptr<Writer> tst_Nodes::writer(AccountBook &book)
{
    auto made = std::make_unique<Writer>(Writer::Parts { m_scratch->url(), m_scratch->clock, TheVault, book, *m_journal,
                                                         m_metrics, [](Services &) {}, [] {}, "writer" });
    mustSucceed(made->start());
    return made;
}

Settlement tst_Nodes::settlement(Money cost)
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
    s.createdAt = m_scratch->clock.now();
    return s;
}

bool tst_Nodes::booksBalance()
{
    const auto report = verifyBooks(m_scratch->db());
    if (report && !report->ok())
        qWarning() << report->toJson();
    return report && report->ok();
}

void tst_Nodes::runsABatchAgainAfterADeadlock()
{
    makeAccount();
    AccountBook book;
    const auto ours = writer(book);
    const auto db = connection();
    mustSucceed(db->run(u"SET deadlock_timeout = '1min'"_s)); // it is ours that gives way
    Transaction other(*db);
    mustSucceed(db->run(u"UPDATE budgets SET updated_at = updated_at"_s));
    std::optional<bool> settled;
    ours->settle(settlement(Money::fromMicros(5)), this, [&](const Result<void> &done) { settled = done.ok(); });
    // Once it has the wallet and waits for the budget, the other one asks for the wallet.
    QTRY_COMPARE(m_scratch->number(u"SELECT count(*) FROM pg_locks WHERE NOT granted"_s), 1);
    mustSucceed(db->run(u"SET LOCAL lock_timeout = '1min'"_s));
    mustSucceed(db->run(u"UPDATE wallets SET updated_at = updated_at"_s)); // returns when ours has given way
    QVERIFY(!settled);
    mustSucceed(other.commit());
    QTRY_COMPARE(settled, true);
    QVERIFY(ours->isHealthy());
    QVERIFY(valueOf(m_journal->read()).isEmpty());
    QCOMPARE(m_scratch->number(u"SELECT balance FROM wallets"_s), 999'995);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM request_logs"_s), 1);
    QVERIFY(booksBalance());
}

void tst_Nodes::waitsLongerThanTheLockTimeout()
{
    makeAccount();
    AccountBook book;
    const auto ours = writer(book);
    const auto db = connection();
    Transaction other(*db);
    mustSucceed(db->run(u"UPDATE wallets SET updated_at = updated_at"_s));
    std::optional<bool> settled;
    ours->settle(settlement(Money::fromMicros(5)), this, [&](const Result<void> &done) { settled = done.ok(); });
    QTest::qWait(6'000); // one second more than Database::LockTimeout
    QVERIFY(!settled);
    QVERIFY(ours->isHealthy());
    mustSucceed(other.commit());
    QTRY_COMPARE(settled, true);
    QVERIFY(valueOf(m_journal->read()).isEmpty());
    QCOMPARE(m_scratch->number(u"SELECT balance FROM wallets"_s), 999'995);
}

void tst_Nodes::settlesWhileAnotherOneManages()
{
    makeAccount();
    AccountBook book;
    const auto ours = writer(book);
    const auto db = connection();
    Transaction other(*db);
    mustSucceed(NodeStore(*db).lockOthersOut(1'000));
    QList<int> order;
    const auto first = std::make_shared<NodeJob>([&](Services &) { order.append(1); return true; });
    const auto second = std::make_shared<NodeJob>([&](Services &) { order.append(2); return true; });
    ours->enqueue(Mailbox::ofThisThread(), this, first);
    ours->enqueue(Mailbox::ofThisThread(), this, second);
    int settled = 0;
    for (int i = 0; i < 20; ++i)
        ours->settle(settlement(Money::fromMicros(5)), this, [&](const Result<void> &done) { settled += done.ok(); });
    QTRY_COMPARE_WITH_TIMEOUT(settled, 20, 1'000);
    QVERIFY(!first->delivered && !second->delivered);
    QVERIFY(ours->isHealthy());
    mustSucceed(other.commit());
    QTRY_VERIFY(first->delivered && second->delivered);
    QVERIFY(first->succeeded && second->succeeded);
    QCOMPARE(order, QList<int>({ 1, 2 }));
    QVERIFY(booksBalance());
}

void tst_Nodes::numbersGrowInTheOrderOfCommits()
{
    // Three writers on one wallet; each commit's balance must be lower than the one before, in the order of the
    // numbers.
    makeAccount();
    AccountBook books[3];
    std::vector<std::unique_ptr<Writer>> writers;
    for (AccountBook &book : books)
        writers.push_back(writer(book));
    std::mutex mutex;
    QMap<quint64, qint64> balances;
    const auto listener = valueOf(Database::open(m_scratch->url(), Database::Access::ReadOnly));
    mustSucceed(listener->listen(CommitOrder::channel(), this, [&](const QString &message) {
        const auto news = newsFrom(message.toLatin1());
        QVERIFY(news);
        QVERIFY(balances.isEmpty() || news->number == balances.lastKey() + 1);
        balances[news->number] = news->changes.wallets.constFirst().balance.micros();
    }));
    int settled = 0;
    const auto note = [&](const Result<void> &done) { settled += done.ok(); };
    constexpr int Each = 100;
    for (int i = 0; i < Each; ++i) {
        for (const auto &each : writers)
            each->settle(settlement(Money::fromMicros(1)), this, note);
        QTest::qWait(0);
    }
    QTRY_COMPARE(settled, 3 * Each);
    QTRY_COMPARE(balances.isEmpty() ? 0 : balances.last(), 1'000'000 - 3 * Each);
    qint64 before = 1'000'000;
    for (const qint64 balance : std::as_const(balances)) {
        QVERIFY(balance < before);
        before = balance;
    }
    QVERIFY(booksBalance());
}

void tst_Nodes::announcesALowBalanceOnce()
{
    makeAccount();
    mustSucceed(m_scratch->db().run(u"UPDATE budgets SET low_balance_threshold = 499950, is_armed = TRUE"_s));
    AccountBook books[2];
    std::vector<std::unique_ptr<Writer>> writers;
    for (AccountBook &book : books)
        writers.push_back(writer(book));
    int settled = 0;
    const auto note = [&](const Result<void> &done) { settled += done.ok(); };
    constexpr int Each = 50;
    for (int i = 0; i < Each; ++i) {
        for (const auto &each : writers)
            each->settle(settlement(Money::fromMicros(1)), this, note);
        QTest::qWait(0);
    }
    QTRY_COMPARE(settled, 2 * Each);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM webhook_messages"_s), 1);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM budgets WHERE is_armed"_s), 0);
    QVERIFY(booksBalance());
}

void tst_Nodes::skipsResetsThatAnotherOneIsAtWorkOn()
{
    makeAccount();
    m_scratch->clock.advanceMs(2 * 86'400'000);
    Services services(m_scratch->context());
    const auto reset = [&] { return m_scratch->attempt([&] { return services.budgets.resetDue(10); }); };
    {
        const auto db = connection();
        Transaction other(*db);
        mustSucceed(db->run(u"UPDATE budgets SET updated_at = updated_at"_s));
        QCOMPARE(valueOf(reset()), 0);
    }
    QCOMPARE(valueOf(reset()), 1);
    QCOMPARE(valueOf(reset()), 0);
}

std::unique_ptr<Engine> tst_Nodes::engine(const QString &dataDir, const DatabaseUrl &url)
{
    EngineSettings settings;
    settings.version = u"test"_s;
    settings.dataDir = m_dir->filePath(dataDir);
    QDir().mkpath(settings.dataDir);
    settings.database = url;
    settings.port = 0;
    settings.workers = 1;
    settings.graceMs = 1'000;
    return std::make_unique<Engine>(std::move(settings),
                                    std::make_shared<const Vault>(QByteArray(Vault::KeyBytes, 'k')));
}

int tst_Nodes::statusOf(const Engine &engine, const QString &path, const QByteArray &key)
{
    QNetworkRequest request { QUrl(engine.origin() + path) };
    request.setRawHeader("Authorization", "Bearer " + key);
    const std::unique_ptr<QNetworkReply> reply(m_network.get(request));
    if (!QTest::qWaitFor([&] { return reply->isFinished(); }))
        return 0;
    return reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
}

CreatedPlatform tst_Nodes::openWithPlatform(Engine &engine)
{
    CreatedPlatform made;
    mustSucceed(engine.open([&](Services &services) -> Result<void> {
        auto created = services.platforms.create({ .name = u"Acme"_s, .slug = u"acme"_s });
        if (!created)
            return created.error();
        made = *created;
        return {};
    }));
    return made;
}

void tst_Nodes::revokeOn(Engine &engine, const CreatedPlatform &made)
{
    std::optional<bool> revoked;
    engine.write(
        this,
        [made](Services &services) -> Result<bool> {
            if (const auto done = services.apiKeys.revoke(made.platform.id, made.key.key.id); !done)
                return done.error();
            return true;
        },
        [&](const Result<bool> &done) { revoked = done.ok(); });
    QTRY_COMPARE(revoked, true);
}

void tst_Nodes::revokedKeysAreRefusedEverywhere()
{
    const auto a = engine(u"a"_s, m_scratch->url());
    const auto b = engine(u"b"_s, m_scratch->url());
    const CreatedPlatform made = openWithPlatform(*a);
    mustSucceed(b->open());
    mustSucceed(a->listen());
    mustSucceed(b->listen());
    QTRY_VERIFY(!a->status().otherNodes.isEmpty() && !b->status().otherNodes.isEmpty());
    QCOMPARE(a->status().otherNodes.constFirst().id, b->status().nodeId);

    const QString path = u"/v1/platforms/%1/wallet"_s.arg(made.platform.id.toString());
    const QByteArray key = made.key.rawKey.toLatin1();
    QCOMPARE(statusOf(*a, path, key), 200);
    QCOMPARE(statusOf(*b, path, key), 200);
    revokeOn(*a, made);
    QCOMPARE(statusOf(*a, path, key), 401);
    QTRY_COMPARE_WITH_TIMEOUT(statusOf(*b, path, key), 401, 1'000);
}

void tst_Nodes::trustsNothingForLongWhileItIsDeaf()
{
    const auto a = engine(u"a"_s, m_scratch->url());
    const auto b = engine(u"b"_s, m_scratch->url());
    const CreatedPlatform made = openWithPlatform(*a);
    mustSucceed(b->open());
    mustSucceed(b->listen());
    const QString path = u"/v1/platforms/%1/wallet"_s.arg(made.platform.id.toString());
    const QByteArray key = made.key.rawKey.toLatin1();
    QTRY_VERIFY(!b->status().otherNodes.isEmpty());
    QCOMPARE(statusOf(*b, path, key), 200);

    // The server's end of b's line to the others stops: the line is open, and nothing comes.
    const qint64 pid = m_scratch->number(u"SELECT pid FROM pg_stat_activity WHERE query LIKE '%assistiv_limits%%1%' "
                                         "AND pid <> pg_backend_pid()"_s.arg(b->status().nodeId));
    QVERIFY(pid > 0);
    if (::kill(pid_t(pid), SIGSTOP) != 0)
        QSKIP("the server is not on this machine, or not ours");
    const auto goOn = qScopeGuard([pid] { ::kill(pid_t(pid), SIGCONT); });
    revokeOn(*a, made);
    QTRY_COMPARE_WITH_TIMEOUT(statusOf(*b, path, key), 401, Nodes::DeafMs + 2'000);
}

void tst_Nodes::catalogueChangesAreSeenEverywhere()
{
    const auto a = engine(u"a"_s, m_scratch->url());
    const auto b = engine(u"b"_s, m_scratch->url());
    mustSucceed(a->open());
    mustSucceed(b->open());
    // Started later, with a file of its own: the others must hear of that, too.
    const quint64 before = a->committed();
    const auto c = engine(u"c"_s, m_scratch->url());
    mustSucceed(c->open([](Services &services) -> Result<void> {
        const QByteArray file = R"({"providers":[
            {"slug":"local","kind":"openai","base_url":"http://127.0.0.1:1/v1"}]})";
        const auto applied = applyBootstrap(services, QJsonDocument::fromJson(file).object());
        return applied ? Result<void>() : Result<void>(applied.error());
    }));
    QTRY_VERIFY(a->committed() != before);
    QTRY_COMPARE(a->committed(), b->committed());
}

void tst_Nodes::survivesTheLossOfAllConnections()
{
    const auto a = engine(u"a"_s, m_scratch->url());
    const CreatedPlatform made = openWithPlatform(*a);
    mustSucceed(a->listen());
    const QString path = u"/v1/platforms/%1/wallet"_s.arg(made.platform.id.toString());
    const QByteArray key = made.key.rawKey.toLatin1();
    QCOMPARE(statusOf(*a, path, key), 200);
    for (int round = 0; round < 3; ++round) {
        cutLines();
        // A reader notices when it begins and asks anew: nobody sees an error.
        for (int i = 0; i < 4; ++i)
            QCOMPARE(statusOf(*a, path, key), 200);
        // The writer's caller may have to repeat.
        const auto topUp = [&] {
            std::optional<bool> done;
            a->write(
                this,
                [id = made.platform.id](Services &services) {
                    return services.wallets.topUp(id, Money::fromMicros(1), {}, systemActor());
                },
                [&](const Result<WalletRow> &row) { done = row.ok(); });
            return QTest::qWaitFor([&] { return done.has_value(); }, 10'000) && *done;
        };
        QVERIFY(topUp() || topUp());
    }
    QVERIFY(booksBalance());
}

void tst_Nodes::manyStartAtOnce()
{
    // An empty database of our own: nothing has been migrated.
    const QString name = u"assistiv_test_"_s + QUuid::createUuid().toString(QUuid::Id128);
    mustSucceed(m_scratch->db().run(u"CREATE DATABASE "_s + name));
    DatabaseUrl url = m_scratch->url();
    url.name = name;
    constexpr int Count = 4;
    std::mutex mutex;
    QStringList problems;
    QByteArrayList madeKeys;
    std::vector<std::unique_ptr<QThread>> threads;
    for (int i = 0; i < Count; ++i) {
        threads.emplace_back(QThread::create([&, i] {
            const auto problem = [&](const QString &what) {
                const std::scoped_lock lock(mutex);
                problems.append(what);
            };
            const auto db = Database::open(url, Database::Access::ReadWrite);
            if (!db)
                return problem(db.error().message);
            if (const auto migrated = migrate(**db); !migrated)
                return problem(migrated.error().message);
            const auto node = engine(u"node%1"_s.arg(i), url);
            const auto opened = node->open([&](Services &services) -> Result<void> {
                const QByteArray file = R"({"platforms":[{"slug":"acme","wallet_usd":100,"keys":[{"name":"ci"}],
                    "end_users":[{"external_id":"u","budget":{"max_usd":10}}]}]})";
                const auto applied = applyBootstrap(services, QJsonDocument::fromJson(file).object());
                if (!applied)
                    return applied.error();
                const std::scoped_lock lock(mutex);
                if (!applied->adminKey.isEmpty())
                    madeKeys.append(applied->adminKey.toLatin1());
                return {};
            });
            if (!opened)
                problem(opened.error().message);
        }));
        threads.back()->start();
    }
    for (const auto &thread : threads)
        QVERIFY(thread->wait(60'000));
    QCOMPARE(problems, QStringList());
    QCOMPARE(madeKeys.size(), 1);
    {
        const auto db = valueOf(Database::open(url, Database::Access::ReadOnly));
        Query count = db->prepare(u"SELECT (SELECT count(*) FROM platforms), (SELECT count(*) FROM end_users), "
                                  "(SELECT balance FROM wallets), "
                                  "(SELECT count(*) FROM api_keys WHERE type = 'admin')"_s);
        QVERIFY(count.exec() && count.next());
        QCOMPARE(count.integer(0), 1);
        QCOMPARE(count.integer(1), 1);
        QCOMPARE(count.integer(2), 100'000'000);
        QCOMPARE(count.integer(3), 1);
        const auto report = verifyBooks(*db);
        QVERIFY(report && report->ok());
    }
    mustSucceed(m_scratch->db().run(u"DROP DATABASE %1 WITH (FORCE)"_s.arg(name)));
}

void tst_Nodes::refusesAnotherMasterKey()
{
    mustSucceed(engine(u"a"_s, m_scratch->url())->open());
    EngineSettings settings;
    settings.dataDir = m_dir->path();
    settings.database = m_scratch->url();
    Engine other(settings, std::make_shared<const Vault>(QByteArray(Vault::KeyBytes, 'x')));
    const auto opened = other.open();
    QVERIFY(!opened);
    QCOMPARE(int(opened.error().code), int(ErrorCode::Conflict));
}

void tst_Nodes::adminKeysOfTheCommandAreKnownAtOnce()
{
    const auto a = engine(u"a"_s, m_scratch->url());
    mustSucceed(a->open());
    mustSucceed(a->listen());
    QTRY_VERIFY(a->status().isServing);
    const auto make = [&](bool rotate) {
        Services services(m_scratch->context());
        m_scratch->changes = {};
        Transaction transaction(m_scratch->db());
        if (rotate)
            mustSucceed(services.apiKeys.revokeAdminKeys());
        const MintedKey key = valueOf(services.apiKeys.createAdminKey());
        valueOf(CommitOrder(m_scratch->db(), AccountBook()).seal(m_scratch->changes, "admin-key"));
        mustSucceed(transaction.commit());
        return key.rawKey.toLatin1();
    };
    const QByteArray first = make(false);
    QTRY_COMPARE(statusOf(*a, u"/v1/admin/status"_s, first), 200);
    const QByteArray second = make(true);
    QTRY_COMPARE_WITH_TIMEOUT(statusOf(*a, u"/v1/admin/status"_s, first), 401, 1'000);
    QCOMPARE(statusOf(*a, u"/v1/admin/status"_s, second), 200);
}

QTEST_GUILESS_MAIN(tst_Nodes)
#include "tst_nodes.moc"
