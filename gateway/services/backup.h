// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "store/tablecopy.h"

namespace assistiv {

/// A finished backup: a SQLite file with everything that the database held at one moment.
struct Backup
{
    QString file;
    qint64 bytes = 0;
    qint64 rows = 0;
    Timestamp createdAt;
};

/// What the file is called until it is whole.
QString unfinishedName(const QString &file);

/// A moment as a part of a file name: "2026-04-08T103000.412Z".
QString fileStamp(Timestamp moment);

/// Writes a backup of either kind of database into a new file that only the owner may read. It opens connections of
/// its own and never writes to the source, so it may run beside a gateway, which goes on working. The file is there
/// whole, on the disk itself, or not at all. Conflict when it exists already; messages are for the operator and name
/// files.
Result<Backup> writeBackup(const DatabaseUrl &source, const QString &file, const Clock &clock, const GoOn &goOn);

} // namespace assistiv
