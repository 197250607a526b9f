// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "ledger/wallets.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

Money usd(const QByteArray &text)
{
    return *Money::parse(text);
}

} // namespace

class tst_Wallets : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();
    void startsEmpty();
    void books_data();
    void books();
    void refuses_data();
    void refuses();
    void refusesWithoutATrace();
    void keepsTheActor();
    void unknownPlatform();
    void listsNewestFirst();
    void filters_data();
    void filters();
    void keepsPlatformsApart();
    void warnsBelowAThreshold();

private:
    Result<WalletRow> book(WalletRowType type, const QByteArray &amount);

    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<Wallets> m_wallets;
    PlatformId m_platform;
};

void tst_Wallets::init()
{
    m_wallets.reset();
    m_scratch.reset();
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_wallets = std::make_unique<Wallets>(m_scratch->context());
    m_platform = m_scratch->addPlatform();
    QVERIFY(m_wallets->create(m_platform));
}

Result<WalletRow> tst_Wallets::book(WalletRowType type, const QByteArray &amount)
{
    return m_scratch->attempt([&] { return m_wallets->adjust(m_platform, type, usd(amount), u"note"_s, {}); });
}

void tst_Wallets::startsEmpty()
{
    const auto wallet = m_wallets->get(m_platform);
    QVERIFY(wallet);
    QCOMPARE(wallet->balance, Money());
    QVERIFY(wallet->isActive);
    QVERIFY(!wallet->lowBalanceThreshold);
    QCOMPARE(m_scratch->changes.wallets.size(), 1);
    QCOMPARE(m_scratch->changes.wallets.constFirst().platform, m_platform);
    QVERIFY(m_wallets->recent(m_platform)->isEmpty());
}

void tst_Wallets::books_data()
{
    QTest::addColumn<int>("type");
    QTest::addColumn<QByteArray>("amount");
    QTest::addColumn<QByteArray>("before");
    QTest::addColumn<QByteArray>("after");
    const int topUp = int(WalletRowType::TopUp);
    const int refund = int(WalletRowType::Refund);
    const int adjustment = int(WalletRowType::Adjustment);
    QTest::newRow("a top-up adds") << topUp << QByteArray("50") << QByteArray("10") << QByteArray("60.00");
    QTest::newRow("the smallest top-up counts") << topUp << QByteArray("0.000001") << QByteArray("1") << QByteArray("1.000001");
    QTest::newRow("a refund adds") << refund << QByteArray("0.5") << QByteArray("1") << QByteArray("1.50");
    QTest::newRow("an adjustment takes away") << adjustment << QByteArray("-0.000002") << QByteArray("1")
                                              << QByteArray("0.999998");
    QTest::newRow("an adjustment may go below zero") << adjustment << QByteArray("-3") << QByteArray("1") << QByteArray("-2.00");
    QTest::newRow("a top-up lifts to exactly the largest balance")
        << topUp << QByteArray("999998.999999") << QByteArray("1") << QByteArray("999999.999999");
    QTest::newRow("an adjustment may reach exactly zero") << adjustment << QByteArray("-1") << QByteArray("1")
                                                          << QByteArray("0.00");
}

void tst_Wallets::books()
{
    QFETCH(int, type);
    QFETCH(QByteArray, amount);
    QFETCH(QByteArray, before);
    QFETCH(QByteArray, after);
    QVERIFY(book(WalletRowType::TopUp, before));
    const auto row = book(WalletRowType(type), amount);
    QVERIFY(row);
    QCOMPARE(row->balanceAfter.toDecimal(), after);
    QCOMPARE(row->amount, usd(amount));
    QCOMPARE(m_wallets->get(m_platform)->balance.toDecimal(), after);
    QCOMPARE(m_scratch->changes.wallets.constLast().balance.toDecimal(), after);
}

void tst_Wallets::refuses_data()
{
    QTest::addColumn<int>("type");
    QTest::addColumn<QByteArray>("amount");
    QTest::addColumn<QString>("param");
    const int topUp = int(WalletRowType::TopUp);
    const int adjustment = int(WalletRowType::Adjustment);
    QTest::newRow("a top-up of nothing") << topUp << QByteArray("0") << u"amount"_s;
    QTest::newRow("a negative top-up") << topUp << QByteArray("-1") << u"amount"_s;
    QTest::newRow("more than the largest amount") << topUp << QByteArray("1000000.000001") << u"amount"_s;
    QTest::newRow("the largest amount on a wallet that can hold only less") << topUp << QByteArray("1000000") << u"amount"_s;
    QTest::newRow("a negative refund") << int(WalletRowType::Refund) << QByteArray("-1") << u"amount"_s;
    QTest::newRow("an adjustment of nothing") << adjustment << QByteArray("0") << u"amount"_s;
    QTest::newRow("a too large adjustment downwards") << adjustment << QByteArray("-1000000.000001") << u"amount"_s;
    QTest::newRow("a balance beyond the lowest") << adjustment << QByteArray("-1000000") << u"amount"_s;
    QTest::newRow("usage by hand") << int(WalletRowType::LlmUsage) << QByteArray("1") << u"type"_s;
}

void tst_Wallets::refuses()
{
    QFETCH(int, type);
    QFETCH(QByteArray, amount);
    QFETCH(QString, param);
    const auto row = book(WalletRowType(type), amount);
    QVERIFY(!row);
    QCOMPARE(row.error().code, ErrorCode::ValidationError);
    QCOMPARE(row.error().param, param);
}

