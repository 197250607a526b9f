// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/naiveform.h"

#include <algorithm>

namespace naive {

namespace {

/// Not in the contract: where the gateway stops adding up, so that readers that use doubles lose nothing.
constexpr qint64 LargestBudget = 1'000'000'000'000'000;

/// docs/contract/end-users-and-keys.md, "DELETE": wallet rows of a deleted user are nobody's. What a call writes that settles
/// after the delete still names the user in its metadata; false once it does not.
constexpr bool LateWalletRowsMayNameTheirUser = true;

const QByteArrayList Periods { "one_time", "daily", "monthly" };
const QByteArrayList LedgerTypes { "opening", "topup", "debit", "adjustment" };
const QByteArrayList LedgerSources { "api", "console", "inference", "mcp", "system" };

qint64 startOfPeriod(const QByteArray &period, qint64 now)
{
    return period == "daily" ? startOfDay(now) : period == "monthly" ? startOfMonth(now) : now;
}

void arm(Budget &budget)
{
    budget.isArmed = budget.threshold && budget.remaining() > *budget.threshold;
}

/// Only the program itself has written to it.
bool isUntouchedAutomatic(const Budget &budget)
{
    return std::all_of(budget.rows.begin(), budget.rows.end(),
                       [](const LedgerRow &row) { return row.reason == "auto_budget" || row.reason == "period_reset"; });
}

/// The `metadata` of an adjustment.
Json changes(const Budget &before, const Budget &after)
{
    Json found = Json::object();
    const auto compare = [&](const QByteArray &name, const Json &was, const Json &is) {
        if (was != is)
            found.members[name] = Json::ofList({ was, is });
    };
    compare("max_usd", Json::ofMicros(before.max), Json::ofMicros(after.max));
    compare("used_usd", Json::ofMicros(before.used), Json::ofMicros(after.used));
    compare("period", Json::ofText(before.period), Json::ofText(after.period));
    compare("auto_replenish", Json::ofFlag(before.autoReplenish), Json::ofFlag(after.autoReplenish));
    compare("replenish_amount", Json::ofMicrosOrNull(before.replenish), Json::ofMicrosOrNull(after.replenish));
    compare("low_balance_threshold", Json::ofMicrosOrNull(before.threshold), Json::ofMicrosOrNull(after.threshold));
    compare("is_suspended", Json::ofFlag(before.isSuspended), Json::ofFlag(after.isSuspended));
    compare("is_active", Json::ofFlag(before.isActive), Json::ofFlag(after.isActive));
    return Json::object({ { "changes", found } });
}

} // namespace

// --- Budgets ------------------------------------------------------------------------------------------------------

LedgerRow &Model::note(Budget &budget, const QByteArray &type, const QByteArray &source, qint64 amount)
{
    LedgerRow row;
    row.id = names.fresh("id");
    row.type = type;
    row.source = source;
    row.amount = amount;
    row.maxAfter = budget.max;
    row.usedAfter = budget.used;
    row.createdAt = now;
    budget.rows.push_back(row);
    return budget.rows.back();
}

bool Model::isDue(const Budget &budget) const
{
    return budget.period != "one_time" && startOfPeriod(budget.period, now) > budget.periodStart;
}

void Model::startPeriodIfDue(Budget &budget)
{
    if (!isDue(budget))
        return;
    ++counts["period_reset"];
    const Budget before = budget;
    budget.periodStart = startOfPeriod(budget.period, now);
    budget.used = 0;
    if (budget.autoReplenish)
        budget.max = *budget.replenish;
    arm(budget);
    budget.updatedAt = now;
    LedgerRow &row = note(budget, "adjustment", "system", budget.max - before.max);
    row.reason = "period_reset";
    row.metadata = changes(before, budget);
}

void Model::startDuePeriods()
{
    for (Platform &platform : platforms) {
        for (User &user : platform.users) {
            if (user.budget && user.budget->isActive)
                startPeriodIfDue(*user.budget);
        }
    }
}

void Model::fire(User &user, const QByteArray &type, const Budget &budget)
{
    ++counts["event " + type];
    user.events.push_back({ names.fresh("msg"), type, budget.rows.back(), budget.id });
}

Answer Model::createBudget(const Request &request, Platform &platform, const QByteArray &realUser, const Key &key)
{
    Form form(request.body);
    form.require("max_usd");
    const auto max = form.money("max_usd", 1, Million);
    const auto period = form.word("period", Periods);
    const auto autoReplenish = form.flag("auto_replenish");
    const auto replenish = form.money("replenish_amount", 1, Million);
    const auto threshold = form.money("low_balance_threshold", 0, Million);
    if (autoReplenish == true && period.value_or("one_time") == "one_time") {
        form.refuse("auto_replenish");
        form.refuse("period");
    }
    if (autoReplenish == true)
        form.require("replenish_amount");
    if (const auto bad = form.problem())
        return *bad;
    User *user = userOf(platform, names.nameOf(realUser));
    if (!user)
        return noSuch("end_user");

    std::optional<Budget> existing = user->budget;
    const bool isThere = existing && existing->isActive;
    if (isThere) {
        startPeriodIfDue(*existing);
        const bool isEqual = max == existing->max && (!period || period == existing->period)
            && (!autoReplenish || autoReplenish == existing->autoReplenish)
            && (!form.isGiven("replenish_amount") || replenish == existing->replenish)
            && (!form.isGiven("low_balance_threshold") || threshold == existing->threshold);
        if (isEqual) {
            user->budget = existing;
            return { .body = budgetJson(platform, *user, *existing) };
        }
        if (!isUntouchedAutomatic(*existing))
            return refusal(409, "budget_exists");
    }

    Budget budget;
    if (existing) {
        budget.id = existing->id;
        budget.createdAt = existing->createdAt;
        budget.rows = existing->rows;
    } else {
        budget.id = names.fresh("id");
        budget.createdAt = now;
    }
    budget.max = *max;
    budget.period = period.value_or("one_time");
    budget.periodStart = startOfPeriod(budget.period, now);
    budget.autoReplenish = autoReplenish.value_or(false);
    budget.replenish = replenish;
    budget.threshold = threshold;
    budget.updatedAt = now;
    arm(budget);
    if (isThere) {
        LedgerRow &row = note(budget, "adjustment", "api", budget.max - existing->max);
        row.reason = "config_changed";
        row.metadata = changes(*existing, budget);
        row.actor = key.id;
    } else {
        note(budget, "opening", "api", budget.max).actor = key.id;
    }
    user->budget = budget;
    return { .status = isThere ? 200 : 201, .body = budgetJson(platform, *user, budget) };
}

Answer Model::getBudget(Platform &platform, const QByteArray &realUser)
{
    User *user = userOf(platform, names.nameOf(realUser));
    if (!user)
        return noSuch("end_user");
    if (!user->budget || !user->budget->isActive)
        return noSuch("budget");
    startPeriodIfDue(*user->budget);
    return { .body = budgetJson(platform, *user, *user->budget) };
}

Answer Model::patchBudget(const Request &request, Platform &platform, const QByteArray &realUser, const Key &key)
{
    Form form(request.body);
    const auto max = form.money("max_usd", 1, Million);
    const auto period = form.word("period", Periods);
    const auto autoReplenish = form.flag("auto_replenish");
    const auto replenish = form.money("replenish_amount", 1, Million);
    const auto threshold = form.money("low_balance_threshold", 0, Million);
    const auto isSuspended = form.flag("is_suspended");
    const auto isActive = form.flag("is_active");
    form.refuseNull({ "max_usd", "period", "auto_replenish", "is_suspended", "is_active" });
    const auto bad = form.problem();
    if (!bad && !isUuid(realUser))
        return noSuch("end_user"); // whatever the Idempotency-Key was used for
    return once(request, platform, names.nameOf(realUser), bad, [&]() -> Answer {
        User *user = userOf(platform, names.nameOf(realUser));
        if (!user)
            return noSuch("end_user");
        // Deactivated is as good as gone, except for the change that brings it back.
        if (!user->budget || (!user->budget->isActive && isActive != true))
            return noSuch("budget");
        Budget before = *user->budget;
        startPeriodIfDue(before);
        Budget budget = before;
        budget.max = max.value_or(budget.max);
        if (period && period != budget.period) {
            budget.period = *period;
            budget.periodStart = startOfPeriod(budget.period, now);
        }
        budget.autoReplenish = autoReplenish.value_or(budget.autoReplenish);
        if (form.has("replenish_amount"))
            budget.replenish = replenish;
        if (form.has("low_balance_threshold"))
            budget.threshold = threshold;
        budget.isSuspended = isSuspended.value_or(budget.isSuspended);
        budget.isActive = isActive.value_or(budget.isActive);
        if (budget.autoReplenish && budget.period == "one_time")
            return refusal(422, "validation_error", { "auto_replenish", "period" });
        if (budget.autoReplenish && !budget.replenish)
            return refusal(422, "validation_error", { "auto_replenish", "replenish_amount" });

        const Json changed = changes(before, budget);
        if (changed.find("changes")->members.empty()) {
            user->budget = before;
            Json body = budgetJson(platform, *user, before);
            body.members["transaction"] = Json();
            return { .body = body };
        }
        if (max || form.has("low_balance_threshold"))
            arm(budget);
        budget.updatedAt = now;
        const bool flips = budget.isSuspended != before.isSuspended;
        LedgerRow &row = note(budget, "adjustment", "api", budget.max - before.max);
        row.reason = flips                             ? (budget.isSuspended ? "suspended" : "unsuspended")
            : before.isActive && !budget.isActive      ? "deactivated"
                                                       : "config_changed";
        row.metadata = changed;
        row.actor = key.id;
        row.idempotencyKey = request.idempotencyKey;
        if (flips)
            fire(*user, budget.isSuspended ? "budget.suspended" : "budget.unsuspended", budget);
        user->budget = budget;
        Json body = budgetJson(platform, *user, budget);
        body.members["transaction"] = rowJson(platform, user->id, budget.id, budget.rows.back());
        return { .body = body };
    });
}

Answer Model::deactivateBudget(Platform &platform, const QByteArray &realUser, const Key &key)
{
    User *user = userOf(platform, names.nameOf(realUser));
    if (!user)
        return noSuch("end_user");
    if (!user->budget || !user->budget->isActive)
        return noSuch("budget");
    Budget &budget = *user->budget;
    startPeriodIfDue(budget);
    const Budget before = budget;
    budget.isActive = false;
    budget.updatedAt = now;
    LedgerRow &row = note(budget, "adjustment", "api", 0);
    row.reason = "deactivated";
    row.metadata = changes(before, budget);
    row.actor = key.id;
    return { .status = 204 };
}

void Model::charge(User &user, Budget &budget, qint64 amount, const QByteArray &source,
                   const std::function<void(LedgerRow &)> &fill)
{
    budget.used += amount;
    budget.updatedAt = now;
    fill(note(budget, "debit", source, amount));
    if (budget.threshold && budget.isArmed && budget.remaining() <= *budget.threshold) {
        budget.isArmed = false;
        fire(user, "budget.low_balance", budget);
    }
}

Answer Model::moveBudget(const Request &request, Platform &platform, const QByteArray &realUser, const Key &key, bool isDebit)
{
    Form form(request.body);
    form.require("amount_usd");
    const auto amount = form.money("amount_usd", 1, Million);
    const auto reason = form.text("reason", 0, 500);
    const auto metadata = form.object("metadata", LargestMetadata);
    const auto bad = form.problem();
    if (!bad && !isUuid(realUser))
        return noSuch("end_user"); // whatever the Idempotency-Key was used for
    return once(request, platform, names.nameOf(realUser), bad, [&]() -> Answer {
        User *user = userOf(platform, names.nameOf(realUser));
        if (!user)
            return noSuch("end_user");
        if (!user->budget || !user->budget->isActive)
            return noSuch("budget");
        Budget budget = *user->budget;
        startPeriodIfDue(budget);
        if ((isDebit ? budget.used : budget.max) + *amount > LargestBudget)
            return refusal(422, "validation_error", { "amount_usd" });
        const auto fill = [&](LedgerRow &row) {
            if (reason && !reason->isEmpty()) // no reason is no reason
                row.reason = reason;
            row.metadata = metadata.value_or(row.metadata);
            row.idempotencyKey = request.idempotencyKey;
            row.actor = key.id;
        };
        if (isDebit) {
            charge(*user, budget, *amount, "api", fill);
        } else {
            budget.max += *amount;
            budget.updatedAt = now;
            arm(budget);
            fill(note(budget, "topup", "api", *amount));
            fire(*user, "budget.topped_up", budget);
        }
        user->budget = budget;
        Json body = rowJson(platform, user->id, budget.id, budget.rows.back());
        body.members["budget"] = budgetJson(platform, *user, budget);
        return { .body = body };
    });
}

Answer Model::listRows(const Request &request, Platform &platform, const QByteArray &realUser)
{
    Query query(request.query);
    query.readPage(200);
    const auto since = query.time("since");
    const auto until = query.time("until");
    const auto type = query.word("type", LedgerTypes);
    const auto source = query.word("source", LedgerSources);
    const QByteArray order = query.word("order", { "asc", "desc" }).value_or(since ? "asc" : "desc");
    if (const auto bad = query.problem())
        return *bad;
    User *user = userOf(platform, names.nameOf(realUser));
    if (!user)
        return noSuch("end_user");
    if (!user->budget)
        return noSuch("budget");
    if (user->budget->isActive)
        startPeriodIfDue(*user->budget);
    std::vector<Json> rows;
    for (const LedgerRow &row : user->budget->rows) {
        if ((!type || row.type == type) && (!source || row.source == source) && (!since || row.createdAt >= since)
            && (!until || row.createdAt < until))
            rows.push_back(rowJson(platform, user->id, user->budget->id, row));
    }
    return query.page(order == "asc" ? rows : reversed(rows));
}

// --- Calls --------------------------------------------------------------------------------------------------------

qint64 Model::cost(qint64 picos, qint64 markupBasisPoints)
{
    __extension__ typedef __int128 Wide;
    const Wide unit = Wide(1'000'000) * 10'000; // of picos and basis points in one micro-dollar
    const Wide marked = Wide(picos) * (10'000 + markupBasisPoints);
    Wide micros = marked / unit;
    if (marked % unit >= unit / 2)
        ++micros;
    if (picos > 0 && micros == 0)
        micros = 1;
    return qint64(micros);
}

Verdict Model::gate(const QByteArray &rawKey)
{
    const Key *key = usableKey(rawKey);
    if (!key)
        return { "unauthorized" };
    Platform &platform = *platformOf(key->platform);
    if (!platform.isActive)
        return { "platform_inactive" };
    Verdict verdict;
    if (User *user = userOf(platform, key->user)) {
        if (!user->isActive)
            return { "end_user_inactive" };
        verdict.user = user->id;
        if (user->budget && user->budget->isActive) {
            startPeriodIfDue(*user->budget);
            if (user->budget->isSuspended)
                return { "budget_suspended" };
            if (user->budget->remaining() <= 0)
                return { "budget_exhausted" };
            verdict.budget = user->budget->id;
        }
    }
    if (platform.wallet.balance <= 0)
        return { "wallet_insufficient" };
    verdict.platform = platform.id;
    verdict.wallet = platform.wallet.id;
    verdict.key = key->id;
    verdict.markupBasisPoints = platform.markupBasisPoints();
    return verdict;
}

void Model::settle(const QList<Call> &calls)
{
    for (const Call &call : calls) {
        Platform *platform = platformOf(call.platform);
        if (!platform)
            continue; // not billed
        User *user = userOf(*platform, call.user);
        const auto userId = user ? std::optional(user->id) : std::nullopt;
        platform->logs.push_back({ call, userId, now });
        Wallet &wallet = platform->wallet;
        if (!call.isBillable) {
            wallet.updatedAt = { wallet.updatedAt.front(), now };
            continue;
        }

        wallet.balance -= call.cost;
        wallet.updatedAt = { now };
        WalletRow row;
        row.id = names.fresh("id");
        row.type = "llm_usage";
        row.amount = call.cost;
        row.balanceAfter = wallet.balance;
        row.description = "Inference: " + QByteArray::number(call.promptTokens + call.completionTokens) + " tokens ("
            + call.model + ')';
        row.reference = call.log;
        row.user = userId;
        row.actor = call.key;
        row.createdAt = now;
        const bool isLate = !user && !call.user.isEmpty(); // the user went while the call ran
        counts["late call"] += isLate;
        row.metadata = Json::object(
            { { "end_user_id",
                isLate && LateWalletRowsMayNameTheirUser ? Json::choice({ Json(), Json::ofText(call.user) })
                                                         : Json::ofTextOrNull(userId) },
              { "model", Json::ofText(call.model) } });
        wallet.rows.push_back(row);

        if (!user || !user->budget || user->budget->id != call.budget)
            continue;
        startPeriodIfDue(*user->budget);
        charge(*user, *user->budget, call.cost, "inference", [&](LedgerRow &debit) {
            debit.metadata = Json::object({ { "log_id", Json::ofText(call.log) },
                                            { "model", Json::ofText(call.model) },
                                            { "request_type", Json::ofText("chat.completion") } });
            debit.actor = call.key;
        });
    }
}

Answer Model::listLogs(const Request &request, const Platform &platform)
{
    Query query(request.query);
    query.readPage(100);
    const auto model = query.text("model");
    const auto user = query.uuid("end_user_id");
    const auto type = query.word("request_type", { "chat.completion", "response", "agent", "mcp_tool" });
    const auto status = query.word("status", { "success", "error", "cancelled" });
    const auto since = query.time("since");
    const auto until = query.time("until");
    const auto requestId = query.uuid("request_id");
    if (const auto bad = query.problem())
        return *bad;
    std::vector<Json> rows;
    for (const LogRow &row : reversed(platform.logs)) {
        if ((!model || row.call.model == model) && (!user || (row.user && isReal(*user, *row.user)))
            && (!type || type == "chat.completion") && (!status || row.call.status == status)
            && (!since || row.createdAt >= since) && (!until || row.createdAt < until)
            && (!requestId || row.call.request == requestId))
            rows.push_back(logJson(platform, row));
    }
    return query.page(rows);
}

} // namespace naive
