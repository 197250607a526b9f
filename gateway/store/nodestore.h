// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "store/database.h"

namespace assistiv {

/// What several gateways on one PostgreSQL database agree on besides their data: who makes management writes, the order
/// of commits, and messages between them. On SQLite one process owns the file and nobody else has to be asked or told.
class NodeStore
{
public:
    /// How long a start waits for another gateway that is migrating or setting up.
    static constexpr int StartPatienceMs = 600'000;
    /// Its one row is the number of the newest commit. It belongs to the database, not to what it holds: copies leave it
    /// alone, so that numbers grow as long as the database is there.
    static constexpr QLatin1StringView ClockTable { "node_clock" };
    /// The longest message that fits into a NOTIFY, with some room.
    static constexpr qsizetype LongestMessage = 7'000;

    explicit NodeStore(Database &db) : m_db(db) {}

    bool isShared() const { return m_db.dialect() == Dialect::PostgreSql; }

    /// From here to the end of the open transaction no other gateway gets past this line: management writes, migrations
    /// and set-ups of all of them come one after another, so that what one of them has read stays true until it writes.
    /// Must come before any other lock. DatabaseUnavailable when the patience is at its end; Database::mustRepeat()
    /// then.
    Result<void> lockOthersOut(int patienceMs);

    /// The number of the open transaction in the order of all commits. Must be its last change: every other gateway
    /// waits here until the commit. That is why a snapshot which shows a number shows all commits up to it.
    Result<quint64> nextCommit();
    /// The number of the newest commit that the open transaction sees.
    Result<quint64> newestCommit();

    /// Heard by everybody who listens to the channel, also by ourselves, once it is committed.
    Result<void> notify(const QString &channel, const QByteArray &message);

private:
    Result<quint64> oneNumber(Query query);

    Database &m_db;
};

} // namespace assistiv
