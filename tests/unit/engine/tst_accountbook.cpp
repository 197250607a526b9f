// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/catalogsnapshot.h"
#include "ledger/accountbook.h"

#include <QtTest/QTest>

#include <atomic>
#include <thread>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_AccountBook : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void authenticates_data();
    void authenticates();
    void asksForWhatItDoesNotKnow();
    void gates_data();
    void gates();
    void reportsTheFirstClosedGate();
    void platformKeysSkipTheBudget();
    void tellsTheLimitsWhateverTheGatesSay();
    void limitsThatAreNotKnownAreAMiss();
    void slowLoadCannotUndoACommit();
    void commitBeforeTheLoadIsKept();
    void lastStateOfACommitCounts();
    void loadBegunBeforeADropIsRefused();
    void loadBegunInADropIsKept();
    void appliesTheBalancesOfOthers();
    void forgetsWhatOthersChanged_data();
    void forgetsWhatOthersChanged();
    void lateNewsCannotUndoACommit();
    void lateCommitCannotUndoNews();
    void takesNothingOlderThanTheFloor();
    void keepsTheNewerCatalogue();
    void notesUseOnceAMinute();
    void survivesManyThreads();

private:
    struct Account
    {
        KeyState key;
        PlatformState platform;
        WalletState wallet;
        EndUserState user;
        BudgetState budget;
    };
    static Account account(KeyType type = KeyType::EndUser);
    static AccountChanges changes(const Account &account);
    void commit(const AccountChanges &changed) { m_book->publishCommit(changed, m_book->committed() + 1); }
    void load(const Account &account) { m_book->publishLoaded(changes(account), m_book->committed()); }
    QString gate(const Account &account, Timestamp now = Now);

    static constexpr Timestamp Now = Timestamp::fromMs(1'000'000);
    std::unique_ptr<AccountBook> m_book;
};

void tst_AccountBook::init()
{
    m_book = std::make_unique<AccountBook>();
}

tst_AccountBook::Account tst_AccountBook::account(KeyType type)
{
    Account a;
    a.platform.id = PlatformId::create();
    a.user = { a.platform.id, EndUserId::create() };
    a.key = { QByteArray(32, 'k'), ApiKeyId::create(), type, a.platform.id,
              type == KeyType::EndUser ? a.user.id : EndUserId(), true, {} };
    a.wallet = { a.platform.id, WalletId::create(), Money::fromMicros(10) };
    a.budget = { a.platform.id, a.user.id, BudgetId::create(), true, Money::fromMicros(10), Money(), false, Now.plusMs(1) };
    return a;
}

AccountChanges tst_AccountBook::changes(const Account &a)
{
    AccountChanges all;
    all.add(a.key);
    all.add(a.platform);
    all.add(a.wallet);
    all.add(a.user);
    all.add(a.budget);
    all.add(ProviderKeysState { a.platform.id, std::make_shared<QList<ProviderKey>>() });
    all.add(PlatformLimitsState { .platform = a.platform.id });
    all.add(EndUserLimitsState { .platform = a.platform.id, .endUser = a.user.id });
    return all;
}

void tst_AccountBook::authenticates_data()
{
    QTest::addColumn<QString>("fault");
    QTest::addColumn<QString>("outcome");
    QTest::newRow("a good key") << u""_s << u"caller"_s;
    QTest::newRow("a revoked key") << u"revoked"_s << u"unauthorized"_s;
    QTest::newRow("a key that expires now") << u"expired"_s << u"unauthorized"_s;
    QTest::newRow("a key that expires later") << u"expires later"_s << u"caller"_s;
    QTest::newRow("the key of a deleted platform") << u"no platform"_s << u"unauthorized"_s;
    QTest::newRow("the key of a deleted user") << u"no user"_s << u"unauthorized"_s;
    QTest::newRow("the key of a deleted user of a deactivated platform") << u"no user, platform off"_s << u"unauthorized"_s;
    QTest::newRow("the key of a deactivated platform") << u"platform off"_s << u"platform_inactive"_s;
    QTest::newRow("the key of a deactivated user") << u"user off"_s << u"end_user_inactive"_s;
}

