// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/budgets.h"

#include "core/jsonwriter.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// The end of a period that never ends: the last millisecond that ISO 8601 can write with four digits.
constexpr Timestamp Never = Timestamp::fromMs(253'402'300'799'999);

const QString PeriodReset = u"period_reset"_s;
const QString ConfigChanged = u"config_changed"_s;

Error invalidBudget(const QString &param, const QString &message)
{
    return { .code = ErrorCode::ValidationError, .message = message, .param = param };
}

Error noBudget()
{
    return { ErrorCode::BudgetNotFound, u"This end user has no active budget."_s };
}

Error budgetExists()
{
    return { ErrorCode::BudgetExists, u"This end user has a budget already."_s };
}

bool isAmount(Money money)
{
    return money > Money() && money <= LargestAmount;
}

void startPeriod(Budget &budget, Timestamp now)
{
    switch (budget.period) {
    case BudgetPeriod::OneTime:
        budget.periodStart = now;
        budget.periodEnd = Never;
        break;
    case BudgetPeriod::Daily:
        budget.periodStart = now.startOfDay();
        budget.periodEnd = now.startOfNextDay();
        break;
    case BudgetPeriod::Monthly:
        budget.periodStart = now.startOfMonth();
        budget.periodEnd = now.startOfNextMonth();
        break;
    }
}

void arm(Budget &budget)
{
    budget.isArmed = budget.lowBalanceThreshold && budget.remaining() > *budget.lowBalanceThreshold;
}

bool isResetDue(const Budget &budget, Timestamp now)
{
    return now >= budget.periodEnd;
}

/// The same budget in the running period; one reset, however many boundaries were missed.
Budget afterReset(Budget budget, Timestamp now)
{
    startPeriod(budget, now);
    budget.used = Money();
    if (budget.autoReplenish && budget.replenishAmount)
        budget.max = *budget.replenishAmount;
    arm(budget);
    budget.updatedAt = now;
    return budget;
}

/// The rules between fields. The limit itself is checked where it is given: top-ups may have raised it further.
Result<void> checkTerms(const Budget &budget)
{
    if (budget.autoReplenish && budget.period == BudgetPeriod::OneTime)
        return invalidBudget(u"auto_replenish"_s, u"auto_replenish needs a daily or monthly period."_s);
    if (budget.autoReplenish && !budget.replenishAmount)
        return invalidBudget(u"replenish_amount"_s, u"replenish_amount is required with auto_replenish."_s);
    if (budget.replenishAmount && !isAmount(*budget.replenishAmount))
        return invalidBudget(u"replenish_amount"_s, u"replenish_amount must be above 0 and at most 1000000."_s);
    if (budget.lowBalanceThreshold && (budget.lowBalanceThreshold->isNegative() || *budget.lowBalanceThreshold > LargestAmount))
        return invalidBudget(u"low_balance_threshold"_s, u"low_balance_threshold must be between 0 and 1000000."_s);
    return {};
}

/// A budget as the draft describes it, with nothing used yet.
Budget budgetFrom(const BudgetDraft &draft, Timestamp now)
{
    Budget budget;
    budget.max = draft.max;
    budget.period = draft.period.value_or(BudgetPeriod::OneTime);
    budget.autoReplenish = draft.autoReplenish.value_or(false);
    budget.replenishAmount = draft.replenishAmount;
    budget.lowBalanceThreshold = draft.lowBalanceThreshold;
    startPeriod(budget, now);
    arm(budget);
    budget.createdAt = budget.updatedAt = now;
    return budget;
}

/// Every given field equals the budget.
bool describes(const BudgetDraft &draft, const Budget &budget)
{
    return draft.max == budget.max && draft.period.value_or(budget.period) == budget.period
        && draft.autoReplenish.value_or(budget.autoReplenish) == budget.autoReplenish
        && (!draft.replenishAmount || draft.replenishAmount == budget.replenishAmount)
        && (!draft.lowBalanceThreshold || draft.lowBalanceThreshold == budget.lowBalanceThreshold);
}

Budget merged(Budget budget, const BudgetChange &change, Timestamp now)
{
    budget.max = change.max.value_or(budget.max);
    if (change.period && *change.period != budget.period) {
        budget.period = *change.period;
        startPeriod(budget, now);
    }
    budget.autoReplenish = change.autoReplenish.value_or(budget.autoReplenish);
    budget.replenishAmount = change.replenishAmount.value_or(budget.replenishAmount);
    budget.lowBalanceThreshold = change.lowBalanceThreshold.value_or(budget.lowBalanceThreshold);
    budget.isSuspended = change.isSuspended.value_or(budget.isSuspended);
    budget.isActive = change.isActive.value_or(budget.isActive);
    return budget;
}

