// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/bookcheck.h"

#include "services/verify.h"

using namespace naive;
using namespace Qt::StringLiterals;

namespace {

/// docs/contract/webhooks.md, "Payload".
const QByteArray ApiVersion = "2026-04-11";

Json text(const QByteArray &value)
{
    return Json::ofText(value);
}

Json textOrNull(const QByteArray &value)
{
    return value.isEmpty() ? Json() : Json::ofText(value);
}

Json number(std::optional<qint64> value)
{
    return value ? Json::ofNumber(*value) : Json();
}

Json valueIn(const assistiv::Query &query, int column, const QByteArray &kind)
{
    if (query.isNull(column))
        return {};
    if (kind == "number")
        return Json::ofNumber(query.integer(column));
    if (kind == "flag")
        return Json::ofFlag(query.flag(column));
    const QByteArray utf8 = query.text(column).toUtf8();
    if (kind == "json")
        return Json::parse(utf8).value_or(text("no JSON: " + utf8));
    return text(utf8);
}

} // namespace

QByteArray BookCheck::run()
{
    m_problem.clear();
    for (const auto step : { &BookCheck::accounts, &BookCheck::ledgers, &BookCheck::wallets, &BookCheck::logs,
                             &BookCheck::remembered, &BookCheck::events })
        (this->*step)();
    // The program's own view of the same.
    const auto report = assistiv::verifyBooks(m_db);
    if (!report)
        fail("verify: " + report.error().message.toUtf8());
    else if (!report->ok())
        fail("verify: " + report->toJson());
    return m_problem;
}

void BookCheck::fail(const QByteArray &problem)
{
    if (m_problem.isEmpty())
        m_problem = problem;
}

BookCheck::Groups BookCheck::read(const QByteArray &table, const QByteArrayList &columns, const QByteArray &order)
{
    QByteArrayList names;
    QByteArrayList kinds;
    for (const QByteArray &column : columns) {
        names.append(column.split(':').at(0));
        kinds.append(column.split(':').value(1, "text"));
    }
    Groups groups;
    auto query = m_db.prepare(QString::fromLatin1("SELECT " + names.join(", ") + " FROM " + table + " ORDER BY " + order));
    if (const auto done = query.exec(); !done)
        fail(table + " cannot be read");
    while (query.next()) {
        Json row = Json::object();
        for (int column = 1; column < names.size(); ++column)
            row.members[names[column]] = valueIn(query, column, kinds[column]);
        groups[query.text(0).toUtf8()].push_back(row);
    }
    return groups;
}

void BookCheck::compare(const QByteArray &table, Groups &groups, const QByteArray &owner, const Rows &expected)
{
    const QByteArray real = m_model.names.real(owner);
    const Rows found = groups[real];
    groups.erase(real);
    const QByteArray place = table + " of " + owner + " (" + real + ')';
    fail(difference(Json::ofList(expected), Json::ofList(found), m_model.names, place));
}

void BookCheck::nothingLeft(const QByteArray &table, const Groups &groups)
{
    if (!groups.empty())
        fail(table + ": expected nothing of " + groups.begin()->first + ", found "
             + Json::ofList(groups.begin()->second).toText());
}

void BookCheck::accounts()
{
    Groups platforms = read("platforms", { "id", "slug", "name", "is_active:flag", "created_at:number", "updated_at:number" },
                            "id");
    Groups users = read("end_users",
                        { "id", "platform_id", "external_id", "display_name", "metadata:json", "is_active:flag",
                          "created_at:number", "updated_at:number" },
                        "id");
    Groups keys = read("api_keys",
                       { "id", "platform_id", "end_user_id", "type", "key_prefix", "name", "is_active:flag", "expires_at:number",
                         "created_at:number" },
                       "id");
    for (const Platform &platform : m_model.platforms) {
        compare("platforms", platforms, platform.id,
                { Json::object({ { "slug", text(platform.slug) },
                                 { "name", text(platform.name) },
                                 { "is_active", Json::ofFlag(platform.isActive) },
                                 { "created_at", number(platform.createdAt) },
                                 { "updated_at", number(platform.updatedAt) } }) });
        for (const User &user : platform.users) {
            compare("end_users", users, user.id,
                    { Json::object({ { "platform_id", text(platform.id) },
                                     { "external_id", text(user.externalId) },
                                     { "display_name", Json::ofTextOrNull(user.displayName) },
                                     { "metadata", user.metadata },
                                     { "is_active", Json::ofFlag(user.isActive) },
                                     { "created_at", number(user.createdAt) },
                                     { "updated_at", number(user.updatedAt) } }) });
        }
    }
    for (const Key &key : m_model.keys) {
        if (key.type == "admin")
            continue;
        compare("api_keys", keys, key.id,
                { Json::object({ { "platform_id", textOrNull(key.platform) },
                                 { "end_user_id", textOrNull(key.user) },
                                 { "type", text(key.type) },
                                 { "key_prefix", text(key.prefix) },
                                 { "name", text(key.name) },
                                 { "is_active", Json::ofFlag(key.isActive) },
                                 { "expires_at", number(key.expiresAt) },
                                 { "created_at", number(key.createdAt) } }) });
    }
    nothingLeft("platforms", platforms);
    nothingLeft("end_users", users);
    // What is left is the administrator's one.
    std::erase_if(keys, [](const auto &key) { return *key.second.front().find("type") == text("admin"); });
    nothingLeft("api_keys", keys);
}

