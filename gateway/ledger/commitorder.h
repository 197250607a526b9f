// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "store/nodestore.h"

#include <QtCore/QByteArray>

namespace assistiv {

class AccountBook;
struct AccountChanges;

/// Where the numbers of the AccountBook come from. On PostgreSQL from the database: the last statement of a transaction
/// takes the next number and holds it to the commit, so numbers grow in the order of commits over all gateways, and the
/// number that a snapshot shows says exactly which commits are in it. On SQLite the one process counts in its book.
class CommitOrder
{
public:
    /// Where other gateways hear of commits (ledger/accountnews.h).
    static QString channel() { return QStringLiteral("assistiv_accounts"); }

    CommitOrder(Database &db, const AccountBook &book) : m_nodes(db), m_book(book) {}

    /// Numbers the open transaction and, once it is committed, tells the other gateways what it changed. Must be its
    /// last step. node: who we are among them.
    Result<quint64> seal(const AccountChanges &changes, const QByteArray &node);
    /// Under which number to publish what the open transaction reads. Must be its first question: on SQLite there may
    /// be more in what it reads, but never less.
    Result<quint64> ofSnapshot();
    /// Where to drop the book when nobody knows whether the last commit has arrived: a load that began before it may
    /// have read what is no longer true. On PostgreSQL the commit tells of itself.
    quint64 afterLostCommit() const;

private:
    NodeStore m_nodes;
    const AccountBook &m_book;
};

} // namespace assistiv
