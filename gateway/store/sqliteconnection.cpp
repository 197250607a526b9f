// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/connection.h"

#include "core/frozenpages.h"
#include "core/os.h"
#include "store/gatheredlog.h"
#include "store/walindex.h"

#include <QtCore/QStringList>

#include <sqlite3.h>

#include <algorithm>
#include <utility>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using Cause = SqlFailure::Cause;

constexpr int BusyTimeoutMs = 5000;

/// Under load the same pages are written again and again, but only once in each checkpoint: these are 64 MiB.
constexpr int PagesPerCheckpoint = 16384;
/// What the write-ahead log grows to until then: its head, and a head for each page.
constexpr qint64 LogBytes = 32 + PagesPerCheckpoint * qint64(24 + 4096);
/// A disk with less room than this beside the log keeps it for the rows.
constexpr qint64 SpareBytes = 1024 * 1024 * 1024;

/// Of the pages that are in use again and again: the writer's are most of what it needs, a reader looks for others each time.
constexpr int WriterCacheKiB = 64 * 1024;
constexpr int ReaderCacheKiB = 8 * 1024;

/// By SQLite's extended result code.
Cause causeOf(int code)
{
    if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
        return Cause::Unique;
    static constexpr int Unavailable[] = { SQLITE_PERM, SQLITE_ABORT, SQLITE_BUSY, SQLITE_LOCKED, SQLITE_NOMEM, SQLITE_READONLY,
                                           SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_PROTOCOL, SQLITE_SCHEMA, SQLITE_NOLFS };
    const int primary = code & 0xff;
    if (primary == SQLITE_FULL)
        return Cause::Full;
    return std::find(std::begin(Unavailable), std::end(Unavailable), primary) != std::end(Unavailable) ? Cause::Unavailable
                                                                                                       : Cause::Other;
}

SqlFailure failureOf(sqlite3 *handle)
{
    if (!handle)
        return { Cause::Unavailable, u"the database is not open"_s };
    return { causeOf(sqlite3_extended_errcode(handle)), QString::fromUtf8(sqlite3_errmsg(handle)) };
}

class SqliteStatement final : public SqlStatement
{
public:
    explicit SqliteStatement(sqlite3_stmt *statement) : m_statement(statement) {}
    ~SqliteStatement() override { sqlite3_finalize(m_statement); }
    SqliteStatement(const SqliteStatement &) = delete;
    SqliteStatement &operator=(const SqliteStatement &) = delete;

    void bindNull(int at) override { note(sqlite3_bind_null(m_statement, at + 1)); }
    void bindInteger(int at, qint64 value) override { note(sqlite3_bind_int64(m_statement, at + 1, value)); }
    void bindFlag(int at, bool value) override { bindInteger(at, value); }
    void bindText(int at, const QString &value) override
    {
        if (value.isNull())
            bindNull(at);
        else
            bindUtf8(at, value.toUtf8());
    }
    void bindUtf8(int at, QByteArrayView value) override
    {
        // Text without bytes is empty; without an address it would be NULL.
        const char *bytes = value.isEmpty() ? "" : value.data();
        note(sqlite3_bind_text(m_statement, at + 1, bytes, int(value.size()), SQLITE_TRANSIENT));
    }

    SqlOutcome exec(int boundCount) override
    {
        finish();
        m_failure.reset();
        // Never with a value that is missing, or another run's.
        if (const int code = std::exchange(m_bindCode, SQLITE_OK); code != SQLITE_OK)
            return m_failure = SqlFailure { causeOf(code), QString::fromUtf8(sqlite3_errstr(code)) };
        if (boundCount != sqlite3_bind_parameter_count(m_statement))
            return m_failure = SqlFailure { Cause::Other, u"%1 values were bound"_s.arg(boundCount) };
        // Its first row tells whether a statement works at all.
        m_isFirst = step();
        return m_failure;
    }
    bool next() override { return std::exchange(m_isFirst, false) || (m_hasRow && step()); }
    SqlOutcome failure() const override { return m_failure; }
    void finish() override
    {
        if (std::exchange(m_hasRow, false))
            sqlite3_reset(m_statement);
        m_isFirst = false;
    }
    bool isActive() const override { return m_hasRow; }

    int changedRows() const override { return sqlite3_changes(sqlite3_db_handle(m_statement)); }
    bool isNull(int column) const override { return sqlite3_column_type(m_statement, column) == SQLITE_NULL; }
    qint64 integer(int column) const override { return sqlite3_column_int64(m_statement, column); }
    bool flag(int column) const override { return integer(column) != 0; }
    QString text(int column) const override
    {
        const auto *bytes = reinterpret_cast<const char *>(sqlite3_column_text(m_statement, column));
        return QString::fromUtf8(bytes, sqlite3_column_bytes(m_statement, column));
    }

private:
    void note(int bindCode)
    {
        if (m_bindCode == SQLITE_OK)
            m_bindCode = bindCode;
    }

    /// At the end of the rows the statement lets go of what it holds.
    bool step()
    {
        const int code = sqlite3_step(m_statement);
        m_hasRow = code == SQLITE_ROW;
        if (!m_hasRow && code != SQLITE_DONE)
            m_failure = failureOf(sqlite3_db_handle(m_statement));
        if (!m_hasRow)
            sqlite3_reset(m_statement);
        return m_hasRow;
    }

