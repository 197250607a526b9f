// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/id.h"
#include "core/result.h"
#include "webhooks/events.h"

#include <QtCore/QList>

namespace assistiv {

class Database;

/// One message on its way to one endpoint.
struct WebhookDelivery
{
    WebhookDeliveryId id = {};
    WebhookEndpointId endpoint = {};
    PlatformId platform = {};
    EndUserId endUser = {};
    QByteArray messageId = {};
    QByteArray eventId = {};
    QByteArray eventType = {};
    DeliveryStatus status = DeliveryStatus::Pending;
    qint64 attemptCount = 0;
    qint64 scheduleStep = 0;
    std::optional<Timestamp> nextAttemptAt = {};
    /// When the courier may take it up; empty: not.
    std::optional<Timestamp> dueAt = {};
    DeliveryTrigger nextTrigger = DeliveryTrigger::Schedule;
    std::optional<qint64> lastResponseStatus = {};
    Timestamp createdAt = {};
    std::optional<Timestamp> deliveredAt = {};
};

/// What was sent once, and what came back.
struct WebhookAttempt
{
    qint64 number = 0;
    DeliveryTrigger trigger = DeliveryTrigger::Schedule;
    Timestamp startedAt = {};
    qint64 durationMs = 0;
    /// JSON object.
    QByteArray requestHeaders = {};
    std::optional<qint64> responseStatus = {};
    /// JSON object; empty when there was no answer, like the body.
    std::optional<QByteArray> responseHeaders = {};
    std::optional<QString> responseBody = {};
    QString error = {};
};

struct DeliveryFilter
{
    std::optional<DeliveryStatus> status = {};
    std::optional<QString> eventType = {};
    std::optional<Timestamp> since = {};
    /// Exclusive.
    std::optional<Timestamp> until = {};
};

struct WebhookDeliveryList
{
    QList<WebhookDelivery> rows;
    qint64 total = 0;
};

/// How an endpoint fared: deliveries by their creation, attempts by their start.
struct DeliveryStats
{
    Timestamp since;
    Timestamp until;
    qint64 pending = 0;
    qint64 delivered = 0;
    qint64 failed = 0;
    qint64 canceled = 0;
    qint64 attempts = 0;
    qint64 failedAttempts = 0;
    /// Of the attempts that were answered.
    std::optional<qint64> medianLatencyMs = {};
    std::optional<qint64> slowLatencyMs = {};
    std::optional<Timestamp> lastFailureAt = {};
};

/// The tables webhook_deliveries and webhook_attempts, as they are managed; how deliveries are made is the courier's.
class WebhookDeliveryStore
{
public:
    explicit WebhookDeliveryStore(Database &db) : m_db(db) { }

    /// Newest first.
    Result<WebhookDeliveryList> list(const WebhookEndpointId &endpoint, const DeliveryFilter &filter, qint64 offset,
                                     qint64 limit);
    Result<std::optional<WebhookDelivery>> find(const WebhookEndpointId &endpoint, const WebhookDeliveryId &id);
    /// The body of its message.
    Result<QByteArray> payload(const WebhookDelivery &delivery);
    /// The newest ones, in their order.
    Result<QList<WebhookAttempt>> attempts(const WebhookDeliveryId &id, int most);
    /// The message is in the outbox already.
    Result<void> insert(const WebhookDelivery &delivery);
    /// The next attempt is a replay, at this moment.
    Result<void> replay(const WebhookDeliveryId &id, Timestamp at);
    /// No attempts for now, except of tests.
    Result<void> rest(const WebhookEndpointId &endpoint);
    /// Pending ones go on with their schedule.
    Result<void> resume(const WebhookEndpointId &endpoint, Timestamp now);
    /// How many have failed or were canceled, tests left out; at most so many.
    Result<qint64> countLost(const WebhookEndpointId &endpoint, Timestamp since, Timestamp until, qint64 most);
    /// Begins these anew, the oldest first; how many.
    Result<qint64> recoverLost(const WebhookEndpointId &endpoint, Timestamp since, Timestamp until, qint64 most,
                               Timestamp now);
    Result<DeliveryStats> stats(const WebhookEndpointId &endpoint, Timestamp since, Timestamp until);
    /// The endpoint is gone. What is known of it goes, too: the rest of many rows bit by bit, by removeLeftovers().
    Result<void> removeOf(const WebhookEndpointId &endpoint);
    /// At most so many rows of each kind; whether there may be more.
    Result<bool> removeLeftovers(int most);

private:
    /// Whether there may be more.
    Result<bool> removeSome(const QString &endpoint, int most);
    Result<void> countDeliveries(const WebhookEndpointId &endpoint, DeliveryStats &stats);
    Result<qint64> countAttempts(const WebhookEndpointId &endpoint, DeliveryStats &stats);
    /// The duration that this share of the answered attempts did not exceed.
    Result<std::optional<qint64>> latency(const WebhookEndpointId &endpoint, const DeliveryStats &stats,
                                          qint64 answered, int percent);

    Database &m_db;
};

} // namespace assistiv
