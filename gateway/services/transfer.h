// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "store/tablecopy.h"

namespace assistiv {

/// Recomputes the books; Conflict with the first broken row.
Result<void> requireSoundBooks(Database &db);

/// Copies everything into another database of the same version, reads it back there and compares; nothing is committed.
/// Conflict when a table did not arrive as it was. The caller has a transaction open on each side.
Result<QList<TableContents>> copyAndCompare(Database &from, Database &to, const GoOn &goOn);

/// Puts everything that one database holds in the place of what another one holds, in one transaction: copies,
/// compares, recomputes the books, and only then commits. Both have this program's version. mayReplace decides once no
/// gateway can start on the other one any more before all is done. Returns the number of rows.
Result<qint64> replaceContents(Database &from, Database &to, const std::function<Result<void>()> &mayReplace,
                               const GoOn &goOn);

/// What a PostgreSQL database is to a command that wants to fill it.
enum class Occupancy {
    Unused, ///< no tables, or ours without data: no gateway has started on them yet
    Used,
    Foreign ///< tables of another program
};
Result<Occupancy> occupancyOf(Database &db);

/// How many other programs are connected to the same PostgreSQL database.
Result<qint64> otherConnections(Database &db);

/// Moves an installation to a PostgreSQL database that is not used yet: makes the tables there and copies everything.
/// When a former run came as far as that, and both still hold the same, nothing is left to do. Conflict when it is
/// used. The source keeps its data; it is brought to this program's version. Returns the number of rows.
Result<qint64> moveInto(Database &from, Database &to, const GoOn &goOn);

} // namespace assistiv
