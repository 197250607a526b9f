// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/valueof.h"
#include "logdisk.h"
#include "store/database.h"
#include "store/gatheredlog.h"

#include <QtCore/QFile>
#include <QtCore/QFileInfo>
#include <QtCore/QProcess>
#include <QtCore/QRandomGenerator>
#include <QtCore/QTemporaryDir>
#include <QtTest/QTest>

#include <sqlite3.h>

#include <map>

using namespace assistiv;
using namespace Qt::StringLiterals;
using logdisk::Kind;

namespace {

using Rows = std::map<qint64, QByteArray>;

constexpr int FrameHead = 24;
constexpr int PageBytes = 4096;
constexpr const char *Plain = "unix";

/// A connection by SQLite's own interface to a database with one table. All codes are SQLite's, extended.
class Connection
{
public:
    /// One that does not gather does not sync either: nobody waits for a real disk.
    Connection(const QString &path, const char *vfs)
    {
        const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI;
        sqlite3_open_v2(QFile::encodeName(path).constData(), &m_handle, flags, vfs);
        sqlite3_extended_result_codes(m_handle, 1);
        m_opened = run(qstrcmp(vfs, Plain) == 0 ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=FULL");
    }
    ~Connection() { close(); }
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    /// What the first statement came to.
    int opened() const { return m_opened; }
    int close() { return sqlite3_close(std::exchange(m_handle, nullptr)); }
    int run(const QByteArray &sql) { return sqlite3_exec(m_handle, sql.constData(), nullptr, nullptr, nullptr); }
    int makeTable(int pageBytes = PageBytes)
    {
        return run("PRAGMA page_size=" + QByteArray::number(pageBytes)
                   + "; PRAGMA journal_mode=WAL;"
                     " CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB NOT NULL)");
    }
    int put(qint64 id, const QByteArray &body)
    {
        sqlite3_stmt *statement = nullptr;
        const int code =
            sqlite3_prepare_v2(m_handle, "INSERT OR REPLACE INTO rows VALUES (?, ?)", -1, &statement, nullptr);
        if (code != SQLITE_OK)
            return code;
        sqlite3_bind_int64(statement, 1, id);
        sqlite3_bind_blob(statement, 2, body.constData(), int(body.size()), SQLITE_STATIC);
        sqlite3_step(statement);
        return sqlite3_finalize(statement);
    }
    bool isInTransaction() const { return !sqlite3_get_autocommit(m_handle); }
    int checkpoint(int mode) { return sqlite3_wal_checkpoint_v2(m_handle, nullptr, mode, nullptr, nullptr); }
    /// The first column of the first row.
    QByteArray answer(const QByteArray &sql)
    {
        QByteArray text;
        each(sql, [&](sqlite3_stmt *row) { text = reinterpret_cast<const char *>(sqlite3_column_text(row, 0)); });
        return text;
    }
    /// A row 0 with the error when they cannot be read.
    Rows rows()
    {
        Rows rows;
        const int code = each("SELECT id, body FROM rows", [&](sqlite3_stmt *row) {
            rows[sqlite3_column_int64(row, 0)] =
                QByteArray(static_cast<const char *>(sqlite3_column_blob(row, 1)), sqlite3_column_bytes(row, 1));
        });
        if (code != SQLITE_OK)
            rows[0] = sqlite3_errmsg(m_handle);
        return rows;
    }

private:
    int each(const QByteArray &sql, const std::function<void(sqlite3_stmt *)> &take)
    {
        sqlite3_stmt *statement = nullptr;
        const int code = sqlite3_prepare_v2(m_handle, sql.constData(), -1, &statement, nullptr);
        if (code != SQLITE_OK)
            return code;
        while (sqlite3_step(statement) == SQLITE_ROW)
            take(statement);
        return sqlite3_finalize(statement);
    }

    sqlite3 *m_handle = nullptr;
    int m_opened;
};

/// As others see it, who know nothing of our VFS; a row 0 when it is damaged.
Rows rowsIn(const QString &path)
{
    Connection other(path, Plain);
    Rows rows = other.rows();
    if (const QByteArray check = other.answer("PRAGMA integrity_check"); check != "ok")
        rows[0] = check;
    return rows;
}

/// Bytes that come nowhere else.
QByteArray body(qsizetype size)
{
    static quint32 count = 0;
    QByteArray bytes(size, Qt::Uninitialized);
    QRandomGenerator random(++count);
    for (char &byte : bytes)
        byte = char(random.generate());
    return bytes;
}

/// Taken from ASSISTIV_TEST_SEED to repeat a run.
quint32 newSeed()
{
    const quint32 given = qEnvironmentVariable("ASSISTIV_TEST_SEED").toUInt();
    const quint32 seed = given != 0 ? given : QRandomGenerator::system()->generate();
    qInfo("ASSISTIV_TEST_SEED=%u", seed);
    return seed;
}

/// A copy of database and log, without the index, in a folder of its own.
class Wreck
{
public:
    explicit Wreck(const QString &path)
    {
        QFile::copy(path, m_path);
        QFile::copy(path + u"-wal"_s, m_path + u"-wal"_s);
    }
    Wreck(const QString &path, const QByteArray &log)
    {
        QFile::copy(path, m_path);
        QFile file(m_path + u"-wal"_s);
        if (!file.open(QIODevice::WriteOnly) || file.write(log) != log.size())
            qFatal("cannot write a log");
    }
    Rows rows() const { return rowsIn(m_path); }

private:
    QTemporaryDir m_dir;
    QString m_path = m_dir.filePath(u"wreck.db"_s);
};

/// Of what was written to a log since it was synced, a power cut leaves whichever sectors were on the disk already.
QByteArray afterPowerCut(const QString &log, QRandomGenerator &random)
{
    constexpr int Sector = 512;
    const QByteArray synced = logdisk::synced();
    QFile file(log);
    const QByteArray written = file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    QByteArray left = random.bounded(2) == 0 ? synced : synced.leftJustified(written.size(), '\0', true);
    const bool keepsAll = random.bounded(4) == 0;
    for (qsizetype at = 0; at < left.size() && at < written.size(); at += Sector) {
        const qsizetype size = std::min({qsizetype(Sector), left.size() - at, written.size() - at});
        if (keepsAll || random.bounded(2) == 0)
            left.replace(at, size, written.mid(at, size));
    }
    return left;
}

} // namespace

/// SQLite's write-ahead log, gathered to one write for each commit.
class tst_GatheredLog : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void init();
    void cleanup();