/// Collects "name": [old, new] of what differs.
class Differences
{
public:
    Differences() { m_json.beginObject().key("changes").beginObject(); }

    template<typename T>
    void compare(QByteArrayView name, const T &before, const T &after)
    {
        if (before == after)
            return;
        m_json.key(name).beginArray();
        write(before);
        write(after);
        m_json.endArray();
        m_any = true;
    }
    bool any() const { return m_any; }
    QByteArray metadata() { return m_json.endObject().endObject().take(); }

private:
    template<typename T>
    void write(const T &value)
    {
        m_json.value(value);
    }
    void write(BudgetPeriod period) { m_json.value(QString(wordOf(period))); }
    template<typename T>
    void write(const std::optional<T> &value)
    {
        if (value)
            m_json.value(*value);
        else
            m_json.null();
    }

    JsonWriter m_json;
    bool m_any = false;
};

Differences differences(const Budget &before, const Budget &after)
{
    Differences found;
    found.compare("max_usd", before.max, after.max);
    found.compare("used_usd", before.used, after.used);
    found.compare("period", before.period, after.period);
    found.compare("auto_replenish", before.autoReplenish, after.autoReplenish);
    found.compare("replenish_amount", before.replenishAmount, after.replenishAmount);
    found.compare("low_balance_threshold", before.lowBalanceThreshold, after.lowBalanceThreshold);
    found.compare("is_suspended", before.isSuspended, after.isSuspended);
    found.compare("is_active", before.isActive, after.isActive);
    return found;
}

QString reasonFor(const Budget &before, const Budget &after)
{
    if (before.isSuspended != after.isSuspended)
        return after.isSuspended ? u"suspended"_s : u"unsuspended"_s;
    return before.isActive && !after.isActive ? u"deactivated"_s : ConfigChanged;
}

} // namespace

Result<void> Budgets::checkUser(const PlatformId &platform, const EndUserId &user)
{
    const auto known = m_store.hasEndUser(platform, user);
    if (!known)
        return known.error();
    if (!*known)
        return Error { ErrorCode::EndUserNotFound, u"There is no such end user on this platform."_s };
    return {};
}

Result<OpenedBudget> Budgets::create(const PlatformId &platform, const EndUserId &user, const BudgetDraft &draft,
                                     const Actor &actor)
{
    // What is wrong by itself is said before anybody is looked for (docs/contract/conventions.md, order of checks).
    if (!isAmount(draft.max))
        return invalidBudget(u"max_usd"_s, u"max_usd must be above 0 and at most 1000000."_s);
    Budget budget = budgetFrom(draft, m_context.clock.now());
    budget.platform = platform;
    budget.endUser = user;
    if (const auto valid = checkTerms(budget); !valid)
        return valid.error();
    if (const auto known = checkUser(platform, user); !known)
        return known.error();

    const auto found = m_store.lock(user);
    if (!found)
        return found.error();
    if (!*found)
        return open(budget, false, actor, {});
    if (!(*found)->isActive) {
        budget.id = (*found)->id;
        budget.createdAt = (*found)->createdAt;
        return open(budget, true, actor, {});
    }

    const auto existing = lockActive(platform, user);
    if (!existing)
        return existing.error();
    if (describes(draft, *existing))
        return OpenedBudget { *existing, false };
    const auto touched = m_store.wasTouched(existing->id);
    if (!touched)
        return touched.error();
    if (!existing->isAutomatic || *touched)
        return budgetExists();
    const auto replaced = replaceAutomatic(*existing, draft, actor);
    if (!replaced)
        return replaced.error();
    return OpenedBudget { *replaced, false };
}

Result<Budget> Budgets::createAutomatic(const PlatformId &platform, const EndUserId &user, Money max, const ApiKeyId &actorKey)
{
    Budget budget = budgetFrom({ .max = max, .period = BudgetPeriod::Monthly }, m_context.clock.now());
    budget.platform = platform;
    budget.endUser = user;
    budget.isAutomatic = true;
    Actor actor = systemActor();
    actor.key = actorKey;
    const auto opened = open(budget, false, actor, u"auto_budget"_s);
    if (!opened)
        return opened.error();
    return opened->budget;
}

Result<OpenedBudget> Budgets::open(Budget budget, bool existed, const Actor &actor, const QString &reason)
{
    if (!existed)
        budget.id = BudgetId::create();
    const auto written = existed ? m_store.save(budget) : m_store.insert(budget);
    if (!written) // another gateway was faster
        return written.error().code == ErrorCode::Conflict ? budgetExists() : written.error();
    const auto row = record(budget, LedgerType::Opening, budget.max, { .reason = reason }, actor);
    if (!row)
        return row.error();
    return OpenedBudget { budget, true };
}

