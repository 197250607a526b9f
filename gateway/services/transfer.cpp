// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "services/transfer.h"

#include "services/verify.h"
#include "store/migrations.h"
#include "store/nodestore.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Result<qint64> countOf(Database &db, const QString &statement)
{
    Query query = db.prepare(statement);
    if (const auto read = query.exec(); !read)
        return read.error();
    return query.next() ? query.integer(0) : 0;
}

/// Name of the first table that is not the same on both sides; empty when all are.
QString firstDifference(const QList<TableContents> &one, const QList<TableContents> &other)
{
    for (qsizetype i = 0; i < one.size(); ++i) {
        if (other.value(i) != one[i])
            return one[i].table;
    }
    return {};
}

Error inUse(const Database &db)
{
    return { ErrorCode::Conflict,
             u"%1 holds data already. Give an empty database; nothing was changed there."_s.arg(db.url().display()) };
}

/// What all tables hold at one moment; empty when the tables are not of this program's version.
Result<QList<TableContents>> wholeContents(Database &db, const GoOn &goOn)
{
    const Transaction view(db);
    if (const auto started = view.started(); !started)
        return started.error();
    const auto version = knownSchemaVersion(db);
    if (!version)
        return version.error();
    return *version == newestSchemaVersion() ? contentsOf(db, goOn) : QList<TableContents>();
}

/// A former run may have copied everything and have been ended before it was told.
Result<qint64> sameAlready(Database &from, Database &to, const GoOn &goOn)
{
    const auto here = wholeContents(from, goOn);
    if (!here)
        return here.error();
    const auto there = wholeContents(to, goOn);
    if (!there)
        return there.error();
    if (*here != *there)
        return inUse(to);
    return rowsIn(*there);
}

} // namespace

Result<void> requireSoundBooks(Database &db)
{
    const auto report = verifyBooks(db);
    if (!report)
        return report.error();
    if (report->ok())
        return {};
    const BrokenRule &first = report->broken.constFirst();
    return Error { ErrorCode::Conflict, u"the books do not balance: %1 (%2 row %3: %4)"_s
                       .arg(first.rule, first.table, first.row, first.detail) };
}

Result<QList<TableContents>> copyAndCompare(Database &from, Database &to, const GoOn &goOn)
{
    const auto read = copyTables(from, to, goOn);
    if (!read)
        return read;
    const auto written = contentsOf(to, goOn);
    if (!written)
        return written;
    if (const QString table = firstDifference(*read, *written); !table.isEmpty())
        return Error { ErrorCode::Conflict, u"the table %1 did not arrive as it was"_s.arg(table) };
    return read;
}

Result<qint64> replaceContents(Database &from, Database &to, const std::function<Result<void>()> &mayReplace,
                               const GoOn &goOn)
{
    const Transaction snapshot(from);
    if (const auto started = snapshot.started(); !started)
        return started.error();
    Transaction whole(to);
    if (const auto started = whole.started(); !started)
        return started.error();
    if (const auto alone = NodeStore(to).lockOthersOut(NodeStore::StartPatienceMs); !alone)
        return alone.error();
    if (const auto allowed = mayReplace(); !allowed)
        return allowed.error();
    const auto copied = copyAndCompare(from, to, goOn);
    if (!copied)
        return copied.error();
    if (const auto sound = requireSoundBooks(to); !sound)
        return sound.error();
    if (const auto committed = whole.commit(); !committed)
        return committed.error();
    return rowsIn(*copied);
}

Result<Occupancy> occupancyOf(Database &db)
{
    // The table of versions alone: somebody was ended before the first migration.
    const auto tables = countOf(db, u"SELECT count(*) FROM information_schema.tables WHERE table_schema = "
                                    "current_schema() AND table_name <> 'schema_migrations'"_s);
    if (!tables)
        return tables.error();
    if (*tables == 0)
        return Occupancy::Unused;
    const auto version = knownSchemaVersion(db);
    if (!version)
        return version.error();
    if (*version == 0)
        return Occupancy::Foreign;
    // The first start of a gateway leaves a setting, before anything else.
    const auto settings = countOf(db, u"SELECT count(*) FROM settings"_s);
    if (!settings)
        return settings.error();
    return *settings == 0 ? Occupancy::Unused : Occupancy::Used;
}

Result<qint64> otherConnections(Database &db)
{
    return countOf(db, u"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                       "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"_s);
}

Result<qint64> moveInto(Database &from, Database &to, const GoOn &goOn)
{
    const auto occupancy = occupancyOf(to);
    if (!occupancy)
        return occupancy.error();
    if (*occupancy == Occupancy::Foreign)
        return inUse(to);
    if (const auto migrated = migrate(from); !migrated)
        return migrated.error();
    if (*occupancy == Occupancy::Used)
        return sameAlready(from, to, goOn);
    if (const auto migrated = migrate(to); !migrated)
        return migrated.error();
    const auto stillUnused = [&to]() -> Result<void> {
        const auto now = occupancyOf(to);
        if (!now)
            return now.error();
        return *now == Occupancy::Unused ? Result<void>() : inUse(to);
    };
    return replaceContents(from, to, stillUnused, goOn);
}

} // namespace assistiv
