// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "webhooks/endpoints.h"

#include "net/targeturl.h"
#include "webhooks/targets.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Error badEvents(const QString &message)
{
    return { .code = ErrorCode::ValidationError, .message = message, .param = u"event_types"_s };
}

} // namespace

WebhookEndpoints::WebhookEndpoints(const ServiceContext &context)
    : m_context(context)
    , m_store(context.db)
    , m_deliveries(context.db)
    , m_secrets(context)
{
}

const WebhookTargets &WebhookEndpoints::targets() const
{
    static const WebhookTargets publicOnly;
    return m_context.webhookTargets ? *m_context.webhookTargets : publicOnly;
}

Result<QList<WebhookEvent>> WebhookEndpoints::eventsOf(const QStringList &names)
{
    QList<WebhookEvent> events;
    for (const QString &name : names) {
        const auto event = fromWord<WebhookEvent>(name);
        if (!event)
            return badEvents(u"event_types may have %1."_s.arg(allWords<WebhookEvent>().join(u", "_s)));
        if (events.contains(*event))
            return badEvents(u"event_types has %1 twice."_s.arg(name));
        events.append(*event);
    }
    if (events.isEmpty())
        return badEvents(u"event_types must have at least one entry."_s);
    return events;
}

Result<NewWebhookEndpoint> WebhookEndpoints::create(const PlatformId &platform, const WebhookEndpointDraft &draft)
{
    if (const auto good = targets().check(draft.url, draft.allowPrivate); !good)
        return good.error();
    const auto count = m_store.count(platform);
    if (!count)
        return count.error();
    if (*count >= MostPerPlatform)
        return Error { ErrorCode::EndpointLimitReached,
                       u"The platform has %1 webhook endpoints already."_s.arg(MostPerPlatform) };
    WebhookEndpoint endpoint { .id = WebhookEndpointId::create(),
                               .platform = platform,
                               .url = draft.url,
                               .description = draft.description,
                               .events = draft.events,
                               .isActive = draft.isActive,
                               .allowPrivate = draft.allowPrivate };
    if (endpoint.events.isEmpty())
        endpoint.events = QList(DefaultWebhookEvents.begin(), DefaultWebhookEvents.end());
    endpoint.createdAt = endpoint.updatedAt = m_context.clock.now();
    if (const auto stored = m_store.insert(endpoint); !stored)
        return stored.error();
    const auto secret = m_secrets.create(endpoint.id);
    if (!secret)
        return secret.error();
    return NewWebhookEndpoint { endpoint, *secret };
}

Result<WebhookEndpoint> WebhookEndpoints::get(const PlatformId &platform, const WebhookEndpointId &id)
{
    const auto found = m_store.find(id);
    if (!found)
        return found.error();
    if (!*found || (*found)->platform != platform)
        return Error { ErrorCode::WebhookEndpointNotFound, u"There is no such webhook endpoint."_s };
    return **found;
}

Result<WebhookEndpointList> WebhookEndpoints::list(const PlatformId &platform, qint64 offset, qint64 limit)
{
    return m_store.list(platform, offset, limit);
}

Result<WebhookEndpoint> WebhookEndpoints::update(const PlatformId &platform, const WebhookEndpointId &id,
                                                 const WebhookEndpointChange &change)
{
    const auto before = get(platform, id);
    if (!before)
        return before.error();
    WebhookEndpoint endpoint = *before;
    endpoint.url = change.url.value_or(endpoint.url);
    endpoint.description = change.description.value_or(endpoint.description);
    endpoint.events = change.events.value_or(endpoint.events);
    // The leave was given for a place, not for a name.
    const bool hasMoved = TargetUrl::parse(endpoint.url) != TargetUrl::parse(before->url);
    endpoint.allowPrivate = change.allowPrivate.value_or(before->allowPrivate && !hasMoved);
    if (endpoint.url != before->url || endpoint.allowPrivate != before->allowPrivate) {
        if (const auto good = targets().check(endpoint.url, endpoint.allowPrivate); !good)
            return good.error();
    }
    const bool isActive = change.isActive.value_or(endpoint.isActive);
    if (isActive != endpoint.isActive) {
        if (const auto done = setActive(endpoint, isActive); !done)
            return done.error();
    }
    endpoint.updatedAt = m_context.clock.now();
    if (const auto stored = m_store.update(endpoint); !stored)
        return stored.error();
    return endpoint;
}

Result<void> WebhookEndpoints::setActive(WebhookEndpoint &endpoint, bool isActive)
{
    endpoint.isActive = isActive;
    if (!isActive)
        return m_deliveries.rest(endpoint.id);
    endpoint.disabledReason.reset();
    endpoint.failingSince.reset();
    endpoint.exhaustedCount = 0;
    m_context.changes.deliveriesDue = true;
    return m_deliveries.resume(endpoint.id, m_context.clock.now());
}

Result<void> WebhookEndpoints::remove(const PlatformId &platform, const WebhookEndpointId &id)
{
    if (const auto found = get(platform, id); !found)
        return found.error();
    if (const auto removed = m_deliveries.removeOf(id); !removed)
        return removed.error();
    return m_store.remove(id);
}

Result<QByteArray> WebhookEndpoints::secret(const PlatformId &platform, const WebhookEndpointId &id)
{
    if (const auto found = get(platform, id); !found)
        return found.error();
    return m_secrets.current(id);
}

Result<WebhookSecrets::Rotation> WebhookEndpoints::rotateSecret(const PlatformId &platform, const WebhookEndpointId &id)
{
    if (const auto found = get(platform, id); !found)
        return found.error();
    return m_secrets.rotate(id);
}

} // namespace assistiv
