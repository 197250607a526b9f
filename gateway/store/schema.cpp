// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/schema.h"

#include "core/log.h"

#include <QtCore/QMap>
#include <QtCore/QSet>

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

// Table, column, type, whether the database numbers it.
const QString SqliteColumns = u"SELECT t.name, c.name, c.type, c.type = 'INTEGER' AND c.pk = 1 FROM sqlite_master t "
                              "JOIN pragma_table_info(t.name) c WHERE t.type = 'table' "
                              "AND substr(t.name, 1, 7) <> 'sqlite_'"_s;
const QString PostgresColumns = u"SELECT c.table_name, c.column_name, c.data_type, c.is_identity = 'YES' "
                                "FROM information_schema.columns c JOIN information_schema.tables t "
                                "ON t.table_schema = c.table_schema AND t.table_name = c.table_name "
                                "WHERE t.table_schema = current_schema() AND t.table_type = 'BASE TABLE'"_s;

// Table, table it refers to.
const QString SqliteReferences = u"SELECT t.name, f.\"table\" FROM sqlite_master t "
                                 "JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table'"_s;
const QString PostgresReferences = u"SELECT t.relname, r.relname FROM pg_constraint k "
                                   "JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid "
                                   "JOIN pg_namespace n ON n.oid = t.relnamespace "
                                   "WHERE k.contype = 'f' AND n.nspname = current_schema()"_s;

Error strange(const QString &what)
{
    Log::error("store", what);
    return { ErrorCode::Internal, u"The database's tables are not as this program makes them: %1."_s.arg(what) };
}

std::optional<ColumnKind> kindOf(const QString &type)
{
    const QString word = type.toUpper();
    if (word == "TEXT"_L1)
        return ColumnKind::Text;
    if (word == "BIGINT"_L1 || word == "INTEGER"_L1)
        return ColumnKind::Integer;
    if (word == "BOOLEAN"_L1)
        return ColumnKind::Flag;
    return {};
}

using Tables = QMap<QString, TableShape>;

Result<Tables> readColumns(Database &db)
{
    Tables tables;
    Query query = db.prepare(db.dialect() == Dialect::Sqlite ? SqliteColumns : PostgresColumns);
    if (const auto read = query.exec(); !read)
        return read.error();
    while (query.next()) {
        const QString column = query.text(1);
        TableShape &table = tables[query.text(0)];
        table.name = query.text(0);
        const auto kind = kindOf(query.text(2));
        if (!kind)
            return strange(u"column %1.%2 has the type %3"_s.arg(table.name, column, query.text(2)));
        table.columns.append({ column, *kind });
        if (query.flag(3))
            table.sequence = column;
    }
    if (const auto ended = query.ended(); !ended)
        return ended.error();
    for (TableShape &table : tables)
        std::ranges::sort(table.columns, {}, &ColumnShape::name);
    return tables;
}

Result<void> readReferences(Database &db, Tables &tables)
{
    Query query = db.prepare(db.dialect() == Dialect::Sqlite ? SqliteReferences : PostgresReferences);
    if (const auto read = query.exec(); !read)
        return read.error();
    while (query.next()) {
        QStringList &references = tables[query.text(0)].references;
        if (!references.contains(query.text(1)))
            references.append(query.text(1));
    }
    for (TableShape &table : tables)
        table.references.sort();
    return query.ended();
}

} // namespace

Result<QList<TableShape>> tablesOf(Database &db)
{
    auto tables = readColumns(db);
    if (!tables)
        return tables.error();
    if (const auto read = readReferences(db, *tables); !read)
        return read.error();

    QList<TableShape> ordered;
    QSet<QString> placed;
    while (!tables->isEmpty()) {
        const auto ready = std::ranges::find_if(*tables, [&placed](const TableShape &table) {
            return std::ranges::all_of(table.references, [&](const QString &name) {
                return name == table.name || placed.contains(name);
            });
        });
        if (ready == tables->end())
            return strange(u"%1 and others refer to each other in a circle"_s.arg(tables->firstKey()));
        placed.insert(ready->name);
        ordered.append(*ready);
        tables->erase(ready);
    }
    return ordered;
}

} // namespace assistiv