void tst_AccountBook::authenticates()
{
    QFETCH(QString, fault);
    Account a = account();
    a.key.isUsable = fault != u"revoked"_s;
    if (fault == u"expired"_s)
        a.key.expiresAt = Now;
    if (fault == u"expires later"_s)
        a.key.expiresAt = Now.plusMs(1);
    a.platform.exists = fault != u"no platform"_s;
    a.user.exists = !fault.contains(u"no user"_s);
    a.platform.isActive = !fault.contains(u"platform off"_s);
    a.user.isActive = fault != u"user off"_s;
    load(a);
    const auto found = m_book->authenticate(a.key.hash, Now);
    const auto *error = std::get_if<Error>(&found);
    QTEST(error ? QString(errorRow(error->code).word) : u"caller"_s, "outcome");
}

void tst_AccountBook::asksForWhatItDoesNotKnow()
{
    const Account a = account();
    QVERIFY(std::holds_alternative<AccountBook::Miss>(m_book->authenticate(a.key.hash, Now)));
    AccountChanges onlyKey;
    onlyKey.add(a.key);
    commit(onlyKey);
    QVERIFY(std::holds_alternative<AccountBook::Miss>(m_book->authenticate(a.key.hash, Now)));
    load(a);
    QVERIFY(std::holds_alternative<Caller>(m_book->authenticate(a.key.hash, Now)));
    m_book->drop(m_book->committed() + 1);
    QVERIFY(std::holds_alternative<AccountBook::Miss>(m_book->authenticate(a.key.hash, Now)));
}

QString tst_AccountBook::gate(const Account &a, Timestamp now)
{
    const auto found = m_book->admit({ a.key.id, a.key.type, a.platform.id, a.key.endUser }, now);
    if (const auto *error = std::get_if<Error>(&found))
        return errorRow(error->code).word;
    if (std::holds_alternative<AccountBook::ResetDue>(found))
        return u"reset due"_s;
    return std::holds_alternative<AccountBook::Miss>(found) ? u"miss"_s : u"open"_s;
}

void tst_AccountBook::gates_data()
{
    QTest::addColumn<qint64>("used");
    QTest::addColumn<bool>("suspended");
    QTest::addColumn<bool>("active");
    QTest::addColumn<qint64>("wallet");
    QTest::addColumn<qint64>("now");
    QTest::addColumn<QString>("outcome");
    QTest::newRow("a micro-dollar is left") << 9LL << false << true << 1LL << 0LL << u"open"_s;
    QTest::newRow("exactly nothing is left") << 10LL << false << true << 1LL << 0LL << u"budget_exhausted"_s;
    QTest::newRow("in debt") << 11LL << false << true << 1LL << 0LL << u"budget_exhausted"_s;
    QTest::newRow("suspended") << 0LL << true << true << 1LL << 0LL << u"budget_suspended"_s;
    QTest::newRow("a deactivated budget stops nobody") << 99LL << true << false << 1LL << 0LL << u"open"_s;
    QTest::newRow("an empty wallet") << 0LL << false << true << 0LL << 0LL << u"wallet_insufficient"_s;
    QTest::newRow("a wallet in debt") << 0LL << false << true << -1LL << 0LL << u"wallet_insufficient"_s;
    QTest::newRow("the period has just ended") << 0LL << false << true << 1LL << 1LL << u"reset due"_s;
}

void tst_AccountBook::gates()
{
    QFETCH(qint64, used);
    QFETCH(bool, suspended);
    QFETCH(bool, active);
    QFETCH(qint64, wallet);
    QFETCH(qint64, now);
    Account a = account();
    a.budget.used = Money::fromMicros(used);
    a.budget.isSuspended = suspended;
    a.budget.isActive = active;
    a.wallet.balance = Money::fromMicros(wallet);
    load(a);
    QTEST(gate(a, Now.plusMs(now)), "outcome");
}

