// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/rowsink.h"

#include "store/database.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// INSERT INTO t (a, b) VALUES (?, …)
QString valuesStatement(const BulkTable &table)
{
    QStringList names;
    QStringList values;
    for (const BulkColumn &column : table.columns) {
        names << column.name;
        values << (column.living.isEmpty() ? u"?"_s : u"(SELECT id FROM %1 WHERE id = ?)"_s.arg(column.living));
    }
    return u"INSERT INTO %1 (%2) VALUES (%3)"_s.arg(table.name, names.join(u", "), values.join(u", "));
}

/// Tables are constants, so their text is put together once.
const QString &insertInto(const BulkTable &table)
{
    static thread_local QHash<const BulkColumn *, QString> statements;
    QString &statement = statements[table.columns.data()];
    if (statement.isEmpty())
        statement = valuesStatement(table);
    return statement;
}

class SqliteRows final : public RowSink
{
public:
    SqliteRows(Database &db, const BulkTable &table) : m_insert(db.prepare(insertInto(table))) {}

    void text(QByteArrayView value) override { m_insert.bindUtf8(value); }
    void integer(qint64 value) override { m_insert.bind(value); }
    void null() override { m_insert.bindNull(); }
    Result<void> endRow() override { return m_insert.exec(); }
    Result<void> finish() override { return {}; }

private:
    Query m_insert;
};

} // namespace

std::unique_ptr<RowSink> sqliteRows(Database &db, const BulkTable &table)
{
    return std::make_unique<SqliteRows>(db, table);
}

} // namespace assistiv
