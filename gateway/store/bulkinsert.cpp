// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/bulkinsert.h"

#include "store/database.h"
#include "store/rowsink.h"

namespace assistiv {

BulkInsert::BulkInsert(Database &db, const BulkTable &table)
    : m_sink(db.dialect() == Dialect::Sqlite ? sqliteRows(db, table) : postgresRows(db, table))
{
}

BulkInsert::~BulkInsert() = default;

BulkInsert &BulkInsert::text(QByteArrayView value)
{
    m_sink->text(value);
    return *this;
}

BulkInsert &BulkInsert::integer(qint64 value)
{
    m_sink->integer(value);
    return *this;
}

BulkInsert &BulkInsert::null()
{
    m_sink->null();
    return *this;
}

Result<void> BulkInsert::endRow()
{
    return m_sink->endRow();
}

Result<void> BulkInsert::finish()
{
    return m_sink->finish();
}

} // namespace assistiv