void BookCheck::ledgers()
{
    Groups budgets = read("budgets",
                          { "end_user_id", "id", "platform_id", "max_usd:number", "used_usd:number", "period",
                            "period_start:number", "auto_replenish:flag", "replenish_amount:number",
                            "low_balance_threshold:number", "is_active:flag", "is_suspended:flag", "is_armed:flag",
                            "created_at:number", "updated_at:number" },
                          "end_user_id");
    Groups rows = read("budget_transactions",
                       { "budget_id", "id", "platform_id", "end_user_id", "type", "source", "amount:number", "max_after:number",
                         "used_after:number", "reason", "metadata:json", "idempotency_key", "actor_key_id",
                         "created_at:number" },
                       "seq");
    for (const Platform &platform : m_model.platforms) {
        for (const User &user : platform.users) {
            if (!user.budget)
                continue;
            const Budget &budget = *user.budget;
            compare("budgets", budgets, user.id,
                    { Json::object({ { "id", text(budget.id) },
                                     { "platform_id", text(platform.id) },
                                     { "max_usd", number(budget.max) },
                                     { "used_usd", number(budget.used) },
                                     { "period", text(budget.period) },
                                     { "period_start", number(budget.periodStart) },
                                     { "auto_replenish", Json::ofFlag(budget.autoReplenish) },
                                     { "replenish_amount", number(budget.replenish) },
                                     { "low_balance_threshold", number(budget.threshold) },
                                     { "is_active", Json::ofFlag(budget.isActive) },
                                     { "is_suspended", Json::ofFlag(budget.isSuspended) },
                                     { "is_armed", Json::ofFlag(budget.isArmed) },
                                     { "created_at", number(budget.createdAt) },
                                     { "updated_at", number(budget.updatedAt) } }) });
            Rows expected;
            for (const LedgerRow &row : budget.rows) {
                expected.push_back(Json::object({ { "id", text(row.id) },
                                                  { "platform_id", text(platform.id) },
                                                  { "end_user_id", text(user.id) },
                                                  { "type", text(row.type) },
                                                  { "source", text(row.source) },
                                                  { "amount", number(row.amount) },
                                                  { "max_after", number(row.maxAfter) },
                                                  { "used_after", number(row.usedAfter) },
                                                  { "reason", Json::ofTextOrNull(row.reason) },
                                                  { "metadata", row.metadata },
                                                  { "idempotency_key", Json::ofTextOrNull(row.idempotencyKey) },
                                                  { "actor_key_id", Json::ofTextOrNull(row.actor) },
                                                  { "created_at", number(row.createdAt) } }));
            }
            compare("budget_transactions", rows, budget.id, expected);
        }
    }
    nothingLeft("budgets", budgets);
    nothingLeft("budget_transactions", rows);
}

void BookCheck::wallets()
{
    Groups wallets = read("wallets", { "platform_id", "id", "balance:number", "is_active:flag", "created_at:number",
                                       "updated_at:number" },
                          "id");
    Groups rows = read("wallet_transactions",
                       { "platform_id", "id", "wallet_id", "end_user_id", "type", "amount:number", "balance_after:number",
                         "description", "reference", "metadata:json", "actor_key_id", "created_at:number" },
                       "seq");
    for (const Platform &platform : m_model.platforms) {
        const Wallet &wallet = platform.wallet;
        Rows updates;
        for (const qint64 at : wallet.updatedAt)
            updates.push_back(number(at));
        compare("wallets", wallets, platform.id,
                { Json::object({ { "id", text(wallet.id) },
                                 { "balance", number(wallet.balance) },
                                 { "is_active", Json::ofFlag(true) },
                                 { "created_at", number(wallet.createdAt) },
                                 { "updated_at", Json::choice(updates) } }) });
        Rows expected;
        for (const WalletRow &row : wallet.rows) {
            expected.push_back(Json::object({ { "id", text(row.id) },
                                              { "wallet_id", text(wallet.id) },
                                              { "end_user_id", Json::ofTextOrNull(row.user) },
                                              { "type", text(row.type) },
                                              { "amount", number(row.amount) },
                                              { "balance_after", number(row.balanceAfter) },
                                              { "description", text(row.description) },
                                              { "reference", Json::ofTextOrNull(row.reference) },
                                              { "metadata", row.metadata },
                                              { "actor_key_id", textOrNull(row.actor) },
                                              { "created_at", number(row.createdAt) } }));
        }
        compare("wallet_transactions", rows, platform.id, expected);
    }
    nothingLeft("wallets", wallets);
    nothingLeft("wallet_transactions", rows);
}

