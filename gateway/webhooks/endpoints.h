// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "store/database.h"
#include "webhooks/deliverystore.h"
#include "webhooks/endpointstore.h"
#include "webhooks/secrets.h"

#include <QtCore/QStringList>

namespace assistiv {

struct WebhookTargets;

struct WebhookEndpointDraft
{
    QString url = {};
    QString description = {};
    /// The default ones when it is empty.
    QList<WebhookEvent> events = {};
    bool isActive = true;
    /// For administrators only.
    bool allowPrivate = false;
};

/// What is not given keeps its value.
struct WebhookEndpointChange
{
    std::optional<QString> url = {};
    /// An empty text takes it away.
    std::optional<QString> description = {};
    std::optional<QList<WebhookEvent>> events = {};
    std::optional<bool> isActive = {};
    /// For administrators only. Not given, it is lost when the URL moves to another scheme, host or port.
    std::optional<bool> allowPrivate = {};
};

/// An endpoint with its first secret.
struct NewWebhookEndpoint
{
    WebhookEndpoint endpoint;
    QByteArray secret;
};

/// Decides about who is told of a platform's events (docs/contract/webhooks.md). WebhookEndpointNotFound, wherever an
/// id is given, also for an endpoint of another platform.
class WebhookEndpoints
{
public:
    static constexpr int MostPerPlatform = 50;
    static constexpr int LongestDescription = 500;

    explicit WebhookEndpoints(const ServiceContext &context);

    /// ValidationError (param url), EndpointLimitReached.
    Result<NewWebhookEndpoint> create(const PlatformId &platform, const WebhookEndpointDraft &draft);
    Result<WebhookEndpoint> get(const PlatformId &platform, const WebhookEndpointId &id);
    /// Newest first.
    Result<WebhookEndpointList> list(const PlatformId &platform, qint64 offset = 0, qint64 limit = AllRows);
    /// ValidationError (param url). Switching off lets pending deliveries rest, switching on takes them up again.
    Result<WebhookEndpoint> update(const PlatformId &platform, const WebhookEndpointId &id,
                                   const WebhookEndpointChange &change);
    /// With its secrets; deliveries and attempts can be found no more and go bit by bit (webhooks/dispatch.h).
    Result<void> remove(const PlatformId &platform, const WebhookEndpointId &id);
    Result<QByteArray> secret(const PlatformId &platform, const WebhookEndpointId &id);
    Result<WebhookSecrets::Rotation> rotateSecret(const PlatformId &platform, const WebhookEndpointId &id);

    /// The events of these names; ValidationError (param event_types) when there are none, or unknown or repeated ones.
    static Result<QList<WebhookEvent>> eventsOf(const QStringList &names);

private:
    const WebhookTargets &targets() const;
    /// With what follows from its being active or not any more.
    Result<void> setActive(WebhookEndpoint &endpoint, bool isActive);

    ServiceContext m_context;
    WebhookEndpointStore m_store;
    WebhookDeliveryStore m_deliveries;
    WebhookSecrets m_secrets;
};

} // namespace assistiv
