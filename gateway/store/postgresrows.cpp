// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/rowsink.h"

#include "core/jsonwriter.h"
#include "store/database.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// INSERT INTO t (a, b) SELECT r.a, … FROM json_to_recordset(?) AS r(a TEXT, b BIGINT): the rows keep their order.
QString recordsetStatement(const BulkTable &table)
{
    QStringList names;
    QStringList values;
    QStringList types;
    for (const BulkColumn &column : table.columns) {
        names << column.name;
        // Locked, so that nobody deletes it before this transaction has ended.
        values << (column.living.isEmpty()
                       ? "r."_L1 + column.name
                       : u"(SELECT l.id FROM %1 l WHERE l.id = r.%2 FOR KEY SHARE)"_s.arg(column.living, column.name));
        types << column.name + (column.kind == BulkColumn::Kind::Text ? " TEXT"_L1 : " BIGINT"_L1);
    }
    return u"INSERT INTO %1 (%2) SELECT %3 FROM json_to_recordset(CAST(? AS json)) AS r(%4)"_s.arg(
        table.name, names.join(u", "), values.join(u", "), types.join(u", "));
}

// A parameter may not exceed 1 GiB, and is held several times on its way.
constexpr qsizetype MostStatementBytes = 8 * 1024 * 1024;

class PostgresRows final : public RowSink
{
public:
    PostgresRows(Database &db, const BulkTable &table) : m_db(db), m_table(table) {}

    void text(QByteArrayView value) override { next().utf8(value); }
    void integer(qint64 value) override { next().value(value); }
    void null() override { next().null(); }
    Result<void> endRow() override
    {
        Q_ASSERT(m_column == m_table.columns.size());
        m_rows.endObject();
        m_column = 0;
        return m_rows.json().size() < MostStatementBytes ? Result<void>() : finish();
    }
    Result<void> finish() override
    {
        if (m_rows.json().isEmpty())
            return {};
        Query insert = m_db.prepare(recordsetStatement(m_table));
        return insert.bind(m_rows.endArray().take()).exec();
    }

private:
    JsonWriter &next()
    {
        if (m_rows.json().isEmpty())
            m_rows.beginArray();
        if (m_column == 0)
            m_rows.beginObject();
        const QLatin1StringView name = m_table.columns[m_column++].name;
        return m_rows.key(QByteArrayView(name.data(), name.size()));
    }

    Database &m_db;
    BulkTable m_table;
    JsonWriter m_rows;
    size_t m_column = 0;
};

} // namespace

std::unique_ptr<RowSink> postgresRows(Database &db, const BulkTable &table)
{
    return std::make_unique<PostgresRows>(db, table);
}

} // namespace assistiv
