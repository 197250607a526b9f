// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "webhooks/dispatch.h"

#include "core/log.h"
#include "webhooks/deliverystore.h"
#include "webhooks/retryrules.h"

#include <QtCore/QRandomGenerator>

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 GoneStatus = 410;
constexpr qint64 TooManyRequestsStatus = 429;
/// A single message may fail for reasons of its own.
constexpr qint64 LeastExhausted = 2;
/// When a secret cannot be opened somebody has to look at it.
constexpr qint64 UnsignedPauseMs = 60'000;

} // namespace

Dispatch::Dispatch(const ServiceContext &context)
    : m_context(context), m_store(context.db), m_endpoints(context.db), m_secrets(context)
{
}

Result<void> Dispatch::record(const QList<FinishedAttempt> &attempts, const RetryRules &rules)
{
    if (attempts.isEmpty())
        return {};
    QList<WebhookDeliveryId> ids;
    for (const FinishedAttempt &attempt : attempts)
        ids.append(attempt.claim.id);
    const auto found = m_store.states(ids);
    if (!found)
        return found.error();
    QHash<WebhookDeliveryId, DeliveryState> states;
    for (const DeliveryState &state : *found)
        states.insert(state.id, state);

    TouchedEndpoints endpoints;
    QList<DeliveryAttempt> rows;
    for (const FinishedAttempt &attempt : attempts) {
        const auto state = states.find(attempt.claim.id);
        if (state == states.end())
            continue;
        auto known = endpoints.find(state->endpoint);
        if (known == endpoints.end()) {
            const auto endpoint = m_endpoints.find(state->endpoint);
            if (!endpoint)
                return endpoint.error();
            known = endpoints.insert(state->endpoint, *endpoint ? std::optional(Touched { **endpoint }) : std::nullopt);
        }
        if (!*known)
            continue;
        apply(attempt, rules, *state, **known);
        rows.append({ state->id, state->endpoint, state->attemptCount, attempt.claim.trigger, attempt.startedAt, attempt.durationMs,
                      attempt.requestHeaders, attempt.status, attempt.responseHeaders, attempt.responseBody, attempt.error });
    }
    if (const auto saved = m_store.save(states.values()); !saved)
        return saved;
    if (const auto added = m_store.add(rows); !added)
        return added;
    return saveEndpoints(endpoints);
}

void Dispatch::apply(const FinishedAttempt &attempt, const RetryRules &rules, DeliveryState &state, Touched &touched) const
{
    ++state.attemptCount;
    state.lastResponseStatus = attempt.status;
    // Otherwise the claim has run out, or a replay was asked for meanwhile: what is due next is not ours to decide.
    const bool isOurs = state.dueAt == attempt.claim.claimedUntil;
    if (!attempt.isSuccess()) {
        noteFailure(attempt, rules, state, touched);
    } else {
        state.status = DeliveryStatus::Delivered;
        state.deliveredAt = state.deliveredAt.value_or(attempt.startedAt.plusMs(attempt.durationMs));
        state.nextAttemptAt.reset();
        touched.isChanged = touched.isChanged || touched.endpoint.failingSince;
        touched.endpoint.failingSince.reset();
        touched.endpoint.exhaustedCount = 0;
    }
    if (isOurs || (attempt.isSuccess() && state.nextTrigger == DeliveryTrigger::Schedule)) {
        state.dueAt = state.nextAttemptAt;
        state.nextTrigger = DeliveryTrigger::Schedule;
        if (state.dueAt && !touched.endpoint.isActive)
            state.dueAt = DueWhenActive;
    }
}

