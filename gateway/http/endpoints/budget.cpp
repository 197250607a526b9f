// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/budget.h"

#include "core/jsonwriter.h"
#include "http/endpoints/pathids.h"
#include "http/endpoints/wallet.h"
#include "http/jsonbody.h"
#include "services/services.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr Money SmallestAmount = Money::fromMicros(1);
constexpr qint64 LargestLedgerPage = 200;
constexpr int LongestReason = 500;
constexpr int LargestNoteMetadata = 16 * 1024;

void writeBudget(JsonWriter &json, const Budget &budget)
{
    json.member("id", budget.id).member("platform_id", budget.platform).member("end_user_id", budget.endUser);
    json.member("max_usd", budget.max).member("used_usd", budget.used).member("remaining_usd", budget.remaining());
    json.member("period", QString(wordOf(budget.period))).member("period_start", budget.periodStart);
    json.member("auto_replenish", budget.autoReplenish).member("replenish_amount", budget.replenishAmount);
    json.member("low_balance_threshold", budget.lowBalanceThreshold).member("is_active", budget.isActive);
    json.member("is_suspended", budget.isSuspended).member("created_at", budget.createdAt);
    json.member("updated_at", budget.updatedAt);
}

void writeLedgerRow(JsonWriter &json, const LedgerRow &row)
{
    json.member("id", row.id).member("platform_id", row.platform).member("end_user_id", row.endUser);
    json.member("budget_id", row.budget).member("type", QString(wordOf(row.type)));
    json.member("source", QString(wordOf(row.source))).member("amount_usd", row.amount);
    json.member("max_usd_after", row.maxAfter).member("used_usd_after", row.usedAfter);
    json.member("remaining_usd_after", row.remainingAfter())
        .textOrNull("reason", row.reason)
        .key("metadata")
        .raw(row.metadata);
    json.textOrNull("idempotency_key", row.idempotencyKey).member("created_at", row.createdAt);
}

QByteArray budgetJson(const Budget &budget)
{
    JsonWriter json;
    json.beginObject();
    writeBudget(json, budget);
    return json.endObject().take();
}

QByteArray ledgerRowJson(const LedgerRow &row)
{
    JsonWriter json;
    json.beginObject();
    writeLedgerRow(json, row);
    return json.endObject().take();
}

/// The budget at top level, the row beside it.
QByteArray patchedJson(const BudgetWrite &write)
{
    JsonWriter json;
    json.beginObject();
    writeBudget(json, write.budget);
    json.key("transaction");
    if (write.row) {
        json.beginObject();
        writeLedgerRow(json, *write.row);
        json.endObject();
    } else {
        json.null();
    }
    return json.endObject().take();
}

/// The row at top level, the budget beside it.
QByteArray bookedJson(const BudgetWrite &write)
{
    JsonWriter json;
    json.beginObject();
    writeLedgerRow(json, *write.row);
    json.key("budget").beginObject();
    writeBudget(json, write.budget);
    return json.endObject().endObject().take();
}

std::optional<BudgetPeriod> periodIn(JsonBody &body)
{
    const auto word = body.oneOf("period"_L1, allWords<BudgetPeriod>());
    return word ? fromWord<BudgetPeriod>(*word) : std::nullopt;
}

Result<Work> createBudget(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    BudgetDraft draft;
    draft.max = body.requiredMoney("max_usd"_L1, SmallestAmount, LargestAmount);
    draft.period = periodIn(body);
    draft.autoReplenish = body.flag("auto_replenish"_L1);
    draft.replenishAmount = body.money("replenish_amount"_L1, SmallestAmount, LargestAmount);
    draft.lowBalanceThreshold = body.money("low_balance_threshold"_L1, Money(), LargestAmount);
    if (const auto valid = body.check(); !valid)
        return valid.error();
    const auto user = endUserInPath(call);
    if (!user)
        return user.error();
    Actor actor = actorOf(call);
    actor.idempotencyKey.clear(); // means nothing on this route
    return Work([platform = call.caller.platform, user = *user, draft, actor](Services &services) -> Result<Answer> {
        const auto opened = services.budgets.create(platform, user, draft, actor);
        if (!opened)
            return opened.error();
        return Answer{ opened->isNew ? 201 : 200, budgetJson(opened->budget) };
    });
}

Result<Work> getBudget(const ManagementCall &call)
{
    const auto user = endUserInPath(call);
    if (!user)
        return user.error();
    return inRunningPeriod(call.caller.platform, *user, [platform = call.caller.platform, user = *user](Services &services) -> Result<Answer> {
        const auto budget = services.budgets.get(platform, user);
        if (!budget)
            return budget.error();
        return Answer{ 200, budgetJson(*budget) };
    });
}

