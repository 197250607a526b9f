// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/rowsink.h"

#include "store/database.h"

#include <sqlite3.h>

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

class SqliteRows final : public RowSink
{
public:
    SqliteRows(Database &db, const BulkTable &table)
        : m_db(db), m_statement(db.prepareNative(valuesStatement(table)))
    {
    }

    void text(QByteArrayView value) override
    {
        // Text without bytes is empty; without an address it would be NULL.
        const char *bytes = value.isEmpty() ? "" : value.data();
        sqlite3_bind_text(m_statement, ++m_column, bytes, int(value.size()), SQLITE_TRANSIENT);
    }
    void integer(qint64 value) override { sqlite3_bind_int64(m_statement, ++m_column, value); }
    void null() override { sqlite3_bind_null(m_statement, ++m_column); }
    Result<void> endRow() override
    {
        m_column = 0;
        if (!m_statement)
            return m_db.nativeError();
        const bool isWritten = sqlite3_step(m_statement) == SQLITE_DONE;
        Result<void> outcome = isWritten ? Result<void>() : m_db.nativeError();
        sqlite3_reset(m_statement);
        return outcome;
    }
    Result<void> finish() override { return {}; }

private:
    Database &m_db;
    sqlite3_stmt *m_statement;
    int m_column = 0;
};

} // namespace

std::unique_ptr<RowSink> sqliteRows(Database &db, const BulkTable &table)
{
    return std::make_unique<SqliteRows>(db, table);
}

} // namespace assistiv