    void aCommitIsOneWriteAndOneSync();
    void theWriterOfTheProgramGathers();
    void aLargeCommitIsWrittenInPieces_data();
    void aLargeCommitIsWrittenInPieces();
    void othersSeeACommitAtOnce_data();
    void othersSeeACommitAtOnce();

    void aTransactionLargerThanTheCache_data();
    void aTransactionLargerThanTheCache();
    void whatWasRolledBackIsNotWrittenLater_data();
    void whatWasRolledBackIsNotWrittenLater();

    void aCommitThatFailsLeavesNothing_data();
    void aCommitThatFailsLeavesNothing();
    void aFullDiskTakesNothingFromATransaction();
    void closingWhileTheDiskFails();
    void aLogThatCannotBeOpened();

    void aCrashKeepsWhatWasCommitted_data();
    void aCrashKeepsWhatWasCommitted();
    void killed();

    void checkpoints_data();
    void checkpoints();
    void otherWriters();
    void otherJournals();
    void anythingInAnyOrder();

private:
    QString logFile() const { return m_path + u"-wal"_s; }
    std::unique_ptr<Connection> gathering(const QByteArray &pragmas = {}) const;

    std::unique_ptr<QTemporaryDir> m_dir;
    QString m_path;
};

void tst_GatheredLog::initTestCase()
{
    logdisk::install();
    QCOMPARE(sqlite3_vfs_find(nullptr)->zName, "log-disk");
}

void tst_GatheredLog::init()
{
    m_dir = std::make_unique<QTemporaryDir>();
    m_path = m_dir->filePath(u"test.db"_s);
    logdisk::reset();
}

void tst_GatheredLog::cleanup()
{
    logdisk::reset();
    m_dir.reset();
    QCOMPARE(logdisk::openLogs(), 0);
}

std::unique_ptr<Connection> tst_GatheredLog::gathering(const QByteArray &pragmas) const
{
    auto connection = std::make_unique<Connection>(m_path, gatheredlog::vfs());
    if (connection->opened() != SQLITE_OK || connection->run(pragmas) != SQLITE_OK)
        qFatal("cannot open a database");
    return connection;
}

void tst_GatheredLog::aCommitIsOneWriteAndOneSync()
{
    const auto db = gathering();
    QCOMPARE(db->makeTable(), SQLITE_OK);
    // A log begins with a head that is synced alone.
    auto &calls = logdisk::calls();
    QCOMPARE(calls.size(), 5U);
    QCOMPARE(calls[0].kind, Kind::Open);
    QVERIFY((calls[1] == logdisk::Call{Kind::Write, 0, 32}));
    QCOMPARE(calls[2].kind, Kind::Sync);
    QCOMPARE(calls[3].kind, Kind::Write);
    QCOMPARE(calls[4].kind, Kind::Sync);

    Rows rows;
    qint64 end = calls[3].end();
    for (const int size : {10, 3000, 20'000, 90'000}) {
        calls.clear();
        rows[size] = body(size);
        QCOMPARE(db->put(size, rows[size]), SQLITE_OK);
        QCOMPARE(calls.size(), 2U);
        QCOMPARE(calls[0].kind, Kind::Write);
        QCOMPARE(calls[0].offset, end);
        QCOMPARE(calls[0].size % (FrameHead + PageBytes), 0);
        QVERIFY(calls[0].size > size);
        QCOMPARE(calls[1].kind, Kind::Sync);
        QCOMPARE(rowsIn(m_path), rows);
        end = calls[0].end();
    }
    calls.clear();
    QCOMPARE(db->run("BEGIN; INSERT INTO rows VALUES (7, 'x'); ROLLBACK"), SQLITE_OK);
    QVERIFY(calls.empty());
}

