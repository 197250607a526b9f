// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/id.h"
#include "core/result.h"

#include <QtCore/QJsonObject>
#include <QtCore/QList>

namespace assistiv {

struct Services;

/// What a bootstrap made: ids, and the keys that can be read this once.
struct BootstrapOutcome
{
    struct User
    {
        QString externalId;
        EndUserId id;
        /// Empty: the user was there before.
        QString rawKey;
    };
    struct Key
    {
        QString name;
        /// Empty: the key was there before.
        QString rawKey;
    };
    struct Endpoint
    {
        QString url;
        WebhookEndpointId id;
        /// Readable again, so also of one that was there before.
        QByteArray secret;
    };
    struct Tenant
    {
        QString slug;
        PlatformId id;
        QList<Key> keys;
        QList<Endpoint> endpoints;
        QList<User> users;
    };

    /// Empty: the installation had one.
    QString adminKey;
    QList<Tenant> platforms;

    /// As --bootstrap-out writes it; keys that were there before are null.
    QJsonObject toJson(const QString &origin) const;
};

/// Brings the installation to what the file declares: what exists is updated or left alone, nothing is deleted, so it
/// can be applied at every start (docs/contract/headless-and-admin.md, "Bootstrap file"). All of it or nothing. A file
/// that breaks a rule is a ValidationError whose param is the JSON path. Must run inside a transaction.
Result<BootstrapOutcome> applyBootstrap(Services &services, const QJsonObject &file);

} // namespace assistiv
