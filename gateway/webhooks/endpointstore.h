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

/// Who is told of a platform's events.
struct WebhookEndpoint
{
    WebhookEndpointId id = {};
    PlatformId platform = {};
    QString url = {};
    QString description = {};
    QList<WebhookEvent> events = {};
    bool isActive = true;
    /// Set while the gateway itself has switched it off.
    std::optional<DisabledReason> disabledReason = {};
    /// The administrator's leave to reach any address, and by http.
    bool allowPrivate = false;
    /// The first failure since the last success.
    std::optional<Timestamp> failingSince = {};
    /// How many deliveries have used up their attempts since then.
    qint64 exhaustedCount = 0;
    Timestamp createdAt = {};
    Timestamp updatedAt = {};
};

struct WebhookEndpointList
{
    QList<WebhookEndpoint> rows;
    qint64 total = 0;
};

/// The table webhook_endpoints.
class WebhookEndpointStore
{
public:
    explicit WebhookEndpointStore(Database &db) : m_db(db) { }

    Result<std::optional<WebhookEndpoint>> find(const WebhookEndpointId &id);
    /// Newest first.
    Result<WebhookEndpointList> list(const PlatformId &platform, qint64 offset, qint64 limit);
    Result<qint64> count(const PlatformId &platform);
    Result<void> insert(const WebhookEndpoint &endpoint);
    Result<void> update(const WebhookEndpoint &endpoint);
    /// With its secrets.
    Result<void> remove(const WebhookEndpointId &id);

private:
    Database &m_db;
};

} // namespace assistiv
