// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/id.h"
#include "core/result.h"
#include "store/accountstate.h"

#include <QtCore/QList>

namespace assistiv {

/// Something that happened, in the words its receivers get (docs/contract/webhooks.md). The body is serialised once: every
/// attempt at every endpoint sends these bytes.
struct WebhookMessage
{
    PlatformId platform;
    /// Null when it is about no user.
    EndUserId endUser;
    QByteArray eventType;
    /// "<ledger row id>:<event type>"; what a receiver recognises a repetition by.
    QByteArray eventId;
    /// JSON object.
    QByteArray payload;
    Timestamp createdAt;
    /// Kept only when somebody subscribed to it: what happens with every call would fill the database for nobody.
    bool isOnDemand = false;
};

/// What receivers are to be told: messages, and a delivery for each active endpoint of the platform that subscribed to the
/// event. They are written in the transaction of what they tell, so that a crash loses none and a rollback sends none.
class Outbox
{
public:
    explicit Outbox(const ServiceContext &context) : m_context(context) {}

    /// Gives each message its webhook-id. Conflict when an event was told already.
    Result<void> append(const QList<WebhookMessage> &messages);

    /// "msg_" and 27 base62 characters that sort by time, as KSUIDs do: seconds, then 16 random bytes.
    static QByteArray newMessageId(Timestamp now);

private:
    struct Subscriber
    {
        PlatformId platform;
        QByteArray endpoint;
        /// JSON array of names.
        QByteArray eventTypes;
    };
    Result<QList<Subscriber>> subscribersOf(const QList<WebhookMessage> &messages);

    ServiceContext m_context;
};

} // namespace assistiv
