// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "services/transfer.h"
#include "smallinstallation.h"
#include "store/migrations.h"
#include "store/nodestore.h"

using namespace assistiv;
using namespace Qt::StringLiterals;

/// From SQLite to PostgreSQL; nothing to do where there is no server.
class tst_Transfer : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void everythingMoves_data();
    void everythingMoves();
    void callsAreSettledThere();
    void aSecondTimeNothingIsLeftToDo();
    void aDatabaseInUseIsRefused();
    void anotherProgramsDatabaseIsRefused();
    void brokenBooksDoNotMove();
    void whatIsEndedCanBeRepeated();
    void nobodyStartsOnWhatIsReplaced();
    void occupancy();
};

namespace {

void dropTables(ScratchDatabase &scratch)
{
    mustSucceed(scratch.db().run(u"DROP SCHEMA public CASCADE"_s));
    mustSucceed(scratch.db().run(u"CREATE SCHEMA public"_s));
}

QList<TableContents> contents(Database &db)
{
    return valueOf(contentsOf(db, {}));
}

} // namespace

void tst_Transfer::initTestCase()
{
    ScratchDatabase::useWholeDatabases();
    if (!qEnvironmentVariableIsSet("ASSISTIV_TEST_POSTGRES"))
        QSKIP("no PostgreSQL here");
}

void tst_Transfer::everythingMoves_data()
{
    QTest::addColumn<bool>("hasTables");
    QTest::newRow("into nothing") << false;
    QTest::newRow("into empty tables") << true;
}

void tst_Transfer::everythingMoves()
{
    QFETCH(bool, hasTables);
    SmallInstallation source(Dialect::Sqlite, 300);
    ScratchDatabase target(Dialect::PostgreSql);
    if (!hasTables)
        dropTables(target);
    const qint64 rows = valueOf(moveInto(source.scratch.db(), target.db(), {}));
    QVERIFY(rows > 900);
    QVERIFY(contents(target.db()) == contents(source.scratch.db()));
    QCOMPARE(target.number(u"SELECT CAST(sum(cost) AS BIGINT) FROM request_logs"_s), 300 * 301 / 2);
    QVERIFY(valueOf(verifyBooks(target.db())).ok());
    mustSucceed(Installation::adoptVault(target.db(), source.scratch.vault));
}

void tst_Transfer::callsAreSettledThere()
{
    SmallInstallation source(Dialect::Sqlite);
    ScratchDatabase target(Dialect::PostgreSql);
    (void)valueOf(moveInto(source.scratch.db(), target.db(), {}));
    mustSucceed(target.attempt([&]() -> Result<void> {
        SmallInstallation::settle(target.context(), source.settlement(Money::fromMicros(5)));
        return {};
    }));
    QVERIFY(valueOf(verifyBooks(target.db())).ok());
    QCOMPARE(target.number(u"SELECT max(seq) FROM request_logs"_s), 21);
}

void tst_Transfer::aSecondTimeNothingIsLeftToDo()
{
    SmallInstallation source(Dialect::Sqlite);
    ScratchDatabase target(Dialect::PostgreSql);
    const qint64 rows = valueOf(moveInto(source.scratch.db(), target.db(), {}));
    QCOMPARE(valueOf(moveInto(source.scratch.db(), target.db(), {})), rows);
    // But not when one of them has gone on.
    source.makeCalls(1);
    QCOMPARE(moveInto(source.scratch.db(), target.db(), {}).error().code, ErrorCode::Conflict);
    QCOMPARE(target.number(u"SELECT count(*) FROM request_logs"_s), 20);
}

void tst_Transfer::aDatabaseInUseIsRefused()
{
    SmallInstallation source(Dialect::Sqlite);
    SmallInstallation target(Dialect::PostgreSql);
    const auto before = contents(target.scratch.db());
    const auto moved = moveInto(source.scratch.db(), target.scratch.db(), {});
    QVERIFY(!moved);
    QCOMPARE(moved.error().code, ErrorCode::Conflict);
    QVERIFY(contents(target.scratch.db()) == before);
}

