// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QHashFunctions>
#include <QtCore/QString>
#include <QtCore/QUuid>

#include <optional>

namespace assistiv {

/// A random (version 4) UUID from the cryptographic generator. QUuid::createUuid() asks the system each time, which costs ten
/// times as much, and every call makes four of them.
QUuid randomUuid();

/// A UUID with a meaning: ids of different things do not mix.
template<typename Tag>
class Id
{
public:
    Id() = default;
    /// A fresh random (version 4) id.
    static Id create() { return Id(randomUuid()); }
    /// Reads the 36-character form; empty when the text is anything else.
    static std::optional<Id> parse(QStringView text)
    {
        const QUuid uuid = text.size() == 36 ? QUuid::fromString(text) : QUuid();
        return uuid.isNull() ? std::nullopt : std::optional(Id(uuid));
    }
    /// Reads an id that the database holds; null when the column is null.
    static Id fromStored(const QString &text) { return Id(text.isEmpty() ? QUuid() : QUuid::fromString(text)); }

    bool isNull() const { return m_uuid.isNull(); }
    /// Lower case, without braces.
    QString toString() const { return m_uuid.toString(QUuid::WithoutBraces); }
    QByteArray toLatin1() const { return m_uuid.toByteArray(QUuid::WithoutBraces); }

    friend bool operator==(const Id &a, const Id &b) { return a.m_uuid == b.m_uuid; }
    friend bool operator<(const Id &a, const Id &b) { return a.m_uuid < b.m_uuid; }
    friend size_t qHash(const Id &id, size_t seed = 0) { return ::qHash(id.m_uuid, seed); }

private:
    explicit Id(QUuid uuid) : m_uuid(uuid) {}
    QUuid m_uuid;
};

using PlatformId = Id<struct PlatformTag>;
using EndUserId = Id<struct EndUserTag>;
using ApiKeyId = Id<struct ApiKeyTag>;
using BudgetId = Id<struct BudgetTag>;
using WalletId = Id<struct WalletTag>;
using LedgerRowId = Id<struct LedgerRowTag>;
using WalletRowId = Id<struct WalletRowTag>;
using LogRowId = Id<struct LogRowTag>;
using ProviderId = Id<struct ProviderTag>;
using ModelId = Id<struct ModelTag>;
using LlmConfigId = Id<struct LlmConfigTag>;
using RequestId = Id<struct RequestTag>;
using WebhookEndpointId = Id<struct WebhookEndpointTag>;
using WebhookDeliveryId = Id<struct WebhookDeliveryTag>;

} // namespace assistiv
