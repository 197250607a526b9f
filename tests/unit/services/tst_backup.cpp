// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "services/backup.h"
#include "smallinstallation.h"
#include "store/migrations.h"

#include <QtCore/QDir>
#include <QtCore/QFile>
#include <QtCore/QScopeGuard>

#include <atomic>
#include <thread>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_Backup : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data()
    {
        ScratchDatabase::useWholeDatabases();
        ScratchDatabase::addDialects();
    }
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void itHoldsEverything();
    void itIsOnePrivateFile();
    void nothingIsReplaced();
    void anotherOneInTheMakingIsLeftAlone();
    void aPlaceThatCannotBeWrittenIsNamed();
    void itIsOfOneMomentWhileCallsAreSettled();
    void anOlderVersionIsBackedUpAsItIs();
    void otherDatabasesAreRefused();
    void brokenBooksAreBackedUp();
    void whatIsEndedLeavesNothing();

private:
    QString path(const QString &name = u"copy.db"_s) const { return m_folder->filePath(name); }
    QStringList files() const { return QDir(m_folder->path()).entryList(QDir::Files | QDir::System | QDir::Hidden); }
    Result<Backup> backUp(const ScratchDatabase &scratch, const QString &file, const GoOn &goOn = {}) const
    {
        return writeBackup(scratch.url(), file, scratch.clock, goOn);
    }

    std::unique_ptr<QTemporaryDir> m_folder;
};

void tst_Backup::itHoldsEverything()
{
    SmallInstallation source(ScratchDatabase::currentDialect());
    const Backup backup = valueOf(backUp(source.scratch, path()));
    QCOMPARE(backup.file, path());
    QCOMPARE(backup.createdAt, source.scratch.clock.now());
    QCOMPARE(backup.bytes, QFileInfo(path()).size());

    const auto copy = openFile(path());
    const auto there = valueOf(contentsOf(*copy, {}));
    const auto here = valueOf(contentsOf(source.scratch.db(), {}));
    QVERIFY(there == here);
    QCOMPARE(backup.rows, rowsIn(there));
    QCOMPARE(numberIn(*copy, u"SELECT count(*) FROM request_logs"_s), 20);
    const VerifyReport report = valueOf(verifyBooks(*copy));
    QVERIFY(report.ok());
    QCOMPARE(report.wallets, 1);
    QCOMPARE(valueOf(Installation::masterKeyId(*copy)), QString::fromLatin1(source.scratch.vault.keyId()));
}

void tst_Backup::itIsOnePrivateFile()
{
    SmallInstallation source(ScratchDatabase::currentDialect());
    QVERIFY(backUp(source.scratch, path()));
    QCOMPARE(files(), QStringList { u"copy.db"_s });
    const QFile::Permissions others = QFile::ReadGroup | QFile::WriteGroup | QFile::ReadOther | QFile::WriteOther;
    QVERIFY(!(QFile::permissions(path()) & others));
    // No write-ahead log: it can be read from a place where nothing can be written.
    QFile file(path());
    QVERIFY(file.open(QIODevice::ReadOnly));
    QCOMPARE(file.read(20).sliced(18), QByteArray("\x01\x01", 2));
}

void tst_Backup::nothingIsReplaced()
{
    SmallInstallation source(ScratchDatabase::currentDialect());
    QFile there(path());
    QVERIFY(there.open(QIODevice::WriteOnly) && there.write("dear") == 4);
    there.close();
    QVERIFY(QFile::link(path(u"nowhere"_s), path(u"link.db"_s)));
    for (const QString &name : { u"copy.db"_s, u"link.db"_s }) {
        const auto backup = backUp(source.scratch, path(name));
        QVERIFY(!backup);
        QCOMPARE(backup.error().code, ErrorCode::Conflict);
        QVERIFY(backup.error().message.contains(path(name)));
    }
    QVERIFY(there.open(QIODevice::ReadOnly));
    QCOMPARE(there.readAll(), "dear"_ba);
    QCOMPARE(files(), QStringList({ u"copy.db"_s, u"link.db"_s }));
}