void BookCheck::logs()
{
    Groups rows = read("request_logs",
                       { "platform_id", "id", "end_user_id", "request_id", "request_type", "provider_id", "model_id", "model",
                         "provider_model_id", "prompt_tokens:number", "completion_tokens:number", "latency_ms:number",
                         "cost:number", "status", "error_message", "token_count_method", "billing_status", "metadata:json",
                         "created_at:number" },
                       "seq");
    for (const Platform &platform : m_model.platforms) {
        Rows expected;
        for (const LogRow &row : platform.logs) {
            const Call &call = row.call;
            expected.push_back(Json::object({ { "id", text(call.log) },
                                              { "end_user_id", Json::ofTextOrNull(row.user) },
                                              { "request_id", text(call.request) },
                                              { "request_type", text("chat.completion") },
                                              { "provider_id", text(call.provider) },
                                              { "model_id", text(call.modelId) },
                                              { "model", text(call.model) },
                                              { "provider_model_id", text(call.providerModel) },
                                              { "prompt_tokens", number(call.promptTokens) },
                                              { "completion_tokens", number(call.completionTokens) },
                                              { "latency_ms", number(call.latency) },
                                              { "cost", number(call.cost) },
                                              { "status", text(call.status) },
                                              { "error_message", textOrNull(call.error) },
                                              { "token_count_method", text(call.countMethod) },
                                              { "billing_status", text(call.isBillable ? "billed" : "not_billable") },
                                              { "metadata", Json::parse(call.metadata).value_or(Json()) },
                                              { "created_at", number(row.createdAt) } }));
        }
        compare("request_logs", rows, platform.id, expected);
    }
    nothingLeft("request_logs", rows);
}

void BookCheck::remembered()
{
    Groups records = read("idempotency_records", { "platform_id", "idempotency_key", "end_user_id", "status:number", "body" },
                          "platform_id");
    for (const Platform &platform : m_model.platforms) {
        std::map<QByteArray, Json> expected;
        for (const auto &[key, entry] : platform.remembered) {
            expected[key] = Json::object({ { "end_user_id", textOrNull(entry.user) },
                                           { "status", number(entry.answer.status) },
                                           { "body", text(*entry.answer.text) } });
        }
        // Not in any order of the database's: collations differ.
        std::map<QByteArray, Json> found;
        const QByteArray real = m_model.names.real(platform.id);
        for (Json row : records[real]) {
            const QByteArray key = row.find("idempotency_key")->text;
            row.members.erase("idempotency_key");
            found[key] = row;
        }
        records.erase(real);
        fail(difference(Json::object(expected), Json::object(found), m_model.names, "idempotency_records of " + platform.id));
    }
    nothingLeft("idempotency_records", records);
}

void BookCheck::events()
{
    if (!m_withEvents)
        return;
    Groups messages = read("webhook_messages",
                           { "end_user_id", "id", "platform_id", "event_type", "event_id", "payload:json",
                             "created_at:number" },
                           "seq");
    for (const Platform &platform : m_model.platforms) {
        for (const User &user : platform.users) {
            Rows expected;
            for (const Event &event : user.events) {
                const LedgerRow &row = event.row;
                const QByteArray eventId = m_model.names.real(row.id) + ':' + event.type;
                const Json data = Json::object({ { "platform_id", text(platform.id) },
                                                 { "end_user_id", text(user.id) },
                                                 { "budget_id", text(event.budget) },
                                                 { "transaction_id", text(row.id) },
                                                 { "type", text(row.type) },
                                                 { "amount_usd", Json::ofMicros(row.amount) },
                                                 { "max_usd_after", Json::ofMicros(row.maxAfter) },
                                                 { "used_usd_after", Json::ofMicros(row.usedAfter) },
                                                 { "remaining_usd_after", Json::ofMicros(row.maxAfter - row.usedAfter) },
                                                 { "reason", Json::ofTextOrNull(row.reason) },
                                                 { "metadata", row.metadata } });
                const Json payload = Json::object({ { "event_type", text(event.type) },
                                                    { "event_id", text(eventId) },
                                                    { "api_version", text(ApiVersion) },
                                                    { "created_at", text(isoText(row.createdAt)) },
                                                    { "data", data } });
                expected.push_back(Json::object({ { "id", text(event.id) },
                                                  { "platform_id", text(platform.id) },
                                                  { "event_type", text(event.type) },
                                                  { "event_id", text(eventId) },
                                                  { "payload", payload },
                                                  { "created_at", number(row.createdAt) } }));
            }
            compare("webhook_messages", messages, user.id, expected);
        }
    }
    // Messages about a user go with the user.
    nothingLeft("webhook_messages", messages);
}
