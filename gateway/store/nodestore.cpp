// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/nodestore.h"

namespace assistiv {

using namespace Qt::StringLiterals;

Result<void> NodeStore::lockOthersOut(int patienceMs)
{
    if (!isShared())
        return {};
    // The lock has a name of its own (eight letters as a number); the patience holds for this one statement.
    Query lock = m_db.prepare(u"SELECT set_config('lock_timeout', ?, TRUE), "
                              "pg_advisory_xact_lock(7022083140746504566), set_config('lock_timeout', ?, TRUE)"_s);
    return lock.bind(QString::number(patienceMs), Database::LockTimeout).exec();
}

Result<quint64> NodeStore::nextCommit()
{
    return oneNumber(m_db.prepare(u"UPDATE node_clock SET n = n + 1 RETURNING n"_s));
}

Result<quint64> NodeStore::newestCommit()
{
    return oneNumber(m_db.prepare(u"SELECT n FROM node_clock"_s));
}

Result<quint64> NodeStore::oneNumber(Query query)
{
    if (const auto done = query.exec(); !done)
        return done.error();
    if (!query.next())
        return Error { ErrorCode::Internal, u"An internal error occurred."_s };
    return quint64(query.integer(0));
}

Result<void> NodeStore::notify(const QString &channel, const QByteArray &message)
{
    Query query = m_db.prepare(u"SELECT pg_notify(?, ?)"_s);
    return query.bind(channel, message).exec();
}

} // namespace assistiv
