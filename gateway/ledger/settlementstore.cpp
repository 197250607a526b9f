// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/settlementstore.h"

#include "core/jsonwriter.h"
#include "ledger/budgetevents.h"
#include "ledger/budgets.h"
#include "ledger/responsestore.h"
#include "store/bulkinsert.h"
#include "store/database.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using Kind = BulkColumn::Kind;

constexpr BulkColumn LogColumns[] = {
    { "id"_L1 }, { "platform_id"_L1 }, { "end_user_id"_L1, Kind::Text, "end_users"_L1 }, { "request_id"_L1 },
    { "request_type"_L1 }, { "provider_id"_L1 }, { "model_id"_L1 }, { "model"_L1 }, { "provider_model_id"_L1 },
    { "prompt_tokens"_L1, Kind::Integer }, { "completion_tokens"_L1, Kind::Integer }, { "latency_ms"_L1, Kind::Integer },
    { "cost"_L1, Kind::Integer }, { "status"_L1 }, { "error_message"_L1 }, { "token_count_method"_L1 },
    { "billing_status"_L1 }, { "metadata"_L1 }, { "created_at"_L1, Kind::Integer },
};
constexpr BulkTable LogTable { "request_logs"_L1, LogColumns };

constexpr BulkColumn WalletColumns[] = {
    { "id"_L1 }, { "wallet_id"_L1 }, { "platform_id"_L1 }, { "end_user_id"_L1, Kind::Text, "end_users"_L1 }, { "type"_L1 },
    { "amount"_L1, Kind::Integer }, { "balance_after"_L1, Kind::Integer }, { "description"_L1 }, { "reference"_L1 },
    { "metadata"_L1 }, { "actor_key_id"_L1 }, { "created_at"_L1, Kind::Integer },
};
constexpr BulkTable WalletTable { "wallet_transactions"_L1, WalletColumns };

constexpr BulkColumn LedgerColumns[] = {
    { "id"_L1 }, { "platform_id"_L1 }, { "end_user_id"_L1 }, { "budget_id"_L1 }, { "type"_L1 }, { "source"_L1 },
    { "amount"_L1, Kind::Integer }, { "max_after"_L1, Kind::Integer }, { "used_after"_L1, Kind::Integer },
    { "metadata"_L1 }, { "actor_key_id"_L1 }, { "created_at"_L1, Kind::Integer },
};
constexpr BulkTable LedgerTable { "budget_transactions"_L1, LedgerColumns };

Money billed(const Settlement &s)
{
    return s.isBillable ? s.cost : Money();
}

/// [{"id": "…", "amount": 5}, …]
template<typename Totals>
QByteArray amountsJson(const Totals &totals)
{
    JsonWriter json;
    json.beginArray();
    for (const auto &[id, total] : totals)
        json.beginObject().member("id", id).member("amount", total.micros()).endObject();
    return json.endArray().take();
}

/// How rows are debited, and what of them is read then.
struct DebitStatements
{
    /// SQLite, one row: of the moment, the amount and the id; then of further values. (RETURNING would make a table of its own
    /// for each run.)
    QString take;
    QString read;
    /// PostgreSQL, all rows: of the amounts and the moment; then of further values. Rows are locked in the order of their keys,
    /// so two gateways never wait for each other.
    QString takeAll;
};

/// Takes from each row, and hands note() those that are still there, with their new balances.
template<typename Totals, typename Note, typename... Values>
Result<void> debit(const ServiceContext &context, const DebitStatements &statements, const Totals &totals, Note note,
                   const Values &...values)
{
    const auto readRows = [&note](Query &rows) -> Result<void> {
        if (const auto done = rows.exec(); !done)
            return done;
        while (rows.next())
            note(rows);
        return rows.ended();
    };
    if (context.db.dialect() == Dialect::PostgreSql) {
        Query takeAll = context.db.prepare(statements.takeAll);
        return readRows(takeAll.bind(amountsJson(totals), context.clock.now(), values...));
    }
    Query take = context.db.prepare(statements.take);
    Query read = context.db.prepare(statements.read);
    for (const auto &[id, total] : totals) {
        if (const auto done = take.bind(context.clock.now(), total, id, values...).exec(); !done)
            return done;
        if (take.changedRows() == 0)
            continue;
        if (const auto done = readRows(read.bind(id)); !done)
            return done;
    }
    return {};
}

} // namespace