Result<Budget> Budgets::replaceAutomatic(const Budget &before, const BudgetDraft &draft, const Actor &actor)
{
    Budget after = budgetFrom(draft, m_context.clock.now());
    after.id = before.id;
    after.platform = before.platform;
    after.endUser = before.endUser;
    after.createdAt = before.createdAt;
    if (const auto saved = m_store.save(after); !saved)
        return saved.error();
    const LedgerNote note { ConfigChanged, differences(before, after).metadata() };
    const auto row = record(after, LedgerType::Adjustment, after.max - before.max, note, actor);
    if (!row)
        return row.error();
    return after;
}

Result<Budget> Budgets::get(const PlatformId &platform, const EndUserId &user)
{
    if (const auto known = checkUser(platform, user); !known)
        return known.error();
    const auto found = m_store.find(user);
    if (!found)
        return found.error();
    if (!*found || !(*found)->isActive)
        return noBudget();
    const Timestamp now = m_context.clock.now();
    return isResetDue(**found, now) ? afterReset(**found, now) : **found;
}

Result<Budget> Budgets::lockActive(const PlatformId &platform, const EndUserId &user)
{
    if (const auto known = checkUser(platform, user); !known)
        return known.error();
    const auto found = m_store.lock(user);
    if (!found)
        return found.error();
    if (!*found || !(*found)->isActive)
        return noBudget();
    return isResetDue(**found, m_context.clock.now()) ? resetLocked(**found) : **found;
}

Result<BudgetWrite> Budgets::patch(const PlatformId &platform, const EndUserId &user, const BudgetChange &change,
                                   const Actor &actor)
{
    if (change.max && !isAmount(*change.max))
        return invalidBudget(u"max_usd"_s, u"max_usd must be above 0 and at most 1000000."_s);
    if (const auto known = checkUser(platform, user); !known)
        return known.error();
    const auto found = m_store.lock(user);
    if (!found)
        return found.error();
    // A deactivated budget is out of sight, except for the PATCH that brings it back.
    if (!*found || (!(*found)->isActive && !change.isActive.value_or(false)))
        return noBudget();

    const Timestamp now = m_context.clock.now();
    const Result<Budget> before = isResetDue(**found, now) ? resetLocked(**found) : **found;
    if (!before)
        return before.error();
    Budget after = merged(*before, change, now);
    if (const auto valid = checkTerms(after); !valid)
        return valid.error();
    Differences changes = differences(*before, after);
    if (!changes.any())
        return BudgetWrite { *before, std::nullopt };

    after.updatedAt = now;
    if (after.max != before->max || after.lowBalanceThreshold != before->lowBalanceThreshold)
        arm(after);
    if (const auto saved = m_store.save(after); !saved)
        return saved.error();
    const LedgerNote note { reasonFor(*before, after), changes.metadata() };
    const auto row = record(after, LedgerType::Adjustment, after.max - before->max, note, actor);
    if (!row)
        return row.error();
    if (before->isSuspended != after.isSuspended) {
        const WebhookEvent event = after.isSuspended ? WebhookEvent::Suspended : WebhookEvent::Unsuspended;
        if (const auto told = m_events.announce({ { event, *row } }); !told)
            return told.error();
    }
    return BudgetWrite { after, *row };
}

Result<void> Budgets::deactivate(const PlatformId &platform, const EndUserId &user, const Actor &actor)
{
    const auto done = patch(platform, user, { .isActive = false }, actor);
    return done ? Result<void>() : Result<void>(done.error());
}

Result<BudgetWrite> Budgets::topUp(const PlatformId &platform, const EndUserId &user, Money amount, const LedgerNote &note,
                                   const Actor &actor)
{
    if (!isAmount(amount))
        return invalidBudget(u"amount_usd"_s, u"amount_usd must be above 0 and at most 1000000."_s);
    const auto before = lockActive(platform, user);
    if (!before)
        return before.error();
    const auto after = m_store.raise(before->id, amount, m_context.clock.now());
    if (!after)
        return after.error();
    if (after->max > LargestBudget)
        return invalidBudget(u"amount_usd"_s, u"The budget would go beyond 1000000000."_s);
    const auto row = record(*after, LedgerType::Topup, amount, note, actor);
    if (!row)
        return row.error();
    if (const auto told = m_events.announce({ { WebhookEvent::ToppedUp, *row } }); !told)
        return told.error();
    return BudgetWrite { *after, *row };
}

