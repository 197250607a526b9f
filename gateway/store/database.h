// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/id.h"
#include "core/money.h"
#include "store/connection.h"

#include <QtCore/QHash>

#include <limits>

namespace assistiv {

class Database;

/// For LIMIT, where all rows are wanted.
constexpr qint64 AllRows = std::numeric_limits<qint64>::max();

/// What callers hear while the database cannot work; a repeat after a second makes sense.
Error databaseUnavailable();

/// One run of a prepared statement. Bind in the order of the question marks, exec(), then next() for each row. The
/// statement is released at the end of the scope: an open one would keep a snapshot alive.
class Query
{
public:
    Query(Query &&other) noexcept = default;
    Query &operator=(Query &&) = delete;
    ~Query();

    template<typename... Values>
    Query &bind(const Values &...values)
    {
        (bindOne(values), ...);
        return *this;
    }
    Query &bindNull();
    /// Never NULL, however empty.
    Query &bindUtf8(QByteArrayView text);
    /// Conflict when a unique rule was broken, DatabaseUnavailable when the database cannot work, Internal otherwise.
    Result<void> exec();
    bool next();
    /// After next() said false: an error when the rows broke off. For whoever must not take that for their end.
    Result<void> ended() const;
    int changedRows() const;

    bool isNull(int column) const;
    QString text(int column) const;
    qint64 integer(int column) const;
    bool flag(int column) const;
    Money money(int column) const { return Money::fromMicros(integer(column)); }
    Timestamp time(int column) const { return Timestamp::fromMs(integer(column)); }
    std::optional<Money> optionalMoney(int column) const { return isNull(column) ? std::nullopt : std::optional(money(column)); }
    std::optional<Timestamp> optionalTime(int column) const { return isNull(column) ? std::nullopt : std::optional(time(column)); }
    std::optional<qint64> optionalInteger(int column) const { return isNull(column) ? std::nullopt : std::optional(integer(column)); }
    template<typename SomeId>
    SomeId id(int column) const
    {
        return SomeId::fromStored(text(column));
    }

private:
    friend class Database;
    Query(Database &db, std::shared_ptr<SqlStatement> statement, Result<void> prepared = {})
        : m_db(&db), m_statement(std::move(statement)), m_prepared(std::move(prepared))
    {
    }

    /// Where the next value goes; null when the statement could not be prepared.
    SqlStatement *forNext();
    void bindOne(const QString &text);
    void bindOne(QLatin1StringView text) { bindOne(QString(text)); }
    void bindOne(const QByteArray &utf8);
    void bindOne(qint64 number);
    void bindOne(int number) { bindOne(qint64(number)); }
    void bindOne(bool flag);
    void bindOne(Money money) { bindOne(money.micros()); }
    void bindOne(Timestamp moment) { bindOne(moment.ms()); }
    template<typename Tag>
    void bindOne(const Id<Tag> &id)
    {
        bindOne(id.isNull() ? QByteArray() : id.toLatin1());
    }
    template<typename T>
    void bindOne(const std::optional<T> &value)
    {
        if (value)
            bindOne(*value);
        else
            bindNull();
    }

    Database *m_db;
    std::shared_ptr<SqlStatement> m_statement;
    Result<void> m_prepared;
    int m_at = 0;
};

/// One connection, for the thread that opened it. Statements are prepared once and kept.
class Database
{
public:
    using Access = SqlConnection::Access;

    /// How long PostgreSQL waits for a lock that another connection holds.
    static constexpr QLatin1StringView LockTimeout { "5s" };

    /// Opens; migrations are separate (store/migrations.h). DatabaseUnavailable with a message for the operator.
    static Result<std::unique_ptr<Database>> open(const DatabaseUrl &url, Access access);
    ~Database();
    Database(const Database &) = delete;
    Database &operator=(const Database &) = delete;

    Dialect dialect() const { return m_url.dialect; }
    const DatabaseUrl &url() const { return m_url; }
    bool isWritable() const { return m_access == Access::ReadWrite; }

    /// The statement must be a literal; the same statement may not be in use twice at the same time.
    Query prepare(const QString &literal);
    /// For statements without parameters or rows.
    Result<void> run(const QString &statement);

    /// The same for one that comes with every transaction: SQLite then reads its text only once.
    Result<void> runOften(const QString &literal);

    /// False once the connection is lost; reconnect() then opens it anew and forgets all statements.
    bool isAlive() const;
    Result<void> reconnect();

    /// The newest transaction lost a race against another connection (a deadlock, a lock that was not to be had):
    /// rolled back and run again as a whole, it may well succeed.
    bool mustRepeat() const { return m_mustRepeat; }

    /// PostgreSQL only: calls heard for every NOTIFY on the channel, on this thread's event loop, until the connection
    /// is lost or closed or context is gone. heard must not close it.
    Result<void> listen(const QString &channel, QObject *context, std::function<void(const QString &message)> heard);

    /// For the connection that settles, outside of transactions; SQLite only. Lengthens the write-ahead log at once to what it
    /// grows to between two checkpoints: a commit that overwrites waits less for the disk than one that appends. Does
    /// nothing where the disk has little room.
    void reserveLog();

    /// Size of what it holds in bytes, with room inside that is free; 0 when it cannot be told.
    qint64 sizeBytes();

private:
    explicit Database(DatabaseUrl url, Access access);
    Result<void> connect();
    friend class Query;
    Error errorOf(const SqlFailure &failure);

    DatabaseUrl m_url;
    friend class Transaction;
    friend class Savepoint;

    Access m_access;
    std::unique_ptr<SqlConnection> m_connection;
    QHash<QString, std::shared_ptr<SqlStatement>> m_statements;
    /// A savepoint could not be undone, so the database has given up the whole transaction by itself; or rows were cut
    /// short.
    bool m_transactionLost = false;
    bool m_mustRepeat = false;
};

/// A transaction that rolls back at the end of its scope unless it was committed.
class Transaction
{
public:
    explicit Transaction(Database &db);
    ~Transaction();
    Transaction(const Transaction &) = delete;
    Transaction &operator=(const Transaction &) = delete;

    /// Failure to begin is reported here.
    Result<void> started() const { return m_started; }
    /// False when the connection broke or rows were cut short on the way: what was read may be incomplete.
    bool isSound() const;
    /// DatabaseUnavailable also when the transaction was lost on the way; nothing is committed then.
    Result<void> commit();

private:
    static bool isSqliteWriter(const Database &db);
    static Result<void> begin(Database &db);

    Database &m_db;
    Result<void> m_started;
    bool m_open = false;
};

/// A part of a transaction that can be undone alone; undone at the end of its scope unless kept. When the cache was too small for
/// it, the whole transaction is lost instead.
class Savepoint
{
public:
    explicit Savepoint(Database &db);
    ~Savepoint();
    Savepoint(const Savepoint &) = delete;
    Savepoint &operator=(const Savepoint &) = delete;
    /// False when it could not be set, or the transaction around it is lost: nothing may be written then.
    bool isOpen() const { return m_open; }
    Result<void> keep();

private:
    Database &m_db;
    int m_spills = 0;
    bool m_open = false;
};

} // namespace assistiv
