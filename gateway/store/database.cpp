// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/database.h"

#include "core/frozenpages.h"
#include "core/log.h"
#include "core/os.h"
#include "store/gatheredlog.h"
#include "store/walindex.h"

#include <QtCore/QDir>
#include <QtCore/QFileInfo>
#include <QtCore/QUrl>
#include <QtCore/QUrlQuery>
#include <QtSql/QSqlDatabase>
#include <QtSql/QSqlDriver>
#include <QtSql/QSqlError>

#include <sqlite3.h>

#include <atomic>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

enum class Cause { Unique, Contended, Full, Unavailable, Other };

// SQLite reports extended result codes, PostgreSQL SQLSTATE.
Cause causeOf(const QSqlError &error, Dialect dialect)
{
    const QString code = error.nativeErrorCode();
    if (dialect == Dialect::Sqlite) {
        if (code == "2067"_L1 || code == "1555"_L1)
            return Cause::Unique;
        // The low byte is the primary code; 0: there is no connection.
        static constexpr int Unavailable[] = { SQLITE_OK, SQLITE_PERM, SQLITE_ABORT, SQLITE_BUSY, SQLITE_LOCKED, SQLITE_NOMEM,
                                               SQLITE_READONLY, SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_PROTOCOL,
                                               SQLITE_SCHEMA, SQLITE_NOLFS };
        const int primary = code.toInt() & 0xff;
        if (primary == SQLITE_FULL)
            return Cause::Full;
        return std::find(std::begin(Unavailable), std::end(Unavailable), primary) != std::end(Unavailable)
            ? Cause::Unavailable
            : Cause::Other;
    }
    if (code == "23505"_L1)
        return Cause::Unique;
    // 40 deadlock or serialization, 55P03 lock not to be had.
    if (code.startsWith("40"_L1) || code == "55P03"_L1)
        return Cause::Contended;
    if (code == "53100"_L1)
        return Cause::Full;
    // 08 connection, 25006 read only, 25P03 idle for too long, 53 resources, 57 shut down, 58 system; no code at all:
    // the line is dead.
    const bool unavailable = code.isEmpty() || code.startsWith("08"_L1) || code == "25006"_L1 || code == "25P03"_L1
        || code.startsWith("53"_L1) || code.startsWith("57"_L1) || code.startsWith("58"_L1)
        || error.type() == QSqlError::ConnectionError;
    return unavailable ? Cause::Unavailable : Cause::Other;
}

Error diskFull()
{
    Error error = databaseUnavailable();
    error.message = u"There is no space left on the disk."_s;
    return error;
}

Error asError(const QSqlError &error, Cause cause)
{
    switch (cause) {
    case Cause::Unique:
        return { ErrorCode::Conflict, u"The value is already taken."_s };
    case Cause::Contended:
        Log::write(LogLevel::Debug, "store", u"lost a race for a lock: "_s + error.text());
        return databaseUnavailable();
    case Cause::Full:
    case Cause::Unavailable:
        Log::warning("store", u"database not available: "_s + error.text());
        return cause == Cause::Full ? diskFull() : databaseUnavailable();
    case Cause::Other:
        break;
    }
    Log::error("store", u"statement failed: "_s + error.text());
    return { ErrorCode::Internal, u"An internal error occurred."_s };
}

/// Under load the same pages are written again and again, but only once in each checkpoint: these are 64 MiB.
constexpr int PagesPerCheckpoint = 16384;
/// What the write-ahead log grows to until then: its head, and a head for each page.
constexpr qint64 LogBytes = 32 + PagesPerCheckpoint * qint64(24 + 4096);
/// A disk with less room than this beside the log keeps it for the rows.
constexpr qint64 SpareBytes = 1024 * 1024 * 1024;

/// Of the pages that are in use again and again: the writer's are most of what it needs, a reader looks for others each time.
constexpr int WriterCacheKiB = 64 * 1024;
constexpr int ReaderCacheKiB = 8 * 1024;

/// The database that writes its log through our VFS.
QString gatheringUri(const QString &path)
{
    QUrl uri = QUrl::fromLocalFile(QFileInfo(path).absoluteFilePath());
    uri.setQuery(u"vfs="_s + QLatin1StringView(gatheredlog::vfs()));
    return uri.toString(QUrl::FullyEncoded);
}

/// SQLite's own connection behind QtSql's; null when it is not open. Both are the system's one library.
sqlite3 *sqliteHandle(const QString &connection)
{
    const QVariant handle = QSqlDatabase::database(connection, false).driver()->handle();
    return qstrcmp(handle.typeName(), "sqlite3*") == 0 ? *static_cast<sqlite3 *const *>(handle.constData()) : nullptr;
}

} // namespace

