// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/id.h"
#include "core/result.h"
#include "store/accountstate.h"

#include <QtCore/QList>

namespace assistiv {

using AuditEntryId = Id<struct AuditEntryTag>;

struct AuditEntry
{
    AuditEntryId id;
    /// Id of the admin key, or "console".
    QString actor;
    /// "platform.create", "wallet.adjust", …
    QString action;
    /// Id of what was changed; empty when there is no one thing.
    QString target;
    /// JSON object; never holds a secret.
    QByteArray details = "{}";
    Timestamp createdAt;
};

struct AuditEntries
{
    QList<AuditEntry> rows;
    qint64 total = 0;
};

/// What administrators did. Entries are never changed or removed.
class Audit
{
public:
    explicit Audit(const ServiceContext &context) : m_context(context) {}

    /// In the transaction of what it tells of: both are there or neither is.
    Result<void> note(const QString &actor, QLatin1StringView action, const QString &target, const QByteArray &details = "{}");
    /// Newest first.
    Result<AuditEntries> list(qint64 offset, qint64 limit);

private:
    ServiceContext m_context;
};

} // namespace assistiv
