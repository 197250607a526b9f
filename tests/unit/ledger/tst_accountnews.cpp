// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/accountnews.h"
#include "store/nodestore.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_AccountNews : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void tellsBalances();
    void namesEverythingElse();
    void tellsNoSecrets();
    void tellsTheLastState();
    void splitsWhatIsLong();
    void tellsOfNothing();
    void refusesOtherForms_data();
    void refusesOtherForms();
};

void tst_AccountNews::tellsBalances()
{
    AccountChanges changes;
    const Money debt = Money::fromMicros(-9'007'199'254'740'993); // more than a double holds
    const WalletState wallet { PlatformId::create(), WalletId::create(), debt, false };
    const Timestamp never = Timestamp::fromMs(253'402'300'799'999);
    const BudgetState budget { PlatformId::create(),  EndUserId::create(),  BudgetId::create(), true,
                               Money::fromMicros(7), Money::fromMicros(9), true,               never };
    const BudgetState none { .platform = budget.platform, .endUser = EndUserId::create() };
    changes.add(wallet);
    changes.add(budget);
    changes.add(none);
    const QByteArrayList messages = newsMessages("me", 12, changes);
    QCOMPARE(messages.size(), 1);
    const auto news = newsFrom(messages.constFirst());
    QVERIFY(news);
    QCOMPARE(news->node, "me");
    QCOMPARE(news->number, 12u);
    QCOMPARE(news->part, 1);
    QCOMPARE(news->parts, 1);
    QCOMPARE(news->changes.wallets.size(), 1);
    const WalletState w = news->changes.wallets.constFirst();
    QVERIFY(w.platform == wallet.platform && w.id == wallet.id && w.balance == wallet.balance && !w.isActive);
    QCOMPARE(news->changes.budgets.size(), 2);
    for (const BudgetState &b : news->changes.budgets) {
        const BudgetState &told = b.endUser == budget.endUser ? budget : none;
        QVERIFY(b.platform == told.platform && b.endUser == told.endUser && b.id == told.id);
        QVERIFY(b.max == told.max && b.used == told.used && b.periodEnd == told.periodEnd);
        QVERIFY(b.isActive == told.isActive && b.isSuspended == told.isSuspended);
    }
    QVERIFY(!news->changes.catalogue);
}

void tst_AccountNews::namesEverythingElse()
{
    AccountChanges changes;
    changes.add(KeyState { .hash = QByteArray(32, '\xab'), .isUsable = true });
    changes.add(PlatformState { .id = PlatformId::create() });
    changes.add(EndUserState { .platform = PlatformId::create(), .id = EndUserId::create() });
    changes.add(ProviderKeysState { PlatformId::create(), nullptr });
    changes.add(PlatformLimitsState { .platform = PlatformId::create() });
    changes.add(EndUserLimitsState { .platform = PlatformId::create(), .endUser = EndUserId::create() });
    changes.catalogue = true;
    const auto news = newsFrom(newsMessages("me", 1, changes).constFirst());
    QVERIFY(news);
    QCOMPARE(news->changes.keys.constFirst().hash, changes.keys.constFirst().hash);
    QCOMPARE(news->changes.platforms.constFirst().id, changes.platforms.constFirst().id);
    QCOMPARE(news->changes.endUsers.constFirst().platform, changes.endUsers.constFirst().platform);
    QCOMPARE(news->changes.endUsers.constFirst().id, changes.endUsers.constFirst().id);
    QCOMPARE(news->changes.providerKeys.constFirst().platform, changes.providerKeys.constFirst().platform);
    QCOMPARE(news->changes.platformLimits.constFirst().platform, changes.platformLimits.constFirst().platform);
    QCOMPARE(news->changes.endUserLimits.constFirst().platform, changes.endUserLimits.constFirst().platform);
    QCOMPARE(news->changes.endUserLimits.constFirst().endUser, changes.endUserLimits.constFirst().endUser);
    QVERIFY(news->changes.catalogue);
}

void tst_AccountNews::tellsNoSecrets()
{
    AccountChanges changes;
    const QList<ProviderKey> keys { { {}, {}, "sk-upstream-secret" } };
    changes.add(ProviderKeysState { PlatformId::create(), std::make_shared<QList<ProviderKey>>(keys) });
    const QByteArrayList messages = newsMessages("me", 1, changes);
    QVERIFY(!messages.join().contains("secret"));
}

void tst_AccountNews::tellsTheLastState()
{
    const PlatformId platform = PlatformId::create();
    AccountChanges changes;
    changes.add(WalletState { .platform = platform, .balance = Money::fromMicros(1) });
    changes.add(WalletState { .platform = PlatformId::create(), .balance = Money::fromMicros(3) });
    changes.add(WalletState { .platform = platform, .balance = Money::fromMicros(2) });
    const auto news = newsFrom(newsMessages("me", 1, changes).constFirst());
    QVERIFY(news);
    QCOMPARE(news->changes.wallets.size(), 2);
    for (const WalletState &wallet : news->changes.wallets)
        QCOMPARE(wallet.balance, Money::fromMicros(wallet.platform == platform ? 2 : 3));
}

void tst_AccountNews::splitsWhatIsLong()
{
    AccountChanges changes;
    for (int i = 0; i < 256; ++i)
        changes.add(BudgetState { PlatformId::create(), EndUserId::create(), BudgetId::create() });
    const QByteArrayList messages = newsMessages("0123456789abcdef", 1'000'000, changes);
    QVERIFY(messages.size() > 1);
    qsizetype budgets = 0;
    for (qsizetype i = 0; i < messages.size(); ++i) {
        QVERIFY(messages[i].size() < 8'000); // what PostgreSQL takes
        const auto news = newsFrom(messages[i]);
        QVERIFY(news);
        QCOMPARE(news->number, 1'000'000u);
        QCOMPARE(news->part, int(i + 1));
        QCOMPARE(news->parts, int(messages.size()));
        budgets += news->changes.budgets.size();
    }
    QCOMPARE(budgets, 256);
}

void tst_AccountNews::tellsOfNothing()
{
    const QByteArrayList messages = newsMessages("me", 5, {});
    QCOMPARE(messages.size(), 1);
    const auto news = newsFrom(messages.constFirst());
    QVERIFY(news && news->changes.isEmpty());
    QCOMPARE(news->number, 5u);
}

void tst_AccountNews::refusesOtherForms_data()
{
    QTest::addColumn<QByteArray>("message");
    const QByteArray id = PlatformId::create().toLatin1();
    QTest::newRow("nothing") << QByteArray();
    QTest::newRow("another version") << QByteArray("2 me 1 1 1");
    QTest::newRow("a short head") << QByteArray("1 me 1 1");
    QTest::newRow("a long head") << QByteArray("1 me 1 1 1 1");
    QTest::newRow("no number") << QByteArray("1 me x 1 1");
    QTest::newRow("an empty line") << QByteArray("1 me 1 1 1\n");
    QTest::newRow("an unknown kind") << QByteArray("1 me 1 1 1\nz " + id);
    QTest::newRow("a kind of two letters") << QByteArray("1 me 1 1 1\npp " + id);
    QTest::newRow("no id") << QByteArray("1 me 1 1 1\np x");
    QTest::newRow("a missing word") << QByteArray("1 me 1 1 1\nw " + id + " - 5");
    QTest::newRow("a surplus word") << QByteArray("1 me 1 1 1\nw " + id + " - 5 1 1");
    QTest::newRow("an amount that is none") << QByteArray("1 me 1 1 1\nw " + id + " - 5.0 1");
    QTest::newRow("a key without a hash") << QByteArray("1 me 1 1 1\nk ");
}

void tst_AccountNews::refusesOtherForms()
{
    QFETCH(QByteArray, message);
    QVERIFY(!newsFrom(message));
}

QTEST_APPLESS_MAIN(tst_AccountNews)
#include "tst_accountnews.moc"