void tst_Backup::anotherOneInTheMakingIsLeftAlone()
{
    SmallInstallation source(ScratchDatabase::currentDialect());
    QFile part(unfinishedName(path()));
    QVERIFY(part.open(QIODevice::WriteOnly));
    const auto backup = backUp(source.scratch, path());
    QVERIFY(!backup);
    QVERIFY(backup.error().message.contains(part.fileName()));
    QCOMPARE(files(), QStringList { u"copy.db.part"_s });
}

void tst_Backup::aPlaceThatCannotBeWrittenIsNamed()
{
    SmallInstallation source(ScratchDatabase::currentDialect(), 1);
    for (const QString &place : { path(u"no such folder/copy.db"_s), u"/proc/copy.db"_s }) {
        const auto backup = backUp(source.scratch, place);
        QVERIFY(!backup);
        QVERIFY2(backup.error().message.contains(place), qUtf8Printable(backup.error().message));
    }
    QVERIFY(files().isEmpty());
}

void tst_Backup::itIsOfOneMomentWhileCallsAreSettled()
{
    SmallInstallation source(ScratchDatabase::currentDialect());
    std::atomic<bool> enough = false;
    std::atomic<int> calls = 20;
    std::thread writer([&] {
        const auto db = valueOf(Database::open(source.scratch.url(), Database::Access::ReadWrite));
        AccountChanges unused;
        const ServiceContext context { *db, source.scratch.clock, source.scratch.vault, unused };
        for (; !enough; ++calls) {
            Transaction transaction(*db);
            SmallInstallation::settle(context, source.settlement(Money::fromMicros(7)));
            mustSucceed(transaction.commit());
        }
    });
    const auto end = qScopeGuard([&] {
        enough = true;
        writer.join();
    });
    for (int round = 0; round < 5; ++round) {
        const QString file = path(QString::number(round));
        const int before = calls;
        QVERIFY(backUp(source.scratch, file, [&calls, asked = 0]() mutable {
            if (++asked == 4) {
                for (const int now = calls; calls < now + 2;)
                    std::this_thread::yield();
            }
            return true;
        }));
        const auto copy = openFile(file);
        const VerifyReport report = valueOf(verifyBooks(*copy));
        QVERIFY2(report.ok(), report.toJson().constData());
        const qint64 copied = numberIn(*copy, u"SELECT count(*) FROM request_logs"_s);
        QVERIFY(copied >= before && copied < calls);
    }
}

void tst_Backup::anOlderVersionIsBackedUpAsItIs()
{
    ScratchDatabase old(ScratchDatabase::currentDialect(), 1);
    const auto tables = valueOf(contentsOf(old.db(), {}));
    QVERIFY(backUp(old, path()));
    const auto copy = openFile(path());
    QCOMPARE(valueOf(knownSchemaVersion(*copy)), 1);
    QVERIFY(valueOf(contentsOf(*copy, {})) == tables);
}

void tst_Backup::otherDatabasesAreRefused()
{
    ScratchDatabase foreign(ScratchDatabase::currentDialect());
    mustSucceed(foreign.db().run(u"INSERT INTO schema_migrations (version, applied_at) VALUES (1000000, 0)"_s));
    QVERIFY(backUp(foreign, path()).error().message.contains(u"1000000"_s));
    mustSucceed(foreign.db().run(u"DROP TABLE schema_migrations"_s));
    QCOMPARE(backUp(foreign, path()).error().code, ErrorCode::Conflict);
    QVERIFY(files().isEmpty());
}

void tst_Backup::brokenBooksAreBackedUp()
{
    SmallInstallation source(ScratchDatabase::currentDialect());
    source.run(u"UPDATE wallets SET balance = balance + 1"_s);
    QVERIFY(backUp(source.scratch, path()));
    QVERIFY(!valueOf(verifyBooks(*openFile(path()))).ok());
}

void tst_Backup::whatIsEndedLeavesNothing()
{
    SmallInstallation source(ScratchDatabase::currentDialect());
    for (int most = 0; most < 12; most += 3) {
        int asked = 0;
        const auto backup = backUp(source.scratch, path(), [&asked, most] { return asked++ < most; });
        QVERIFY(!backup);
        QCOMPARE(backup.error().code, ErrorCode::ShuttingDown);
        QVERIFY(files().isEmpty());
    }
}

QTEST_GUILESS_MAIN(tst_Backup)
#include "tst_backup.moc"
