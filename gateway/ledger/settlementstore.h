// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ledger/settlement.h"
#include "store/accountstate.h"

#include <QtCore/QList>

#include <map>

namespace assistiv {

class Budgets;
class BulkInsert;
class Query;
struct BudgetNews;

/// Writes a group of settlements in the open transaction with a handful of statements, however many calls there are: one
/// update for all wallets, one for all budgets (on SQLite, which has no way to go, one for each), one bulk insert for each
/// kind of row. The order of the group is the order of the rows, so balances after each row follow from the totals.
class SettlementStore
{
public:
    SettlementStore(const ServiceContext &context, Budgets &budgets) : m_context(context), m_budgetRules(budgets) {}

    /// All or an error; after an error the caller undoes the transaction (or its savepoint).
    Result<void> apply(const QList<const Settlement *> &group);

    /// True when the settlement is in the database already: asked before repeating one whose commit got no answer. Locks the
    /// platform's wallet.
    Result<bool> isApplied(const Settlement &settlement);

private:
    /// Of one wallet: its balance after the rows written so far.
    struct WalletLeg
    {
        WalletId id;
        Money running;
        /// Somebody subscribed to every debit.
        bool tellsDebits = false;
    };
    struct BudgetLeg
    {
        Money max;
        Money running;
        std::optional<Money> threshold;
        bool isArmed = false;
    };

    /// Fill m_wallets and m_budgets with those that still exist.
    Result<void> debitWallets(const QList<const Settlement *> &group);
    Result<void> debitBudgets(const QList<const Settlement *> &group);
    /// Leaves out budgets whose period has ended.
    Result<void> debitRunning(const std::map<BudgetId, Money> &totals);
    static Result<void> addLog(BulkInsert &rows, const Settlement &s);
    static Result<void> addWalletRow(BulkInsert &rows, const Settlement &s, WalletLeg &wallet);
    Result<void> addLedgerRow(BulkInsert &rows, const Settlement &s, const WalletLeg &wallet, BudgetLeg &budget);

    ServiceContext m_context;
    Budgets &m_budgetRules;
    std::map<PlatformId, WalletLeg> m_wallets;
    std::map<BudgetId, BudgetLeg> m_budgets;
    /// What the rows written so far are news of.
    QList<BudgetNews> m_news;
};

} // namespace assistiv
