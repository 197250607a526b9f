// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/settlementstore.h"

#include "core/jsonwriter.h"
#include "core/vault.h"
#include "ledger/budgets.h"
#include "store/database.h"

#include <algorithm>
#include <map>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Money billed(const Settlement &s)
{
    return s.isBillable ? s.cost : Money();
}

} // namespace

Result<void> SettlementStore::apply(const QList<const Settlement *> &group)
{
    // Ordered maps: every writer locks wallets, then budgets, in the order of their ids, so no two can wait for each other.
    std::map<PlatformId, Money> walletTotals;
    std::map<BudgetId, std::pair<Money, const Settlement *>> budgetTotals;
    for (const Settlement *s : group) {
        walletTotals[s->platform] += billed(*s);
        if (!s->budget.isNull() && s->isBillable) {
            auto &[total, any] = budgetTotals[s->budget];
            total += s->cost;
            any = s;
        }
    }

    std::map<PlatformId, WalletLeg> wallets;
    for (const auto &[platform, total] : walletTotals) {
        const auto leg = debitWallet(platform, total);
        if (!leg)
            return leg.error();
        wallets[platform] = *leg;
    }
    std::map<BudgetId, BudgetLeg> budgets;
    for (const auto &[budget, totalAndAny] : budgetTotals) {
        if (!wallets[totalAndAny.second->platform].exists)
            continue;
        const auto leg = debitBudget(*totalAndAny.second, totalAndAny.first);
        if (!leg)
            return leg.error();
        budgets[budget] = *leg;
    }

    for (const Settlement *s : group) {
        WalletLeg &wallet = wallets[s->platform];
        if (!wallet.exists)
            continue; // the platform was deleted while the call ran: it is not billed
        if (const auto logged = insertLog(*s); !logged)
            return logged.error();
        if (!s->isBillable)
            continue;
        wallet.running -= s->cost;
        if (const auto noted = insertWalletRow(*s, wallet); !noted)
            return noted.error();
        const auto leg = budgets.find(s->budget);
        if (leg == budgets.end() || !leg->second.exists)
            continue;
        BudgetLeg &budget = leg->second;
        budget.running += s->cost;
        if (const auto noted = insertLedgerRow(*s, budget); !noted)
            return noted.error();
        if (budget.isArmed && budget.threshold && budget.max - budget.running <= *budget.threshold) {
            budget.isArmed = false;
            if (const auto disarmed = disarm(s->budget); !disarmed)
                return disarmed.error();
        }
    }
    return {};
}

Result<SettlementStore::WalletLeg> SettlementStore::debitWallet(const PlatformId &platform, Money total)
{
    Query debit = m_context.db.prepare(u"UPDATE wallets SET balance = balance - ?, updated_at = ? WHERE platform_id = ? "
                                       "RETURNING id, balance, is_active"_s);
    if (const auto done = debit.bind(total, m_context.clock.now(), platform).exec(); !done)
        return done.error();
    WalletLeg leg;
    if (!debit.next())
        return leg;
    leg.exists = true;
    leg.id = debit.id<WalletId>(0);
    const Money balance = debit.money(1);
    leg.running = balance + total; // before the group; each row takes its own part off
    m_context.changes.add(WalletState { platform, leg.id, balance, debit.flag(2) });
    return leg;
}

Result<SettlementStore::BudgetLeg> SettlementStore::debitBudget(const Settlement &any, Money total)
{
    // A call that ends after its period is debited to the new one, so a due reset comes first.
    if (const auto reset = m_budgets.resetIfDue(any.endUser); !reset)
        return reset.error();
    Query debit = m_context.db.prepare(u"UPDATE budgets SET used_usd = used_usd + ?, updated_at = ? WHERE id = ? RETURNING "
                                       "platform_id, end_user_id, max_usd, used_usd, low_balance_threshold, is_armed, "
                                       "is_active, is_suspended, period_end"_s);
    if (const auto done = debit.bind(total, m_context.clock.now(), any.budget).exec(); !done)
        return done.error();
    BudgetLeg leg;
    if (!debit.next())
        return leg; // the user was deleted while the call ran: the wallet still pays
    leg.exists = true;
    leg.max = debit.money(2);
    leg.running = debit.money(3) - total;
    leg.threshold = debit.optionalMoney(4);
    leg.isArmed = debit.flag(5);
    m_context.changes.add(BudgetState { debit.id<PlatformId>(0), debit.id<EndUserId>(1), any.budget, debit.flag(6), leg.max,
                                        debit.money(3), debit.flag(7), debit.time(8) });
    return leg;
}

