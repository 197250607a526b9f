// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "services/backup.h"

#include "core/os.h"
#include "services/sqlitefile.h"
#include "store/migrations.h"

#include <QtCore/QFileInfo>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Error existsAlready(const QString &file)
{
    return { ErrorCode::Conflict, u"%1 exists already; a backup never replaces a file."_s.arg(file) };
}

Error notWritten(const QString &file, const Error &reason)
{
    // The one that is away may be either of two.
    const QString why = reason == databaseUnavailable()
        ? u"the database cannot be read, or the copy cannot be written; the log says more."_s
        : reason.message;
    return { reason.code, u"The backup %1 was not made: %2"_s.arg(file, why) };
}

/// Everything of one moment, by way of connections that are closed again at the end.
Result<qint64> copyInto(NewSqliteFile &part, const DatabaseUrl &source, const GoOn &goOn)
{
    const auto from = Database::open(source, Database::Access::ReadOnly);
    if (!from)
        return from.error();
    const Transaction snapshot(**from);
    if (const auto started = snapshot.started(); !started)
        return started.error();
    // As the source is: the program that works on it may be an older one.
    const auto version = knownSchemaVersion(**from);
    if (!version)
        return version.error();
    if (*version == 0)
        return Error { ErrorCode::Conflict, u"%1 is no database of this program."_s.arg(source.display()) };
    const auto to = part.create(*version);
    if (!to)
        return to.error();
    Transaction whole(**to);
    if (const auto started = whole.started(); !started)
        return started.error();
    const auto copied = copyTables(**from, **to, goOn);
    if (!copied)
        return copied.error();
    if (const auto committed = whole.commit(); !committed)
        return committed.error();
    return rowsIn(*copied);
}

} // namespace

QString unfinishedName(const QString &file)
{
    return file + u".part"_s;
}

QString fileStamp(Timestamp moment)
{
    return QString::fromLatin1(moment.toIso().replace(":", ""));
}

Result<Backup> writeBackup(const DatabaseUrl &source, const QString &file, const Clock &clock, const GoOn &goOn)
{
    const QFileInfo place(file);
    if (place.exists() || place.isSymLink())
        return existsAlready(file);
    NewSqliteFile part(unfinishedName(file));
    if (QFileInfo::exists(part.path())) {
        return Error { ErrorCode::Conflict, u"%1 exists: another backup is being written, or one was cut off. Remove "
                                            "it in that case."_s.arg(part.path()) };
    }
    const Timestamp createdAt = clock.now();
    const auto rows = copyInto(part, source, goOn);
    if (!rows)
        return notWritten(file, rows.error());
    const qint64 bytes = QFileInfo(part.path()).size();
    if (!os::syncToDisk(part.path()))
        return notWritten(file, { ErrorCode::Internal, u"the disk did not take it."_s });
    if (!os::moveToNewName(part.path(), file)) {
        return QFileInfo::exists(file) ? existsAlready(file)
                                       : notWritten(file, { ErrorCode::Internal, u"it cannot be given its name."_s });
    }
    part.release();
    os::syncToDisk(place.absolutePath());
    return Backup { file, bytes, *rows, createdAt };
}

} // namespace assistiv
