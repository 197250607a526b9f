// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"

#include <QtTest/QTest>

#include <sqlite3.h>

using namespace assistiv;
using namespace Qt::StringLiterals;

/// What becomes of SQLite's result codes.
class tst_SqliteErrors : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void codes_data();
    void codes();
    void aClosedConnectionIsUnavailable();
    void nothingIsKeptOfALostTransaction();
    void noRunTakesTheValuesOfAnother();
    void aReaderFindsWhatAKilledProcessLeft();

private:
    std::unique_ptr<ScratchDatabase> m_scratch;
};

namespace {

/// fail(code) is a statement that ends with the code.
void fail(sqlite3_context *context, int, sqlite3_value **arguments)
{
    sqlite3_result_error_code(context, sqlite3_value_int(arguments[0]));
}

/// Every connection that is opened from now on knows the function.
int addFail(sqlite3 *connection, char **, const sqlite3_api_routines *)
{
    return sqlite3_create_function(connection, "fail", 1, SQLITE_UTF8, nullptr, &fail, nullptr, nullptr);
}

} // namespace

void tst_SqliteErrors::initTestCase()
{
    QCOMPARE(sqlite3_auto_extension(reinterpret_cast<void (*)()>(&addFail)), SQLITE_OK);
    m_scratch = std::make_unique<ScratchDatabase>();
}

void tst_SqliteErrors::codes_data()
{
    QTest::addColumn<int>("code");
    QTest::addColumn<QString>("word");
    const auto add = [](int code, QLatin1StringView word) {
        QTest::addRow("%d %s", code, sqlite3_errstr(code)) << code << QString(word);
    };
    // The database cannot work now.
    for (const int code : {SQLITE_PERM,
                           SQLITE_ABORT,
                           SQLITE_ABORT_ROLLBACK,
                           SQLITE_BUSY,
                           SQLITE_BUSY_RECOVERY,
                           SQLITE_BUSY_SNAPSHOT,
                           SQLITE_LOCKED,
                           SQLITE_NOMEM,
                           SQLITE_READONLY,
                           SQLITE_READONLY_RECOVERY,
                           SQLITE_READONLY_CANTLOCK,
                           SQLITE_READONLY_ROLLBACK,
                           SQLITE_READONLY_DBMOVED,
                           SQLITE_READONLY_CANTINIT,
                           SQLITE_READONLY_DIRECTORY,
                           SQLITE_IOERR,
                           SQLITE_IOERR_READ,
                           SQLITE_IOERR_SHORT_READ,
                           SQLITE_IOERR_WRITE,
                           SQLITE_IOERR_FSYNC,
                           SQLITE_IOERR_TRUNCATE,
                           SQLITE_IOERR_LOCK,
                           SQLITE_IOERR_SHMOPEN,
                           SQLITE_IOERR_SHMSIZE,
                           SQLITE_IOERR_SHMMAP,
                           SQLITE_IOERR_DATA,
                           SQLITE_CANTOPEN,
                           SQLITE_CANTOPEN_FULLPATH,
                           SQLITE_PROTOCOL,
                           SQLITE_SCHEMA,
                           SQLITE_NOLFS})
        add(code, "database_unavailable"_L1);
    add(SQLITE_FULL, "database_unavailable"_L1);
    // Ours to decide, or not to be mended by waiting.
    add(SQLITE_CONSTRAINT_UNIQUE, "conflict"_L1);
    add(SQLITE_CONSTRAINT_PRIMARYKEY, "conflict"_L1);
    for (const int code : {SQLITE_ERROR, SQLITE_CONSTRAINT_FOREIGNKEY, SQLITE_CONSTRAINT_CHECK,
                           SQLITE_CONSTRAINT_NOTNULL, SQLITE_MISMATCH, SQLITE_MISUSE, SQLITE_CORRUPT, SQLITE_NOTADB})
        add(code, "internal_error"_L1);
}

void tst_SqliteErrors::codes()
{
    QFETCH(int, code);
    QFETCH(QString, word);
    Query query = m_scratch->db().prepare(u"SELECT fail(?)"_s);
    const auto done = query.bind(code).exec();
    QVERIFY(!done);
    QCOMPARE(QString(errorRow(done.error().code).word), word);
    QCOMPARE(done.error().retryAfterSeconds > 0, word == u"database_unavailable"_s);
    QCOMPARE(done.error().message.contains(u"space"_s), code == SQLITE_FULL);
}