Error databaseUnavailable()
{
    return { .code = ErrorCode::DatabaseUnavailable,
             .message = u"The database is not available at the moment."_s,
             .retryAfterSeconds = 1 };
}

Result<DatabaseUrl> DatabaseUrl::parse(const QString &text, const QString &dataDir)
{
    DatabaseUrl result;
    if (text.startsWith("sqlite:"_L1)) {
        const QString file = text.mid(7);
        if (file.isEmpty())
            return Error { ErrorCode::ValidationError, u"a file name must follow sqlite:"_s };
        result.name = QDir(dataDir).absoluteFilePath(file);
        return result;
    }
    const QUrl url(text, QUrl::StrictMode);
    if (!url.isValid() || (url.scheme() != "postgresql"_L1 && url.scheme() != "postgres"_L1) || url.host().isEmpty()
        || url.path().size() < 2)
        return Error { ErrorCode::ValidationError,
                       u"expected sqlite:FILE or postgresql://user:password@host:port/name"_s };
    result.dialect = Dialect::PostgreSql;
    result.host = url.host();
    result.port = url.port(5432);
    result.user = url.userName(QUrl::FullyDecoded);
    result.password = url.password(QUrl::FullyDecoded);
    result.name = url.path(QUrl::FullyDecoded).mid(1);
    QStringList options;
    for (const auto &[key, value] : QUrlQuery(url).queryItems(QUrl::FullyDecoded))
        options << key + u'=' + value;
    result.options = options.join(u';');
    return result;
}

QString DatabaseUrl::display() const
{
    if (dialect == Dialect::Sqlite)
        return u"sqlite:"_s + QFileInfo(name).fileName();
    return u"postgresql://%1@%2:%3/%4"_s.arg(user, host).arg(port).arg(name);
}

Query::~Query()
{
    if (m_query)
        m_query->finish();
}

void Query::bindOne(const QVariant &value)
{
    m_query->bindValue(m_at++, value);
}

Result<void> Query::exec()
{
    m_at = 0;
    if (!m_prepared)
        return m_prepared;
    if (m_query->exec())
        return {};
    return m_db->errorOf(*m_query);
}

bool Query::next()
{
    if (m_query->next())
        return true;
    // Rows come one by one: an end may be the end of the connection.
    if (m_query->lastError().isValid()) {
        (void)m_db->errorOf(*m_query);
        m_db->m_transactionLost = true;
    }
    return false;
}

Result<void> Query::ended() const
{
    return m_query->lastError().isValid() ? Result<void>(m_db->errorOf(*m_query)) : Result<void>();
}

int Query::changedRows() const
{
    return m_query->numRowsAffected();
}

bool Query::isNull(int column) const
{
    return m_query->isNull(column);
}

QString Query::text(int column) const
{
    return m_query->value(column).toString();
}

qint64 Query::integer(int column) const
{
    return m_query->value(column).toLongLong();
}

bool Query::flag(int column) const
{
    return m_query->value(column).toBool();
}

Result<std::unique_ptr<Database>> Database::open(const DatabaseUrl &url, Access access)
{
    std::unique_ptr<Database> db(new Database(url, access));
    if (const auto connected = db->connect(); !connected)
        return connected.error();
    return db;
}

Database::Database(DatabaseUrl url, Access access)
    : m_url(std::move(url)), m_access(access)
{
    static std::atomic<int> counter = 0;
    m_connection = u"assistiv-%1"_s.arg(++counter);
    QSqlDatabase::addDatabase(m_url.dialect == Dialect::Sqlite ? u"QSQLITE"_s : u"QPSQL"_s, m_connection);
}

Database::~Database()
{
    dropStatements();
    QSqlDatabase::database(m_connection, false).close();
    QSqlDatabase::removeDatabase(m_connection);
}

