// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "services/backup.h"
#include "services/restore.h"
#include "smallinstallation.h"
#include "store/migrations.h"

#include <QtCore/QDir>
#include <QtCore/QFile>

using namespace assistiv;
using namespace Qt::StringLiterals;

/// The row "dialect" is that of the database a backup was made of.
class tst_Restore : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data()
    {
        ScratchDatabase::useWholeDatabases();
        ScratchDatabase::addDialects();
    }
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void aBackupBecomesADatabaseOfItsOwn();
    void anOlderBackupIsBroughtForward();
    void whatLiesBesideABackupBelongsToIt();
    void refusals_data();
    void refusals();
    void brokenBooksAreRefused();
    void theDatabaseIsReplacedAndKept();
    void whatWasNotYetInTheFileIsKeptToo();
    void aDatabaseThatIsWorkedWithIsLeftAlone();
    void aDamagedDatabaseIsReplaced();
    void aLogWithoutItsDatabaseIsNotTakenForTheNewOnes();
    void aPlaceWithoutDatabase();
    void postgresIsReplacedInOneStep_data() { addPostgres(); }
    void postgresIsReplacedInOneStep();
    void postgresThatIsWorkedWithIsLeftAlone_data() { addPostgres(); }
    void postgresThatIsWorkedWithIsLeftAlone();
    void postgresOfAnotherProgramIsLeftAlone_data() { addPostgres(); }
    void postgresOfAnotherProgramIsLeftAlone();

private:
    static void addPostgres()
    {
        QTest::addColumn<bool>("isThere");
        QTest::newRow("PostgreSQL") << qEnvironmentVariableIsSet("ASSISTIV_TEST_POSTGRES");
    }
    QString path(const QString &name) const { return m_folder->filePath(name); }
    QStringList files() const { return QDir(m_folder->path()).entryList(QDir::Files); }
    QString backUp(const ScratchDatabase &scratch) const
    {
        return valueOf(writeBackup(scratch.url(), path(u"backup.db"_s), scratch.clock, {})).file;
    }
    /// A database like a gateway's, with the log that SQLite keeps beside it.
    std::unique_ptr<Database> makeLive(const QString &name, const QString &slug) const;
    qint64 count(const QString &file, const QString &slug) const
    {
        return numberIn(*openFile(path(file)), u"SELECT count(*) FROM platforms WHERE slug = '%1'"_s.arg(slug));
    }

    std::unique_ptr<QTemporaryDir> m_folder;
};

std::unique_ptr<Database> tst_Restore::makeLive(const QString &name, const QString &slug) const
{
    auto db = valueOf(Database::open({ .name = path(name) }, Database::Access::ReadWrite));
    mustSucceed(migrate(*db));
    const QString platform = PlatformId::create().toString();
    mustSucceed(db->run(u"INSERT INTO platforms VALUES ('%1', '%2', 'n', TRUE, '{}', 1, 1)"_s.arg(platform, slug)));
    mustSucceed(db->run(u"INSERT INTO wallets VALUES ('%1', '%1', 0, NULL, TRUE, 1, 1)"_s.arg(platform)));
    return db;
}

void tst_Restore::aBackupBecomesADatabaseOfItsOwn()
{
    SmallInstallation source(ScratchDatabase::currentDialect());
    const QString backup = backUp(source.scratch);
    const auto here = valueOf(contentsOf(source.scratch.db(), {}));
    {
        NewSqliteFile candidate(path(u"candidate"_s));
        const RestoreCandidate ready = valueOf(prepareRestore(backup, candidate, {}));
        QCOMPARE(ready.masterKeyId, QString::fromLatin1(source.scratch.vault.keyId()));
        const auto db = openFile(candidate.path());
        const auto there = valueOf(contentsOf(*db, {}));
        QVERIFY(there == here);
        QCOMPARE(ready.rows, rowsIn(there));
    }
    QCOMPARE(files(), QStringList { u"backup.db"_s }); // nobody gave it a name
}

void tst_Restore::anOlderBackupIsBroughtForward()
{
    ScratchDatabase old(ScratchDatabase::currentDialect(), 1);
    const QString platform = old.addPlatform(u"of-old"_s).toString();
    QVERIFY(old.db().run(u"INSERT INTO wallets VALUES ('%1', '%1', 0, NULL, TRUE, 1, 1)"_s.arg(platform)));
    const QString backup = backUp(old);
    NewSqliteFile candidate(path(u"candidate"_s));
    QVERIFY(prepareRestore(backup, candidate, {}));
    const auto db = openFile(candidate.path());
    QCOMPARE(valueOf(knownSchemaVersion(*db)), newestSchemaVersion());
    QCOMPARE(numberIn(*db, u"SELECT count(*) FROM platforms WHERE slug = 'of-old'"_s), 1);
    QCOMPARE(valueOf(knownSchemaVersion(*openFile(backup))), 1);
}

