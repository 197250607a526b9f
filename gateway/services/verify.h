// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "store/database.h"

#include <QtCore/QList>
#include <QtCore/QString>

namespace assistiv {

/// A broken rule of the books, with the row that shows it.
struct BrokenRule
{
    QString rule;
    QString table;
    QString row;
    QString detail;
};

struct VerifyReport
{
    qint64 wallets = 0;
    qint64 budgets = 0;
    qint64 rows = 0;
    QList<BrokenRule> broken;
    bool ok() const { return broken.isEmpty(); }
    /// JSON object, as the command and the admin API show it.
    QByteArray toJson() const;
};

/// Recomputes every balance and rule of docs/architecture.md, "What must stay true", from the rows. Reads only.
Result<VerifyReport> verifyBooks(Database &db);

} // namespace assistiv
