// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/demo.h"
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "services/services.h"

#include <QtTest/QTest>

#include <functional>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_Demo : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }

    void firstStartMakesIt();
    void everyStartHasAFreshKey();
    void keysOfTheOperatorStay();
    void whatIsThereStaysAsItIs();
    void whatIsMissingIsMadeAgain();
    void troubleIsSaid_data();
    void troubleIsSaid();
    void newPeriodIsNoTrouble();
    void withoutSandboxThereIsNoDemo();
};

namespace {

struct Rig
{
    ScratchDatabase scratch { ScratchDatabase::currentDialect() };
    Services services { scratch.context() };

    Rig() { mustSucceed(scratch.attempt([this] { return services.catalog.importStarter(); })); }

    Demo start()
    {
        return valueOf(scratch.attempt([this] { return setUpDemo(services); }));
    }
    PlatformId platform() { return valueOf(services.platforms.findBySlug(u"demo"_s))->id; }
    EndUser user() { return *valueOf(services.endUsers.findByExternalId(platform(), u"demo"_s)); }
    Wallet wallet() { return valueOf(services.wallets.get(platform())); }
    Budget budget() { return valueOf(services.budgets.get(platform(), user().id)); }
    QList<ApiKeyRow> keys() { return valueOf(services.endUsers.keys(platform(), user().id, 0, 100)).rows; }
    QStringList activeKeys()
    {
        QStringList names;
        for (const ApiKeyRow &key : keys()) {
            if (key.isActive)
                names.append(key.name);
        }
        names.sort();
        return names;
    }
    LlmConfig sandboxKey() { return valueOf(services.llmConfigs.list(platform())).rows.constFirst(); }

    void payOut(Money amount)
    {
        (void)valueOf(scratch.attempt([&] {
            return services.wallets.adjust(platform(), WalletRowType::Adjustment, Money() - amount, u"Out"_s,
                                           consoleActor());
        }));
    }
    void useUpBudget()
    {
        (void)valueOf(scratch.attempt([&] {
            return services.budgets.debit(platform(), user().id, budget().remaining(), {}, consoleActor());
        }));
    }
    void changeBudget(const BudgetChange &change)
    {
        (void)valueOf(scratch.attempt([&] {
            return services.budgets.patch(platform(), user().id, change, consoleActor());
        }));
    }
};

Money dollars(qint64 amount)
{
    return Money::fromMicros(amount * 1'000'000);
}

} // namespace

void tst_Demo::firstStartMakesIt()
{
    Rig rig;
    const Demo demo = rig.start();
    QCOMPARE(demo.trouble, QString());
    QVERIFY(demo.userKey.startsWith("sk-eu_"_L1));
    QCOMPARE(demo.made.platforms.constFirst().users.constFirst().rawKey, demo.userKey);
    QVERIFY(!demo.made.adminKey.isEmpty());
    QCOMPARE(rig.wallet().balance, dollars(100));
    QCOMPARE(rig.budget().max, dollars(5));
    QCOMPARE(rig.activeKeys(), QStringList { Demo::KeyName });
    const QString said = demoText(demo, u"http://127.0.0.1:8790"_s);
    QVERIFY(said.contains("curl -s http://127.0.0.1:8790/v1/chat/completions "_L1));
    QVERIFY(said.contains("Authorization: Bearer "_L1 + demo.userKey));
    QVERIFY(!said.contains("refused"_L1));
}

