// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ledger/ledgerstore.h"
#include "webhooks/outbox.h"

namespace assistiv {

/// What a budget tells its platform's receivers (docs/contract/webhooks.md).
enum class BudgetEvent { ToppedUp, LowBalance, Suspended, Unsuspended };

template<>
struct Words<BudgetEvent>
{
    static constexpr std::array table { QLatin1StringView("budget.topped_up"), QLatin1StringView("budget.low_balance"),
                                        QLatin1StringView("budget.suspended"), QLatin1StringView("budget.unsuspended") };
};

/// Puts the events of budgets into the outbox, in the transaction of the ledger row they tell of.
class BudgetEvents
{
public:
    explicit BudgetEvents(Database &db) : m_outbox(db) {}

    Result<void> announce(BudgetEvent event, const LedgerRow &row);

private:
    Outbox m_outbox;
};

} // namespace assistiv