Result<Work> patchBudget(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    BudgetChange change;
    change.max = body.money("max_usd"_L1, SmallestAmount, LargestAmount);
    change.period = periodIn(body);
    change.autoReplenish = body.flag("auto_replenish"_L1);
    if (body.has("replenish_amount"_L1))
        change.replenishAmount = body.money("replenish_amount"_L1, SmallestAmount, LargestAmount);
    if (body.has("low_balance_threshold"_L1))
        change.lowBalanceThreshold = body.money("low_balance_threshold"_L1, Money(), LargestAmount);
    change.isSuspended = body.flag("is_suspended"_L1);
    change.isActive = body.flag("is_active"_L1);
    for (const auto name : { "max_usd"_L1, "period"_L1, "auto_replenish"_L1, "is_suspended"_L1, "is_active"_L1 }) {
        if (body.has(name) && body.isNull(name))
            body.refuse(name, u"cannot be null"_s);
    }
    if (const auto valid = body.check(); !valid)
        return valid.error();
    const auto user = endUserInPath(call);
    if (!user)
        return user.error();
    return Work([platform = call.caller.platform, user = *user, change,
                 actor = actorWithKeyOf(call)](Services &services) -> Result<Answer> {
        const auto written = services.budgets.patch(platform, user, change, actor);
        if (!written)
            return written.error();
        return Answer{ 200, patchedJson(*written) };
    });
}

Result<Work> deactivateBudget(const ManagementCall &call)
{
    const auto user = endUserInPath(call);
    if (!user)
        return user.error();
    return Work([platform = call.caller.platform, user = *user,
                 actor = actorOf(call)](Services &services) -> Result<Answer> {
        if (const auto done = services.budgets.deactivate(platform, user, actor); !done)
            return done.error();
        return Answer{ .status = 204 };
    });
}

using Booking = Result<BudgetWrite> (Budgets::*)(const PlatformId &, const EndUserId &, Money, const LedgerNote &,
                                                 const Actor &);

/// Top-up and manual debit: the same request, the same answer.
template<Booking booking>
Result<Work> book(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    const Money amount = body.requiredMoney("amount_usd"_L1, SmallestAmount, LargestAmount);
    LedgerNote note;
    note.reason = body.text("reason"_L1, 0, LongestReason).value_or(QString());
    note.metadata = body.object("metadata"_L1, LargestNoteMetadata).value_or(note.metadata);
    if (const auto valid = body.check(); !valid)
        return valid.error();
    const auto user = endUserInPath(call);
    if (!user)
        return user.error();
    return Work([platform = call.caller.platform, user = *user, amount, note,
                 actor = actorWithKeyOf(call)](Services &services) -> Result<Answer> {
        const auto written = (services.budgets.*booking)(platform, user, amount, note, actor);
        if (!written)
            return written.error();
        return Answer{ 200, bookedJson(*written) };
    });
}

Result<Work> listLedgerRows(const ManagementCall &call)
{
    QueryReader query(call.query);
    const Page page = query.page(LargestLedgerPage);
    LedgerFilter filter;
    filter.since = query.time("since"_L1);
    filter.until = query.time("until"_L1);
    if (const auto type = query.oneOf("type"_L1, allWords<LedgerType>()))
        filter.type = fromWord<LedgerType>(*type);
    if (const auto source = query.oneOf("source"_L1, allWords<LedgerSource>()))
        filter.source = fromWord<LedgerSource>(*source);
    // With since it is a backfill: in replay order no row is skipped when others arrive between two pages.
    const auto order = query.oneOf("order"_L1, { u"asc"_s, u"desc"_s });
    filter.oldestFirst = order ? *order == "asc"_L1 : filter.since.has_value();
    if (const auto valid = query.check(); !valid)
        return valid.error();
    const auto user = endUserInPath(call);
    if (!user)
        return user.error();
    return inRunningPeriod(call.caller.platform, *user, [platform = call.caller.platform, user = *user, filter,
                                   page](Services &services) -> Result<Answer> {
        const auto found = services.budgets.rows(platform, user, filter, page.offset(), page.limit);
        if (!found)
            return found.error();
        QByteArrayList rows;
        for (const LedgerRow &row : found->rows)
            rows.append(ledgerRowJson(row));
        return Answer{ 200, listJson(rows, found->total, page) };
    });
}

} // namespace

Work inRunningPeriod(const PlatformId &platform, const EndUserId &user, Work read)
{
    return [platform, user, read = std::move(read)](Services &services) -> Result<Answer> {
        const auto settled = services.budgets.settlePeriod(platform, user);
        if (!settled)
            return settled.error();
        return *settled ? read(services) : Answer { .belongsToWriter = true };
    };
}

const QList<Route> &budgetRoutes()
{
    static constexpr auto Path = "/v1/platforms/{platformId}/end-users/{endUserId}/budget"_L1;
    static constexpr auto TopUp = "/v1/platforms/{platformId}/end-users/{endUserId}/budget/topup"_L1;
    static constexpr auto Debit = "/v1/platforms/{platformId}/end-users/{endUserId}/budget/debit"_L1;
    static constexpr auto Rows = "/v1/platforms/{platformId}/end-users/{endUserId}/budget/transactions"_L1;
    static const QList<Route> routes{
        { HttpMethod::Post, Path, RequiredKey::Platform, createBudget },
        { HttpMethod::Get, Path, RequiredKey::Platform, getBudget },
        { HttpMethod::Patch, Path, RequiredKey::Platform, patchBudget, true },
        { HttpMethod::Delete, Path, RequiredKey::Platform, deactivateBudget },
        { HttpMethod::Post, TopUp, RequiredKey::Platform, book<&Budgets::topUp>, true },
        { HttpMethod::Post, Debit, RequiredKey::Platform, book<&Budgets::debit>, true },
        { HttpMethod::Get, Rows, RequiredKey::Platform, listLedgerRows },
    };
    return routes;
}

} // namespace assistiv