void Dispatch::noteFailure(const FinishedAttempt &attempt, const RetryRules &rules, DeliveryState &state,
                           Touched &touched) const
{
    if (attempt.status == GoneStatus) {
        if (state.status == DeliveryStatus::Pending)
            state.status = DeliveryStatus::Failed;
        state.nextAttemptAt.reset();
        return disable(touched, DisabledReason::Gone);
    }
    if (attempt.claim.trigger == DeliveryTrigger::Test) {
        state.status = DeliveryStatus::Failed;
        state.nextAttemptAt.reset();
        return;
    }
    if (!touched.endpoint.failingSince) {
        touched.endpoint.failingSince = attempt.startedAt;
        touched.isChanged = true;
    }
    // A replay that was made when the schedule's own attempt was due stands for that one.
    const bool isSchedule = attempt.claim.trigger == DeliveryTrigger::Schedule
        || (state.nextAttemptAt && *state.nextAttemptAt <= attempt.startedAt);
    if (state.status != DeliveryStatus::Pending || !isSchedule)
        return;
    ++state.scheduleStep;
    const bool isOverload = attempt.isTimeout || attempt.status == TooManyRequestsStatus;
    const auto delay = rules.delayAfter(state.scheduleStep, isOverload, attempt.retryAfterMs,
                                        QRandomGenerator::global()->generateDouble());
    if (delay && attempt.startedAt.ms() - state.begunAt.ms() < rules.patienceMs()) {
        state.nextAttemptAt = attempt.startedAt.plusMs(attempt.durationMs + *delay);
        return;
    }
    state.status = DeliveryStatus::Failed;
    state.nextAttemptAt.reset();
    ++touched.endpoint.exhaustedCount;
    touched.isChanged = true;
    const qint64 failingMs = m_context.clock.now().ms() - touched.endpoint.failingSince->ms();
    if (failingMs >= rules.disableAfterMs && touched.endpoint.exhaustedCount >= LeastExhausted)
        disable(touched, DisabledReason::Failing);
}

void Dispatch::disable(Touched &touched, DisabledReason reason) const
{
    if (!touched.endpoint.isActive)
        return;
    touched.endpoint.isActive = false;
    touched.endpoint.disabledReason = reason;
    touched.endpoint.updatedAt = m_context.clock.now();
    touched.isChanged = touched.isDisabled = true;
    Log::warning("webhooks", u"endpoint %1 was switched off: %2"_s.arg(touched.endpoint.id.toString(), wordOf(reason)));
}

Result<void> Dispatch::saveEndpoints(const TouchedEndpoints &endpoints)
{
    for (const auto &touched : endpoints) {
        if (!touched || !touched->isChanged)
            continue;
        if (const auto saved = m_endpoints.update(touched->endpoint); !saved)
            return saved;
        if (!touched->isDisabled)
            continue;
        if (const auto canceled = m_store.cancelPending(touched->endpoint.id); !canceled)
            return canceled;
    }
    return {};
}

Result<QList<DueEndpoint>> Dispatch::dueFor(const DispatchRoom &room)
{
    if (room.looksAround)
        return m_store.due();
    QList<DueEndpoint> expected;
    for (const WebhookEndpointId &endpoint : room.expecting)
        expected.append({ endpoint, m_context.clock.now() });
    return expected;
}

Result<Dispatched> Dispatch::claim(const DispatchRoom &room)
{
    const auto due = dueFor(room);
    if (!due)
        return due.error();
    const Timestamp now = m_context.clock.now();
    Dispatched dispatched;
    int left = room.inAll;
    for (const DueEndpoint &waiting : *due) {
        if (waiting.firstDue > now) {
            if (waiting.firstDue < DueWhenActive)
                dispatched.nextDueAt = waiting.firstDue;
            break;
        }
        const int most = std::min(left, room.ofEndpoint.value(waiting.endpoint, room.ofOthers));
        if (most <= 0) {
            dispatched.more.insert(waiting.endpoint);
            continue;
        }
        const auto claimed = claimOf(waiting.endpoint, most, dispatched);
        if (!claimed)
            return claimed.error();
        if (claimed->size() >= most)
            dispatched.more.insert(waiting.endpoint);
        dispatched.deliveries += *claimed;
        left -= int(claimed->size());
    }
    if (dispatched.deliveries.isEmpty())
        return dispatched;
    if (const auto added = m_store.addMessages(dispatched.deliveries); !added)
        return added.error();
    // Their messages were deleted with a user, while the delivery was being written.
    QList<WebhookDeliveryId> orphans;
    dispatched.deliveries.removeIf([&orphans](const ClaimedDelivery &delivery) {
        if (delivery.messageId.isEmpty())
            orphans.append(delivery.id);
        return delivery.messageId.isEmpty();
    });
    if (const auto removed = m_store.remove(orphans); !removed)
        return removed.error();
    return dispatched;
}

