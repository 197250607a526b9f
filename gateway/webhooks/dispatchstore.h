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

/// How far the delivery of one message to one endpoint has come.
struct DeliveryState
{
    WebhookDeliveryId id;
    WebhookEndpointId endpoint;
    DeliveryStatus status = DeliveryStatus::Pending;
    qint64 attemptCount = 0;
    /// Attempts of the schedule that were made.
    qint64 scheduleStep = 0;
    /// When the schedule began.
    Timestamp begunAt;
    /// What the schedule says; null unless it is pending.
    std::optional<Timestamp> nextAttemptAt;
    /// When the next attempt may be taken up, or until when it is claimed; null: none is wanted.
    std::optional<Timestamp> dueAt;
    DeliveryTrigger nextTrigger = DeliveryTrigger::Schedule;
    std::optional<qint64> lastResponseStatus;
    std::optional<Timestamp> deliveredAt;
};

/// One attempt, as the delivery log shows it. Headers are JSON objects.
struct DeliveryAttempt
{
    WebhookDeliveryId delivery;
    WebhookEndpointId endpoint;
    qint64 number = 0;
    DeliveryTrigger trigger = DeliveryTrigger::Schedule;
    Timestamp startedAt;
    qint64 durationMs = 0;
    QByteArray requestHeaders;
    /// Null when no answer came.
    std::optional<qint64> responseStatus;
    QByteArray responseHeaders;
    /// UTF-8, cut off.
    QByteArray responseBody;
    /// Why no answer came; empty when one did.
    QString error;
};

/// A delivery that the courier has claimed, with what it sends.
struct ClaimedDelivery
{
    WebhookDeliveryId id;
    WebhookEndpointId endpoint;
    DeliveryTrigger trigger = DeliveryTrigger::Schedule;
    /// Whoever has not told by then how it went has lost the claim.
    Timestamp claimedUntil;
    QByteArray eventId;
    QByteArray messageId;
    QByteArray payload;
};

struct DueEndpoint
{
    WebhookEndpointId endpoint;
    /// Of what waits for it longest.
    Timestamp firstDue;
};

/// webhook_deliveries, webhook_attempts and webhook_messages as the courier works with them.
class DispatchStore
{
public:
    explicit DispatchStore(Database &db) : m_db(db) {}

    /// Endpoints for which something is due at any time, those first that wait longest. One probe of the index for each.
    Result<QList<DueEndpoint>> due();
    /// How many deliveries wait for an attempt.
    Result<qint64> backlog();
    /// Takes up what is due by now, at most so many; others leave it alone until the claim ends.
    Result<QList<ClaimedDelivery>> claim(const WebhookEndpointId &endpoint, Timestamp now, Timestamp until, qint64 most);
    /// Fills in what is sent. Deliveries of messages that are gone stay without.
    Result<void> addMessages(QList<ClaimedDelivery> &claimed);

    /// Locked until the end of the transaction; those that still exist.
    Result<QList<DeliveryState>> states(const QList<WebhookDeliveryId> &ids);
    Result<void> save(const QList<DeliveryState> &states);
    Result<void> add(const QList<DeliveryAttempt> &attempts);
    /// All but tests.
    Result<void> cancelPending(const WebhookEndpointId &endpoint);
    Result<void> remove(const QList<WebhookDeliveryId> &ids);

    /// Gives back every claim. Only for who is alone on the database.
    Result<void> releaseClaims();
    /// Attempts older than the one moment, messages and deliveries older than the other, at most so many of each; whether
    /// there may be more.
    Result<bool> removeOlder(Timestamp attempts, Timestamp messages, int most);

private:
    Result<int> removeOldest(const QString &statement, Timestamp than, int most);

    Database &m_db;
};

} // namespace assistiv
