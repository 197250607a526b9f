// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/os.h"
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"

#include <QtCore/QFile>
#include <QtCore/QFileInfo>
#include <QtTest/QTest>

#include <limits>

using namespace assistiv;
using namespace Qt::StringLiterals;

/// The write-ahead log, as long from the start as it gets.
class tst_LogReserve : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup() { m_scratch.reset(); }
    void commitsDoNotLengthenIt();
    void afterAKillAllRowsAreThere();
    void aLargeTransactionIsNotUndoneInPart();
    void aDiskWithLittleRoomKeepsIt();

private:
    QString logFile() const { return m_scratch->url().name + u"-wal"_s; }
    void add(int from, int to);
    /// Database and log as they lie on the disk when the process is gone, without the index.
    std::unique_ptr<Database> leftAfterAKill(const QTemporaryDir &elsewhere) const;
    static qint64 rows(Database &db);

    std::unique_ptr<ScratchDatabase> m_scratch;
};

void tst_LogReserve::init()
{
    m_scratch = std::make_unique<ScratchDatabase>();
    mustSucceed(m_scratch->db().run(u"CREATE TABLE numbers (n INTEGER PRIMARY KEY)"_s));
}

void tst_LogReserve::add(int from, int to)
{
    for (int n = from; n <= to; ++n) {
        Transaction transaction(m_scratch->db());
        mustSucceed(m_scratch->db().prepare(u"INSERT INTO numbers (n) VALUES (?)"_s).bind(n).exec());
        mustSucceed(transaction.commit());
    }
}

qint64 tst_LogReserve::rows(Database &db)
{
    Query query = db.prepare(u"SELECT COUNT(*) FROM numbers"_s);
    return query.exec() && query.next() ? query.integer(0) : -1;
}

void tst_LogReserve::commitsDoNotLengthenIt()
{
    add(1, 10);
    const qint64 before = QFileInfo(logFile()).size();
    m_scratch->db().reserveLog();
    const qint64 reserved = QFileInfo(logFile()).size();
    QVERIFY2(reserved > before, "the disk of this test needs two gigabytes of room");
    add(11, 500);
    QCOMPARE(QFileInfo(logFile()).size(), reserved);
    QCOMPARE(rows(m_scratch->db()), 500);
    QCOMPARE(rows(*valueOf(Database::open(m_scratch->url(), Database::Access::ReadOnly))), 500);
    m_scratch->db().reserveLog();
    QCOMPARE(QFileInfo(logFile()).size(), reserved);
    QCOMPARE(rows(m_scratch->db()), 500);

    // What the database holds, not what the log takes.
    QVERIFY(m_scratch->db().sizeBytes() < reserved / 16);
}

std::unique_ptr<Database> tst_LogReserve::leftAfterAKill(const QTemporaryDir &elsewhere) const
{
    DatabaseUrl url = m_scratch->url();
    url.name = elsewhere.filePath(u"gateway.db"_s);
    if (!QFile::copy(m_scratch->url().name, url.name) || !QFile::copy(logFile(), url.name + u"-wal"_s))
        qFatal("no copy could be made");
    return valueOf(Database::open(url, Database::Access::ReadWrite));
}

void tst_LogReserve::aLargeTransactionIsNotUndoneInPart()
{
    Database &db = m_scratch->db();
    mustSucceed(db.run(u"CREATE TABLE bulk (n INTEGER PRIMARY KEY, bytes BLOB)"_s));
    {
        Transaction transaction(db);
        {
            // More than the writer's cache holds, and most of it twice.
            const Savepoint undone(db);
            mustSucceed(db.run(u"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 40000) "
                               "INSERT INTO bulk SELECT n, randomblob(2000) FROM n"_s));
            mustSucceed(db.run(u"UPDATE bulk SET bytes = randomblob(2000) WHERE n > 3000"_s));
        }
        // SQLite 3.40 would commit this, and find nothing in its log after a crash from here on.
        (void)db.run(u"INSERT INTO numbers (n) VALUES (1)"_s);
        const auto committed = transaction.commit();
        QVERIFY(!committed);
        QCOMPARE(committed.error().code, ErrorCode::DatabaseUnavailable);
    }
    add(1, 3);
    QCOMPARE(rows(db), 3);
    const QTemporaryDir elsewhere;
    QCOMPARE(rows(*leftAfterAKill(elsewhere)), 3);
}

void tst_LogReserve::afterAKillAllRowsAreThere()
{
    m_scratch->db().reserveLog();
    add(1, 300);
    const QTemporaryDir elsewhere;
    const auto left = leftAfterAKill(elsewhere);
    QCOMPARE(rows(*left), 300);
    Query check = left->prepare(u"PRAGMA integrity_check"_s);
    QVERIFY(check.exec() && check.next());
    QCOMPARE(check.text(0), u"ok"_s);
    left->reserveLog();
    mustSucceed(left->run(u"INSERT INTO numbers (n) VALUES (301)"_s));
    QCOMPARE(rows(*left), 301);
}

void tst_LogReserve::aDiskWithLittleRoomKeepsIt()
{
    const QTemporaryDir dir;
    const QString path = dir.filePath(u"file"_s);
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("as it was");
    file.close();
    QVERIFY(!os::lengthen(path, 1'000'000, std::numeric_limits<qint64>::max() / 2));
    QCOMPARE(QFileInfo(path).size(), 9);
    QVERIFY(os::lengthen(path, 2'500'000, 0));
    QCOMPARE(QFileInfo(path).size(), 2'500'000);
    QVERIFY(file.open(QIODevice::ReadOnly));
    const QByteArray contents = file.readAll();
    QVERIFY(contents.startsWith("as it was"));
    QCOMPARE(contents.count('\0'), 2'500'000 - 9);
    QVERIFY(!os::lengthen(dir.filePath(u"none"_s), 10, 0));
}

QTEST_GUILESS_MAIN(tst_LogReserve)
#include "tst_logreserve.moc"