Result<QList<ClaimedDelivery>> Dispatch::claimOf(const WebhookEndpointId &id, int most, Dispatched &dispatched)
{
    const Timestamp now = m_context.clock.now();
    auto claimed = m_store.claim(id, now, now.plusMs(ClaimMs), most);
    if (!claimed || claimed->isEmpty())
        return claimed;
    const auto endpoint = m_endpoints.find(id);
    if (!endpoint)
        return endpoint.error();
    if (!*endpoint) {
        QList<WebhookDeliveryId> orphans;
        for (const ClaimedDelivery &delivery : *claimed)
            orphans.append(delivery.id);
        if (const auto removed = m_store.remove(orphans); !removed)
            return removed.error();
        return QList<ClaimedDelivery> {};
    }
    if (!(*endpoint)->isActive) {
        // Written by another gateway while this one switched the endpoint off.
        QList<ClaimedDelivery> paused;
        claimed->removeIf([&paused](const ClaimedDelivery &delivery) {
            if (delivery.trigger == DeliveryTrigger::Schedule)
                paused.append(delivery);
            return delivery.trigger == DeliveryTrigger::Schedule;
        });
        if (const auto back = putBack(paused, DueWhenActive); !back)
            return back.error();
        if ((*endpoint)->disabledReason) {
            if (const auto canceled = m_store.cancelPending(id); !canceled)
                return canceled.error();
        }
    }
    const auto keys = m_secrets.signingKeys(id);
    if (!keys) {
        if (keys.error().code == ErrorCode::DatabaseUnavailable)
            return keys.error();
        Log::error("webhooks", u"the secret of endpoint %1 cannot be opened; its deliveries wait"_s.arg(id.toString()));
        if (const auto back = putBack(*claimed, now.plusMs(UnsignedPauseMs)); !back)
            return back.error();
        return QList<ClaimedDelivery> {};
    }
    dispatched.targets.insert(id, { (*endpoint)->url.toUtf8(), (*endpoint)->allowPrivate, (*endpoint)->platform,
                                    (*endpoint)->failingSince.has_value(), *keys });
    return claimed;
}

Result<void> Dispatch::putBack(const QList<ClaimedDelivery> &claimed, std::optional<Timestamp> due)
{
    if (claimed.isEmpty())
        return {};
    QHash<WebhookDeliveryId, Timestamp> ends;
    for (const ClaimedDelivery &delivery : claimed)
        ends.insert(delivery.id, delivery.claimedUntil);
    auto states = m_store.states(ends.keys());
    if (!states)
        return states.error();
    states->removeIf([&ends](const DeliveryState &state) { return state.dueAt != ends.value(state.id); });
    for (DeliveryState &state : *states)
        state.dueAt = due ? *due : state.nextTrigger == DeliveryTrigger::Schedule ? state.nextAttemptAt : m_context.clock.now();
    return m_store.save(*states);
}

Result<Dispatch::Outlook> Dispatch::outlook(const QSet<WebhookEndpointId> &leftOut)
{
    const auto due = m_store.due();
    if (!due)
        return due.error();
    const auto backlog = m_store.backlog();
    if (!backlog)
        return backlog.error();
    Outlook outlook { {}, *backlog };
    for (const DueEndpoint &waiting : *due) {
        if (waiting.firstDue < DueWhenActive && !leftOut.contains(waiting.endpoint)) {
            outlook.nextDueAt = waiting.firstDue;
            break;
        }
    }
    return outlook;
}

Result<bool> Dispatch::removeOld(int most)
{
    const Timestamp now = m_context.clock.now();
    const auto isOldLeft = m_store.removeOlder(now.plusMs(-KeepAttemptsMs), now.plusMs(-KeepMessagesMs), most);
    if (!isOldLeft)
        return isOldLeft;
    const auto isLeftOver = WebhookDeliveryStore(m_context.db).removeLeftovers(most);
    return isLeftOver ? Result<bool>(*isOldLeft || *isLeftOver) : isLeftOver;
}

} // namespace assistiv
