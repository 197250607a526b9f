// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/naiveform.h"

namespace naive {

namespace {

Json moment(qint64 ms)
{
    return Json::ofText(isoText(ms));
}

Json momentOrNull(std::optional<qint64> ms)
{
    return ms ? moment(*ms) : Json();
}

Json listOf(const QByteArrayList &texts)
{
    std::vector<Json> items;
    for (const QByteArray &text : texts)
        items.push_back(Json::ofText(text));
    return Json::ofList(items);
}

} // namespace

Json Model::platformJson(const Platform &platform)
{
    Json settings = Json::object({ { "default_budget_usd", Json() },
                                   { "markup_percentage", Json::ofNumber(0) },
                                   { "end_user_wallet", Json() } });
    for (const auto &[name, value] : platform.settings)
        settings.members[name] = value;
    return Json::object({ { "id", Json::ofText(platform.id) },
                          { "name", Json::ofText(platform.name) },
                          { "slug", Json::ofText(platform.slug) },
                          { "is_active", Json::ofFlag(platform.isActive) },
                          { "settings", settings },
                          { "created_at", moment(platform.createdAt) },
                          { "updated_at", moment(platform.updatedAt) } });
}

Json Model::keyJson(const Key &key, bool withRaw)
{
    Json json = Json::object({ { "id", Json::ofText(key.id) },
                               { "platform_id", Json::ofText(key.platform) },
                               { "end_user_id", key.user.isEmpty() ? Json() : Json::ofText(key.user) },
                               { "type", Json::ofText(key.type) },
                               { "key_prefix", Json::ofText(key.prefix) },
                               { "name", Json::ofText(key.name) },
                               { "scopes", listOf(key.scopes) },
                               { "is_active", Json::ofFlag(key.isActive) },
                               { "last_used_at", Json() }, // nothing writes it here
                               { "expires_at", momentOrNull(key.expiresAt) },
                               { "created_at", moment(key.createdAt) } });
    if (withRaw)
        json.members["raw_key"] = Json::ofText(key.raw);
    return json;
}

Json Model::userJson(const Platform &platform, const User &user)
{
    return Json::object({ { "id", Json::ofText(user.id) },
                          { "platform_id", Json::ofText(platform.id) },
                          { "external_id", Json::ofText(user.externalId) },
                          { "display_name", Json::ofTextOrNull(user.displayName) },
                          { "metadata", user.metadata },
                          { "is_active", Json::ofFlag(user.isActive) },
                          { "created_at", moment(user.createdAt) },
                          { "updated_at", moment(user.updatedAt) } });
}

Json Model::budgetJson(const Platform &platform, const User &user, const Budget &budget)
{
    return Json::object({ { "id", Json::ofText(budget.id) },
                          { "platform_id", Json::ofText(platform.id) },
                          { "end_user_id", Json::ofText(user.id) },
                          { "max_usd", Json::ofMicros(budget.max) },
                          { "used_usd", Json::ofMicros(budget.used) },
                          { "remaining_usd", Json::ofMicros(budget.remaining()) },
                          { "period", Json::ofText(budget.period) },
                          { "period_start", moment(budget.periodStart) },
                          { "auto_replenish", Json::ofFlag(budget.autoReplenish) },
                          { "replenish_amount", Json::ofMicrosOrNull(budget.replenish) },
                          { "low_balance_threshold", Json::ofMicrosOrNull(budget.threshold) },
                          { "is_active", Json::ofFlag(budget.isActive) },
                          { "is_suspended", Json::ofFlag(budget.isSuspended) },
                          { "created_at", moment(budget.createdAt) },
                          { "updated_at", moment(budget.updatedAt) } });
}

Json Model::rowJson(const Platform &platform, const QByteArray &user, const QByteArray &budget, const LedgerRow &row)
{
    return Json::object({ { "id", Json::ofText(row.id) },
                          { "platform_id", Json::ofText(platform.id) },
                          { "end_user_id", Json::ofText(user) },
                          { "budget_id", Json::ofText(budget) },
                          { "type", Json::ofText(row.type) },
                          { "source", Json::ofText(row.source) },
                          { "amount_usd", Json::ofMicros(row.amount) },
                          { "max_usd_after", Json::ofMicros(row.maxAfter) },
                          { "used_usd_after", Json::ofMicros(row.usedAfter) },
                          { "remaining_usd_after", Json::ofMicros(row.maxAfter - row.usedAfter) },
                          { "reason", Json::ofTextOrNull(row.reason) },
                          { "metadata", row.metadata },
                          { "idempotency_key", Json::ofTextOrNull(row.idempotencyKey) },
                          { "created_at", moment(row.createdAt) } });
}

Json Model::walletJson(const Platform &platform)
{
    const Wallet &wallet = platform.wallet;
    std::vector<Json> recent;
    for (const WalletRow &row : reversed(wallet.rows)) {
        if (recent.size() == 5)
            break;
        Json json = walletRowJson(platform, row);
        for (const QByteArray name : { "platform_id", "wallet_id", "reference", "metadata" })
            json.members.erase(name);
        recent.push_back(json);
    }
    std::vector<Json> updates;
    for (const qint64 at : wallet.updatedAt)
        updates.push_back(moment(at));
    return Json::object({ { "id", Json::ofText(wallet.id) },
                          { "platform_id", Json::ofText(platform.id) },
                          { "balance", Json::ofMicros(wallet.balance) },
                          { "currency", Json::ofText("usd") },
                          { "low_balance_threshold", Json() },
                          { "is_active", Json::ofFlag(true) },
                          { "created_at", moment(wallet.createdAt) },
                          { "updated_at", Json::choice(updates) },
                          { "recent_transactions", Json::ofList(recent) } });
}

Json Model::walletRowJson(const Platform &platform, const WalletRow &row)
{
    return Json::object({ { "id", Json::ofText(row.id) },
                          { "platform_id", Json::ofText(platform.id) },
                          { "wallet_id", Json::ofText(platform.wallet.id) },
                          { "type", Json::ofText(row.type) },
                          { "amount", Json::ofMicros(row.amount) },
                          { "balance_after", Json::ofMicros(row.balanceAfter) },
                          { "description", Json::ofText(row.description) },
                          { "reference", Json::ofTextOrNull(row.reference) },
                          { "metadata", row.metadata },
                          { "created_at", moment(row.createdAt) } });
}

Json Model::logJson(const Platform &platform, const LogRow &row)
{
    const Call &call = row.call;
    QByteArray cost = QByteArray::number(call.cost).rightJustified(7, '0');
    cost.insert(cost.size() - 6, '.');
    return Json::object({ { "id", Json::ofText(call.log) },
                          { "platform_id", Json::ofText(platform.id) },
                          { "end_user_id", Json::ofTextOrNull(row.user) },
                          { "request_type", Json::ofText("chat.completion") },
                          { "provider_id", Json::ofText(call.provider) },
                          { "model_id", Json::ofText(call.modelId) },
                          { "provider_model_id", Json::ofText(call.providerModel) },
                          { "prompt_tokens", Json::ofNumber(call.promptTokens) },
                          { "completion_tokens", Json::ofNumber(call.completionTokens) },
                          { "total_tokens", Json::ofNumber(call.promptTokens + call.completionTokens) },
                          { "latency_ms", Json::ofNumber(call.latency) },
                          { "estimated_cost_usd", Json::ofText(cost) },
                          { "status", Json::ofText(call.status) },
                          { "error_message", call.error.isEmpty() ? Json() : Json::ofText(call.error) },
                          { "token_count_method", Json::ofText(call.countMethod) },
                          { "billing_status", Json::ofText(call.isBillable ? "billed" : "not_billable") },
                          { "metadata", *Json::parse(call.metadata) },
                          { "created_at", moment(row.createdAt) } });
}

} // namespace naive