Result<void> SettlementStore::apply(const QList<const Settlement *> &group)
{
    if (const auto debited = debitWallets(group); !debited)
        return debited;
    if (const auto debited = debitBudgets(group); !debited)
        return debited;

    BulkInsert logs(m_context.db, LogTable);
    BulkInsert walletRows(m_context.db, WalletTable);
    BulkInsert ledgerRows(m_context.db, LedgerTable);
    m_news.clear();
    QList<const Settlement *> withResponse;
    for (const Settlement *s : group) {
        const auto wallet = m_wallets.find(s->platform);
        if (wallet == m_wallets.end())
            continue; // the platform was deleted while the call ran: it is not billed
        if (const auto logged = addLog(logs, *s); !logged)
            return logged;
        if (s->response)
            withResponse.append(s);
        if (!s->isBillable)
            continue;
        if (const auto noted = addWalletRow(walletRows, *s, wallet->second); !noted)
            return noted;
        const auto budget = m_budgets.find(s->budget);
        if (budget == m_budgets.end())
            continue;
        if (const auto noted = addLedgerRow(ledgerRows, *s, wallet->second, budget->second); !noted)
            return noted;
    }
    for (BulkInsert *rows : { &logs, &walletRows, &ledgerRows }) {
        if (const auto written = rows->finish(); !written)
            return written;
    }
    if (!withResponse.isEmpty()) {
        if (const auto stored = ResponseStore(m_context.db).append(withResponse); !stored)
            return stored;
    }
    return m_news.isEmpty() ? Result<void>() : BudgetEvents(m_context).announce(m_news);
}

Result<void> SettlementStore::debitWallets(const QList<const Settlement *> &group)
{
    std::map<PlatformId, Money> totals;
    for (const Settlement *s : group)
        totals[s->platform] += billed(*s);

    m_wallets.clear();
    return debit(
        m_context,
        { u"UPDATE wallets SET updated_at = ?, balance = balance - ? WHERE platform_id = ?"_s,
          u"SELECT platform_id, id, balance, is_active, EXISTS (SELECT 1 FROM webhook_endpoints e WHERE "
          "e.platform_id = wallets.platform_id AND e.is_active AND e.event_types LIKE '%\"budget.debited\"%') "
          "FROM wallets WHERE platform_id = ?"_s,
          u"WITH locked AS MATERIALIZED (SELECT w.id, r.amount FROM wallets w JOIN json_to_recordset(CAST(? AS json)) "
          "AS r(id TEXT, amount BIGINT) ON r.id = w.platform_id ORDER BY w.platform_id FOR UPDATE OF w) "
          "UPDATE wallets w SET balance = balance - d.amount, updated_at = ? FROM locked d WHERE w.id = d.id "
          "RETURNING w.platform_id, w.id, w.balance, w.is_active, EXISTS (SELECT 1 FROM webhook_endpoints e WHERE "
          "e.platform_id = w.platform_id AND e.is_active AND e.event_types LIKE '%\"budget.debited\"%')"_s },
        totals, [&](const Query &row) {
            const auto platform = row.id<PlatformId>(0);
            const Money balance = row.money(2);
            m_wallets[platform] = { row.id<WalletId>(1), balance + totals[platform], row.flag(4) };
            m_context.changes.add(WalletState { platform, row.id<WalletId>(1), balance, row.flag(3) });
        });
}

Result<void> SettlementStore::debitBudgets(const QList<const Settlement *> &group)
{
    std::map<BudgetId, Money> totals;
    std::map<BudgetId, EndUserId> users;
    for (const Settlement *s : group) {
        if (!s->isBillable || s->budget.isNull() || !m_wallets.contains(s->platform))
            continue;
        totals[s->budget] += s->cost;
        users[s->budget] = s->endUser;
    }
    m_budgets.clear();
    if (totals.empty())
        return {};
    if (const auto debited = debitRunning(totals); !debited)
        return debited;
    // What is left is gone with its user (the wallet still pays), or its period has ended: a call that ends after its period is
    // debited to the new one, so the reset comes first.
    for (const auto &[budget, leg] : m_budgets)
        totals.erase(budget);
    for (const auto &[budget, total] : totals) {
        if (const auto reset = m_budgetRules.resetIfDue(users[budget]); !reset)
            return reset;
    }
    return totals.empty() ? Result<void>() : debitRunning(totals);
}

