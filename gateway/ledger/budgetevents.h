// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ledger/ledgerstore.h"
#include "webhooks/events.h"
#include "webhooks/outbox.h"

namespace assistiv {

/// Puts the events of budgets into the outbox, in the transaction of the ledger row they tell of.
class BudgetEvents
{
public:
    explicit BudgetEvents(Database &db) : m_outbox(db) {}

    Result<void> announce(WebhookEvent event, const LedgerRow &row);

private:
    Outbox m_outbox;
};

} // namespace assistiv