Result<void> SettlementStore::insertLog(const Settlement &s)
{
    // A user that was deleted meanwhile leaves an anonymous row.
    Query insert = m_context.db.prepare(
        u"INSERT INTO request_logs (id, platform_id, end_user_id, request_id, request_type, provider_id, model_id, model, "
        "provider_model_id, prompt_tokens, completion_tokens, latency_ms, cost, status, error_message, token_count_method, "
        "billing_status, metadata, created_at) VALUES (?, ?, (SELECT id FROM end_users WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, "
        "?, ?, ?, ?, ?, ?, ?, ?, ?)"_s);
    insert.bind(s.id, s.platform, s.endUser, s.requestId, s.requestType, s.provider, s.model, s.modelSlug, s.providerModelId,
                s.promptTokens, s.completionTokens, s.latencyMs, billed(s), wordOf(s.status).toByteArray(),
                s.errorMessage.isEmpty() ? std::nullopt : std::optional(s.errorMessage),
                wordOf(s.countMethod).toByteArray(), QByteArray(s.isBillable ? "billed" : "not_billable"), s.metadata,
                s.createdAt);
    return insert.exec();
}

Result<void> SettlementStore::insertWalletRow(const Settlement &s, const WalletLeg &wallet)
{
    const QByteArray description = "Inference: " + QByteArray::number(s.promptTokens + s.completionTokens) + " tokens ("
        + s.modelSlug + ')';
    JsonWriter metadata;
    metadata.beginObject().member("end_user_id", s.endUser).key("model").utf8(s.modelSlug).endObject();
    Query insert = m_context.db.prepare(
        u"INSERT INTO wallet_transactions (id, wallet_id, platform_id, end_user_id, type, amount, balance_after, description, "
        "reference, metadata, actor_key_id, created_at) VALUES (?, ?, ?, (SELECT id FROM end_users WHERE id = ?), "
        "'llm_usage', ?, ?, ?, ?, ?, ?, ?)"_s);
    insert.bind(WalletRowId::create(), wallet.id, s.platform, s.endUser, s.cost, wallet.running, description, s.id,
                metadata.json(), s.key, s.createdAt);
    return insert.exec();
}

Result<void> SettlementStore::insertLedgerRow(const Settlement &s, const BudgetLeg &budget)
{
    JsonWriter metadata;
    metadata.beginObject().member("log_id", s.id).key("model").utf8(s.modelSlug);
    metadata.key("request_type").utf8(s.requestType).endObject();
    Query insert = m_context.db.prepare(
        u"INSERT INTO budget_transactions (id, platform_id, end_user_id, budget_id, type, source, amount, max_after, "
        "used_after, metadata, actor_key_id, created_at) VALUES (?, ?, ?, ?, 'debit', 'inference', ?, ?, ?, ?, ?, ?)"_s);
    insert.bind(LedgerRowId::create(), s.platform, s.endUser, s.budget, s.cost, budget.max, budget.running, metadata.json(),
                s.key, s.createdAt);
    return insert.exec();
}

Result<void> SettlementStore::disarm(const BudgetId &budget)
{
    Query update = m_context.db.prepare(u"UPDATE budgets SET is_armed = FALSE WHERE id = ?"_s);
    return update.bind(budget).exec();
}

Result<bool> SettlementStore::isApplied(const Settlement &settlement)
{
    // The server may still be at work on the commit whose answer was lost. It holds this row until it is done, and what it
    // wrote can be seen only then.
    Query wait = m_context.db.prepare(u"UPDATE wallets SET updated_at = updated_at WHERE platform_id = ?"_s);
    if (const auto waited = wait.bind(settlement.platform).exec(); !waited)
        return waited.error();
    // By time first: that is what the index knows.
    Query find = m_context.db.prepare(u"SELECT 1 FROM request_logs WHERE platform_id = ? AND created_at = ? AND id = ?"_s);
    if (const auto read = find.bind(settlement.platform, settlement.createdAt, settlement.id).exec(); !read)
        return read.error();
    return find.next();
}

} // namespace assistiv