void tst_AccountBook::reportsTheFirstClosedGate()
{
    Account a = account();
    a.budget.isSuspended = true;
    a.budget.used = a.budget.max;
    a.wallet.balance = Money();
    load(a);
    QCOMPARE(gate(a), u"budget_suspended"_s);
    a.budget.isSuspended = false;
    commit(changes(a));
    QCOMPARE(gate(a), u"budget_exhausted"_s);
    a.budget.used = Money();
    commit(changes(a));
    QCOMPARE(gate(a), u"wallet_insufficient"_s);
}

void tst_AccountBook::platformKeysSkipTheBudget()
{
    Account a = account(KeyType::Platform);
    a.budget.isSuspended = true;
    load(a);
    QCOMPARE(gate(a), u"open"_s);
}

void tst_AccountBook::tellsTheLimitsWhateverTheGatesSay()
{
    Account a = account();
    load(a);
    const RateLimit each { .requestsPerMinute = 60 };
    const RateLimit all { .tokensPerMinute = 90 };
    const auto limits = [&] {
        CallLimits found;
        (void)m_book->admit({ a.key.id, a.key.type, a.platform.id, a.key.endUser }, Now, &found);
        return found;
    };
    const auto publish = [&](const auto &state) {
        AccountChanges change;
        change.add(state);
        m_book->publishCommit(change, m_book->committed() + 1);
    };
    QVERIFY(!limits().endUser.isAny() && !limits().platform.isAny());
    const quint64 before = m_book->committed();
    publish(PlatformLimitsState { a.platform.id, each, all });
    QCOMPARE(limits().endUser, each);
    QCOMPARE(limits().platform, all);
    a.budget.isSuspended = true;
    publish(a.budget);
    QCOMPARE(limits().endUser, each);
    const RateLimit own { .requestsPerDay = 7 };
    publish(EndUserLimitsState { a.platform.id, a.user.id, own }); // as a whole, nothing of the default is left
    QCOMPARE(limits().endUser, own);
    m_book->publishLoaded(changes(a), before); // read before both were set, published after
    QCOMPARE(limits().endUser, own);
    QCOMPARE(limits().platform, all);
    a.key.type = KeyType::Platform;
    QVERIFY(!limits().endUser.isAny());
    QCOMPARE(limits().platform, all);
}

void tst_AccountBook::limitsThatAreNotKnownAreAMiss()
{
    const Account a = account();
    AccountChanges partial = changes(a);
    partial.platformLimits.clear();
    m_book->publishLoaded(partial, m_book->committed());
    QCOMPARE(gate(a), u"miss"_s);
    m_book->drop(m_book->committed() + 1);
    partial = changes(a);
    partial.endUserLimits.clear();
    m_book->publishLoaded(partial, m_book->committed());
    QCOMPARE(gate(a), u"miss"_s);
    load(a);
    QCOMPARE(gate(a), u"open"_s);
}

void tst_AccountBook::slowLoadCannotUndoACommit()
{
    Account a = account();
    load(a);
    const quint64 before = m_book->committed();
    const AccountChanges stale = changes(a); // read now, published late
    a.key.isUsable = false;
    a.budget.isSuspended = true;
    commit(changes(a));
    m_book->publishLoaded(stale, before);
    QVERIFY(std::holds_alternative<Error>(m_book->authenticate(a.key.hash, Now)));
    QCOMPARE(gate(a), u"budget_suspended"_s);
}

void tst_AccountBook::commitBeforeTheLoadIsKept()
{
    // A revocation of a key that nobody had loaded, while somebody is loading it.
    Account a = account();
    const quint64 before = m_book->committed();
    KeyState revoked = a.key;
    revoked.isUsable = false;
    AccountChanges revocation;
    revocation.add(revoked);
    commit(revocation);
    m_book->publishLoaded(changes(a), before);
    QVERIFY(std::holds_alternative<Error>(m_book->authenticate(a.key.hash, Now)));
}

