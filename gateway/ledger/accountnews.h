// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "store/accountstate.h"

#include <QtCore/QByteArrayList>

#include <optional>

namespace assistiv {

/// What one gateway tells the others about one of its commits, or a part of it when it is long. Wallets and budgets are
/// given as they are now; of everything else only what names it, since it may hold secrets and changes seldom.
struct AccountNews
{
    /// Who tells.
    QByteArray node;
    quint64 number = 0;
    /// 1 to parts.
    int part = 1;
    int parts = 1;
    AccountChanges changes;
};

/// The whole of a commit as messages that fit into a NOTIFY each. Of what changed more than once the last state is
/// told.
QByteArrayList newsMessages(const QByteArray &node, quint64 number, const AccountChanges &changes);

/// Empty when the message is of another form.
std::optional<AccountNews> newsFrom(const QByteArray &message);

} // namespace assistiv