void tst_Restore::whatLiesBesideABackupBelongsToIt()
{
    // A folder that was copied after the program had died.
    const auto live = makeLive(u"live.db"_s, u"in-the-log"_s);
    for (const QString &suffix : { u""_s, u"-wal"_s })
        QVERIFY(QFile::copy(path(u"live.db"_s + suffix), path(u"copied.db"_s + suffix)));
    NewSqliteFile candidate(path(u"candidate"_s));
    QVERIFY(prepareRestore(path(u"copied.db"_s), candidate, {}));
    QCOMPARE(count(u"candidate"_s, u"in-the-log"_s), 1);
}

void tst_Restore::refusals_data()
{
    QTest::addColumn<QString>("what");
    QTest::addColumn<QString>("mention");
    QTest::newRow("there is none") << u"none"_s << u"no file"_s;
    QTest::newRow("a folder") << u"folder"_s << u"no file"_s;
    QTest::newRow("no database") << u"garbage"_s << u"no backup"_s;
    QTest::newRow("an empty file") << u"empty"_s << u"no backup"_s;
    QTest::newRow("another program's database") << u"foreign"_s << u"no backup"_s;
    QTest::newRow("half of a backup") << u"half"_s << u"damaged"_s;
    QTest::newRow("a newer program's backup") << u"newer"_s << u"1000000"_s;
}