void tst_SqliteErrors::aClosedConnectionIsUnavailable()
{
    ScratchDatabase away;
    QVERIFY(QFile::rename(away.url().name, away.url().name + u".away"_s));
    QVERIFY(!away.db().reconnect());
    const auto ran = away.db().run(u"SELECT 1"_s);
    QVERIFY(!ran);
    QCOMPARE(ran.error().code, ErrorCode::DatabaseUnavailable);
    const auto prepared = away.db().prepare(u"SELECT 1"_s).exec();
    QVERIFY(!prepared);
    QCOMPARE(prepared.error().code, ErrorCode::DatabaseUnavailable);
    const Transaction transaction(away.db());
    QVERIFY(!transaction.started());
    QCOMPARE(transaction.started().error().code, ErrorCode::DatabaseUnavailable);
}

void tst_SqliteErrors::nothingIsKeptOfALostTransaction()
{
    Transaction transaction(m_scratch->db());
    QVERIFY(transaction.started());
    Savepoint savepoint(m_scratch->db());
    {
        // A row that arrives, and one that does not: the reader takes it for the end.
        Query query = m_scratch->db().prepare(u"SELECT 1 UNION ALL SELECT fail(10)"_s);
        QVERIFY(query.exec());
        QVERIFY(query.next());
        QVERIFY(!query.next());
    }
    const auto kept = savepoint.keep();
    QVERIFY(!kept);
    QCOMPARE(kept.error().code, ErrorCode::DatabaseUnavailable);
    const auto committed = transaction.commit();
    QVERIFY(!committed);
    QCOMPARE(committed.error().code, ErrorCode::DatabaseUnavailable);
}

void tst_SqliteErrors::noRunTakesTheValuesOfAnother()
{
    const auto ask = [this](const auto &...values) {
        Query query = m_scratch->db().prepare(u"SELECT ?, ?"_s);
        const auto done = query.bind(values...).exec();
        return done && query.next() ? query.text(0) + query.text(1) : QString(errorRow(done.error().code).word);
    };
    QCOMPARE(ask(u"a"_s, u"b"_s), u"ab"_s);
    QCOMPARE(ask(u"c"_s), u"internal_error"_s);
    QCOMPARE(ask(), u"internal_error"_s);
    QCOMPARE(ask(u"d"_s, u"e"_s, u"f"_s), u"internal_error"_s);
    QCOMPARE(ask(u""_s, u"g"_s), u"g"_s);

    // Values may be bound anew where rows were left.
    Query query = m_scratch->db().prepare(u"SELECT ? UNION ALL SELECT 2"_s);
    QVERIFY(query.bind(1).exec() && query.next());
    QVERIFY(query.bind(3).exec() && query.next());
    QCOMPARE(query.integer(0), 3);
    QVERIFY(query.next() && !query.next() && query.ended());
}

void tst_SqliteErrors::aReaderFindsWhatAKilledProcessLeft()
{
    const QTemporaryDir dir;
    const QString live = dir.filePath(u"live.db"_s);
    const QString left = dir.filePath(u"left.db"_s);
    sqlite3 *writer = nullptr;
    QCOMPARE(sqlite3_open(qUtf8Printable(live), &writer), SQLITE_OK);
    const auto run = [writer](const char *sql) { return sqlite3_exec(writer, sql, nullptr, nullptr, nullptr); };
    // In the midst of a transaction with a journal, part of which is in the database already: its cache is small.
    QCOMPARE(run("PRAGMA cache_size = 2; CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('before')"), SQLITE_OK);
    QCOMPARE(run("BEGIN; UPDATE t SET a = 'during'; WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 99) "
                 "INSERT INTO t SELECT hex(randomblob(2000)) FROM n"), SQLITE_OK);
    QVERIFY(QFile::copy(live, left) && QFile::copy(live + u"-journal"_s, left + u"-journal"_s));
    sqlite3_close(writer);

    const auto opened = Database::open({ .name = left }, Database::Access::ReadOnly);
    QVERIFY2(opened, opened ? "" : qPrintable(opened.error().message));
    Query query = (*opened)->prepare(u"SELECT a FROM t"_s);
    QVERIFY(query.exec() && query.next());
    QCOMPARE(query.text(0), u"before"_s);
    QVERIFY(!query.next() && query.ended());
}

QTEST_GUILESS_MAIN(tst_SqliteErrors)
#include "tst_sqliteerrors.moc"
