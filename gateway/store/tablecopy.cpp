// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/tablecopy.h"

#include "core/hashing.h"
#include "core/log.h"
#include "store/nodestore.h"
#include "store/schema.h"

#include <QtCore/QtEndian>

#include <algorithm>
#include <numeric>
#include <variant>
#include <vector>

namespace assistiv {

using namespace Qt::StringLiterals;

// The one place where statements are put together at run time: names come from the database's own catalogue and are
// quoted, values are bound as everywhere.
namespace {

constexpr qsizetype MostValuesPerInsert = 1000;
constexpr qsizetype MostRowsPerInsert = 100;
constexpr qint64 RowsBetweenQuestions = 1000;

using Cell = std::variant<std::monostate, bool, qint64, QString>;
using Row = std::vector<Cell>;

QString quoted(QString name)
{
    return u'"' + name.replace(u'"', "\"\""_L1) + u'"';
}

QString columnList(const TableShape &table)
{
    QStringList names;
    for (const ColumnShape &column : table.columns)
        names.append(quoted(column.name));
    return names.join(", "_L1);
}

QString insertStatement(const TableShape &table, Dialect dialect, qsizetype rows)
{
    const QString group = u'(' + QStringList(table.columns.size(), u"?"_s).join(", "_L1) + u')';
    const bool setsSequence = dialect == Dialect::PostgreSql && !table.sequence.isEmpty();
    return u"INSERT INTO %1 (%2)%3 VALUES %4"_s.arg(quoted(table.name), columnList(table),
                                                    setsSequence ? u" OVERRIDING SYSTEM VALUE"_s : QString(),
                                                    QStringList(rows, group).join(", "_L1));
}

/// The rows of one table, one at a time.
class RowReader
{
public:
    RowReader(Database &db, const TableShape &table, const GoOn &goOn)
        : m_table(table), m_goOn(goOn), m_contents({ .table = table.name }), m_query(db.prepare(statement(table)))
    {
    }

    Result<void> start() { return m_query.exec(); }

    /// False at the end and after an error; ended() tells which.
    bool next(Row &row)
    {
        if (m_contents.rows % RowsBetweenQuestions == 0 && m_goOn && !m_goOn()) {
            m_wasStopped = true;
            return false;
        }
        if (!m_query.next())
            return false;
        row.clear();
        for (int i = 0; i < int(m_table.columns.size()); ++i)
            row.push_back(cell(i));
        note(row);
        return true;
    }

    Result<void> ended() const
    {
        if (m_wasStopped)
            return Error { ErrorCode::ShuttingDown, u"It was ended before it was done."_s };
        return m_query.ended();
    }
    const TableContents &contents() const { return m_contents; }

private:
    static QString statement(const TableShape &table)
    {
        const QString all = u"SELECT %1 FROM %2"_s.arg(columnList(table), quoted(table.name));
        return table.sequence.isEmpty() ? all : all + " ORDER BY "_L1 + quoted(table.sequence);
    }

    // By the kind of the column: SQLite gives flags as numbers.
    Cell cell(int column) const
    {
        if (m_query.isNull(column))
            return {};
        switch (m_table.columns[column].kind) {
        case ColumnKind::Flag: return m_query.flag(column);
        case ColumnKind::Integer: return m_query.integer(column);
        case ColumnKind::Text: break;
        }
        const QString text = m_query.text(column);
        return text.isNull() ? u""_s : text; // a null string would be bound as NULL
    }

    void note(const Row &row)
    {
        struct Append
        {
            QByteArray &out;
            void operator()(std::monostate) const { out += '-'; }
            void operator()(bool flag) const { out += flag ? '1' : '0'; }
            void operator()(qint64 number) const { out += 'n' + QByteArray::number(number) + ';'; }
            void operator()(const QString &text) const
            {
                const QByteArray utf8 = text.toUtf8();
                out += 't' + QByteArray::number(utf8.size()) + ':' + utf8;
            }
        };
        m_scratch.resize(0);
        for (const Cell &cell : row)
            std::visit(Append { m_scratch }, cell);
        ++m_contents.rows;
        // A sum, because the databases give the rows of most tables in an order of their own.
        m_contents.checksum += qFromLittleEndian<quint64>(sha256(m_scratch).constData());
    }

