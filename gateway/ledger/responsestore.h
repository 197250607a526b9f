// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "ledger/storedresponse.h"

#include <QtCore/QByteArrayList>

#include <limits>
#include <optional>

namespace assistiv {

class Database;
struct Settlement;

/// A stored response's place in its conversation.
struct ResponseLink
{
    qint64 seq = 0;
    QByteArray id;
    QByteArray previousId;
    QByteArray threadId;
    /// Of all its items.
    qint64 bytes = 0;
};

/// The rows of stored responses and their items. What has expired by `now` is not there for any question.
class ResponseStore
{
public:
    explicit ResponseStore(Database &db) : m_db(db) {}

    /// Writes the responses of these settlements, which all have one, in a handful of statements; nothing for end users who
    /// were deleted meanwhile.
    Result<void> append(const QList<const Settlement *> &settlements);

    /// That response and those it names as its previous ones, oldest first, at most so many. The first of them still names one
    /// when that could not be found. Empty: there is no such response.
    Result<QList<ResponseLink>> chain(const ResponseOwner &owner, const QByteArray &id, Timestamp now, int most);
    /// The completed responses of a thread before that row, in the order of their creation, at most so many.
    Result<QList<ResponseLink>> thread(const ResponseOwner &owner, const QByteArray &threadId, qint64 beforeSeq, Timestamp now,
                                       int most);
    static constexpr qint64 BehindTheLast = std::numeric_limits<qint64>::max();

    /// The items of these responses, in their order.
    Result<QByteArrayList> items(const QList<ResponseLink> &links);
    /// Of several with this id, the newest.
    Result<std::optional<QByteArray>> item(const ResponseOwner &owner, const QByteArray &itemId, Timestamp now);

    Result<std::optional<QByteArray>> body(const ResponseOwner &owner, const QByteArray &id, Timestamp now);
    /// False when there was none.
    Result<bool> remove(const ResponseOwner &owner, const QByteArray &id, Timestamp now);
    Result<int> removeExpired(Timestamp now, int most);

private:
    Result<QList<const Settlement *>> ofThoseWhoExist(const QList<const Settlement *> &settlements);
    Result<void> appendItems(const QList<const Settlement *> &settlements);

    Database &m_db;
};

} // namespace assistiv
