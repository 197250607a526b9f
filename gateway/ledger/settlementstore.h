// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ledger/settlement.h"
#include "store/accountstate.h"

#include <QtCore/QList>

namespace assistiv {

class Budgets;

/// Writes a group of settlements in the open transaction: one update per wallet and per budget, one row of each kind per
/// call. The order of the group is the order of the rows, so balances after each row follow from the totals.
class SettlementStore
{
public:
    SettlementStore(const ServiceContext &context, Budgets &budgets) : m_context(context), m_budgets(budgets) {}

    /// All or an error; after an error the caller undoes the transaction (or its savepoint).
    Result<void> apply(const QList<const Settlement *> &group);

    /// True when the settlement is in the database already: asked before repeating one whose commit got no answer. Locks the
    /// platform's wallet.
    Result<bool> isApplied(const Settlement &settlement);

private:
    struct WalletLeg
    {
        WalletId id;
        Money running;
        bool exists = false;
    };
    struct BudgetLeg
    {
        Money max;
        Money running;
        std::optional<Money> threshold;
        bool isArmed = false;
        bool exists = false;
    };

    Result<WalletLeg> debitWallet(const PlatformId &platform, Money total);
    Result<BudgetLeg> debitBudget(const Settlement &any, Money total);
    Result<void> insertLog(const Settlement &s);
    Result<void> insertWalletRow(const Settlement &s, const WalletLeg &wallet);
    Result<void> insertLedgerRow(const Settlement &s, const BudgetLeg &budget);
    Result<void> disarm(const BudgetId &budget);

    ServiceContext m_context;
    Budgets &m_budgets;
};

} // namespace assistiv
