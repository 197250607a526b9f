// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/connection.h"

#include "store/database.h"

#include <QtSql/QSqlDatabase>
#include <QtSql/QSqlDriver>
#include <QtSql/QSqlError>
#include <QtSql/QSqlQuery>

#include <atomic>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using Cause = SqlFailure::Cause;

/// By the SQLSTATE.
SqlFailure failureOf(const QSqlError &error)
{
    const QString code = error.nativeErrorCode();
    if (code == "23505"_L1)
        return { Cause::Unique, error.text() };
    // 40 deadlock or serialization, 55P03 lock not to be had.
    if (code.startsWith("40"_L1) || code == "55P03"_L1)
        return { Cause::Contended, error.text() };
    if (code == "53100"_L1)
        return { Cause::Full, error.text() };
    // 08 connection, 25006 read only, 25P03 idle for too long, 53 resources, 57 shut down, 58 system; no code at all:
    // the line is dead.
    const bool unavailable = code.isEmpty() || code.startsWith("08"_L1) || code == "25006"_L1 || code == "25P03"_L1
        || code.startsWith("53"_L1) || code.startsWith("57"_L1) || code.startsWith("58"_L1)
        || error.type() == QSqlError::ConnectionError;
    return { unavailable ? Cause::Unavailable : Cause::Other, error.text() };
}

SqlOutcome outcomeOf(const QSqlQuery &query)
{
    return query.lastError().isValid() ? failureOf(query.lastError()) : SqlOutcome();
}

class PostgresStatement final : public SqlStatement
{
public:
    explicit PostgresStatement(QSqlQuery query) : m_query(std::move(query)) {}

    void bindNull(int at) override { m_query.bindValue(at, QVariant(QMetaType::fromType<QString>())); }
    void bindInteger(int at, qint64 value) override { m_query.bindValue(at, value); }
    void bindFlag(int at, bool value) override { m_query.bindValue(at, value); }
    void bindText(int at, const QString &value) override { m_query.bindValue(at, value); }
    void bindUtf8(int at, QByteArrayView value) override { m_query.bindValue(at, QString::fromUtf8(value)); }

    // The driver counts what was bound.
    SqlOutcome exec(int) override { return m_query.exec() ? SqlOutcome() : failureOf(m_query.lastError()); }
    bool next() override { return m_query.next(); }
    SqlOutcome failure() const override { return outcomeOf(m_query); }
    void finish() override { m_query.finish(); }
    bool isActive() const override { return m_query.isActive() && m_query.isSelect(); }

    int changedRows() const override { return m_query.numRowsAffected(); }
    bool isNull(int column) const override { return m_query.isNull(column); }
    qint64 integer(int column) const override { return m_query.value(column).toLongLong(); }
    bool flag(int column) const override { return m_query.value(column).toBool(); }
    QString text(int column) const override { return m_query.value(column).toString(); }

private:
    QSqlQuery m_query;
};

/// PostgreSQL through QtSql's driver.
class PostgresConnection final : public SqlConnection
{
public:
    PostgresConnection(DatabaseUrl url, Access access);
    ~PostgresConnection() override;
    PostgresConnection(const PostgresConnection &) = delete;
    PostgresConnection &operator=(const PostgresConnection &) = delete;

    SqlOutcome open() override;
    void close() override { database().close(); }
    bool isOpen() const override { return database().isOpen(); }
    std::shared_ptr<SqlStatement> prepare(const QString &text, SqlOutcome &outcome) override;
    SqlOutcome run(const QString &text) override
    {
        QSqlQuery query(database());
        return query.exec(text) ? SqlOutcome() : failureOf(query.lastError());
    }
    bool listen(const QString &channel, QObject *context, std::function<void(const QString &)> heard) override;

private:
    QSqlDatabase database() const { return QSqlDatabase::database(m_name, false); }
    SqlOutcome setUp();

    DatabaseUrl m_url;
    Access m_access;
    QString m_name;
    bool m_isListening = false;
};

PostgresConnection::PostgresConnection(DatabaseUrl url, Access access)
    : m_url(std::move(url)), m_access(access)
{
    static std::atomic<int> counter = 0;
    m_name = u"assistiv-%1"_s.arg(++counter);
    QSqlDatabase::addDatabase(u"QPSQL"_s, m_name);
}

PostgresConnection::~PostgresConnection()
{
    PostgresConnection::close();
    QSqlDatabase::removeDatabase(m_name);
}

SqlOutcome PostgresConnection::open()
{
    QSqlDatabase db = database();
    db.setDatabaseName(m_url.name);
    db.setHostName(m_url.host);
    db.setPort(m_url.port);
    db.setUserName(m_url.user);
    db.setPassword(m_url.password);
    // A server that vanished is noticed within seconds; what the operator gave comes later and wins.
    const QString options = u"connect_timeout=5;keepalives_idle=10;keepalives_interval=5;keepalives_count=3;tcp_user_timeout=20000"_s;
    db.setConnectOptions(m_url.options.isEmpty() ? options : options + u';' + m_url.options);
    if (!db.isValid() || !db.open())
        return SqlFailure { Cause::Unavailable, db.lastError().databaseText() };
    return setUp();
}

SqlOutcome PostgresConnection::setUp()
{
    // That a table is there already is no news.
    QStringList settings { u"client_min_messages = warning"_s };
    if (m_access == Access::ReadOnly) {
        settings << u"default_transaction_read_only = on"_s;
        // The messages of a reader need not survive a power cut.
        settings << u"synchronous_commit = off"_s;
        // One snapshot for all statements of a question, as SQLite has it: a sum and its rows must agree.
        settings << u"default_transaction_isolation = 'repeatable read'"_s;
    } else {
        // When the line breaks or this process is halted, the server would go on for hours with a transaction that nobody
        // ends, and its locks: the other gateways would wait.
        settings << u"idle_in_transaction_session_timeout = '15s'"_s;
        // Each statement sees what was committed before it, in particular while it waited for a lock.
        settings << u"default_transaction_isolation = 'read committed'"_s;
        settings << u"lock_timeout = '%1'"_s.arg(Database::LockTimeout);
    }
    for (const QString &setting : settings) {
        if (const auto failed = run("SET "_L1 + setting))
            return failed;
    }
    return {};
}

std::shared_ptr<SqlStatement> PostgresConnection::prepare(const QString &text, SqlOutcome &outcome)
{
    QSqlQuery query(database());
    // Rows that come one by one and were not all taken would stand in the way of messages.
    query.setForwardOnly(!m_isListening);
    if (query.prepare(text))
        return std::make_shared<PostgresStatement>(std::move(query));
    outcome = failureOf(query.lastError());
    return {};
}

bool PostgresConnection::listen(const QString &channel, QObject *context, std::function<void(const QString &)> heard)
{
    m_isListening = true;
    QSqlDriver *driver = database().driver();
    const auto hear = [channel, heard = std::move(heard)](const QString &name, QSqlDriver::NotificationSource,
                                                          const QVariant &message) {
        if (name == channel)
            heard(message.toString());
    };
    QObject::connect(driver, &QSqlDriver::notification, context, hear);
    return driver->subscribeToNotification(channel);
}

} // namespace

std::unique_ptr<SqlConnection> postgresConnection(const DatabaseUrl &url, SqlConnection::Access access)
{
    return std::make_unique<PostgresConnection>(url, access);
}

} // namespace assistiv
