// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "store/database.h"

#include <QtCore/QList>
#include <QtCore/QStringList>

namespace assistiv {

enum class ColumnKind { Text, Integer, Flag };

struct ColumnShape
{
    QString name;
    ColumnKind kind = ColumnKind::Text;

    friend bool operator==(const ColumnShape &, const ColumnShape &) = default;
};

/// A table as the database's own catalogue describes it. Equal on both kinds of database when the migrations are.
struct TableShape
{
    QString name;
    /// By name.
    QList<ColumnShape> columns;
    /// The growing key that the database itself hands out; empty when there is none.
    QString sequence;
    /// The tables that its foreign keys lead to.
    QStringList references;

    friend bool operator==(const TableShape &, const TableShape &) = default;
};

/// Every table of the database, each behind those it refers to. Read anew each time, so that nothing needs to be
/// changed here when a migration adds a table.
Result<QList<TableShape>> tablesOf(Database &db);

} // namespace assistiv
