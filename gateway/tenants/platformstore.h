// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/id.h"
#include "core/result.h"
#include "store/database.h"

#include <QtCore/QList>

namespace assistiv {

/// A tenant: owns keys, end users, wallet, provider keys and logs.
struct Platform
{
    PlatformId id;
    QString name;
    QString slug;
    bool isActive = true;
    /// JSON object, as given; defaults are not filled in.
    QByteArray settings = "{}";
    Timestamp createdAt;
    Timestamp updatedAt;
};

struct PlatformRows
{
    QList<Platform> rows;
    qint64 total = 0;
};

/// The table platforms.
class PlatformStore
{
public:
    explicit PlatformStore(Database &db) : m_db(db) {}

    /// Conflict when the slug is taken.
    Result<void> insert(const Platform &platform);
    Result<void> update(const Platform &platform);
    Result<std::optional<Platform>> find(const PlatformId &id);
    Result<std::optional<Platform>> findBySlug(const QString &slug);
    /// Newest first.
    Result<PlatformRows> list(qint64 offset, qint64 limit);
    /// With everything that belongs to it, the tables without foreign keys included.
    Result<void> remove(const PlatformId &id);

private:
    Database &m_db;
};

} // namespace assistiv