void tst_Demo::everyStartHasAFreshKey()
{
    Rig rig;
    QStringList raw;
    for (int i = 0; i < 3; ++i) {
        rig.scratch.clock.advanceMs(1000);
        rig.scratch.changes = {};
        const Demo demo = rig.start();
        QCOMPARE(demo.trouble, QString());
        QVERIFY(!raw.contains(demo.userKey));
        raw.append(demo.userKey);
        QCOMPARE(demo.made.platforms.constFirst().users.constFirst().rawKey, demo.userKey);
        QCOMPARE(rig.activeKeys(), QStringList { Demo::KeyName });
        QVERIFY(demo.userKey.startsWith(rig.keys().constFirst().prefix));
        QVERIFY(rig.keys().constFirst().isActive);
        // Other gateways on the same database hear of the end of the old key and of the new one.
        if (i > 0)
            QCOMPARE(rig.scratch.changes.keys.size(), 2);
    }
    QCOMPARE(rig.scratch.number(u"SELECT count(*) FROM api_keys WHERE type = 'platform'"_s), 1);
    QCOMPARE(rig.scratch.number(u"SELECT count(*) FROM api_keys WHERE type = 'admin'"_s), 1);
}

void tst_Demo::keysOfTheOperatorStay()
{
    Rig rig;
    (void)rig.start();
    // One that was made by hand, one of another user with the very name, and one of ours that somebody wants to keep.
    (void)valueOf(rig.services.endUsers.create(rig.platform(), { u"demo"_s }));
    const EndUserId other = valueOf(rig.services.endUsers.create(rig.platform(), { u"other"_s })).user.id;
    (void)valueOf(rig.services.endUsers.createKey(rig.platform(), other, { .name = Demo::KeyName }));
    for (const ApiKeyRow &key : rig.keys()) {
        if (key.name == Demo::KeyName)
            (void)valueOf(rig.services.apiKeys.patch(rig.platform(), key.id, { .name = u"kept"_s }));
    }
    (void)rig.start();
    (void)rig.start();
    QCOMPARE(rig.activeKeys(), (QStringList { u"Default key"_s, Demo::KeyName, u"kept"_s }));
    QCOMPARE(rig.scratch.number(u"SELECT count(*) FROM api_keys WHERE end_user_id = '%1' AND is_active"_s
                                    .arg(other.toString())), 2);
}

void tst_Demo::whatIsThereStaysAsItIs()
{
    Rig rig;
    (void)rig.start();
    (void)valueOf(rig.services.platforms.patch(rig.platform(), { .name = u"Ours"_s }));
    (void)valueOf(rig.services.endUsers.patch(rig.platform(), rig.user().id, { .displayName = u"Somebody"_s }));
    rig.payOut(dollars(60));
    rig.changeBudget({ .max = dollars(7) });
    const QString rows = u"SELECT (SELECT count(*) FROM wallet_transactions) "
                         "+ (SELECT count(*) FROM budget_transactions)"_s;
    const qint64 before = rig.scratch.number(rows);
    QVERIFY(before > 0);

    QCOMPARE(rig.start().trouble, QString());
    QCOMPARE(valueOf(rig.services.platforms.get(rig.platform())).name, u"Ours"_s);
    QCOMPARE(rig.user().displayName, u"Somebody"_s);
    QCOMPARE(rig.wallet().balance, dollars(40));
    QCOMPARE(rig.budget().max, dollars(7));
    QCOMPARE(rig.scratch.number(rows), before);
}

void tst_Demo::whatIsMissingIsMadeAgain()
{
    Rig rig;
    (void)rig.start();
    rig.payOut(dollars(60));
    mustSucceed(rig.scratch.attempt([&] { return rig.services.endUsers.remove(rig.platform(), rig.user().id); }));
    mustSucceed(rig.scratch.attempt([&] {
        return rig.services.llmConfigs.remove(rig.platform(), rig.sandboxKey().id);
    }));
    QCOMPARE(rig.start().trouble, QString());
    QCOMPARE(rig.activeKeys(), QStringList { Demo::KeyName });
    QCOMPARE(rig.budget().max, dollars(5));
    QCOMPARE(rig.wallet().balance, dollars(40));

    mustSucceed(rig.scratch.attempt([&] { return rig.services.platforms.remove(rig.platform()); }));
    QCOMPARE(rig.start().trouble, QString());
    QCOMPARE(rig.wallet().balance, dollars(100));
}

