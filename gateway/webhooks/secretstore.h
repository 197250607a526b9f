// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/id.h"
#include "core/result.h"

#include <QtCore/QByteArrayList>

namespace assistiv {

class Database;

/// The table webhook_secrets. What it holds is sealed.
class WebhookSecretStore
{
public:
    explicit WebhookSecretStore(Database &db) : m_db(db) { }

    /// As the newest, without an end.
    Result<void> insert(const WebhookEndpointId &endpoint, const QByteArray &sealed);
    /// Those that have not ended at that moment, newest first.
    Result<QByteArrayList> alive(const WebhookEndpointId &endpoint, Timestamp now);
    /// Gives those without an end this one.
    Result<void> end(const WebhookEndpointId &endpoint, Timestamp at);
    /// Removes what has ended, and of those that will end all but the newest.
    Result<void> removeOld(const WebhookEndpointId &endpoint, Timestamp now, int kept);

private:
    Database &m_db;
};

} // namespace assistiv
