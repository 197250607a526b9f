// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "ledger/settlement.h"

#include <QtCore/QList>

namespace assistiv {

class Journal;
struct Services;

/// What became of the journal's settlements; those that had been billed before are in neither list.
struct Replayed
{
    QList<Settlement> billed;
    /// By the database: once the transaction is committed, the journal keeps only these.
    QList<Settlement> refused;
};

/// Bills what waits in the journal, in the open transaction, and nothing a second time. DatabaseUnavailable, or why the
/// journal cannot be read.
Result<Replayed> replayJournal(Journal &journal, Services &services);

} // namespace assistiv