Result<void> Database::connect()
{
    QSqlDatabase db = QSqlDatabase::database(m_connection, false);
    if (m_url.dialect == Dialect::Sqlite) {
        if (m_access == Access::ReadWrite)
            walindex::surviveReadOnlyDisks();
        db.setDatabaseName(m_access == Access::ReadOnly ? m_url.name : gatheringUri(m_url.name));
        db.setConnectOptions(m_access == Access::ReadOnly ? u"QSQLITE_OPEN_READONLY;QSQLITE_BUSY_TIMEOUT=5000"_s
                                                          : u"QSQLITE_OPEN_URI;QSQLITE_BUSY_TIMEOUT=5000"_s);
    } else {
        db.setDatabaseName(m_url.name);
        db.setHostName(m_url.host);
        db.setPort(m_url.port);
        db.setUserName(m_url.user);
        db.setPassword(m_url.password);
        // A server that vanished is noticed within seconds; what the operator gave comes later and wins.
        const QString options = u"connect_timeout=5;keepalives_idle=10;keepalives_interval=5;keepalives_count=3;tcp_user_timeout=20000"_s;
        db.setConnectOptions(m_url.options.isEmpty() ? options : options + u';' + m_url.options);
    }
    if (!db.isValid() || !db.open()) {
        return Error { .code = ErrorCode::DatabaseUnavailable,
                       .message = u"Cannot open the database %1: %2"_s.arg(m_url.display(), db.lastError().databaseText()),
                       .retryAfterSeconds = 1 };
    }
    if (m_url.dialect == Dialect::Sqlite) {
        // FULL: a commit that was answered survives a power cut. Cheap, because many settlements share one commit.
        const int cacheKiB = m_access == Access::ReadWrite ? WriterCacheKiB : ReaderCacheKiB;
        for (const auto &pragma : { u"PRAGMA journal_mode=WAL"_s, u"PRAGMA synchronous=FULL"_s, u"PRAGMA foreign_keys=ON"_s,
                                    u"PRAGMA wal_autocheckpoint=%1"_s.arg(PagesPerCheckpoint), u"PRAGMA cache_size=-%1"_s.arg(cacheKiB),
                                    u"PRAGMA temp_store=MEMORY"_s }) {
            if (m_access == Access::ReadOnly && pragma.contains("journal_mode"_L1))
                continue;
            if (const auto set = run(pragma); !set)
                return set.error();
        }
        return {};
    }
    // That a table is there already is no news.
    if (const auto set = run(u"SET client_min_messages = warning"_s); !set)
        return set.error();
    if (m_access == Access::ReadOnly) {
        if (const auto set = run(u"SET default_transaction_read_only = on"_s); !set)
            return set.error();
        // The messages of a reader need not survive a power cut.
        if (const auto set = run(u"SET synchronous_commit = off"_s); !set)
            return set.error();
        // One snapshot for all statements of a question, as SQLite has it: a sum and its rows must agree.
        return run(u"SET default_transaction_isolation = 'repeatable read'"_s);
    }
    // When the line breaks or this process is halted, the server would go on for hours with a transaction that nobody
    // ends, and its locks: the other gateways would wait.
    if (const auto set = run(u"SET idle_in_transaction_session_timeout = '15s'"_s); !set)
        return set.error();
    // Each statement sees what was committed before it, in particular while it waited for a lock.
    if (const auto set = run(u"SET default_transaction_isolation = 'read committed'"_s); !set)
        return set.error();
    return run(u"SET lock_timeout = '%1'"_s.arg(LockTimeout));
}

Query Database::prepare(const QString &literal)
{
    auto &statement = m_statements[literal];
    if (!statement) {
        statement = std::make_shared<QSqlQuery>(QSqlDatabase::database(m_connection, false));
        // Rows that come one by one and were not all taken would stand in the way of messages.
        statement->setForwardOnly(!m_isListening);
        if (!statement->prepare(literal)) {
            // Not kept: what stood in the way (a lost line, a transaction that has failed) may be gone the next time.
            const auto unprepared = m_statements.take(literal);
            return Query(*this, unprepared, errorOf(*unprepared));
        }
    }
    Q_ASSERT(!statement->isActive() || !statement->isSelect());
    return Query(*this, statement);
}

Result<void> Database::run(const QString &statement)
{
    QSqlQuery query(QSqlDatabase::database(m_connection, false));
    if (query.exec(statement))
        return {};
    return errorOf(query);
}

Result<void> Database::runOften(const QString &literal)
{
    // PostgreSQL prepares nothing that begins or ends a transaction.
    return dialect() == Dialect::Sqlite ? prepare(literal).exec() : run(literal);
}

Error Database::errorOf(const QSqlQuery &query)
{
    const Cause cause = causeOf(query.lastError(), dialect());
    m_mustRepeat = m_mustRepeat || cause == Cause::Contended;
    return asError(query.lastError(), cause);
}

bool Database::isAlive() const
{
    return QSqlDatabase::database(m_connection, false).isOpen();
}

Result<void> Database::reconnect()
{
    dropStatements();
    QSqlDatabase::database(m_connection, false).close();
    // SQLite would make a new, empty one where a disk has gone away.
    if (m_url.dialect == Dialect::Sqlite && !QFileInfo::exists(m_url.name))
        return databaseUnavailable();
    return connect();
}

Result<void> Database::listen(const QString &channel, QObject *context,
                              std::function<void(const QString &message)> heard)
{
    dropStatements();
    m_isListening = true;
    QSqlDriver *driver = QSqlDatabase::database(m_connection, false).driver();
    const auto hear = [channel, heard = std::move(heard)](const QString &name, QSqlDriver::NotificationSource,
                                                          const QVariant &message) {
        if (name == channel)
            heard(message.toString());
    };
    QObject::connect(driver, &QSqlDriver::notification, context, hear);
    return driver->subscribeToNotification(channel) ? Result<void>() : databaseUnavailable();
}

