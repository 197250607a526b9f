// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/journalreplay.h"

#include "core/log.h"
#include "engine/journal.h"
#include "ledger/settlementstore.h"
#include "services/services.h"

namespace assistiv {

using namespace Qt::StringLiterals;

Result<Replayed> replayJournal(Journal &journal, Services &services)
{
    const auto waiting = journal.read();
    if (!waiting)
        return waiting.error();
    SettlementStore store(services.context, services.budgets);
    Replayed replayed;
    for (const Settlement &settlement : *waiting) {
        const auto applied = store.isApplied(settlement);
        if (!applied)
            return applied.error();
        if (*applied)
            continue;
        Savepoint savepoint(services.context.db);
        if (!savepoint.isOpen())
            return databaseUnavailable();
        auto done = store.apply({ &settlement });
        if (done)
            done = savepoint.keep();
        if (done) {
            replayed.billed.append(settlement);
            continue;
        }
        if (done.error().code == ErrorCode::DatabaseUnavailable)
            return done.error();
        // One that is refused again and again must not keep the gateway from working.
        Log::error("engine", u"a call in the journal still cannot be billed, it stays there: log row %1"_s
                       .arg(settlement.id.toString()));
        replayed.refused.append(settlement);
    }
    if (!replayed.billed.isEmpty())
        Log::info("engine", u"%1 calls were billed from the journal"_s.arg(replayed.billed.size()));
    return replayed;
}

} // namespace assistiv