Result<void> SettlementStore::debitRunning(const std::map<BudgetId, Money> &totals)
{
    return debit(
        m_context,
        { u"UPDATE budgets SET updated_at = ?, used_usd = used_usd + ? WHERE id = ? AND period_end > ?"_s,
          u"SELECT id, platform_id, end_user_id, max_usd, used_usd, low_balance_threshold, is_armed, is_active, is_suspended, "
          "period_end FROM budgets WHERE id = ?"_s,
          u"WITH locked AS MATERIALIZED (SELECT b.id, r.amount FROM budgets b JOIN json_to_recordset(CAST(? AS json)) "
          "AS r(id TEXT, amount BIGINT) ON r.id = b.id ORDER BY b.id FOR UPDATE OF b) "
          "UPDATE budgets b SET used_usd = used_usd + d.amount, updated_at = ? FROM locked d WHERE b.id = d.id "
          "AND b.period_end > ? RETURNING b.id, b.platform_id, b.end_user_id, b.max_usd, "
          "b.used_usd, b.low_balance_threshold, b.is_armed, b.is_active, b.is_suspended, b.period_end"_s },
        totals,
        [&](const Query &row) {
            const auto id = row.id<BudgetId>(0);
            BudgetLeg &leg = m_budgets[id];
            leg.max = row.money(3);
            leg.running = row.money(4) - totals.at(id);
            leg.threshold = row.optionalMoney(5);
            leg.isArmed = row.flag(6);
            m_context.changes.add(BudgetState { row.id<PlatformId>(1), row.id<EndUserId>(2), id, row.flag(7), leg.max,
                                                row.money(4), row.flag(8), row.time(9) });
        },
        m_context.clock.now());
}

Result<void> SettlementStore::addLog(BulkInsert &rows, const Settlement &s)
{
    // A user that was deleted meanwhile leaves an anonymous row.
    rows.id(s.id).id(s.platform).id(s.endUser).text(s.requestId).text(s.requestType).id(s.provider).id(s.model);
    rows.textOrNull(s.modelSlug).textOrNull(s.providerModelId).integer(s.promptTokens).integer(s.completionTokens);
    rows.integer(s.latencyMs).integer(billed(s).micros()).text(wordOf(s.status)).textOrNull(s.errorMessage);
    rows.text(wordOf(s.countMethod)).text(s.isBillable ? "billed" : "not_billable").text(s.metadata);
    return rows.integer(s.createdAt.ms()).endRow();
}

Result<void> SettlementStore::addWalletRow(BulkInsert &rows, const Settlement &s, WalletLeg &wallet)
{
    wallet.running -= s.cost;
    const QByteArray description = "Inference: " + QByteArray::number(s.promptTokens + s.completionTokens) + " tokens ("
        + s.modelSlug + ')';
    JsonWriter metadata;
    metadata.beginObject().member("end_user_id", s.endUser).key("model").utf8(s.modelSlug).endObject();
    rows.id(WalletRowId::create()).id(wallet.id).id(s.platform).id(s.endUser).text("llm_usage").integer(s.cost.micros());
    rows.integer(wallet.running.micros()).text(description).id(s.id).text(metadata.json()).id(s.key);
    return rows.integer(s.createdAt.ms()).endRow();
}

Result<void> SettlementStore::addLedgerRow(BulkInsert &rows, const Settlement &s, const WalletLeg &wallet, BudgetLeg &budget)
{
    budget.running += s.cost;
    const auto id = LedgerRowId::create();
    JsonWriter metadata;
    metadata.beginObject().member("log_id", s.id).key("model").utf8(s.modelSlug);
    metadata.key("request_type").utf8(s.requestType).endObject();
    rows.id(id).id(s.platform).id(s.endUser).id(s.budget).text("debit").text("inference").integer(s.cost.micros());
    rows.integer(budget.max.micros()).integer(budget.running.micros()).text(metadata.json()).id(s.key);
    if (const auto written = rows.integer(s.createdAt.ms()).endRow(); !written)
        return written;

    const bool isEdge = budget.isArmed && budget.threshold && budget.max - budget.running <= *budget.threshold;
    if (!isEdge && !wallet.tellsDebits)
        return {};
    LedgerRow row;
    row.id = id;
    row.platform = s.platform;
    row.endUser = s.endUser;
    row.budget = s.budget;
    row.type = LedgerType::Debit;
    row.source = LedgerSource::Inference;
    row.amount = s.cost;
    row.maxAfter = budget.max;
    row.usedAfter = budget.running;
    row.metadata = metadata.take();
    row.createdAt = s.createdAt;
    if (wallet.tellsDebits)
        m_news.append({ WebhookEvent::Debited, row });
    if (!isEdge)
        return {};
    // Once per edge: the flag falls in the transaction of the debit that reaches the threshold.
    budget.isArmed = false;
    m_news.append({ WebhookEvent::LowBalance, row });
    return LedgerStore(m_context.db).disarm(s.budget);
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