void tst_Transfer::anotherProgramsDatabaseIsRefused()
{
    SmallInstallation source(Dialect::Sqlite);
    ScratchDatabase target(Dialect::PostgreSql);
    dropTables(target);
    mustSucceed(target.db().run(u"CREATE TABLE recipes (id INTEGER)"_s));
    QCOMPARE(moveInto(source.scratch.db(), target.db(), {}).error().code, ErrorCode::Conflict);
    QCOMPARE(target.number(u"SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"_s), 1);
}

void tst_Transfer::brokenBooksDoNotMove()
{
    SmallInstallation source(Dialect::Sqlite);
    source.run(u"UPDATE budgets SET used_usd = used_usd + 1"_s);
    ScratchDatabase target(Dialect::PostgreSql);
    const auto moved = moveInto(source.scratch.db(), target.db(), {});
    QVERIFY(!moved);
    QVERIFY2(moved.error().message.contains(u"budgets"_s), qUtf8Printable(moved.error().message));
    QVERIFY(valueOf(occupancyOf(target.db())) == Occupancy::Unused);
    QCOMPARE(target.number(u"SELECT count(*) FROM platforms"_s), 0);
}

void tst_Transfer::whatIsEndedCanBeRepeated()
{
    SmallInstallation source(Dialect::Sqlite, 1500);
    ScratchDatabase target(Dialect::PostgreSql);
    const int tables = int(contents(target.db()).size());
    // Before, while it is copied, and while it is read back.
    for (const int most : { 0, tables / 2, tables + tables / 2 }) {
        int asked = 0;
        QCOMPARE(moveInto(source.scratch.db(), target.db(), [&asked, most] { return asked++ < most; }).error().code,
                 ErrorCode::ShuttingDown);
        QVERIFY(valueOf(occupancyOf(target.db())) == Occupancy::Unused);
    }
    (void)valueOf(moveInto(source.scratch.db(), target.db(), {}));
    QVERIFY(contents(target.db()) == contents(source.scratch.db()));
}

void tst_Transfer::nobodyStartsOnWhatIsReplaced()
{
    SmallInstallation source(Dialect::Sqlite);
    ScratchDatabase target(Dialect::PostgreSql);
    const auto another = valueOf(Database::open(target.url(), Database::Access::ReadWrite));
    const auto mayStart = [&another] {
        Transaction start(*another);
        return NodeStore(*another).lockOthersOut(50).ok();
    };
    QVERIFY(mayStart());
    bool couldStart = true;
    const Error came { ErrorCode::Conflict, u"came into use meanwhile"_s };
    const auto replaced = replaceContents(
        source.scratch.db(), target.db(),
        [&]() -> Result<void> {
            couldStart = mayStart();
            return came;
        },
        {});
    QVERIFY(!couldStart);
    QVERIFY(!replaced && replaced.error() == came);
    QCOMPARE(target.number(u"SELECT count(*) FROM platforms"_s), 0);
    QVERIFY(mayStart());
}

void tst_Transfer::occupancy()
{
    ScratchDatabase target(Dialect::PostgreSql);
    QVERIFY(valueOf(occupancyOf(target.db())) == Occupancy::Unused);
    mustSucceed(Installation::adoptVault(target.db(), target.vault));
    QVERIFY(valueOf(occupancyOf(target.db())) == Occupancy::Used);
    mustSucceed(target.db().run(u"DROP TABLE schema_migrations"_s));
    QVERIFY(valueOf(occupancyOf(target.db())) == Occupancy::Foreign);
    dropTables(target);
    QVERIFY(valueOf(occupancyOf(target.db())) == Occupancy::Unused);
    QCOMPARE(valueOf(otherConnections(target.db())), 0);
    const auto other = valueOf(Database::open(target.url(), Database::Access::ReadOnly));
    QCOMPARE(valueOf(otherConnections(target.db())), 1);
}

QTEST_GUILESS_MAIN(tst_Transfer)
#include "tst_transfer.moc"
