// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "services/sqlitefile.h"
#include "store/tablecopy.h"

namespace assistiv {

/// What a backup holds, once it is ready to take the place of an installation's data.
struct RestoreCandidate
{
    qint64 rows = 0;
    /// Id of the master key that its secrets are sealed with; empty when none was sealed.
    QString masterKeyId;
};

/// Reads a backup into a new file: compared, brought to this program's version, its books recomputed, on the disk
/// itself. The backup is not changed. Conflict when it is no backup of ours, a newer program's, or its books are
/// broken; messages are for the operator.
Result<RestoreCandidate> prepareRestore(const QString &backup, NewSqliteFile &candidate, const GoOn &goOn);

/// Gives the candidate the name of the database, in one step; the process may be ended at any moment. What the name
/// stood for before stays as keptAs; true when there was something. Nobody may work with the database meanwhile:
/// Conflict when somebody does.
Result<bool> replaceSqliteDatabase(NewSqliteFile &candidate, const QString &database, const QString &keptAs);

/// The same for a PostgreSQL database, in one transaction; what it held is written to keptAs as a backup before.
/// Conflict while other programs are connected to it, or when its tables are not ours.
Result<bool> replacePostgresContents(const NewSqliteFile &candidate, const DatabaseUrl &database, const QString &keptAs,
                                     const Clock &clock, const GoOn &goOn);

} // namespace assistiv