Result<BudgetWrite> Budgets::debit(const PlatformId &platform, const EndUserId &user, Money amount, const LedgerNote &note,
                                   const Actor &actor)
{
    if (!isAmount(amount))
        return invalidBudget(u"amount_usd"_s, u"amount_usd must be above 0 and at most 1000000."_s);
    const auto before = lockActive(platform, user);
    if (!before)
        return before.error();
    auto after = m_store.charge(before->id, amount, m_context.clock.now());
    if (!after)
        return after.error();
    if (after->used > LargestBudget)
        return invalidBudget(u"amount_usd"_s, u"The use of the budget would go beyond 1000000000."_s);
    // Once per edge: the flag falls in the transaction of the debit that reaches the threshold.
    const bool isEdge
        = after->isArmed && after->lowBalanceThreshold && after->remaining() <= *after->lowBalanceThreshold;
    if (isEdge) {
        if (const auto disarmed = m_store.disarm(after->id); !disarmed)
            return disarmed.error();
        after->isArmed = false;
    }
    const auto row = record(*after, LedgerType::Debit, amount, note, actor);
    if (!row)
        return row.error();
    QList<BudgetNews> news { { WebhookEvent::Debited, *row } };
    if (isEdge)
        news.append({ WebhookEvent::LowBalance, *row });
    if (const auto told = m_events.announce(news); !told)
        return told.error();
    return BudgetWrite { *after, *row };
}

Result<LedgerRows> Budgets::rows(const PlatformId &platform, const EndUserId &user, const LedgerFilter &filter, qint64 offset,
                                 qint64 limit)
{
    if (const auto known = checkUser(platform, user); !known)
        return known.error();
    const auto budget = m_store.find(user);
    if (!budget)
        return budget.error();
    if (!*budget)
        return Error { ErrorCode::BudgetNotFound, u"This end user never had a budget."_s };
    return m_store.rows((*budget)->id, filter, offset, limit);
}

Result<bool> Budgets::settlePeriod(const PlatformId &platform, const EndUserId &user)
{
    const auto found = m_store.find(user);
    if (!found)
        return found.error();
    if (!*found || (*found)->platform != platform || !(*found)->isActive || !isResetDue(**found, m_context.clock.now()))
        return true;
    if (!m_context.db.isWritable())
        return false;
    const auto reset = resetIfDue(user);
    return reset ? Result<bool>(true) : reset.error();
}

Result<void> Budgets::resetIfDue(const EndUserId &user)
{
    const Timestamp now = m_context.clock.now();
    const auto due = m_store.isDue(user, now);
    if (!due)
        return due.error();
    if (!*due)
        return {};
    const auto locked = m_store.lock(user);
    if (!locked)
        return locked.error();
    if (!*locked || !isResetDue(**locked, now))
        return {}; // another gateway was faster
    const auto reset = resetLocked(**locked);
    return reset ? Result<void>() : Result<void>(reset.error());
}

Result<int> Budgets::resetDue(int most)
{
    const auto users = m_store.due(m_context.clock.now(), most);
    if (!users)
        return users.error();
    for (const EndUserId &user : *users) {
        if (const auto reset = resetIfDue(user); !reset)
            return reset.error();
    }
    return int(users->size());
}

Result<Budget> Budgets::resetLocked(const Budget &before)
{
    const Budget after = afterReset(before, m_context.clock.now());
    if (const auto saved = m_store.save(after); !saved)
        return saved.error();
    const LedgerNote note { PeriodReset, differences(before, after).metadata() };
    const auto row = record(after, LedgerType::Adjustment, after.max - before.max, note, systemActor());
    if (!row)
        return row.error();
    return after;
}

// Every change of a budget ends here: its ledger row and the note for the gates.
Result<LedgerRow> Budgets::record(const Budget &after, LedgerType type, Money amount, const LedgerNote &note, const Actor &actor)
{
    LedgerRow row;
    row.id = LedgerRowId::create();
    row.platform = after.platform;
    row.endUser = after.endUser;
    row.budget = after.id;
    row.type = type;
    row.source = actor.source;
    row.amount = amount;
    row.maxAfter = after.max;
    row.usedAfter = after.used;
    row.reason = note.reason;
    row.metadata = note.metadata;
    row.idempotencyKey = actor.idempotencyKey;
    row.actorKey = actor.key;
    row.createdAt = after.updatedAt;
    if (const auto appended = m_store.append(row); !appended)
        return appended.error();
    m_context.changes.add(BudgetState { after.platform, after.endUser, after.id, after.isActive, after.max, after.used,
                                        after.isSuspended, after.periodEnd });
    return row;
}

} // namespace assistiv
