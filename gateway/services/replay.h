// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "services/findings.h"

namespace assistiv {

class Database;

/// Replays the transactions of every wallet in their order and compares each balance on the way and the one at the end.
/// Returns how many rows there were.
Result<qint64> replayWallets(Database &db, Findings &findings);

/// The same for limit, use and state of every budget and its ledger rows.
Result<qint64> replayBudgets(Database &db, Findings &findings);

} // namespace assistiv
