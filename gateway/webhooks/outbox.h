// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/id.h"
#include "core/result.h"

namespace assistiv {

class Database;

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
};

/// The messages that wait to be delivered. They are written in the transaction of what they tell, so that a crash loses none
/// and a rollback sends none.
class Outbox
{
public:
    explicit Outbox(Database &db) : m_db(db) {}

    /// Gives the message its webhook-id. Conflict when the event was told already.
    Result<void> append(const WebhookMessage &message);

    /// "msg_" and 27 base62 characters that sort by time, as KSUIDs do: seconds, then 16 random bytes.
    static QByteArray newMessageId(Timestamp now);

private:
    Database &m_db;
};

} // namespace assistiv