void tst_Restore::refusals()
{
    QFETCH(QString, what);
    QFETCH(QString, mention);
    const QString file = path(u"it"_s);
    if (what == "folder"_L1) {
        QVERIFY(QDir().mkdir(file));
    } else if (what == "garbage"_L1 || what == "empty"_L1) {
        QFile garbage(file);
        QVERIFY(garbage.open(QIODevice::WriteOnly));
        garbage.write(QByteArray(what == "garbage"_L1 ? 50'000 : 0, 'g'));
    } else if (what == "foreign"_L1) {
        const auto db = valueOf(Database::open({ .name = file }, Database::Access::ReadWrite));
        mustSucceed(db->run(u"CREATE TABLE recipes (id TEXT)"_s));
    } else if (what != "none"_L1) {
        SmallInstallation source(ScratchDatabase::currentDialect(), 500);
        if (what == "newer"_L1)
            source.run(u"INSERT INTO schema_migrations (version, applied_at) VALUES (1000000, 0)"_s);
        if (what == "half"_L1) {
            QVERIFY(QFile::rename(backUp(source.scratch), file));
            QVERIFY(QFile::resize(file, QFileInfo(file).size() / 2));
        } else {
            // Such a backup cannot be made with this program, so it is the database itself.
            if (source.scratch.url().dialect == Dialect::PostgreSql)
                QSKIP("made by a file");
            QVERIFY(QFile::copy(source.scratch.url().name, file));
            QVERIFY(QFile::copy(source.scratch.url().name + u"-wal"_s, file + u"-wal"_s));
        }
    }
    {
        NewSqliteFile candidate(path(u"candidate"_s));
        const auto ready = prepareRestore(file, candidate, {});
        QVERIFY(!ready);
        QVERIFY2(ready.error().message.contains(mention) && ready.error().message.contains(file),
                 qUtf8Printable(ready.error().message));
    }
    QVERIFY(files().filter(u"candidate"_s).isEmpty());
}

void tst_Restore::brokenBooksAreRefused()
{
    SmallInstallation source(ScratchDatabase::currentDialect());
    source.run(u"UPDATE wallets SET balance = balance + 1"_s);
    const QString backup = backUp(source.scratch);
    NewSqliteFile candidate(path(u"candidate"_s));
    const auto ready = prepareRestore(backup, candidate, {});
    QVERIFY(!ready);
    QVERIFY2(ready.error().message.contains(u"wallets"_s), qUtf8Printable(ready.error().message));
}

void tst_Restore::theDatabaseIsReplacedAndKept()
{
    SmallInstallation source(ScratchDatabase::currentDialect());
    const QString backup = backUp(source.scratch);
    makeLive(u"gateway.db"_s, u"before"_s).reset();
    NewSqliteFile candidate(path(u"gateway.db.restoring"_s));
    QVERIFY(prepareRestore(backup, candidate, {}));
    QVERIFY(valueOf(replaceSqliteDatabase(candidate, path(u"gateway.db"_s), path(u"kept.db"_s))));
    QCOMPARE(files(), QStringList({ u"backup.db"_s, u"gateway.db"_s, u"kept.db"_s }));
    QCOMPARE(count(u"gateway.db"_s, u"acme"_s), 1);
    QCOMPARE(count(u"gateway.db"_s, u"before"_s), 0);
    QCOMPARE(count(u"kept.db"_s, u"before"_s), 1);
}

void tst_Restore::whatWasNotYetInTheFileIsKeptToo()
{
    SmallInstallation source(ScratchDatabase::currentDialect());
    const QString backup = backUp(source.scratch);
    // As a gateway leaves it that was ended by force: the newest commits are in the log beside the database.
    const auto live = makeLive(u"live.db"_s, u"in-the-log"_s);
    for (const QString &suffix : { u""_s, u"-wal"_s })
        QVERIFY(QFile::copy(path(u"live.db"_s + suffix), path(u"gateway.db"_s + suffix)));
    NewSqliteFile candidate(path(u"gateway.db.restoring"_s));
    QVERIFY(prepareRestore(backup, candidate, {}));
    QVERIFY(valueOf(replaceSqliteDatabase(candidate, path(u"gateway.db"_s), path(u"kept.db"_s))));
    QVERIFY(!QFile::exists(path(u"gateway.db-wal"_s)));
    QCOMPARE(count(u"gateway.db"_s, u"in-the-log"_s), 0);
    QCOMPARE(count(u"gateway.db"_s, u"acme"_s), 1);
    QCOMPARE(count(u"kept.db"_s, u"in-the-log"_s), 1);
    QVERIFY(valueOf(verifyBooks(*openFile(path(u"gateway.db"_s)))).ok());
}

void tst_Restore::aDatabaseThatIsWorkedWithIsLeftAlone()
{
    SmallInstallation source(ScratchDatabase::currentDialect());
    const QString backup = backUp(source.scratch);
    makeLive(u"gateway.db"_s, u"before"_s).reset();
    const auto user = openFile(path(u"gateway.db"_s));
    QCOMPARE(numberIn(*user, u"SELECT count(*) FROM platforms"_s), 1);
    NewSqliteFile candidate(path(u"gateway.db.restoring"_s));
    QVERIFY(prepareRestore(backup, candidate, {}));
    const auto replaced = replaceSqliteDatabase(candidate, path(u"gateway.db"_s), path(u"kept.db"_s));
    QVERIFY(!replaced);
    QCOMPARE(replaced.error().code, ErrorCode::Conflict);
    QVERIFY(!QFile::exists(path(u"kept.db"_s)));
    QCOMPARE(count(u"gateway.db"_s, u"before"_s), 1);
}

void tst_Restore::aDamagedDatabaseIsReplaced()
{
    SmallInstallation source(ScratchDatabase::currentDialect());
    const QString backup = backUp(source.scratch);
    QFile damaged(path(u"gateway.db"_s));
    QVERIFY(damaged.open(QIODevice::WriteOnly) && damaged.write(QByteArray(9000, 'x')) == 9000);
    damaged.close();
    NewSqliteFile candidate(path(u"gateway.db.restoring"_s));
    QVERIFY(prepareRestore(backup, candidate, {}));
    QVERIFY(valueOf(replaceSqliteDatabase(candidate, path(u"gateway.db"_s), path(u"kept.db"_s))));
    QCOMPARE(count(u"gateway.db"_s, u"acme"_s), 1);
    QFile kept(path(u"kept.db"_s));
    QVERIFY(kept.open(QIODevice::ReadOnly));
    QCOMPARE(kept.readAll(), QByteArray(9000, 'x'));
}

void tst_Restore::aLogWithoutItsDatabaseIsNotTakenForTheNewOnes()
{
    SmallInstallation source(ScratchDatabase::currentDialect());
    const QString backup = backUp(source.scratch);
    // Somebody removed the database and forgot what SQLite keeps beside it.
    const auto live = makeLive(u"live.db"_s, u"in-the-log"_s);
    QVERIFY(QFile::copy(path(u"live.db-wal"_s), path(u"gateway.db-wal"_s)));
    NewSqliteFile candidate(path(u"gateway.db.restoring"_s));
    QVERIFY(prepareRestore(backup, candidate, {}));
    QVERIFY(!valueOf(replaceSqliteDatabase(candidate, path(u"gateway.db"_s), path(u"kept.db"_s))));
    QVERIFY(!QFile::exists(path(u"gateway.db-wal"_s)));
    QVERIFY(QFile::exists(path(u"kept.db-wal"_s)));
    QCOMPARE(count(u"gateway.db"_s, u"acme"_s), 1);
    QCOMPARE(count(u"gateway.db"_s, u"in-the-log"_s), 0);
}

void tst_Restore::aPlaceWithoutDatabase()
{
    SmallInstallation source(ScratchDatabase::currentDialect());
    const QString backup = backUp(source.scratch);
    NewSqliteFile candidate(path(u"gateway.db.restoring"_s));
    QVERIFY(prepareRestore(backup, candidate, {}));
    QVERIFY(!valueOf(replaceSqliteDatabase(candidate, path(u"gateway.db"_s), path(u"kept.db"_s))));
    QCOMPARE(files(), QStringList({ u"backup.db"_s, u"gateway.db"_s }));
    QCOMPARE(count(u"gateway.db"_s, u"acme"_s), 1);
}

void tst_Restore::postgresIsReplacedInOneStep()
{
    QFETCH(bool, isThere);
    if (!isThere)
        QSKIP("no PostgreSQL here");
    SmallInstallation source(ScratchDatabase::currentDialect());
    const QString backup = backUp(source.scratch);
    NewSqliteFile candidate(path(u"candidate"_s));
    QVERIFY(prepareRestore(backup, candidate, {}));
    const auto wanted = valueOf(contentsOf(source.scratch.db(), {}));
    {
        // Not used yet: nothing to keep.
        ScratchDatabase fresh(Dialect::PostgreSql);
        fresh.disconnect();
        const auto kept = replacePostgresContents(candidate, fresh.url(), path(u"kept.db"_s), fresh.clock, {});
        QVERIFY(!valueOf(kept));
        fresh.connect();
        QVERIFY(valueOf(contentsOf(fresh.db(), {})) == wanted);
        QVERIFY(!QFile::exists(path(u"kept.db"_s)));
    }
    SmallInstallation used(Dialect::PostgreSql, 30); // more than the backup has: growing keys are ahead of it
    used.run(u"UPDATE platforms SET slug = 'before'"_s);
    auto before = valueOf(contentsOf(used.scratch.db(), {}));
    used.scratch.disconnect();
    // Ended in the middle: as it was.
    const auto tables = before.size();
    qsizetype asked = 0;
    const GoOn notForLong = [&] { return ++asked < 2 * tables + tables / 2; }; // while what it holds now is read back
    const DatabaseUrl url = used.scratch.url();
    const QString kept = path(u"kept.db"_s);
    QVERIFY(!replacePostgresContents(candidate, url, kept, used.scratch.clock, notForLong));
    used.scratch.connect();
    QVERIFY(valueOf(contentsOf(used.scratch.db(), {})) == before);
    used.makeCalls(1); // growing keys, too
    before = valueOf(contentsOf(used.scratch.db(), {}));
    used.scratch.disconnect();
    (void)QFile::remove(kept);

    QVERIFY(valueOf(replacePostgresContents(candidate, url, kept, used.scratch.clock, {})));
    used.scratch.connect();
    QVERIFY(valueOf(contentsOf(used.scratch.db(), {})) == wanted);
    QVERIFY(valueOf(contentsOf(*openFile(kept), {})) == before);
    used.platform = source.platform;
    used.user = source.user;
    used.budget = source.budget;
    used.makeCalls(1);
    QCOMPARE(used.scratch.number(u"SELECT max(seq) FROM request_logs"_s), 21);
}

void tst_Restore::postgresThatIsWorkedWithIsLeftAlone()
{
    QFETCH(bool, isThere);
    if (!isThere)
        QSKIP("no PostgreSQL here");
    SmallInstallation source(ScratchDatabase::currentDialect());
    const QString backup = backUp(source.scratch);
    NewSqliteFile candidate(path(u"candidate"_s));
    QVERIFY(prepareRestore(backup, candidate, {}));
    SmallInstallation used(Dialect::PostgreSql, 3);
    const auto before = valueOf(contentsOf(used.scratch.db(), {}));
    const auto replaced =
        replacePostgresContents(candidate, used.scratch.url(), path(u"kept.db"_s), used.scratch.clock, {});
    QVERIFY(!replaced);
    QVERIFY2(replaced.error().message.contains(u"connections: 1"_s), qUtf8Printable(replaced.error().message));
    QVERIFY(valueOf(contentsOf(used.scratch.db(), {})) == before);
}

void tst_Restore::postgresOfAnotherProgramIsLeftAlone()
{
    QFETCH(bool, isThere);
    if (!isThere)
        QSKIP("no PostgreSQL here");
    SmallInstallation source(ScratchDatabase::currentDialect());
    const QString backup = backUp(source.scratch);
    NewSqliteFile candidate(path(u"candidate"_s));
    QVERIFY(prepareRestore(backup, candidate, {}));
    ScratchDatabase foreign(Dialect::PostgreSql);
    mustSucceed(foreign.db().run(u"DROP TABLE schema_migrations"_s));
    foreign.disconnect();
    const auto replaced = replacePostgresContents(candidate, foreign.url(), path(u"kept.db"_s), foreign.clock, {});
    QVERIFY(!replaced);
    QCOMPARE(replaced.error().code, ErrorCode::Conflict);
}

QTEST_GUILESS_MAIN(tst_Restore)
#include "tst_restore.moc"