void Database::dropStatements()
{
    m_statements.clear();
    m_nativeStatements.clear();
}

sqlite3_stmt *Database::prepareNative(const QString &literal)
{
    auto &statement = m_nativeStatements[literal];
    if (!statement) {
        sqlite3_stmt *prepared = nullptr;
        const QByteArray sql = literal.toUtf8();
        if (sqlite3 *handle = sqliteHandle(m_connection))
            sqlite3_prepare_v3(handle, sql.constData(), int(sql.size()), SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
        if (!prepared) {
            m_nativeStatements.remove(literal);
            return nullptr;
        }
        statement.reset(prepared, &sqlite3_finalize);
    }
    return statement.get();
}

Error Database::nativeError()
{
    sqlite3 *handle = sqliteHandle(m_connection);
    if (!handle)
        return databaseUnavailable();
    const QString code = QString::number(sqlite3_extended_errcode(handle));
    const QSqlError error({}, QString::fromUtf8(sqlite3_errmsg(handle)), QSqlError::StatementError, code);
    return asError(error, causeOf(error, Dialect::Sqlite));
}

bool Database::sharesIndex() const
{
    if (!frozenpages::any())
        return true; // which is always, but for read-only disks
    sqlite3 *handle = sqliteHandle(m_connection);
    return !handle || walindex::isShared(handle);
}

void Database::reserveLog()
{
    if (dialect() != Dialect::Sqlite)
        return;
    // Nobody else, in this process or another, writes into the log meanwhile.
    const Transaction alone(*this);
    if (alone.started())
        os::lengthen(m_url.name + u"-wal"_s, LogBytes, SpareBytes);
}

qint64 Database::sizeBytes()
{
    Query query = prepare(dialect() == Dialect::Sqlite
                              ? u"SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"_s
                              : u"SELECT pg_database_size(current_database())"_s);
    return query.exec() && query.next() ? query.integer(0) : 0;
}

Transaction::Transaction(Database &db)
    : m_db(db), m_started(begin(db)), m_open(m_started.ok())
{
    m_db.m_transactionLost = false;
    m_db.m_mustRepeat = false;
}

// SQLite gives a transaction that began with reading no second chance to write when another process wrote meanwhile.
bool Transaction::isSqliteWriter(const Database &db)
{
    return db.dialect() == Dialect::Sqlite && db.m_access == Database::Access::ReadWrite;
}

Result<void> Transaction::begin(Database &db)
{
    if (!isSqliteWriter(db))
        return db.runOften(u"BEGIN"_s);
    return db.sharesIndex() ? db.runOften(u"BEGIN IMMEDIATE"_s) : databaseUnavailable();
}

Transaction::~Transaction()
{
    // Refused, with nothing to be said about it, where the database has given up by itself.
    if (m_open)
        QSqlQuery(QSqlDatabase::database(m_db.m_connection, false)).exec(u"ROLLBACK"_s);
}

bool Transaction::isSound() const
{
    return m_started.ok() && !m_db.m_transactionLost && m_db.isAlive();
}

Result<void> Transaction::commit()
{
    if (!m_open)
        return m_started;
    if (m_db.m_transactionLost)
        return databaseUnavailable();
    const auto committed = m_db.runOften(u"COMMIT"_s);
    m_open = !committed.ok();
    // The disk became read-only just when all was written: as if the answer to the commit had been lost.
    if (committed && isSqliteWriter(m_db) && !m_db.sharesIndex())
        return databaseUnavailable();
    return committed;
}

Savepoint::Savepoint(Database &db)
    : m_db(db), m_open(!db.m_transactionLost && db.runOften(u"SAVEPOINT step"_s).ok())
{
}

Savepoint::~Savepoint()
{
    if (!m_open)
        return;
    // After some errors (a full disk, for one) SQLite rolls the whole transaction back, savepoints and all. The next savepoint
    // would then be a transaction of its own, committed by its release, whatever the batch around it comes to.
    if (!m_db.run(u"ROLLBACK TO SAVEPOINT step"_s) || !m_db.run(u"RELEASE SAVEPOINT step"_s))
        m_db.m_transactionLost = true;
}

Result<void> Savepoint::keep()
{
    if (!m_open || m_db.m_transactionLost)
        return databaseUnavailable();
    const auto released = m_db.runOften(u"RELEASE SAVEPOINT step"_s);
    m_open = !released.ok();
    return released;
}

} // namespace assistiv
