// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "store/database.h"

#include <QtCore/QList>

#include <functional>

namespace assistiv {

/// Asked now and then by what takes long; false ends it with ShuttingDown.
using GoOn = std::function<bool()>;

/// What a table holds, comparable whatever database it lies in.
struct TableContents
{
    QString table;
    qint64 rows = 0;
    /// The sum of a hash over each row: another value in any row, a row more or less, and it is another sum.
    quint64 checksum = 0;

    friend bool operator==(const TableContents &, const TableContents &) = default;
};

/// Puts the rows of every table of one database (but not NodeStore::ClockTable) in the place of those that another one holds; both must have the same
/// version. Streams, so memory does not grow with the data. Growing keys keep their values and go on behind them. The
/// caller has a transaction open on each side: a read-only connection's is one snapshot, the target's makes it all or
/// nothing. Returns what was read.
Result<QList<TableContents>> copyTables(Database &from, Database &to, const GoOn &goOn);

/// What all tables hold, in the order of copyTables(). Inside a transaction for a picture of one moment.
Result<QList<TableContents>> contentsOf(Database &db, const GoOn &goOn);

/// The rows of all tables together.
qint64 rowsIn(const QList<TableContents> &contents);

} // namespace assistiv