void tst_AccountBook::lastStateOfACommitCounts()
{
    // One batch may debit a wallet twice, with a management write in between.
    Account a = account();
    load(a);
    AccountChanges batch;
    a.wallet.balance = Money::fromMicros(5);
    batch.add(a.wallet);
    a.wallet.balance = Money();
    batch.add(a.wallet);
    commit(batch);
    QCOMPARE(gate(a), u"wallet_insufficient"_s);
}

void tst_AccountBook::loadBegunBeforeADropIsRefused()
{
    const Account a = account();
    const quint64 before = m_book->committed();
    m_book->drop(m_book->committed() + 1);
    m_book->publishLoaded(changes(a), before);
    QCOMPARE(gate(a), u"miss"_s);
    QVERIFY(std::holds_alternative<AccountBook::Miss>(m_book->authenticate(a.key.hash, Now)));
    load(a);
    QCOMPARE(gate(a), u"open"_s);
}

void tst_AccountBook::loadBegunInADropIsKept()
{
    const Account a = account();
    std::atomic<bool> done = false;
    std::thread dropping([&] {
        for (int i = 0; i < 20'000; ++i)
            m_book->drop(m_book->committed() + 1);
        done = true;
    });
    int lost = 0;
    while (!done) {
        const quint64 number = m_book->committed();
        m_book->publishLoaded(changes(a), number);
        const bool isKnown = std::holds_alternative<Caller>(m_book->authenticate(a.key.hash, Now));
        if (!isKnown && m_book->committed() == number)
            ++lost;
    }
    dropping.join();
    QCOMPARE(lost, 0);
}

void tst_AccountBook::appliesTheBalancesOfOthers()
{
    Account a = account();
    load(a);
    AccountChanges news;
    a.wallet.balance = Money();
    news.add(a.wallet);
    m_book->publishRemote(news, 2);
    QCOMPARE(gate(a), u"wallet_insufficient"_s);
    a.budget.isSuspended = true;
    news.add(a.budget);
    m_book->publishRemote(news, 3);
    QCOMPARE(gate(a), u"budget_suspended"_s);
    QCOMPARE(m_book->committed(), 3u);
}

void tst_AccountBook::forgetsWhatOthersChanged_data()
{
    QTest::addColumn<QString>("what");
    QTest::newRow("a key") << u"key"_s;
    QTest::newRow("a platform") << u"platform"_s;
    QTest::newRow("an end user") << u"user"_s;
    QTest::newRow("provider keys") << u"provider keys"_s;
    QTest::newRow("limits of a platform") << u"limits of a platform"_s;
    QTest::newRow("limits of an end user") << u"limits of an end user"_s;
}

void tst_AccountBook::forgetsWhatOthersChanged()
{
    QFETCH(QString, what);
    const Account a = account();
    load(a);
    const auto isKnown = [&] {
        return std::holds_alternative<Caller>(m_book->authenticate(a.key.hash, Now)) && gate(a) == u"open"_s
            && m_book->providerKeys(a.platform.id);
    };
    QVERIFY(isKnown());
    AccountChanges named;
    if (what == u"key"_s)
        named.add(KeyState { .hash = a.key.hash });
    else if (what == u"platform"_s)
        named.add(PlatformState { .id = a.platform.id });
    else if (what == u"user"_s)
        named.add(EndUserState { .platform = a.platform.id, .id = a.user.id });
    else if (what == u"provider keys"_s)
        named.add(ProviderKeysState { a.platform.id, nullptr });
    else if (what == u"limits of a platform"_s)
        named.add(PlatformLimitsState { .platform = a.platform.id });
    else
        named.add(EndUserLimitsState { .platform = a.platform.id, .endUser = a.user.id });
    m_book->publishRemote(named, 7);
    QVERIFY(!isKnown());
    m_book->publishLoaded(changes(a), 6); // began before the change
    QVERIFY(!isKnown());
    m_book->publishLoaded(changes(a), 7);
    QVERIFY(isKnown());
}

void tst_AccountBook::lateNewsCannotUndoACommit()
{
    Account a = account();
    load(a);
    AccountChanges late;
    late.add(a.wallet);
    late.add(KeyState { .hash = a.key.hash });
    a.wallet.balance = Money();
    a.key.isUsable = false;
    m_book->publishCommit(changes(a), 9);
    m_book->publishRemote(late, 8);
    QCOMPARE(gate(a), u"wallet_insufficient"_s);
    QVERIFY(std::holds_alternative<Error>(m_book->authenticate(a.key.hash, Now)));
    QCOMPARE(m_book->committed(), 9u);
}

void tst_AccountBook::lateCommitCannotUndoNews()
{
    // The listener may be faster than our own writer's thread.
    Account a = account();
    load(a);
    const AccountChanges own = changes(a);
    AccountChanges news;
    a.wallet.balance = Money();
    news.add(a.wallet);
    m_book->publishRemote(news, 9);
    m_book->publishCommit(own, 8);
    QCOMPARE(gate(a), u"wallet_insufficient"_s);
    QCOMPARE(m_book->committed(), 9u);
}

void tst_AccountBook::takesNothingOlderThanTheFloor()
{
    const Account a = account();
    load(a);
    m_book->drop(10);
    m_book->publishCommit(changes(a), 9);
    m_book->publishRemote(changes(a), 9);
    m_book->publishLoaded(changes(a), 9);
    QCOMPARE(gate(a), u"miss"_s);
    m_book->publishLoaded(changes(a), 10);
    QCOMPARE(gate(a), u"open"_s);
    // The database may have been put back to an older state.
    m_book->drop(4);
    QCOMPARE(m_book->committed(), 4u);
    m_book->publishLoaded(changes(a), 4);
    QCOMPARE(gate(a), u"open"_s);
}

void tst_AccountBook::keepsTheNewerCatalogue()
{
    const auto snapshot = [](qint64 version) {
        return std::make_shared<const CatalogSnapshot>(QList<CatalogModel>(), version);
    };
    m_book->setCatalogue(snapshot(5));
    m_book->setCatalogue(snapshot(4));
    QCOMPARE(m_book->catalogue()->version(), 5);
    const auto again = snapshot(5);
    m_book->setCatalogue(again);
    QCOMPARE(m_book->catalogue(), again);
}

void tst_AccountBook::notesUseOnceAMinute()
{
    const Account a = account();
    load(a);
    (void)m_book->authenticate(a.key.hash, Now);
    (void)m_book->authenticate(a.key.hash, Now.plusMs(59'999));
    QCOMPARE(m_book->takeUsedKeys().size(), 1);
    QVERIFY(m_book->takeUsedKeys().isEmpty());
    (void)m_book->authenticate(a.key.hash, Now.plusMs(60'000));
    QCOMPARE(m_book->takeUsedKeys().size(), 1);
}

void tst_AccountBook::survivesManyThreads()
{
    Account a = account();
    load(a);
    std::atomic<bool> stop = false;
    std::vector<std::thread> askers;
    std::atomic<int> wrong = 0;
    for (int i = 0; i < 3; ++i) {
        askers.emplace_back([&] {
            while (!stop) {
                const auto found = m_book->admit({ a.key.id, a.key.type, a.platform.id, a.key.endUser }, Now);
                wrong += !std::holds_alternative<Admission>(found);
                wrong += !std::holds_alternative<Caller>(m_book->authenticate(a.key.hash, Now));
            }
        });
    }
    for (int i = 0; i < 20'000; ++i) {
        a.wallet.balance += Money::fromMicros(1);
        AccountChanges change;
        change.add(a.wallet);
        commit(change);
    }
    stop = true;
    for (std::thread &asker : askers)
        asker.join();
    QCOMPARE(wrong.load(), 0);
    QCOMPARE(m_book->committed(), 20'001u);
}

QTEST_APPLESS_MAIN(tst_AccountBook)
#include "tst_accountbook.moc"
