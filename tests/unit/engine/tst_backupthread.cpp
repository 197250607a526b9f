// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/backupthread.h"
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"

#include <QtCore/QDir>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_BackupThread : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void init();
    void aBackupLiesInTheFolder();
    void oneAtATime();
    void whatAnEndedProcessLeftIsClearedAway();
    void itIsMadeAlsoForSomebodyWhoLeft();
    void anEndDoesNotWaitForIt();
    void aFailureTellsNoPaths();

private:
    QString folder() const { return m_dir->filePath(u"data/backups"_s); }
    QStringList files() const { return QDir(folder()).entryList(QDir::Files); }
    std::unique_ptr<BackupThread> make() const
    {
        return std::make_unique<BackupThread>(m_large->url(), folder(), m_large->clock);
    }

    /// Takes a good part of a second to copy.
    std::unique_ptr<ScratchDatabase> m_large;
    std::unique_ptr<QTemporaryDir> m_dir;
};

void tst_BackupThread::initTestCase()
{
    ScratchDatabase::useWholeDatabases();
    m_large = std::make_unique<ScratchDatabase>();
    Database &db = m_large->db();
    mustSucceed(db.run(u"INSERT INTO audit_log (id, actor, action, target, details, created_at) "
                       "VALUES ('a', 'a', 'a', 'a', '{}', 1)"_s));
    for (int doubled = 0; doubled < 16; ++doubled) {
        mustSucceed(db.run(u"INSERT INTO audit_log (id, actor, action, target, details, created_at) "
                           "SELECT id, actor, action, target, details, created_at FROM audit_log"_s));
    }
}

void tst_BackupThread::init()
{
    m_dir = std::make_unique<QTemporaryDir>();
    QVERIFY(QDir(m_dir->path()).mkdir(u"data"_s));
}

void tst_BackupThread::aBackupLiesInTheFolder()
{
    const auto thread = make();
    const QString name = thread->nameOf(m_large->clock.now());
    QCOMPARE(name, u"2026-04-08T103000.000Z.db"_s);
    std::optional<Result<Backup>> made;
    QThread *const here = QThread::currentThread();
    QThread *answered = nullptr;
    thread->make(name, this, [&](const Result<Backup> &backup) {
        made = backup;
        answered = QThread::currentThread();
    });
    QTRY_VERIFY_WITH_TIMEOUT(made, 30'000);
    QCOMPARE(answered, here);
    QCOMPARE(files(), QStringList { name });
    QCOMPARE(valueOf(*made).bytes, QFileInfo(QDir(folder()).filePath(name)).size());
    QVERIFY(valueOf(*made).rows > 65'536);
}

void tst_BackupThread::oneAtATime()
{
    const auto thread = make();
    QList<Result<Backup>> made;
    const auto note = [&](const Result<Backup> &backup) { made.append(backup); };
    thread->make(u"1.db"_s, this, note);
    thread->make(u"2.db"_s, this, note);
    QCOMPARE(made.size(), 1);
    QCOMPARE(made.constFirst().error().code, ErrorCode::Conflict);
    QTRY_COMPARE_WITH_TIMEOUT(made.size(), 2, 30'000);
    QVERIFY(made.constLast());
    thread->make(u"3.db"_s, this, note);
    QTRY_COMPARE_WITH_TIMEOUT(made.size(), 3, 30'000);
    QVERIFY(made.constLast());
    QCOMPARE(files(), QStringList({ u"1.db"_s, u"3.db"_s }));
}

void tst_BackupThread::whatAnEndedProcessLeftIsClearedAway()
{
    QVERIFY(QDir().mkpath(folder()));
    for (const QString &name : { u"old.db"_s, u"old.db.part"_s, u"old.db.part-wal"_s, u"notes.txt"_s }) {
        QFile file(QDir(folder()).filePath(name));
        QVERIFY(file.open(QIODevice::WriteOnly));
    }
    const auto thread = make();
    bool done = false;
    thread->make(u"new.db"_s, this, [&](const Result<Backup> &backup) { done = backup.ok(); });
    QTRY_VERIFY_WITH_TIMEOUT(done, 30'000);
    QCOMPARE(files(), QStringList({ u"new.db"_s, u"notes.txt"_s, u"old.db"_s }));
}

void tst_BackupThread::itIsMadeAlsoForSomebodyWhoLeft()
{
    const auto thread = make();
    auto asker = std::make_unique<QObject>();
    bool answered = false;
    thread->make(u"1.db"_s, asker.get(), [&](const Result<Backup> &) { answered = true; });
    asker.reset();
    QTRY_COMPARE_WITH_TIMEOUT(files(), QStringList { u"1.db"_s }, 30'000);
    QVERIFY(!answered);
}

void tst_BackupThread::anEndDoesNotWaitForIt()
{
    const auto thread = make();
    std::optional<Result<Backup>> made;
    thread->make(u"1.db"_s, this, [&](const Result<Backup> &backup) { made = backup; });
    QTRY_COMPARE_WITH_TIMEOUT(files(), QStringList { u"1.db.part"_s }, 30'000);
    thread->stop();
    QVERIFY(files().isEmpty());
    QTRY_VERIFY(made);
    QCOMPARE(made->error().code, ErrorCode::ShuttingDown);
    made.reset();
    thread->make(u"2.db"_s, this, [&](const Result<Backup> &backup) { made = backup; });
    QVERIFY(made && !*made);
    QVERIFY(files().isEmpty());
}

void tst_BackupThread::aFailureTellsNoPaths()
{
    QFile inTheWay(folder());
    QVERIFY(inTheWay.open(QIODevice::WriteOnly));
    const auto thread = make();
    std::optional<Result<Backup>> made;
    thread->make(u"1.db"_s, this, [&](const Result<Backup> &backup) { made = backup; });
    QTRY_VERIFY_WITH_TIMEOUT(made, 30'000);
    QVERIFY(!*made);
    QVERIFY2(!made->error().message.contains(u'/'), qUtf8Printable(made->error().message));
}

QTEST_GUILESS_MAIN(tst_BackupThread)
#include "tst_backupthread.moc"
