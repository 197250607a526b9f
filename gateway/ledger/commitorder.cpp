// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/commitorder.h"

#include "ledger/accountbook.h"
#include "ledger/accountnews.h"

namespace assistiv {

Result<quint64> CommitOrder::seal(const AccountChanges &changes, const QByteArray &node)
{
    if (!m_nodes.isShared())
        return m_book.committed() + 1;
    const auto number = m_nodes.nextCommit();
    if (!number)
        return number.error();
    const QByteArrayList messages = newsMessages(node, *number, changes);
    for (const QByteArray &message : messages) {
        if (const auto told = m_nodes.notify(channel(), message); !told)
            return told.error();
    }
    return *number;
}

Result<quint64> CommitOrder::ofSnapshot()
{
    return m_nodes.isShared() ? m_nodes.newestCommit() : Result<quint64>(m_book.committed());
}

quint64 CommitOrder::afterLostCommit() const
{
    return m_nodes.isShared() ? m_book.committed() : m_book.committed() + 1;
}

} // namespace assistiv