    const TableShape &m_table;
    const GoOn &m_goOn;
    TableContents m_contents;
    Query m_query;
    QByteArray m_scratch;
    bool m_wasStopped = false;
};

void bindCell(Query &query, const Cell &cell)
{
    std::visit(
        [&query](const auto &value) {
            if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>)
                query.bind(std::optional<QString>());
            else
                query.bind(value);
        },
        cell);
}

Result<void> insertRows(Database &to, const TableShape &table, const std::vector<Row> &rows, size_t perStatement)
{
    for (size_t at = 0; at < rows.size();) {
        const size_t count = rows.size() - at < perStatement ? 1 : perStatement;
        Query insert = to.prepare(insertStatement(table, to.dialect(), qsizetype(count)));
        for (const size_t end = at + count; at < end; ++at) {
            for (const Cell &cell : rows[at])
                bindCell(insert, cell);
        }
        if (const auto done = insert.exec(); !done)
            return done.error();
    }
    return {};
}

// SQLite goes on behind the largest row by itself. Not by setval(), which stays when the transaction is undone.
Result<void> moveSequence(Database &db, const TableShape &table)
{
    if (db.dialect() == Dialect::Sqlite || table.sequence.isEmpty())
        return {};
    qint64 next = 0;
    {
        Query largest = db.prepare(u"SELECT COALESCE(max(%1), 0) + 1 FROM %2"_s
                                       .arg(quoted(table.sequence), quoted(table.name)));
        if (const auto read = largest.exec(); !read)
            return read.error();
        next = largest.next() ? largest.integer(0) : 1;
    }
    return db.run(u"ALTER TABLE %1 ALTER COLUMN %2 RESTART WITH %3"_s
                      .arg(quoted(table.name), quoted(table.sequence), QString::number(next)));
}

Result<TableContents> copyTable(Database &from, Database &to, const TableShape &table, const GoOn &goOn)
{
    const qsizetype fitting = MostValuesPerInsert / table.columns.size();
    const auto perStatement = size_t(std::clamp<qsizetype>(fitting, 1, MostRowsPerInsert));
    RowReader reader(from, table, goOn);
    if (const auto started = reader.start(); !started)
        return started.error();
    std::vector<Row> waiting;
    for (Row row; reader.next(row);) {
        waiting.push_back(std::move(row));
        if (waiting.size() < perStatement)
            continue;
        if (const auto written = insertRows(to, table, waiting, perStatement); !written)
            return written.error();
        waiting.clear();
    }
    if (const auto ended = reader.ended(); !ended)
        return ended.error();
    if (const auto written = insertRows(to, table, waiting, perStatement); !written)
        return written.error();
    if (const auto moved = moveSequence(to, table); !moved)
        return moved.error();
    return reader.contents();
}

/// The tables whose rows are data.
Result<QList<TableShape>> dataTablesOf(Database &db)
{
    auto tables = tablesOf(db);
    if (tables)
        tables->removeIf([](const TableShape &table) { return table.name == NodeStore::ClockTable; });
    return tables;
}

} // namespace

Result<QList<TableContents>> copyTables(Database &from, Database &to, const GoOn &goOn)
{
    const auto tables = dataTablesOf(from);
    if (!tables)
        return tables.error();
    const auto places = dataTablesOf(to);
    if (!places)
        return places.error();
    if (*tables != *places) {
        Log::error("store", u"%1 and %2 do not have the same tables"_s.arg(from.url().display(), to.url().display()));
        return Error { ErrorCode::Conflict, u"The two databases do not have the same tables."_s };
    }
    // Migrations may have brought rows along.
    for (auto table = tables->crbegin(); table != tables->crend(); ++table) {
        if (const auto emptied = to.run(u"DELETE FROM "_s + quoted(table->name)); !emptied)
            return emptied.error();
    }
    QList<TableContents> copied;
    for (const TableShape &table : *tables) {
        const auto contents = copyTable(from, to, table, goOn);
        if (!contents)
            return contents.error();
        copied.append(*contents);
    }
    return copied;
}

Result<QList<TableContents>> contentsOf(Database &db, const GoOn &goOn)
{
    const auto tables = dataTablesOf(db);
    if (!tables)
        return tables.error();
    QList<TableContents> found;
    for (const TableShape &table : *tables) {
        RowReader reader(db, table, goOn);
        if (const auto started = reader.start(); !started)
            return started.error();
        for (Row row; reader.next(row);) { }
        if (const auto ended = reader.ended(); !ended)
            return ended.error();
        found.append(reader.contents());
    }
    return found;
}

qint64 rowsIn(const QList<TableContents> &contents)
{
    return std::accumulate(contents.begin(), contents.end(), qint64(0),
                           [](qint64 sum, const TableContents &table) { return sum + table.rows; });
}

} // namespace assistiv
