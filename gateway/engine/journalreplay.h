// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "ledger/settlement.h"

#include <QtCore/QList>

namespace assistiv {

class Journal;
struct Services;

/// Bills what waits in the journal, in the open transaction, and nothing a second time. What the database refuses is
/// returned: once the transaction is committed, the journal keeps only that. DatabaseUnavailable, or why the journal
/// cannot be read.
Result<QList<Settlement>> replayJournal(Journal &journal, Services &services);

} // namespace assistiv
