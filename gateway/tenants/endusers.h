// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ledger/budgets.h"
#include "tenants/apikeys.h"
#include "tenants/enduserstore.h"
#include "tenants/platformstore.h"

namespace assistiv {

struct EndUserDraft
{
    QString externalId;
    QString displayName = {};
    /// JSON object.
    QByteArray metadata = "{}";
};

/// What is not given keeps its value.
struct EndUserChange
{
    std::optional<QString> externalId = {};
    /// Given and empty: null.
    std::optional<QString> displayName = {};
    std::optional<QByteArray> metadata = {};
    std::optional<bool> isActive = {};
};

struct CreatedEndUser
{
    EndUser user;
    /// False: the external id was known, the user is unchanged and has one more key.
    bool isNew = true;
    MintedKey key;
};

/// Decides about end users (docs/contract/end-users-and-keys.md).
class EndUsers
{
public:
    EndUsers(const ServiceContext &context, ApiKeys &keys, Budgets &budgets)
        : m_context(context), m_keys(keys), m_budgets(budgets), m_store(context.db), m_platforms(context.db)
    {
    }

    /// A fresh key each time; the automatic budget only for a new user. actorKey: whose ledger row that is.
    Result<CreatedEndUser> create(const PlatformId &platform, const EndUserDraft &draft, const ApiKeyId &actorKey = {});
    /// EndUserNotFound, also when the user belongs to another platform.
    Result<EndUser> get(const PlatformId &platform, const EndUserId &id);
    Result<std::optional<EndUser>> findByExternalId(const PlatformId &platform, const QString &externalId);
    Result<EndUserRows> list(const PlatformId &platform, const EndUserFilter &filter, qint64 offset, qint64 limit);
    /// EndUserNotFound, ExternalIdTaken.
    Result<EndUser> patch(const PlatformId &platform, const EndUserId &id, const EndUserChange &change);
    Result<void> remove(const PlatformId &platform, const EndUserId &id);

    // Keys of one user: EndUserNotFound, ApiKeyNotFound.
    Result<MintedKey> createKey(const PlatformId &platform, const EndUserId &id, const ApiKeyDraft &draft);
    Result<ApiKeyRows> keys(const PlatformId &platform, const EndUserId &id, qint64 offset, qint64 limit);
    Result<void> revokeKey(const PlatformId &platform, const EndUserId &id, const ApiKeyId &key);

private:
    Result<EndUser> insertOrFind(const PlatformId &platform, const EndUserDraft &draft, bool &isNew);

    ServiceContext m_context;
    ApiKeys &m_keys;
    Budgets &m_budgets;
    EndUserStore m_store;
    PlatformStore m_platforms;
};

} // namespace assistiv