void tst_Wallets::refusesWithoutATrace()
{
    QVERIFY(book(WalletRowType::TopUp, "999999.999999"));
    const auto changes = m_scratch->changes.wallets.size();
    QVERIFY(!book(WalletRowType::TopUp, "0.000001"));
    QCOMPARE(m_wallets->get(m_platform)->balance, LargestBalance);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM wallet_transactions"_s), 1);
    QCOMPARE(m_scratch->changes.wallets.size(), changes);
}

void tst_Wallets::keepsTheActor()
{
    const ApiKeyId key = ApiKeyId::create();
    QVERIFY(m_wallets->topUp(m_platform, usd("1"), {}, { LedgerSource::Api, key, {} }));
    const auto rows = m_wallets->recent(m_platform);
    QVERIFY(rows);
    QCOMPARE(rows->constFirst().actorKey, key);
    QCOMPARE(rows->constFirst().description, QString());
    QCOMPARE(rows->constFirst().metadata, QByteArray("{}"));
    QVERIFY(rows->constFirst().reference.isEmpty());
}

void tst_Wallets::unknownPlatform()
{
    const PlatformId nobody = PlatformId::create();
    QCOMPARE(m_wallets->get(nobody).error().code, ErrorCode::PlatformNotFound);
    QCOMPARE(m_wallets->topUp(nobody, usd("1"), {}, {}).error().code, ErrorCode::PlatformNotFound);
    QCOMPARE(m_wallets->setLowBalanceThreshold(nobody, usd("1")).error().code, ErrorCode::PlatformNotFound);
    QCOMPARE(m_wallets->rows(nobody, {}, 0, 20)->total, 0);
}

void tst_Wallets::listsNewestFirst()
{
    // All in one millisecond: the order is that of the rows.
    for (const char *amount : { "1", "2", "3", "4", "5", "6", "7" })
        QVERIFY(book(WalletRowType::TopUp, amount));
    const auto recent = m_wallets->recent(m_platform);
    QCOMPARE(recent->size(), 5);
    QCOMPARE(recent->constFirst().amount, usd("7"));
    QCOMPARE(recent->constLast().amount, usd("3"));
    const auto page = m_wallets->rows(m_platform, {}, 5, 5);
    QCOMPARE(page->total, 7);
    QCOMPARE(page->rows.size(), 2);
    QCOMPARE(page->rows.constLast().amount, usd("1"));
    QVERIFY(m_wallets->rows(m_platform, {}, 100, 5)->rows.isEmpty());
    QCOMPARE(m_wallets->rows(m_platform, {}, 100, 5)->total, 7);
}

void tst_Wallets::filters_data()
{
    QTest::addColumn<int>("type");
    QTest::addColumn<int>("sinceMs");
    QTest::addColumn<int>("untilMs");
    QTest::addColumn<int>("total");
    QTest::newRow("everything") << -1 << -1 << -1 << 3;
    QTest::newRow("by type") << int(WalletRowType::Refund) << -1 << -1 << 1;
    QTest::newRow("since includes its moment") << -1 << 1000 << -1 << 2;
    QTest::newRow("until excludes its moment") << -1 << -1 << 1000 << 1;
    QTest::newRow("all together") << int(WalletRowType::TopUp) << 1 << 2001 << 1;
    QTest::newRow("nothing left") << int(WalletRowType::LlmUsage) << -1 << -1 << 0;
}

void tst_Wallets::filters()
{
    QFETCH(int, type);
    QFETCH(int, sinceMs);
    QFETCH(int, untilMs);
    QFETCH(int, total);
    const Timestamp start = m_scratch->clock.now();
    for (const WalletRowType each : { WalletRowType::TopUp, WalletRowType::Refund, WalletRowType::TopUp }) {
        QVERIFY(book(each, "1"));
        m_scratch->clock.advanceMs(1000);
    }
    WalletFilter filter;
    if (type >= 0)
        filter.type = WalletRowType(type);
    if (sinceMs >= 0)
        filter.since = start.plusMs(sinceMs);
    if (untilMs >= 0)
        filter.until = start.plusMs(untilMs);
    const auto found = m_wallets->rows(m_platform, filter, 0, 20);
    QVERIFY(found);
    QCOMPARE(found->total, total);
    QCOMPARE(found->rows.size(), total);
    filter.endUser = EndUserId::create();
    QCOMPARE(m_wallets->rows(m_platform, filter, 0, 20)->total, 0);
}

void tst_Wallets::keepsPlatformsApart()
{
    const PlatformId other = m_scratch->addPlatform(u"other"_s);
    QVERIFY(m_wallets->create(other));
    QVERIFY(book(WalletRowType::TopUp, "5"));
    QCOMPARE(m_wallets->get(other)->balance, Money());
    QCOMPARE(m_wallets->rows(other, {}, 0, 20)->total, 0);
}

void tst_Wallets::warnsBelowAThreshold()
{
    QCOMPARE(m_wallets->setLowBalanceThreshold(m_platform, usd("1.5"))->lowBalanceThreshold, usd("1.5"));
    QVERIFY(!m_wallets->setLowBalanceThreshold(m_platform, std::nullopt)->lowBalanceThreshold);
    QCOMPARE(m_wallets->setLowBalanceThreshold(m_platform, usd("-1")).error().param, u"low_balance_threshold"_s);
}

QTEST_GUILESS_MAIN(tst_Wallets)
#include "tst_wallets.moc"