void tst_GatheredLog::theWriterOfTheProgramGathers()
{
    // What means something in a URI means nothing in a path.
    m_path = m_dir->filePath(u"a b?vfs=c#%20d&ü;=.db"_s);
    const DatabaseUrl url{.name = m_path};
    auto writer = valueOf(Database::open(url, Database::Access::ReadWrite));
    mustSucceed(writer->run(u"CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB NOT NULL)"_s));
    QVERIFY(QFile::exists(logFile()));
    auto reader = valueOf(Database::open(url, Database::Access::ReadOnly));
    writer->reserveLog();
    const qint64 reserved = QFileInfo(logFile()).size();

    Rows rows;
    for (int id = 1; id <= 50; ++id) {
        logdisk::calls().clear();
        Transaction transaction(*writer);
        mustSucceed(writer->prepare(u"INSERT INTO rows VALUES (?, 'text')"_s).bind(id).exec());
        mustSucceed(transaction.commit());
        rows[id] = "text";
        QCOMPARE(logdisk::calls().size(), 2U);
        QCOMPARE(logdisk::calls()[0].kind, Kind::Write);
        QCOMPARE(logdisk::calls()[1].kind, Kind::Sync);
    }
    QCOMPARE(QFileInfo(logFile()).size(), reserved);
    QCOMPARE(rowsIn(m_path), rows);
    QCOMPARE(Wreck(m_path).rows(), rows);
    {
        Query count = reader->prepare(u"SELECT COUNT(*) FROM rows"_s);
        QVERIFY(count.exec() && count.next());
        QCOMPARE(count.integer(0), 50);
    }
    // The disk is full for one commit; the connection goes on.
    {
        logdisk::fail({Kind::Write, SQLITE_FULL});
        Transaction transaction(*writer);
        mustSucceed(writer->run(u"DELETE FROM rows"_s));
        const auto committed = transaction.commit();
        QVERIFY(!committed);
        QCOMPARE(committed.error().code, ErrorCode::DatabaseUnavailable);
        logdisk::repair();
    }
    QCOMPARE(rowsIn(m_path), rows);
    mustSucceed(writer->run(u"DELETE FROM rows WHERE id = 50"_s));
    rows.erase(50);
    QCOMPARE(rowsIn(m_path), rows);
    reader.reset();
    writer.reset();
    QVERIFY(!QFile::exists(logFile()));
    QCOMPARE(rowsIn(m_path), rows);
}

void tst_GatheredLog::aLargeCommitIsWrittenInPieces_data()
{
    QTest::addColumn<int>("pageBytes");
    for (const int bytes : {512, 4096, 65536})
        QTest::addRow("pages of %d bytes", bytes) << bytes;
}

