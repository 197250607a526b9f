// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/frozenpages.h"
#include "fixtures/frozenfile.h"
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

/// The index of the write-ahead log, when its file becomes read-only under open connections.
class tst_WalIndex : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();
    void commitsWaitUntilOthersCanSeeThem();
    void aReadMarkDoesNotEndTheProcess();
    void waitsForOthersWhoWrite();
    void marksOfOtherReadersStay();
    void nothingIsLostWhenAllIsClosedMeanwhile();

private:
    QString indexFile() const { return m_scratch->url().name + u"-shm"_s; }
    Result<void> add(int row);
    static qint64 rows(Database &db);
    std::unique_ptr<Database> reader() const;

    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<Database> m_reader;
};

#define FREEZE(frozen, path)                                                                                           \
    FrozenFile frozen(path);                                                                                           \
    if (!frozen.isFrozen())                                                                                            \
    QSKIP("takes root, and a disk that knows immutable files")

void tst_WalIndex::init()
{
    m_scratch = std::make_unique<ScratchDatabase>();
    mustSucceed(m_scratch->db().run(u"CREATE TABLE numbers (n INTEGER PRIMARY KEY)"_s));
    mustSucceed(add(1));
    m_reader = reader();
}

void tst_WalIndex::cleanup()
{
    m_reader.reset();
    m_scratch.reset();
}

std::unique_ptr<Database> tst_WalIndex::reader() const
{
    return valueOf(Database::open(m_scratch->url(), Database::Access::ReadOnly));
}

Result<void> tst_WalIndex::add(int row)
{
    Database &db = m_scratch->db();
    Transaction transaction(db);
    if (!transaction.started())
        return transaction.started();
    if (const auto added = db.prepare(u"INSERT INTO numbers (n) VALUES (?)"_s).bind(row).exec(); !added)
        return added;
    return transaction.commit();
}

qint64 tst_WalIndex::rows(Database &db)
{
    Query query = db.prepare(u"SELECT COUNT(*) FROM numbers"_s);
    return query.exec() && query.next() ? query.integer(0) : -1;
}

void tst_WalIndex::commitsWaitUntilOthersCanSeeThem()
{
    FREEZE(frozen, indexFile());
    // Written to the log, but not for others to be seen: nobody may take it for done.
    const auto first = add(2);
    QVERIFY(!first);
    QCOMPARE(first.error().code, ErrorCode::DatabaseUnavailable);
    QVERIFY(frozenpages::any());
    const auto second = add(3);
    QVERIFY(!second);
    QCOMPARE(second.error().code, ErrorCode::DatabaseUnavailable);
    QCOMPARE(rows(*m_reader), 2);
    frozen.thaw();
    QVERIFY(add(4));
    QVERIFY(!frozenpages::any());
    QCOMPARE(rows(*m_reader), 3);
    QCOMPARE(rows(*reader()), 3);
}

void tst_WalIndex::aReadMarkDoesNotEndTheProcess()
{
    QCOMPARE(rows(*m_reader), 1);
    QVERIFY(add(2));
    FREEZE(frozen, indexFile());
    QCOMPARE(rows(*m_reader), 2);
    QVERIFY(frozenpages::any());
    QVERIFY(!add(3));
    frozen.thaw();
    QVERIFY(add(3));
    QVERIFY(!frozenpages::any());
    QCOMPARE(rows(*m_reader), 3);
}

void tst_WalIndex::waitsForOthersWhoWrite()
{
    const auto other = valueOf(Database::open(m_scratch->url(), Database::Access::ReadWrite));
    FREEZE(frozen, indexFile());
    QVERIFY(!add(2));
    frozen.thaw();
    {
        mustSucceed(other->run(u"BEGIN IMMEDIATE"_s));
        QVERIFY(!add(3));
        QVERIFY(frozenpages::any());
        mustSucceed(other->run(u"ROLLBACK"_s));
    }
    QVERIFY(add(3));
    QVERIFY(!frozenpages::any());
    QCOMPARE(rows(*other), 3);
}

void tst_WalIndex::marksOfOtherReadersStay()
{
    constexpr off_t SecondMark = 100 + 4;
    QCOMPARE(rows(*m_reader), 1);
    FREEZE(frozen, indexFile());
    QVERIFY(!add(2));
    QCOMPARE(rows(*m_reader), 2);
    frozen.thaw();
    // As another process would that began to read an older state meanwhile. Never closed: see FrozenFile.
    const int index = ::open(QFile::encodeName(indexFile()).constData(), O_RDWR | O_CLOEXEC);
    const quint32 mark = 1;
    QCOMPARE(::pwrite(index, &mark, sizeof mark, SecondMark), ssize_t(sizeof mark));
    // Somebody reads, so that the writer cannot set the mark anew.
    const Transaction reading(*m_reader);
    QCOMPARE(rows(*m_reader), 2);
    {
        const Transaction writing(m_scratch->db());
        QVERIFY(writing.started());
        QVERIFY(!frozenpages::any());
        quint32 now = 0;
        QCOMPARE(::pread(index, &now, sizeof now, SecondMark), ssize_t(sizeof now));
        QCOMPARE(now, mark);
    }
}

void tst_WalIndex::nothingIsLostWhenAllIsClosedMeanwhile()
{
    {
        FREEZE(frozen, indexFile());
        QVERIFY(!add(2));
        m_reader.reset();
        m_scratch->disconnect();
    }
    m_scratch->connect();
    QVERIFY(add(3));
    QCOMPARE(rows(m_scratch->db()), 3);
    QCOMPARE(rows(*reader()), 3);
}

QTEST_GUILESS_MAIN(tst_WalIndex)
#include "tst_walindex.moc"
