// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "store/bulkinsert.h"

namespace assistiv {

/// How one kind of database takes the rows of a bulk insert.
class RowSink
{
public:
    virtual ~RowSink() = default;
    virtual void text(QByteArrayView value) = 0;
    virtual void integer(qint64 value) = 0;
    virtual void null() = 0;
    virtual Result<void> endRow() = 0;
    virtual Result<void> finish() = 0;
};

std::unique_ptr<RowSink> sqliteRows(Database &db, const BulkTable &table);
std::unique_ptr<RowSink> postgresRows(Database &db, const BulkTable &table);

} // namespace assistiv
