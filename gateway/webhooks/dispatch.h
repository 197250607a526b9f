// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "store/accountstate.h"
#include "webhooks/dispatchstore.h"
#include "webhooks/endpointstore.h"
#include "webhooks/secrets.h"

#include <QtCore/QHash>
#include <QtCore/QSet>

namespace assistiv {

struct RetryRules;

/// How an attempt went.
struct FinishedAttempt
{
    ClaimedDelivery claim;
    Timestamp startedAt;
    qint64 durationMs = 0;
    /// JSON objects.
    QByteArray requestHeaders;
    QByteArray responseHeaders;
    /// Null when no answer came; then error says why.
    std::optional<qint64> status;
    QByteArray responseBody;
    QString error;
    bool isTimeout = false;
    std::optional<qint64> retryAfterMs;

    bool isSuccess() const { return status && *status >= 200 && *status < 300; }
};

/// Where the deliveries of an endpoint go.
struct DispatchTarget
{
    QByteArray url;
    bool allowPrivate = false;
    PlatformId platform;
    /// Nothing but failures lately.
    bool isFailing = false;
    /// Newest first.
    QByteArrayList signingKeys;
};

/// How much the courier can take on.
struct DispatchRoom
{
    /// Of the endpoints that it is at work on.
    QHash<WebhookEndpointId, int> ofEndpoint = {};
    /// Of each other endpoint.
    int ofOthers = 0;
    int inAll = 0;
    /// Endpoints of which more was known to be due; all there is without looking around.
    QList<WebhookEndpointId> expecting = {};
    bool looksAround = true;
};

struct Dispatched
{
    QList<ClaimedDelivery> deliveries;
    QHash<WebhookEndpointId, DispatchTarget> targets;
    /// There may be more that is due for these.
    QSet<WebhookEndpointId> more;
    /// When something is due again, as far as is known.
    std::optional<Timestamp> nextDueAt;
};

/// What the courier asks the database: deliveries to make, and how those that were made change what is to be done
/// (docs/contract/webhooks.md). Attempts are claimed for a while, so that several gateways on one database do not make the
/// same one on purpose, and one that ends in the middle leaves nothing undone.
class Dispatch
{
public:
    static constexpr qint64 ClaimMs = 30'000;
    static constexpr qint64 KeepAttemptsMs = 30LL * 24 * 3'600'000;
    static constexpr qint64 KeepMessagesMs = 90LL * 24 * 3'600'000;

    explicit Dispatch(const ServiceContext &context);

    /// Notes the attempts, decides what becomes of their deliveries and endpoints. Deliveries that were deleted meanwhile
    /// are passed over.
    Result<void> record(const QList<FinishedAttempt> &attempts, const RetryRules &rules);
    /// Takes up what is due.
    Result<Dispatched> claim(const DispatchRoom &room);

    /// Claims of what was not attempted end at once.
    Result<void> giveBack(const QList<ClaimedDelivery> &claimed) { return putBack(claimed, {}); }

    struct Outlook
    {
        /// Of the endpoints that were not left out.
        std::optional<Timestamp> nextDueAt;
        qint64 backlog = 0;
    };
    Result<Outlook> outlook(const QSet<WebhookEndpointId> &leftOut = {});

    /// Gives back the claims of a process that has ended. Only for who is alone on the database.
    Result<void> releaseClaims() { return m_store.releaseClaims(); }
    /// What has been kept long enough or is left of deleted endpoints, at most so many rows of each kind; whether there may be more.
    Result<bool> removeOld(int most);

private:
    /// Endpoints of one batch, read once and written once.
    struct Touched
    {
        WebhookEndpoint endpoint;
        bool isChanged = false;
        /// Switched off in this batch.
        bool isDisabled = false;
    };
    using TouchedEndpoints = QHash<WebhookEndpointId, std::optional<Touched>>;

    void apply(const FinishedAttempt &attempt, const RetryRules &rules, DeliveryState &state, Touched &touched) const;
    void noteFailure(const FinishedAttempt &attempt, const RetryRules &rules, DeliveryState &state, Touched &touched) const;
    void disable(Touched &touched, DisabledReason reason) const;
    Result<void> saveEndpoints(const TouchedEndpoints &endpoints);
    Result<QList<DueEndpoint>> dueFor(const DispatchRoom &room);
    /// Claims of one endpoint; empty when there is nothing to send.
    Result<QList<ClaimedDelivery>> claimOf(const WebhookEndpointId &id, int most, Dispatched &dispatched);
    /// No moment: due as it was before the claim.
    Result<void> putBack(const QList<ClaimedDelivery> &claimed, std::optional<Timestamp> due);

    ServiceContext m_context;
    DispatchStore m_store;
    WebhookEndpointStore m_endpoints;
    WebhookSecrets m_secrets;
};

} // namespace assistiv
