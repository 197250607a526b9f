// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ledger/ledgerstore.h"
#include "webhooks/events.h"
#include "webhooks/outbox.h"

namespace assistiv {

/// What the row of a ledger is news of.
struct BudgetNews
{
    WebhookEvent event;
    LedgerRow row;
};

/// Puts the events of budgets into the outbox, in the transaction of the ledger rows they tell of.
class BudgetEvents
{
public:
    explicit BudgetEvents(const ServiceContext &context) : m_outbox(context) {}

    Result<void> announce(const QList<BudgetNews> &news);

private:
    Outbox m_outbox;
};

} // namespace assistiv
