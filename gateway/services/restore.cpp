// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "services/restore.h"

#include "core/os.h"
#include "services/backup.h"
#include "services/installation.h"
#include "services/transfer.h"
#include "store/migrations.h"

#include <QtCore/QFileInfo>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Error cannotRestore(const QString &backup, const Error &reason)
{
    return { reason.code, u"%1 cannot be restored: %2"_s.arg(backup, reason.message) };
}

Error notOurs(const QString &backup)
{
    return { ErrorCode::Conflict, u"%1 is no backup of this program, or it is damaged."_s.arg(backup) };
}

Error notPut(const QString &database)
{
    return { ErrorCode::Internal, u"Nothing can be renamed in the folder of %1; nothing was changed."_s.arg(database) };
}

struct Copied
{
    std::unique_ptr<Database> db;
    qint64 rows = 0;
};

/// Everything of the backup, at its own version.
Result<Copied> copyOf(const QString &backup, NewSqliteFile &candidate, const GoOn &goOn)
{
    const auto from = Database::open({ .name = backup }, Database::Access::ReadOnly);
    if (!from)
        return from.error().code == ErrorCode::DatabaseUnavailable ? from.error() : notOurs(backup);
    const Transaction snapshot(**from);
    const auto version = knownSchemaVersion(**from);
    if (!version)
        return version.error().code == ErrorCode::Internal ? notOurs(backup) : cannotRestore(backup, version.error());
    if (*version == 0)
        return notOurs(backup);
    auto to = candidate.create(*version);
    if (!to)
        return to.error();
    Transaction whole(**to);
    const auto copied = copyAndCompare(**from, **to, goOn);
    if (!copied)
        return copied.error().code == ErrorCode::Internal ? notOurs(backup) : cannotRestore(backup, copied.error());
    if (const auto committed = whole.commit(); !committed)
        return committed.error();
    return Copied { std::move(*to), rowsIn(*copied) };
}

enum class Folded { Yes, InUse, Damaged };

/// Brings what SQLite keeps beside a database into the database's own file. A log left beside it would be read as the
/// log of whatever has the name next.
Folded foldIn(const QString &database)
{
    const auto db = Database::open({ .name = database }, Database::Access::ReadWrite);
    if (!db)
        return db.error().code == ErrorCode::DatabaseUnavailable ? Folded::InUse : Folded::Damaged;
    Query fold = (*db)->prepare(u"PRAGMA journal_mode=DELETE"_s);
    if (const auto done = fold.exec(); !done)
        return done.error().code == ErrorCode::DatabaseUnavailable ? Folded::InUse : Folded::Damaged;
    // It stays as it was while somebody else has the database open.
    return fold.next() && fold.text(0) == "delete"_L1 ? Folded::Yes : Folded::InUse;
}

/// A second name, so that the first one is never without a file; where the file system has no such thing, the new name
/// alone.
bool keep(const QString &database, const QString &keptAs)
{
    return os::addName(database, keptAs) || os::moveToNewName(database, keptAs);
}

} // namespace

Result<RestoreCandidate> prepareRestore(const QString &backup, NewSqliteFile &candidate, const GoOn &goOn)
{
    if (!QFileInfo(backup).isFile())
        return Error { ErrorCode::Conflict, u"There is no file %1."_s.arg(backup) };
    RestoreCandidate ready;
    {
        const auto copied = copyOf(backup, candidate, goOn);
        if (!copied)
            return copied.error();
        Database &db = *copied->db;
        if (const auto migrated = migrate(db); !migrated)
            return cannotRestore(backup, migrated.error());
        if (const auto sound = requireSoundBooks(db); !sound)
            return cannotRestore(backup, sound.error());
        const auto keyId = Installation::masterKeyId(db);
        if (!keyId)
            return cannotRestore(backup, keyId.error());
        ready = { copied->rows, *keyId };
    }
    if (!os::syncToDisk(candidate.path()))
        return Error { ErrorCode::Internal, u"The disk did not take %1."_s.arg(candidate.path()) };
    return ready;
}

Result<bool> replaceSqliteDatabase(NewSqliteFile &candidate, const QString &database, const QString &keptAs)
{
    const bool existed = QFileInfo::exists(database);
    if (existed && foldIn(database) == Folded::InUse) {
        return Error { ErrorCode::Conflict, u"Something else works with %1, or it cannot be written. End that first; "
                                            "nothing was changed."_s.arg(database) };
    }
    // Still there only beside a database that is damaged or gone. They belong to it.
    const QStringList before = NewSqliteFile::companions(database);
    const QStringList after = NewSqliteFile::companions(keptAs);
    for (qsizetype i = 0; i < before.size(); ++i) {
        if (QFileInfo::exists(before[i]) && !os::moveToNewName(before[i], after[i]))
            return notPut(database);
    }
    if (existed && !keep(database, keptAs))
        return notPut(database);
    if (!os::moveOver(candidate.path(), database)) {
        if (existed)
            os::moveOver(keptAs, database);
        return notPut(database);
    }
    candidate.release();
    os::syncToDisk(QFileInfo(database).absolutePath());
    return existed;
}

Result<bool> replacePostgresContents(const NewSqliteFile &candidate, const DatabaseUrl &database, const QString &keptAs,
                                     const Clock &clock, const GoOn &goOn)
{
    const auto to = Database::open(database, Database::Access::ReadWrite);
    if (!to)
        return to.error();
    const auto requireAlone = [&db = **to]() -> Result<void> {
        const auto others = otherConnections(db);
        if (!others)
            return others.error();
        if (*others == 0)
            return {};
        return Error { ErrorCode::Conflict, u"Other programs work with %1 (connections: %2). End them first; nothing "
                                            "was changed."_s.arg(db.url().display()).arg(*others) };
    };
    if (const auto alone = requireAlone(); !alone)
        return alone.error();
    const auto occupancy = occupancyOf(**to);
    if (!occupancy)
        return occupancy.error();
    if (*occupancy == Occupancy::Foreign)
        return Error { ErrorCode::Conflict, u"%1 holds tables of another program."_s.arg(database.display()) };
    if (*occupancy == Occupancy::Used) {
        if (const auto kept = writeBackup(database, keptAs, clock, goOn); !kept)
            return kept.error();
    }
    if (const auto migrated = migrate(**to); !migrated)
        return migrated.error();
    const auto from = Database::open({ .name = candidate.path() }, Database::Access::ReadOnly);
    if (!from)
        return from.error();
    if (const auto replaced = replaceContents(**from, **to, requireAlone, goOn); !replaced)
        return replaced.error();
    return *occupancy == Occupancy::Used;
}

} // namespace assistiv
