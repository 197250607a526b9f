// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "store/databaseurl.h"

#include <QtCore/QByteArrayView>

#include <functional>
#include <memory>
#include <optional>

class QObject;

namespace assistiv {

/// What an engine says when it could not do something.
struct SqlFailure
{
    enum class Cause { Unique, Contended, Full, Unavailable, Other };

    Cause cause = Cause::Other;
    /// For the log.
    QString text = {};
};

using SqlOutcome = std::optional<SqlFailure>;

/// A prepared statement: its parameters are bound by their place from 0, then it runs, then its rows come one by one.
class SqlStatement
{
public:
    virtual ~SqlStatement() = default;

    virtual void bindNull(int at) = 0;
    virtual void bindInteger(int at, qint64 value) = 0;
    virtual void bindFlag(int at, bool value) = 0;
    virtual void bindText(int at, const QString &value) = 0;
    virtual void bindUtf8(int at, QByteArrayView value) = 0;

    /// boundCount values were bound for this run, those of the run before do not count.
    virtual SqlOutcome exec(int boundCount) = 0;
    /// False at the end of the rows; failure() tells whether they broke off.
    virtual bool next() = 0;
    virtual SqlOutcome failure() const = 0;
    /// Gives up the rows that were not taken.
    virtual void finish() = 0;
    /// There are rows that were not taken.
    virtual bool isActive() const = 0;

    virtual int changedRows() const = 0;
    virtual bool isNull(int column) const = 0;
    virtual qint64 integer(int column) const = 0;
    virtual bool flag(int column) const = 0;
    /// A null string for NULL.
    virtual QString text(int column) const = 0;
};

/// One connection to one kind of database, for one thread at a time.
class SqlConnection
{
public:
    enum class Access { ReadWrite, ReadOnly };

    virtual ~SqlConnection() = default;

    /// Opens, and sets what holds for all transactions.
    virtual SqlOutcome open() = 0;
    virtual void close() = 0;
    virtual bool isOpen() const = 0;
    /// Null after a failure, which is then told.
    virtual std::shared_ptr<SqlStatement> prepare(const QString &text, SqlOutcome &outcome) = 0;
    /// A statement without parameters or rows.
    virtual SqlOutcome run(const QString &text) = 0;
    /// False while what was committed would not be seen by others.
    virtual bool mayCommit() { return true; }
    /// How often a transaction has outgrown the cache so far, where that matters: what came after cannot be undone in part.
    virtual int spills() { return 0; }
    /// See Database::reserveLog() and Database::listen().
    virtual void reserveLog() {}
    virtual bool listen(const QString &, QObject *, std::function<void(const QString &)>) { return false; }
};

std::unique_ptr<SqlConnection> sqliteConnection(const QString &path, SqlConnection::Access access);
std::unique_ptr<SqlConnection> postgresConnection(const DatabaseUrl &url, SqlConnection::Access access);

} // namespace assistiv
