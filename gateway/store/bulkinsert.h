// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/id.h"
#include "core/result.h"

#include <QtCore/QByteArray>

#include <memory>
#include <span>

namespace assistiv {

class Database;
class RowSink;

struct BulkColumn
{
    enum class Kind { Text, Integer };

    QLatin1StringView name;
    Kind kind = Kind::Text;
    /// The id of a row of this table, or null once that row is gone. Empty: the value is taken as it is.
    QLatin1StringView living = {};
};

/// What a bulk insert writes: literals, because statements are made of them.
struct BulkTable
{
    QLatin1StringView name;
    std::span<const BulkColumn> columns;
};

/// Adds many rows to one table, for what every call writes. PostgreSQL gets all rows in one statement, or in few when they
/// are long; SQLite, which has no way to go, one by one.
class BulkInsert
{
public:
    BulkInsert(Database &db, const BulkTable &table);
    ~BulkInsert();
    BulkInsert(const BulkInsert &) = delete;
    BulkInsert &operator=(const BulkInsert &) = delete;

    /// The value of the next column; UTF-8.
    BulkInsert &text(QByteArrayView value);
    BulkInsert &textOrNull(QByteArrayView value) { return value.isEmpty() ? null() : text(value); }
    BulkInsert &integer(qint64 value);
    BulkInsert &null();
    template<typename Tag>
    BulkInsert &id(const Id<Tag> &value)
    {
        return value.isNull() ? null() : text(value.toLatin1());
    }
    /// Every column of the row was given. After an error nothing more may be written in this transaction: SQLite may have given
    /// it up by itself, and would commit each further statement alone.
    Result<void> endRow();

    /// Writes what is not written yet.
    Result<void> finish();

private:
    std::unique_ptr<RowSink> m_sink;
};

} // namespace assistiv
