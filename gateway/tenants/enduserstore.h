// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/id.h"
#include "core/result.h"
#include "store/database.h"

#include <QtCore/QList>

namespace assistiv {

/// Somebody whom a platform serves.
struct EndUser
{
    EndUserId id;
    PlatformId platform;
    QString externalId;
    /// Empty: null.
    QString displayName;
    /// JSON object.
    QByteArray metadata = "{}";
    bool isActive = true;
    Timestamp createdAt;
    Timestamp updatedAt;
};

struct EndUserFilter
{
    std::optional<QString> externalId = {};
    std::optional<bool> isActive = {};
    /// Part of the external id or the display name, in whatever case; the exact external id comes first.
    std::optional<QString> q = {};
};

struct EndUserRows
{
    QList<EndUser> rows;
    qint64 total = 0;
};

/// The table end_users.
class EndUserStore
{
public:
    explicit EndUserStore(Database &db) : m_db(db) {}

    /// False: the platform has a user with that external id already, nothing was written.
    Result<bool> insert(const EndUser &user);
    /// Conflict when the external id is taken.
    Result<void> update(const EndUser &user);
    Result<std::optional<EndUser>> find(const PlatformId &platform, const EndUserId &id);
    Result<std::optional<EndUser>> findByExternalId(const PlatformId &platform, const QString &externalId);
    /// Newest first.
    Result<EndUserRows> list(const PlatformId &platform, const EndUserFilter &filter, qint64 offset, qint64 limit);
    /// With everything that belongs to the user; what the platform's books need stays, without the user's id.
    Result<void> remove(const PlatformId &platform, const EndUserId &id);

private:
    Database &m_db;
};

} // namespace assistiv
