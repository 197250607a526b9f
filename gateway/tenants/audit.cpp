// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tenants/audit.h"

#include "store/database.h"

namespace assistiv {

using namespace Qt::StringLiterals;

Result<void> Audit::note(const QString &actor, QLatin1StringView action, const QString &target, const QByteArray &details)
{
    Query query = m_context.db.prepare(u"INSERT INTO audit_log (id, actor, action, target, details, created_at) "
                                       "VALUES (?, ?, ?, ?, ?, ?)"_s);
    query.bind(AuditEntryId::create(), actor, action, target.isNull() ? u""_s : target, details, m_context.clock.now());
    return query.exec();
}

Result<AuditEntries> Audit::list(qint64 offset, qint64 limit)
{
    AuditEntries found;
    {
        Query count = m_context.db.prepare(u"SELECT count(*) FROM audit_log"_s);
        if (const auto read = count.exec(); !read)
            return read.error();
        if (count.next())
            found.total = count.integer(0);
    }
    Query query = m_context.db.prepare(u"SELECT id, actor, action, target, details, created_at FROM audit_log "
                                       "ORDER BY seq DESC LIMIT ? OFFSET ?"_s);
    if (const auto read = query.bind(limit, offset).exec(); !read)
        return read.error();
    while (query.next()) {
        found.rows.append({ query.id<AuditEntryId>(0), query.text(1), query.text(2), query.text(3), query.text(4).toUtf8(),
                            query.time(5) });
    }
    return found;
}

} // namespace assistiv
