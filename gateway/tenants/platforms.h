// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ledger/wallets.h"
#include "tenants/apikeys.h"
#include "tenants/platformstore.h"

namespace assistiv {

struct PlatformDraft
{
    QString name;
    QString slug;
    /// JSON object.
    QByteArray settings = "{}";
};

/// What is not given keeps its value.
struct PlatformChange
{
    std::optional<QString> name = {};
    std::optional<QString> slug = {};
    /// JSON object, merged member by member; null removes one.
    std::optional<QByteArray> settings = {};
    std::optional<bool> isActive = {};
};

struct CreatedPlatform
{
    Platform platform;
    MintedKey key;
};

/// The settings that the gateway itself reads, and the others as they were given.
struct PlatformSettings
{
    std::optional<Money> defaultBudget;
    /// JSON number.
    QByteArray markupPercentage = "0";
    /// JSON object or null.
    QByteArray endUserWallet = "null";
    /// Names (not escaped) and JSON values.
    QList<std::pair<QByteArray, QByteArray>> others;

    static PlatformSettings from(const QByteArray &json);
};

/// Decides about platforms (docs/contract/platforms.md).
class Platforms
{
public:
    Platforms(const ServiceContext &context, ApiKeys &keys, Wallets &wallets)
        : m_context(context), m_keys(keys), m_wallets(wallets), m_store(context.db)
    {
    }

    /// With its wallet and its first key. ValidationError, SlugTaken.
    Result<CreatedPlatform> create(const PlatformDraft &draft);
    /// PlatformNotFound.
    Result<Platform> get(const PlatformId &id);
    Result<std::optional<Platform>> findBySlug(const QString &slug);
    Result<PlatformRows> list(qint64 offset, qint64 limit);
    /// PlatformNotFound, ValidationError, SlugTaken.
    Result<Platform> patch(const PlatformId &id, const PlatformChange &change);
    Result<void> remove(const PlatformId &id);

private:
    ServiceContext m_context;
    ApiKeys &m_keys;
    Wallets &m_wallets;
    PlatformStore m_store;
};

} // namespace assistiv
