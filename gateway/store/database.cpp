// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/database.h"

#include "core/log.h"

#include <QtCore/QFileInfo>

#include <utility>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Error diskFull()
{
    Error error = databaseUnavailable();
    error.message = u"There is no space left on the disk."_s;
    return error;
}

Error asError(const SqlFailure &failure)
{
    using Cause = SqlFailure::Cause;
    switch (failure.cause) {
    case Cause::Unique:
        return { ErrorCode::Conflict, u"The value is already taken."_s };
    case Cause::Contended:
        Log::write(LogLevel::Debug, "store", u"lost a race for a lock: "_s + failure.text);
        return databaseUnavailable();
    case Cause::Full:
    case Cause::Unavailable:
        Log::warning("store", u"database not available: "_s + failure.text);
        return failure.cause == Cause::Full ? diskFull() : databaseUnavailable();
    case Cause::Other:
        break;
    }
    Log::error("store", u"statement failed: "_s + failure.text);
    return { ErrorCode::Internal, u"An internal error occurred."_s };
}

} // namespace

Error databaseUnavailable()
{
    return { .code = ErrorCode::DatabaseUnavailable,
             .message = u"The database is not available at the moment."_s,
             .retryAfterSeconds = 1 };
}

Query::~Query()
{
    if (m_statement)
        m_statement->finish();
}

SqlStatement *Query::forNext()
{
    // Rows of the run before that were not taken hold the parameters fast.
    if (m_statement && m_at == 0)
        m_statement->finish();
    return m_statement.get();
}

Query &Query::bindNull()
{
    if (SqlStatement *statement = forNext())
        statement->bindNull(m_at++);
    return *this;
}

Query &Query::bindUtf8(QByteArrayView text)
{
    if (SqlStatement *statement = forNext())
        statement->bindUtf8(m_at++, text);
    return *this;
}

void Query::bindOne(const QString &text)
{
    if (text.isNull())
        bindNull();
    else if (SqlStatement *statement = forNext())
        statement->bindText(m_at++, text);
}

void Query::bindOne(const QByteArray &utf8)
{
    utf8.isNull() ? bindNull() : bindUtf8(utf8);
}

void Query::bindOne(qint64 number)
{
    if (SqlStatement *statement = forNext())
        statement->bindInteger(m_at++, number);
}

void Query::bindOne(bool flag)
{
    if (SqlStatement *statement = forNext())
        statement->bindFlag(m_at++, flag);
}

Result<void> Query::exec()
{
    const int boundCount = std::exchange(m_at, 0);
    if (!m_statement)
        return m_prepared;
    if (const auto failed = m_statement->exec(boundCount))
        return m_db->errorOf(*failed);
    return {};
}

bool Query::next()
{
    if (!m_statement)
        return false;
    if (m_statement->next())
        return true;
    // Rows come one by one: an end may be the end of the connection.
    if (const auto failed = m_statement->failure()) {
        (void)m_db->errorOf(*failed);
        m_db->m_transactionLost = true;
    }
    return false;
}

Result<void> Query::ended() const
{
    if (!m_statement)
        return m_prepared;
    const auto failed = m_statement->failure();
    return failed ? Result<void>(m_db->errorOf(*failed)) : Result<void>();
}

int Query::changedRows() const
{
    return m_statement->changedRows();
}

bool Query::isNull(int column) const
{
    return m_statement->isNull(column);
}

QString Query::text(int column) const
{
    return m_statement->text(column);
}

qint64 Query::integer(int column) const
{
    return m_statement->integer(column);
}

bool Query::flag(int column) const
{
    return m_statement->flag(column);
}

Result<std::unique_ptr<Database>> Database::open(const DatabaseUrl &url, Access access)
{
    std::unique_ptr<Database> db(new Database(url, access));
    if (const auto connected = db->connect(); !connected)
        return connected.error();
    return db;
}

Database::Database(DatabaseUrl url, Access access)
    : m_url(std::move(url))
    , m_access(access)
    , m_connection(m_url.dialect == Dialect::Sqlite ? sqliteConnection(m_url.name, access) : postgresConnection(m_url, access))
{
}

Database::~Database() = default;

Result<void> Database::connect()
{
    if (const auto failed = m_connection->open()) {
        // There is something, but no database.
        if (failed->cause == SqlFailure::Cause::Other)
            return errorOf(*failed);
        return Error { .code = ErrorCode::DatabaseUnavailable,
                       .message = u"Cannot open the database %1: %2"_s.arg(m_url.display(), failed->text),
                       .retryAfterSeconds = 1 };
    }
    return {};
}

Query Database::prepare(const QString &literal)
{
    auto &statement = m_statements[literal];
    if (!statement) {
        SqlOutcome outcome;
        statement = m_connection->prepare(literal, outcome);
        if (!statement) {
            // Not kept: what stood in the way (a lost line, a transaction that has failed) may be gone the next time.
            m_statements.remove(literal);
            return Query(*this, {}, errorOf(*outcome));
        }
    }
    Q_ASSERT(!statement->isActive());
    return Query(*this, statement);
}

Result<void> Database::run(const QString &statement)
{
    if (const auto failed = m_connection->run(statement))
        return errorOf(*failed);
    return {};
}

Result<void> Database::runOften(const QString &literal)
{
    // PostgreSQL prepares nothing that begins or ends a transaction.
    return dialect() == Dialect::Sqlite ? prepare(literal).exec() : run(literal);
}

Error Database::errorOf(const SqlFailure &failure)
{
    m_mustRepeat = m_mustRepeat || failure.cause == SqlFailure::Cause::Contended;
    return asError(failure);
}

bool Database::isAlive() const
{
    return m_connection->isOpen();
}

Result<void> Database::reconnect()
{
    m_statements.clear();
    m_connection->close();
    // SQLite would make a new, empty one where a disk has gone away.
    if (m_url.dialect == Dialect::Sqlite && !QFileInfo::exists(m_url.name))
        return databaseUnavailable();
    return connect();
}

Result<void> Database::listen(const QString &channel, QObject *context,
                              std::function<void(const QString &message)> heard)
{
    m_statements.clear();
    return m_connection->listen(channel, context, std::move(heard)) ? Result<void>() : databaseUnavailable();
}

void Database::reserveLog()
{
    m_connection->reserveLog();
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
    return db.m_connection->mayCommit() ? db.runOften(u"BEGIN IMMEDIATE"_s) : databaseUnavailable();
}

Transaction::~Transaction()
{
    // Refused, with nothing to be said about it, where the database has given up by itself.
    if (m_open)
        m_db.m_connection->run(u"ROLLBACK"_s);
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
    if (committed && !m_db.m_connection->mayCommit())
        return databaseUnavailable();
    return committed;
}

Savepoint::Savepoint(Database &db)
    : m_db(db), m_spills(db.m_connection->spills()), m_open(!db.m_transactionLost && db.runOften(u"SAVEPOINT step"_s).ok())
{
}

Savepoint::~Savepoint()
{
    if (!m_open)
        return;
    // After some errors (a full disk, for one) SQLite rolls the whole transaction back, savepoints and all. The next savepoint
    // would then be a transaction of its own, committed by its release, whatever the batch around it comes to.
    if (m_db.m_connection->spills() != m_spills || !m_db.run(u"ROLLBACK TO SAVEPOINT step"_s)
        || !m_db.run(u"RELEASE SAVEPOINT step"_s))
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
