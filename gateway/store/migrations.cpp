// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/migrations.h"

#include "core/log.h"
#include "store/nodestore.h"

#include <QtCore/QDir>
#include <QtCore/QFile>

#include <algorithm>

static void initialiseMigrationFiles()
{
    // Resources of a static library are dropped by the linker unless somebody asks for them.
    Q_INIT_RESOURCE(migrations);
}

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

struct MigrationFile
{
    int version;
    QString path;
};

QList<MigrationFile> migrationFiles()
{
    initialiseMigrationFiles();
    QList<MigrationFile> files;
    const QDir folder(u":/migrations"_s);
    const QStringList names = folder.entryList({ u"*.sql"_s }, QDir::Files, QDir::Name);
    for (const QString &name : names)
        files.append({ name.left(4).toInt(), folder.filePath(name) });
    return files;
}

// Statements end with a semicolon at the end of a line; comments are lines of their own.
QStringList statementsOf(const QString &path, Dialect dialect)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return {};
    QString text = QString::fromUtf8(file.readAll());
    text.replace("{{SEQUENCE}}"_L1,
                 dialect == Dialect::Sqlite ? "INTEGER PRIMARY KEY"_L1
                                            : "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"_L1);
    QStringList lines = text.split(u'\n');
    lines.removeIf([](const QString &line) { return line.startsWith("--"_L1); });
    QStringList statements = lines.join(u'\n').split(u";\n"_s);
    statements.removeIf([](const QString &statement) { return statement.trimmed().isEmpty(); });
    return statements;
}

const QString VersionTable = u"CREATE TABLE IF NOT EXISTS schema_migrations "
                             "(version BIGINT PRIMARY KEY, applied_at BIGINT NOT NULL)"_s;

Error newerThanThis(int version)
{
    return { ErrorCode::Conflict,
             u"The database has version %1, this program knows only up to %2. Start the newer program, or restore a "
             "backup made with this one."_s.arg(version).arg(newestSchemaVersion()) };
}

Result<int> schemaVersion(Database &db)
{
    Query query = db.prepare(u"SELECT max(version) FROM schema_migrations"_s);
    if (const auto read = query.exec(); !read)
        return read.error();
    return query.next() ? int(query.integer(0)) : 0;
}

// Gateways that start at once on one PostgreSQL come here one after another.
Result<int> makeVersionTable(Database &db)
{
    Transaction transaction(db);
    if (const auto started = transaction.started(); !started)
        return started.error();
    if (const auto alone = NodeStore(db).lockOthersOut(NodeStore::StartPatienceMs); !alone)
        return alone.error();
    if (const auto made = db.run(VersionTable); !made)
        return made.error();
    const auto current = schemaVersion(db);
    if (!current)
        return current.error();
    if (const auto committed = transaction.commit(); !committed)
        return committed.error();
    return *current;
}

Result<void> runFile(Database &db, const MigrationFile &file)
{
    const QStringList statements = statementsOf(file.path, db.dialect());
    for (const QString &statement : statements) {
        if (const auto done = db.run(statement); !done)
            return done.error();
    }
    return {};
}

Result<void> applyFile(Database &db, const MigrationFile &file)
{
    Transaction transaction(db);
    if (const auto started = transaction.started(); !started)
        return started.error();
    if (const auto alone = NodeStore(db).lockOthersOut(NodeStore::StartPatienceMs); !alone)
        return alone.error();
    const auto current = schemaVersion(db);
    if (!current)
        return current.error();
    if (*current >= file.version)
        return {}; // another gateway was faster
    if (const auto done = runFile(db, file); !done)
        return done.error();
    Query note = db.prepare(u"INSERT INTO schema_migrations (version, applied_at) VALUES (?, ?)"_s);
    if (const auto noted = note.bind(file.version, Clock::system().now()).exec(); !noted)
        return noted.error();
    if (const auto committed = transaction.commit(); !committed)
        return committed.error();
    Log::info("store", u"database brought to version %1"_s.arg(file.version));
    return {};
}

} // namespace

int newestSchemaVersion()
{
    return migrationFiles().constLast().version;
}

Result<int> knownSchemaVersion(Database &db)
{
    {
        Query query = db.prepare(db.dialect() == Dialect::Sqlite
                                     ? u"SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'"_s
                                     : u"SELECT count(*) FROM information_schema.tables WHERE table_schema = "
                                       "current_schema() AND table_name = 'schema_migrations'"_s);
        if (const auto read = query.exec(); !read)
            return read.error();
        const bool isOurs = query.next() && query.integer(0) > 0;
        if (const auto ended = query.ended(); !ended)
            return ended.error();
        if (!isOurs)
            return 0;
    }
    const auto version = schemaVersion(db);
    if (version && *version > newestSchemaVersion())
        return newerThanThis(*version);
    return version;
}

Result<void> makeSchema(Database &db, int version)
{
    Transaction transaction(db);
    if (const auto started = transaction.started(); !started)
        return started.error();
    if (const auto made = db.run(VersionTable); !made)
        return made.error();
    const QList<MigrationFile> files = migrationFiles();
    for (const MigrationFile &file : files) {
        if (file.version > version)
            break;
        if (const auto done = runFile(db, file); !done)
            return done.error();
    }
    return transaction.commit();
}

Result<void> migrate(Database &db)
{
    const auto current = makeVersionTable(db);
    if (!current)
        return current.error();
    if (*current > newestSchemaVersion())
        return newerThanThis(*current);
    const QList<MigrationFile> files = migrationFiles();
    for (const MigrationFile &file : files) {
        if (file.version <= *current)
            continue;
        if (const auto applied = applyFile(db, file); !applied)
            return applied.error();
    }
    return {};
}

} // namespace assistiv
