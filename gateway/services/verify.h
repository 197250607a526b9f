// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "services/findings.h"

namespace assistiv {

class Database;

struct VerifyReport
{
    qint64 wallets = 0;
    qint64 budgets = 0;
    /// Of the wallets' transactions, the budgets' ledgers and the call log.
    qint64 rows = 0;
    /// The first Findings::Most; those that name the culprit come before those that name a consequence.
    QList<BrokenRule> broken = {};
    bool ok() const { return broken.isEmpty(); }
    /// JSON object, as the command and the admin API show it.
    QByteArray toJson() const;
};

/// Recomputes every balance and rule of docs/architecture.md, "What must stay true", from the rows. Reads only, in
/// bounded memory however many rows there are. The caller's transaction is the one snapshot of it all: it may run beside
/// a gateway.
Result<VerifyReport> verifyBooks(Database &db);

} // namespace assistiv