void tst_GatheredLog::aLargeCommitIsWrittenInPieces()
{
    constexpr int MostAtOnce = 0x1ffff; // the VFS for Unix looks at 17 bits of a size only
    QFETCH(int, pageBytes);
    const auto db = gathering("PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=0");
    QCOMPARE(db->makeTable(pageBytes), SQLITE_OK);
    auto &calls = logdisk::calls();
    Rows rows;
    for (int round = 0; round < 3; ++round) {
        qint64 end = calls[calls.size() - 2].end();
        calls.clear();
        QCOMPARE(db->run("BEGIN"), SQLITE_OK);
        // One more page each time: the last piece is of every size.
        for (int id = 0; id < 10; ++id) {
            rows[id] = body(150'000 + round * pageBytes);
            QCOMPARE(db->put(id, rows[id]), SQLITE_OK);
        }
        QVERIFY(calls.empty());
        QCOMPARE(db->run("COMMIT"), SQLITE_OK);
        QCOMPARE(calls.back().kind, Kind::Sync);
        const qint64 bytes = calls[calls.size() - 2].end() - end;
        QVERIFY(qint64(calls.size()) <= bytes / (MostAtOnce - FrameHead - pageBytes) + 2);
        for (size_t at = 0; at + 1 < calls.size(); ++at) {
            QCOMPARE(calls[at].kind, Kind::Write);
            QVERIFY(calls[at].size <= MostAtOnce);
            QCOMPARE(calls[at].offset, end);
            end = calls[at].end();
        }
        QCOMPARE((end - 32) % (FrameHead + pageBytes), 0);
        QCOMPARE(rowsIn(m_path), rows);
        QCOMPARE(Wreck(m_path).rows(), rows);
    }
}

void tst_GatheredLog::othersSeeACommitAtOnce_data()
{
    QTest::addColumn<QString>("query");
    QTest::addColumn<QByteArray>("pragma");
    QTest::newRow("synced with each commit") << QString() << QByteArray("PRAGMA synchronous=FULL");
    QTest::newRow("synced with checkpoints") << QString() << QByteArray("PRAGMA synchronous=NORMAL");
    QTest::newRow("never synced") << QString() << QByteArray("PRAGMA synchronous=OFF");
    // SQLite repeats the last page then, beyond what it syncs.
    QTest::newRow("on a disk that harms what is beside") << u"?psow=0"_s << QByteArray("PRAGMA synchronous=FULL");
}

void tst_GatheredLog::othersSeeACommitAtOnce()
{
    QFETCH(QString, query);
    QFETCH(QByteArray, pragma);
    Rows rows;
    {
        Connection db(u"file:"_s + m_path + query, gatheredlog::vfs());
        QCOMPARE(db.makeTable(), SQLITE_OK);
        QCOMPARE(db.run(pragma), SQLITE_OK);
        Connection reader(m_path, Plain);
        for (int id = 1; id <= 20; ++id) {
            rows[id] = body(id * 300);
            QCOMPARE(db.put(id, rows[id]), SQLITE_OK);
            QCOMPARE(reader.rows(), rows);
            QCOMPARE(Wreck(m_path).rows(), rows);
        }
    }
    QCOMPARE(rowsIn(m_path), rows);
}

void tst_GatheredLog::aTransactionLargerThanTheCache_data()
{
    QTest::addColumn<bool>("commits");
    QTest::newRow("is committed") << true;
    QTest::newRow("is rolled back") << false;
}

void tst_GatheredLog::aTransactionLargerThanTheCache()
{
    QFETCH(bool, commits);
    const auto db = gathering("PRAGMA cache_size=10");
    QCOMPARE(db->makeTable(), SQLITE_OK);
    Rows before;
    for (int id = 1; id <= 30; ++id) {
        before[id] = body(2000);
        QCOMPARE(db->put(id, before[id]), SQLITE_OK);
    }
    Connection reader(m_path, Plain);
    QCOMPARE(reader.rows(), before);
    logdisk::calls().clear();

    QCOMPARE(db->run("BEGIN"), SQLITE_OK);
    Rows rows = before;
    const auto putAll = [&](int size) {
        for (int id = 20; id <= 120; ++id) {
            rows[id] = body(size);
            QCOMPARE(db->put(id, rows[id]), SQLITE_OK);
        }
    };
    putAll(3000);
    QCOMPARE(db->rows(), rows);
    QCOMPARE(reader.rows(), before);
    // What is taken back was read in between, or not.
    for (const bool reads : {true, false}) {
        QCOMPARE(db->run("SAVEPOINT step; UPDATE rows SET body = body || body WHERE id % 2 = 0"), SQLITE_OK);
        if (reads)
            QVERIFY(db->rows() != rows);
        QCOMPARE(db->run("ROLLBACK TO step; RELEASE step"), SQLITE_OK);
        QCOMPARE(db->rows(), rows);
    }
    // The same pages once more: SQLite writes over what the transaction has in the log already.
    putAll(3001);
    putAll(3002);
    QCOMPARE(db->rows(), rows);
    QCOMPARE(reader.rows(), before);
    QCOMPARE(Wreck(m_path).rows(), before);
    QCOMPARE(db->run(commits ? "COMMIT" : "ROLLBACK"), SQLITE_OK);

    qint64 end = 0;
    int writtenOver = 0;
    for (const auto &call : logdisk::calls()) {
        writtenOver += call.kind == Kind::Write && call.offset < end;
        end = std::max(end, call.end());
    }
    QVERIFY(writtenOver > 100);
    const Rows &after = commits ? rows : before;
    QCOMPARE(reader.rows(), after);
    QCOMPARE(db->rows(), after);
    QCOMPARE(rowsIn(m_path), after);
    QCOMPARE(Wreck(m_path).rows(), after);
}

void tst_GatheredLog::whatWasRolledBackIsNotWrittenLater_data()
{
    QTest::addColumn<QString>("next");
    for (const auto &next : {u"reads"_s, u"writes"_s, u"checkpoints"_s, u"closes"_s, u"begins"_s})
        QTest::addRow("who rolled back %s", qUtf8Printable(next)) << next;
}

void tst_GatheredLog::whatWasRolledBackIsNotWrittenLater()
{
    QFETCH(QString, next);
    auto db = gathering("PRAGMA cache_size=10");
    QCOMPARE(db->makeTable(), SQLITE_OK);
    Rows rows;
    for (int id = 1; id <= 40; ++id)
        QCOMPARE(db->put(id, rows[id] = body(2000)), SQLITE_OK);
    QCOMPARE(db->checkpoint(SQLITE_CHECKPOINT_TRUNCATE), SQLITE_OK);
    QCOMPARE(db->put(20, rows[20] = body(2000)), SQLITE_OK);
    QCOMPARE(db->run("BEGIN"), SQLITE_OK);
    for (int id = 1; id <= 40; ++id)
        QCOMPARE(db->put(id, body(2000)), SQLITE_OK);
    QCOMPARE(db->run("ROLLBACK"), SQLITE_OK);

    // Its place in the log is somebody else's now.
    Connection other(m_path, Plain);
    for (int id = 100; id < 140; ++id) {
        rows[id] = body(2000);
        QCOMPARE(other.put(id, rows[id]), SQLITE_OK);
    }
    if (next == u"reads"_s)
        QCOMPARE(db->rows(), rows);
    else if (next == u"writes"_s)
        QCOMPARE(db->put(2, rows[2] = body(2000)), SQLITE_OK);
    else if (next == u"checkpoints"_s)
        QCOMPARE(db->checkpoint(SQLITE_CHECKPOINT_TRUNCATE), SQLITE_OK);
    else if (next == u"begins"_s)
        QCOMPARE(db->run("BEGIN IMMEDIATE"), SQLITE_OK);
    else
        db.reset();
    QCOMPARE(other.rows(), rows);
    QCOMPARE(rowsIn(m_path), rows);
    QCOMPARE(Wreck(m_path).rows(), rows);
}

void tst_GatheredLog::aCommitThatFailsLeavesNothing_data()
{
    QTest::addColumn<logdisk::Fault>("fault");
    QTest::addColumn<int>("bytes");
    const auto add = [](const char *name, const logdisk::Fault &fault, int bytes) {
        QTest::newRow(name) << fault << bytes;
    };
    add("no room at all", {Kind::Write, SQLITE_FULL}, 5000);
    add("room for a part", {.kind = Kind::Write, .code = SQLITE_FULL, .bytes = 6000}, 5000);
    add("room for all but the last byte", {.kind = Kind::Write, .code = SQLITE_FULL, .bytes = 5 * 4120 - 1}, 12'000);
    add("no room for the third piece", {.kind = Kind::Write, .code = SQLITE_FULL, .after = 2}, 2'000'000);
    add("no room for the last piece", {.kind = Kind::Write, .code = SQLITE_FULL, .after = 15, .bytes = 4000},
        2'000'000);
    add("a broken disk", {Kind::Write, SQLITE_IOERR_WRITE}, 5000);
    add("a broken place on the disk", {.kind = Kind::Write, .code = SQLITE_IOERR_WRITE, .after = 3, .bytes = 9000},
        2'000'000);
    add("a disk that cannot sync", {Kind::Sync, SQLITE_IOERR_FSYNC}, 5000);
    add("a disk that cannot sync much", {Kind::Sync, SQLITE_IOERR_FSYNC}, 2'000'000);
}

void tst_GatheredLog::aCommitThatFailsLeavesNothing()
{
    QFETCH(logdisk::Fault, fault);
    QFETCH(int, bytes);
    const auto db = gathering();
    QCOMPARE(db->makeTable(), SQLITE_OK);
    Rows rows{{1, body(20'000)}};
    QCOMPARE(db->put(1, rows[1]), SQLITE_OK);
    Connection reader(m_path, Plain);

    for (const bool begins : {false, true, true}) {
        Rows failed = rows;
        failed[2] = body(bytes);
        if (begins)
            QCOMPARE(db->run("BEGIN IMMEDIATE"), SQLITE_OK);
        logdisk::fail(fault);
        QCOMPARE(begins ? db->put(2, failed[2]) : SQLITE_OK, SQLITE_OK);
        QCOMPARE(begins ? db->run("COMMIT") : db->put(2, failed[2]), fault.code);
        QVERIFY(!db->isInTransaction());
        QCOMPARE(db->rows(), rows);
        QCOMPARE(reader.rows(), rows);
        QCOMPARE(rowsIn(m_path), rows);
        // What was written but not synced may be there after a crash.
        const Rows found = Wreck(m_path).rows();
        QVERIFY(found == rows || (fault.kind == Kind::Sync && found == failed));
        logdisk::repair();

        // Somebody else, and then this connection again.
        QCOMPARE(reader.put(3, rows[3] = body(9000)), SQLITE_OK);
        QCOMPARE(db->put(4, rows[4] = body(9000)), SQLITE_OK);
        QCOMPARE(db->rows(), rows);
        QCOMPARE(reader.rows(), rows);
        QCOMPARE(rowsIn(m_path), rows);
        QCOMPARE(Wreck(m_path).rows(), rows);
    }
}

void tst_GatheredLog::aFullDiskTakesNothingFromATransaction()
{
    const auto db = gathering("PRAGMA cache_size=10");
    QCOMPARE(db->makeTable(), SQLITE_OK);
    const Rows before{{1, body(2000)}};
    QCOMPARE(db->put(1, before.at(1)), SQLITE_OK);
    Rows rows = before;
    QCOMPARE(db->run("BEGIN"), SQLITE_OK);
    for (int id = 2; id < 40; ++id)
        QCOMPARE(db->put(id, rows[id] = body(2000)), SQLITE_OK);

    // SQLite undoes only the statement, and believes what was put before to be in the log.
    logdisk::fail({.kind = Kind::Write, .code = SQLITE_FULL, .bytes = 5000});
    QCOMPARE(db->run("UPDATE rows SET body = body || 'x'"), SQLITE_FULL);
    logdisk::repair();
    QVERIFY(db->isInTransaction());
    QCOMPARE(db->rows(), rows);
    QCOMPARE(db->put(2, rows[2] = body(2000)), SQLITE_OK);
    QCOMPARE(db->run("COMMIT"), SQLITE_OK);
    QCOMPARE(rowsIn(m_path), rows);
    QCOMPARE(Wreck(m_path).rows(), rows);
}

void tst_GatheredLog::closingWhileTheDiskFails()
{
    Rows rows;
    for (const Kind kind : {Kind::Write, Kind::Sync, Kind::Truncate}) {
        auto db = gathering("PRAGMA cache_size=10");
        QCOMPARE(rows.empty() ? db->makeTable() : SQLITE_OK, SQLITE_OK);
        const qint64 id = qint64(rows.size()) + 1;
        QCOMPARE(db->put(id, rows[id] = body(20'000)), SQLITE_OK);
        QCOMPARE(db->run("BEGIN"), SQLITE_OK);
        for (int lost = 0; lost < 30; ++lost)
            QCOMPARE(db->put(1000 + lost, body(2000)), SQLITE_OK);
        logdisk::fail({kind, SQLITE_IOERR});
        QCOMPARE(db->close(), SQLITE_OK);
        QCOMPARE(logdisk::openLogs(), 0);
        logdisk::repair();
        QCOMPARE(rowsIn(m_path), rows);
    }
}

void tst_GatheredLog::aLogThatCannotBeOpened()
{
    Rows rows{{1, body(5000)}};
    {
        const auto db = gathering();
        QCOMPARE(db->makeTable(), SQLITE_OK);
        QCOMPARE(db->put(1, rows[1]), SQLITE_OK);
    }
    logdisk::fail({Kind::Open, SQLITE_CANTOPEN});
    Connection db(m_path, gatheredlog::vfs());
    QCOMPARE(db.opened(), SQLITE_CANTOPEN);
    for (int round = 0; round < 3; ++round) {
        QCOMPARE(db.put(2, body(10)), SQLITE_CANTOPEN);
        QCOMPARE(logdisk::openLogs(), 0);
    }
    logdisk::repair();
    QCOMPARE(db.rows(), rows);
    QCOMPARE(db.put(2, rows[2] = body(5000)), SQLITE_OK);
    QCOMPARE(rowsIn(m_path), rows);
}

void tst_GatheredLog::aCrashKeepsWhatWasCommitted_data()
{
    QTest::addColumn<bool>("power");
    QTest::newRow("of the process") << false;
    QTest::newRow("of the machine") << true;
}

void tst_GatheredLog::aCrashKeepsWhatWasCommitted()
{
    QFETCH(bool, power);
    QRandomGenerator random(newSeed());
    Rows committed;
    Rows begun;
    int wrecks = 0;
    QByteArray wrong;
    QCOMPARE(gathering()->makeTable(1024), SQLITE_OK);
    const auto db = gathering("PRAGMA cache_size=10; PRAGMA wal_autocheckpoint=100");
    logdisk::watch([&] {
        if (random.bounded(20) != 0)
            return;
        ++wrecks;
        const Rows left = power ? Wreck(m_path, afterPowerCut(logFile(), random)).rows() : Wreck(m_path).rows();
        if (left != committed && left != begun && wrong.isEmpty())
            wrong = "in transaction " + QByteArray::number(qint64(committed.size())) + ": "
                + left.begin()->second.left(100);
    });

    for (int round = 0; round < 150; ++round) {
        begun = committed;
        QCOMPARE(db->run("BEGIN IMMEDIATE"), SQLITE_OK);
        const int puts = 1 + random.bounded(random.bounded(4) == 0 ? 40 : 4);
        for (int n = 0; n < puts; ++n) {
            const qint64 id = random.bounded(60);
            QCOMPARE(db->put(id, begun[id] = body(random.bounded(3000))), SQLITE_OK);
        }
        if (random.bounded(6) == 0) {
            QCOMPARE(db->run("ROLLBACK"), SQLITE_OK);
        } else {
            QCOMPARE(db->run("COMMIT"), SQLITE_OK);
            committed = begun;
        }
        begun = committed;
        if (random.bounded(20) == 0)
            QCOMPARE(db->checkpoint(random.bounded(SQLITE_CHECKPOINT_TRUNCATE + 1)), SQLITE_OK);
        QVERIFY2(wrong.isEmpty(), wrong.constData());
    }
    logdisk::watch({});
    QVERIFY(wrecks > 20);
    QCOMPARE(rowsIn(m_path), committed);
}

void tst_GatheredLog::killed()
{
    QCOMPARE(gathering()->makeTable(), SQLITE_OK);
    for (int round = 0; round < 3; ++round) {
        QProcess writer;
        writer.start(QCoreApplication::applicationFilePath(), {u"--commit"_s, m_path});
        QVERIFY(writer.waitForStarted());
        QByteArray told;
        while (told.count('\n') < 20 + round * 5 && writer.waitForReadyRead(10'000))
            told += writer.readAll();
        writer.kill();
        QVERIFY(writer.waitForFinished());
        told += writer.readAll();
        const qint64 acknowledged = told.left(told.lastIndexOf('\n')).split('\n').constLast().toLongLong();
        QVERIFY(acknowledged >= 20);
        const Rows rows = rowsIn(m_path);
        const qint64 newest = qint64(rows.size());
        QVERIFY(newest == acknowledged || newest == acknowledged + 1);
        QCOMPARE(rows.begin()->first, 1);
        QCOMPARE(rows.rbegin()->first, newest);
    }
}

void tst_GatheredLog::checkpoints_data()
{
    QTest::addColumn<int>("mode");
    QTest::addColumn<bool>("isOther");
    for (const bool isOther : {false, true}) {
        const char *whose = isOther ? "by another connection" : "by this connection";
        QTest::addRow("as far as possible, %s", whose) << SQLITE_CHECKPOINT_PASSIVE << isOther;
        QTest::addRow("all, %s", whose) << SQLITE_CHECKPOINT_FULL << isOther;
        QTest::addRow("and begins anew, %s", whose) << SQLITE_CHECKPOINT_RESTART << isOther;
        QTest::addRow("and empties the log, %s", whose) << SQLITE_CHECKPOINT_TRUNCATE << isOther;
    }
}

void tst_GatheredLog::checkpoints()
{
    QFETCH(int, mode);
    QFETCH(bool, isOther);
    Rows rows;
    {
        const auto db = gathering("PRAGMA cache_size=10");
        QCOMPARE(db->makeTable(), SQLITE_OK);
        Connection other(m_path, Plain);
        for (int round = 1; round <= 5; ++round) {
            for (int id = 1; id <= 10; ++id)
                QCOMPARE(db->put(id, rows[id] = body(round * 500 + id)), SQLITE_OK);
            // In the way of all checkpoints but those that do what is possible.
            if (round == 3) {
                QCOMPARE(other.run("BEGIN"), SQLITE_OK);
                QCOMPARE(other.rows(), rows);
                QCOMPARE(db->put(1, rows[1] = body(100)), SQLITE_OK);
                QCOMPARE(db->checkpoint(mode), mode == SQLITE_CHECKPOINT_PASSIVE ? SQLITE_OK : SQLITE_BUSY);
                QCOMPARE(db->put(2, rows[2] = body(100)), SQLITE_OK);
                QCOMPARE(other.run("COMMIT"), SQLITE_OK);
            }
            QCOMPARE((isOther ? other : *db).checkpoint(mode), SQLITE_OK);
            QCOMPARE(QFileInfo(logFile()).size() == 0, mode == SQLITE_CHECKPOINT_TRUNCATE);
            QCOMPARE(Wreck(m_path).rows(), rows);
            logdisk::calls().clear();
            QCOMPARE(db->put(round * 100, rows[round * 100] = body(3000)), SQLITE_OK);
            // All is in the database: the log begins anew.
            QCOMPARE(logdisk::calls().front().offset, 0);
            QCOMPARE(db->rows(), rows);
            QCOMPARE(other.rows(), rows);
            QCOMPARE(Wreck(m_path).rows(), rows);
        }
    }
    QVERIFY(!QFile::exists(logFile()));
    QCOMPARE(rowsIn(m_path), rows);
}

void tst_GatheredLog::otherWriters()
{
    const auto first = gathering("PRAGMA cache_size=10; PRAGMA wal_autocheckpoint=50");
    QCOMPARE(first->makeTable(), SQLITE_OK);
    const auto second = gathering("PRAGMA cache_size=10; PRAGMA wal_autocheckpoint=70");
    Connection plain(m_path, Plain);
    const std::array<Connection *, 3> writers{first.get(), second.get(), &plain};
    Rows rows;
    for (int round = 0; round < 60; ++round) {
        Connection &writer = *writers[size_t(round) % 3];
        Connection &next = *writers[size_t(round + 1) % 3];
        QCOMPARE(writer.run("BEGIN IMMEDIATE"), SQLITE_OK);
        Rows mine = rows;
        for (int id = 0; id <= round; ++id)
            QCOMPARE(writer.put(id, mine[id] = body(1000 + round)), SQLITE_OK);
        QCOMPARE(next.run("BEGIN IMMEDIATE"), SQLITE_BUSY);
        QCOMPARE(next.rows(), rows);
        const bool rollsBack = round % 4 == 3;
        QCOMPARE(writer.run(rollsBack ? "ROLLBACK" : "COMMIT"), SQLITE_OK);
        if (!rollsBack)
            rows = mine;
        QCOMPARE(next.rows(), rows);
    }
    QCOMPARE(rowsIn(m_path), rows);
    QCOMPARE(QProcess::execute(QCoreApplication::applicationFilePath(), {u"--put"_s, m_path, u"1000"_s}), 0);
    rows[1000] = "from afar";
    QCOMPARE(first->rows(), rows);
    QCOMPARE(first->put(1001, rows[1001] = body(9000)), SQLITE_OK);
    QCOMPARE(second->put(1002, rows[1002] = body(9000)), SQLITE_OK);
    QCOMPARE(plain.rows(), rows);
    QCOMPARE(Wreck(m_path).rows(), rows);
}

void tst_GatheredLog::otherJournals()
{
    const auto db = gathering("PRAGMA cache_size=10");
    QCOMPARE(db->makeTable(), SQLITE_OK);
    Rows rows;
    for (const char *mode : {"delete", "wal", "truncate", "wal", "persist", "wal", "memory", "wal"}) {
        QCOMPARE(db->answer(QByteArray("PRAGMA journal_mode=") + mode), QByteArray(mode));
        QCOMPARE(db->run("BEGIN"), SQLITE_OK);
        for (int id = 1; id <= 30; ++id)
            QCOMPARE(db->put(id, rows[id] = body(3000)), SQLITE_OK);
        QCOMPARE(db->run("COMMIT"), SQLITE_OK);
        QCOMPARE(QFile::exists(logFile()), qstrcmp(mode, "wal") == 0);
        QCOMPARE(db->run("VACUUM"), SQLITE_OK);
        QCOMPARE(db->rows(), rows);
        QCOMPARE(rowsIn(m_path), rows);
    }
    // Another database on the same connection has a log of its own.
    const QString attached = m_dir->filePath(u"attached.db"_s);
    QCOMPARE(db->run("ATTACH '" + attached.toUtf8() + "' AS also; PRAGMA also.journal_mode=WAL"), SQLITE_OK);
    QCOMPARE(db->run("CREATE TABLE also.rows AS SELECT * FROM main.rows"), SQLITE_OK);
    QCOMPARE(db->run("BEGIN; DELETE FROM main.rows WHERE id = 1; DELETE FROM also.rows; ROLLBACK"), SQLITE_OK);
    QCOMPARE(rowsIn(attached), rows);
    QCOMPARE(db->run("BEGIN; DELETE FROM main.rows WHERE id = 1; DELETE FROM also.rows; COMMIT"), SQLITE_OK);
    rows.erase(1);
    QCOMPARE(rowsIn(m_path), rows);
    QCOMPARE(rowsIn(attached), Rows());
    QCOMPARE(db->run("DETACH also"), SQLITE_OK);
    QCOMPARE(logdisk::openLogs(), 1);
}

/// A database, and what it should hold.
class RandomOperations
{
public:
    RandomOperations(const QString &path, QRandomGenerator &random) : m_path(path), m_random(random)
    {
        open();
        if (m_db->makeTable(1024) != SQLITE_OK)
            qFatal("cannot make a table");
    }

    /// What went wrong; empty when nothing did.
    QString step()
    {
        const int dice = below(100);
        m_mayFail = dice < 90 && below(20) == 0;
        if (m_mayFail) {
            constexpr std::array Faults{std::pair(Kind::Write, SQLITE_FULL), std::pair(Kind::Write, SQLITE_IOERR_WRITE),
                                        std::pair(Kind::Sync, SQLITE_IOERR_FSYNC)};
            const auto &[kind, code] = Faults[size_t(below(int(Faults.size())))];
            logdisk::fail({.kind = kind, .code = code, .after = below(3), .bytes = below(20'000)});
        }
        const int code = dice < 90 ? change(dice) : alone(dice);
        logdisk::repair();
        return code == SQLITE_OK ? compare() : QString::fromUtf8(sqlite3_errstr(code));
    }

private:
    int below(int bound) { return m_random.bounded(bound); }

    void open()
    {
        m_db = std::make_unique<Connection>(m_path, gatheredlog::vfs());
        m_db->run("PRAGMA cache_size=10");
    }

    int change(int dice)
    {
        if (dice < 50) {
            const qint64 id = below(150);
            const QByteArray bytes = body(below(15) == 0 ? below(30'000) : below(600));
            return run([&] { return m_db->put(id, bytes); }, [&](Rows &rows) { rows[id] = bytes; });
        }
        if (dice < 58) {
            const qint64 id = below(150);
            return run("DELETE FROM rows WHERE id = " + QByteArray::number(id), [&](Rows &rows) { rows.erase(id); });
        }
        if (dice < 62) {
            return run("UPDATE rows SET body = substr(CAST(body || x'414243' AS BLOB), 4) WHERE id % 3 = 0",
                       [](Rows &rows) {
                           for (auto &[id, bytes] : rows)
                               bytes = id % 3 == 0 ? (bytes + "ABC").mid(3) : bytes;
                       });
        }
        const bool isOpen = m_db->isInTransaction();
        if (dice < 72 && !isOpen)
            return run("BEGIN", [](Rows &) {});
        if (dice < 67)
            return run("COMMIT", [](Rows &) {});
        if (dice < 70)
            return run("ROLLBACK", [this](Rows &rows) { rows = m_committed; });
        if (!isOpen)
            return SQLITE_OK;
        if (dice < 80) {
            m_savepoints.push_back(m_rows);
            return run("SAVEPOINT step", [](Rows &) {});
        }
        if (m_savepoints.empty())
            return SQLITE_OK;
        if (dice < 86)
            return run("ROLLBACK TO step", [this](Rows &rows) {
                rows = m_savepoints.back();
                m_isUncertain = true;
            });
        return run("RELEASE step", [this](Rows &) { m_savepoints.pop_back(); });
    }

    /// For a connection without transaction and a sound disk.
    int alone(int dice)
    {
        if (m_db->isInTransaction())
            return SQLITE_OK;
        if (dice < 94)
            return m_db->checkpoint(below(SQLITE_CHECKPOINT_TRUNCATE + 1));
        if (dice < 97) {
            const qint64 id = below(150);
            m_rows[id] = m_committed[id] = body(below(3000));
            return Connection(m_path, Plain).put(id, m_rows[id]);
        }
        if (dice < 98)
            return m_db->run("VACUUM");
        if (dice < 99)
            return m_db->run("PRAGMA journal_mode=DELETE; PRAGMA journal_mode=WAL");
        open(); // before the other is closed
        return SQLITE_OK;
    }

    int run(const QByteArray &sql, const std::function<void(Rows &)> &effect)
    {
        return run([&] { return m_db->run(sql); }, effect);
    }

    int run(const std::function<int()> &statement, const std::function<void(Rows &)> &effect)
    {
        const int code = statement();
        if (code == SQLITE_OK)
            effect(m_rows);
        if (!m_db->isInTransaction()) {
            if (code == SQLITE_OK)
                m_committed = m_rows;
            m_rows = m_committed;
            m_savepoints.clear();
        }
        m_isUncertain = m_isUncertain || code != SQLITE_OK;
        return m_mayFail ? SQLITE_OK : code;
    }

    QString compare()
    {
        if (below(10) == 0 && m_db->rows() != m_rows)
            return u"the connection sees something else"_s;
        if (below(20) == 0 && rowsIn(m_path) != m_committed)
            return u"others see something else"_s;
        if (m_isUncertain && !m_db->isInTransaction())
            m_isUncertain = m_db->checkpoint(SQLITE_CHECKPOINT_TRUNCATE) != SQLITE_OK;
        if (!m_isUncertain && below(20) == 0 && Wreck(m_path).rows() != m_committed)
            return u"after a crash there is something else"_s;
        return {};
    }

    QString m_path;
    QRandomGenerator &m_random;
    std::unique_ptr<Connection> m_db;
    Rows m_rows;
    Rows m_committed;
    std::vector<Rows> m_savepoints;
    bool m_mayFail = false;
    /// After a crash a commit that could not be synced may be there. And when a transaction goes back to a savepoint
    /// after it has written over its own frames, SQLite 3.40 leaves frames without checksums in the log, with its own
    /// VFS as well.
    bool m_isUncertain = false;
};

void tst_GatheredLog::anythingInAnyOrder()
{
    QRandomGenerator random(newSeed());
    RandomOperations operations(m_path, random);
    const int count = qEnvironmentVariableIsSet("OPERATIONS") ? qEnvironmentVariableIntValue("OPERATIONS") : 4000;
    for (int n = 0; n < count; ++n) {
        const QString wrong = operations.step();
        QVERIFY2(wrong.isEmpty(), qUtf8Printable(u"operation %1: "_s.arg(n) + wrong));
    }
}

namespace {

/// Another process with the same database.
int otherProcess(const QStringList &arguments)
{
    const QString &path = arguments[2];
    if (arguments[1] == u"--put"_s)
        return Connection(path, Plain).put(arguments[3].toLongLong(), "from afar");
    Connection db(path, gatheredlog::vfs());
    for (qint64 id = qint64(db.rows().size()) + 1; id < 100'000; ++id) {
        if (db.put(id, body(10'000)) != SQLITE_OK)
            return 1;
        printf("%lld\n", id);
        fflush(stdout);
    }
    return 0;
}

} // namespace

int main(int count, char **arguments)
{
    const QCoreApplication application(count, arguments);
    if (count > 2 && qstrncmp(arguments[1], "--", 2) == 0)
        return otherProcess(application.arguments());
    tst_GatheredLog test;
    return QTest::qExec(&test, count, arguments);
}

#include "tst_gatheredlog.moc"