    sqlite3_stmt *m_statement;
    SqlOutcome m_failure;
    int m_bindCode = SQLITE_OK;
    bool m_hasRow = false;
    bool m_isFirst = false;
};

/// SQLite through its own interface: QtSql's variants and UTF-16 cost more than many a statement.
class SqliteConnection final : public SqlConnection
{
public:
    SqliteConnection(const QString &path, Access access) : m_path(path), m_access(access) {}
    ~SqliteConnection() override { SqliteConnection::close(); }
    SqliteConnection(const SqliteConnection &) = delete;
    SqliteConnection &operator=(const SqliteConnection &) = delete;

    SqlOutcome open() override;
    void close() override
    {
        // A statement that somebody still holds keeps it until then.
        sqlite3_close_v2(std::exchange(m_handle, nullptr));
    }
    bool isOpen() const override { return m_handle; }
    std::shared_ptr<SqlStatement> prepare(const QString &text, SqlOutcome &outcome) override;
    SqlOutcome run(const QString &text) override
    {
        const bool isDone = m_handle && sqlite3_exec(m_handle, text.toUtf8().constData(), nullptr, nullptr, nullptr) == SQLITE_OK;
        return isDone ? SqlOutcome() : failureOf(m_handle);
    }
    bool mayCommit() override
    {
        // Always, but for read-only disks.
        return m_access == Access::ReadOnly || !frozenpages::any() || !m_handle || walindex::isShared(m_handle);
    }
    /// SQLite 3.40 writes what does not fit into the cache into the log, and when the transaction is then undone to a savepoint
    /// and goes on, it leaves frames without a checksum there: after a crash they are the end of the log.
    int spills() override
    {
        int count = 0;
        int highest = 0;
        if (m_handle)
            sqlite3_db_status(m_handle, SQLITE_DBSTATUS_CACHE_SPILL, &count, &highest, 0);
        return count;
    }
    void reserveLog() override
    {
        // Nobody else, in this process or another, writes into the log meanwhile.
        if (!mayCommit() || run(u"BEGIN IMMEDIATE"_s))
            return;
        os::lengthen(m_path + u"-wal"_s, LogBytes, SpareBytes);
        run(u"ROLLBACK"_s);
    }

private:
    SqlOutcome openOnce();

    QString m_path;
    Access m_access;
    sqlite3 *m_handle = nullptr;
};

/// A process that was killed may have left a journal of a transaction. Who may write rolls it back when he reads.
void rollBackLeftovers(const QString &path)
{
    sqlite3 *handle = nullptr;
    if (sqlite3_open_v2(path.toUtf8().constData(), &handle, SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK) {
        sqlite3_busy_timeout(handle, BusyTimeoutMs);
        sqlite3_exec(handle, "SELECT 1 FROM sqlite_schema", nullptr, nullptr, nullptr);
    }
    sqlite3_close_v2(handle);
}

SqlOutcome SqliteConnection::open()
{
    auto failed = openOnce();
    if (failed && m_access == Access::ReadOnly && m_handle && (sqlite3_extended_errcode(m_handle) & 0xff) == SQLITE_READONLY) {
        close();
        rollBackLeftovers(m_path);
        failed = openOnce();
    }
    return failed;
}

SqlOutcome SqliteConnection::openOnce()
{
    const bool writes = m_access == Access::ReadWrite;
    if (writes)
        walindex::surviveReadOnlyDisks();
    const int flags = SQLITE_OPEN_NOMUTEX | (writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    const int code = sqlite3_open_v2(m_path.toUtf8().constData(), &m_handle, flags, writes ? gatheredlog::vfs() : nullptr);
    if (code != SQLITE_OK) {
        const SqlFailure failure = failureOf(m_handle);
        close();
        return failure;
    }
    sqlite3_busy_timeout(m_handle, BusyTimeoutMs);
    // FULL: a commit that was answered survives a power cut. Cheap, because many settlements share one commit.
    QStringList pragmas { u"synchronous=FULL"_s, u"foreign_keys=ON"_s, u"temp_store=MEMORY"_s,
                          u"wal_autocheckpoint=%1"_s.arg(PagesPerCheckpoint),
                          u"cache_size=-%1"_s.arg(writes ? WriterCacheKiB : ReaderCacheKiB) };
    if (writes)
        pragmas.prepend(u"journal_mode=WAL"_s);
    for (const QString &pragma : pragmas) {
        if (const auto failed = run("PRAGMA "_L1 + pragma))
            return failed;
    }
    return {};
}

std::shared_ptr<SqlStatement> SqliteConnection::prepare(const QString &text, SqlOutcome &outcome)
{
    sqlite3_stmt *prepared = nullptr;
    const QByteArray sql = text.toUtf8();
    if (m_handle)
        sqlite3_prepare_v3(m_handle, sql.constData(), int(sql.size()), SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
    if (prepared)
        return std::make_shared<SqliteStatement>(prepared);
    outcome = failureOf(m_handle);
    return {};
}

} // namespace

std::unique_ptr<SqlConnection> sqliteConnection(const QString &path, SqlConnection::Access access)
{
    return std::make_unique<SqliteConnection>(path, access);
}

} // namespace assistiv
