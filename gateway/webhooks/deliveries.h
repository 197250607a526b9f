// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "webhooks/endpoints.h"

namespace assistiv {

/// A delivery with what was sent and all that is known of its attempts.
struct DeliveryReport
{
    WebhookDelivery delivery;
    /// JSON object.
    QByteArray payload;
    QList<WebhookAttempt> attempts;
};

/// Which lost deliveries to begin anew.
struct DeliveryRecovery
{
    Timestamp since = {};
    /// Exclusive; now when it is not given.
    std::optional<Timestamp> until = {};
    /// Only counts.
    bool isDryRun = false;
};

/// Decides about the deliveries of endpoints, as far as people do (docs/contract/webhooks.md). WebhookEndpointNotFound
/// and DeliveryNotFound, wherever an id is given, also for those of another platform.
class WebhookDeliveries
{
public:
    /// Attempts that a report tells of; the newest ones.
    static constexpr int MostAttempts = 100;
    /// How far back a recovery may go, and how many deliveries it begins anew at most.
    static constexpr qint64 RecoverableMs = 14LL * 24 * 60 * 60 * 1000;
    static constexpr qint64 MostRecovered = 10'000;
    /// What statistics cover when nothing is said.
    static constexpr qint64 UsualStatsMs = 24LL * 60 * 60 * 1000;

    WebhookDeliveries(const ServiceContext &context, WebhookEndpoints &endpoints);

    /// Newest first.
    Result<WebhookDeliveryList> list(const PlatformId &platform, const WebhookEndpointId &endpoint,
                                     const DeliveryFilter &filter, qint64 offset, qint64 limit);
    Result<DeliveryReport> get(const PlatformId &platform, const WebhookEndpointId &endpoint,
                               const WebhookDeliveryId &id);
    /// One more attempt at once. Conflict when the endpoint is inactive.
    Result<WebhookDelivery> replay(const PlatformId &platform, const WebhookEndpointId &endpoint,
                                   const WebhookDeliveryId &id);
    /// Sends a test event, whatever the endpoint wants to hear and also when it is inactive.
    Result<WebhookDeliveryId> sendTest(const PlatformId &platform, const WebhookEndpointId &endpoint);
    /// How many begin anew, with a fresh schedule. ValidationError (since, until); Conflict when the endpoint is
    /// inactive.
    Result<qint64> recover(const PlatformId &platform, const WebhookEndpointId &endpoint,
                           const DeliveryRecovery &recovery);
    /// ValidationError (since, until).
    Result<DeliveryStats> stats(const PlatformId &platform, const WebhookEndpointId &endpoint,
                                const std::optional<Timestamp> &since = {}, const std::optional<Timestamp> &until = {});

private:
    Result<WebhookDelivery> find(const PlatformId &platform, const WebhookEndpointId &endpoint,
                                 const WebhookDeliveryId &id);
    Result<void> checkActive(const PlatformId &platform, const WebhookEndpointId &endpoint);

    ServiceContext m_context;
    WebhookEndpoints &m_endpoints;
    WebhookDeliveryStore m_store;
};

} // namespace assistiv
