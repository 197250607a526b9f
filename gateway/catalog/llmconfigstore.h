// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/id.h"
#include "core/result.h"
#include "store/database.h"

#include <QtCore/QList>

namespace assistiv {

/// A platform's own key for one provider, as everybody may see it.
struct LlmConfig
{
    LlmConfigId id;
    PlatformId platform;
    ProviderId provider;
    QString providerSlug;
    /// The last four characters.
    QString keyHint;
    bool isDefault = false;
    bool isActive = true;
    Timestamp createdAt;
    Timestamp updatedAt;
};

/// The same with what must not leave the service.
struct LlmConfigRow : LlmConfig
{
    /// Base64 of what the vault made of the key.
    QByteArray sealedKey;
    QByteArray fingerprint;
};

struct LlmConfigList
{
    QList<LlmConfig> rows;
    qint64 total = 0;
};

/// The table llm_configs.
class LlmConfigStore
{
public:
    explicit LlmConfigStore(Database &db) : m_db(db) { }

    Result<LlmConfigList> list(const PlatformId &platform, const std::optional<ProviderId> &provider, qint64 offset,
                               qint64 limit);
    Result<std::optional<LlmConfigRow>> find(const PlatformId &platform, const LlmConfigId &id);
    Result<std::optional<LlmConfigRow>> findByFingerprint(const PlatformId &platform, const ProviderId &provider,
                                                          const QByteArray &fingerprint);
    /// By provider (enabled or not); of one provider the default first, then the oldest.
    Result<QList<LlmConfigRow>> active(const PlatformId &platform);
    Result<void> insert(const LlmConfigRow &row);
    Result<void> update(const LlmConfigRow &row);
    /// Takes the flag from all others of this provider.
    Result<void> clearDefault(const PlatformId &platform, const ProviderId &provider, const LlmConfigId &except,
                              Timestamp now);
    Result<void> remove(const LlmConfigId &id);

private:
    Database &m_db;
};

} // namespace assistiv