void tst_Demo::troubleIsSaid_data()
{
    using Wrong = std::function<void(Rig &)>;
    QTest::addColumn<Wrong>("wrong");
    QTest::addColumn<QString>("words");
    QTest::newRow("the platform is off") << Wrong([](Rig &rig) {
        (void)valueOf(rig.services.platforms.patch(rig.platform(), { .isActive = false }));
    }) << u"platform has been deactivated"_s;
    QTest::newRow("the user is off") << Wrong([](Rig &rig) {
        (void)valueOf(rig.services.endUsers.patch(rig.platform(), rig.user().id, { .isActive = false }));
    }) << u"end user has been deactivated"_s;
    QTest::newRow("the budget is suspended") << Wrong([](Rig &rig) { rig.changeBudget({ .isSuspended = true }); })
                                             << u"budget of this end user is suspended"_s;
    QTest::newRow("the budget is used up") << Wrong([](Rig &rig) { rig.useUpBudget(); })
                                           << u"budget of this end user has no remaining"_s;
    QTest::newRow("the wallet is empty") << Wrong([](Rig &rig) { rig.payOut(dollars(100)); })
                                         << u"wallet of this platform has no balance"_s;
    QTest::newRow("the sandbox is off") << Wrong([](Rig &rig) {
        (void)valueOf(rig.services.llmConfigs.update(rig.platform(), rig.sandboxKey().id, { .isActive = false }));
    }) << u"\"sandbox-echo\" is not available"_s;
    QTest::newRow("the model is off") << Wrong([](Rig &rig) {
        const ModelId model = valueOf(rig.services.catalog.model(u"sandbox-echo"_s)).id;
        (void)valueOf(rig.services.catalog.updateModel(model, { .isEnabled = false }));
    }) << u"\"sandbox-echo\" is not available"_s;
    QTest::newRow("the model is gone") << Wrong([](Rig &rig) {
        mustSucceed(rig.services.catalog.removeModel(valueOf(rig.services.catalog.model(u"sandbox-echo"_s)).id));
    }) << u"\"sandbox-echo\" is not available"_s;
}

void tst_Demo::troubleIsSaid()
{
    QFETCH(std::function<void(Rig &)>, wrong);
    QFETCH(QString, words);
    Rig rig;
    const QString first = rig.start().userKey;
    wrong(rig);
    const Demo demo = rig.start();
    QVERIFY2(demo.trouble.contains(words), qPrintable(demo.trouble));
    // The line works as soon as that is set right, so its key is as fresh as any.
    QVERIFY(!demo.userKey.isEmpty() && demo.userKey != first);
    QCOMPARE(rig.activeKeys(), QStringList { Demo::KeyName });
    const QString said = demoText(demo, u"http://127.0.0.1:8790"_s);
    QVERIFY(said.contains(words) && said.contains("would be refused"_L1) && said.contains(demo.userKey));
}

void tst_Demo::newPeriodIsNoTrouble()
{
    Rig rig;
    (void)rig.start();
    rig.useUpBudget();
    QVERIFY(!rig.start().trouble.isEmpty());
    rig.scratch.clock.advanceMs(qint64(40) * 24 * 3600 * 1000);
    QCOMPARE(rig.start().trouble, QString());
    QCOMPARE(rig.budget().used, Money());
}

void tst_Demo::withoutSandboxThereIsNoDemo()
{
    Rig rig;
    (void)rig.start();
    mustSucceed(rig.services.llmConfigs.remove(rig.platform(), rig.sandboxKey().id));
    mustSucceed(rig.services.catalog.removeProvider(valueOf(rig.services.catalog.provider(u"sandbox"_s)).id));
    const Demo demo = rig.start();
    QVERIFY(demo.userKey.isEmpty());
    const QString said = demoText(demo, u"http://127.0.0.1:8790"_s);
    QVERIFY2(said.contains("there is no demo"_L1) && said.contains("provider"_L1), qPrintable(said));
    QVERIFY(!said.contains("curl"_L1));
}

QTEST_GUILESS_MAIN(tst_Demo)
#include "tst_demo.moc"
