// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/routes.h"

#include "http/endpoints/admin.h"
#include "http/endpoints/apikeys.h"
#include "http/endpoints/backup.h"
#include "http/endpoints/budget.h"
#include "http/endpoints/catalogue.h"
#include "http/endpoints/endusers.h"
#include "http/endpoints/inference.h"
#include "http/endpoints/keytest.h"
#include "http/endpoints/llmconfigs.h"
#include "http/endpoints/logs.h"
#include "http/endpoints/me.h"
#include "http/endpoints/metrics.h"
#include "http/endpoints/openapi.h"
#include "http/endpoints/platforms.h"
#include "http/endpoints/ratelimits.h"
#include "http/endpoints/responses.h"
#include "http/endpoints/status.h"
#include "http/endpoints/testclock.h"
#include "http/endpoints/wallet.h"
#include "http/endpoints/webhooks.h"

namespace assistiv {

namespace {

bool isPlaceholder(const QByteArray &segment)
{
    return segment.startsWith('{');
}

RouteGroup groupOf(const QByteArray &path)
{
    struct Prefix
    {
        QByteArrayView text;
        RouteGroup group;
    };
    static constexpr Prefix Prefixes[] = { { "/v1/platforms/", RouteGroup::Platforms },
                                           { "/v1/admin/", RouteGroup::Admin },
                                           { "/v1/me/", RouteGroup::SelfService },
                                           { "/v1/", RouteGroup::Inference } };
    for (const Prefix &prefix : Prefixes) {
        if (path.startsWith(prefix.text))
            return prefix.group;
    }
    return RouteGroup::Operation;
}

QList<RouteTable::Entry> allEntries()
{
    QList<RouteTable::Entry> entries = inferenceRoutes();
    entries += statusRoutes();
    entries += selfServiceRoutes();
    entries += openApiRoutes();
    entries += metricsRoutes();
    entries += backupRoutes();
    entries += keyTestRoutes();
    for (const QList<Route> &group :
         { platformRoutes(), apiKeyRoutes(), endUserRoutes(), llmConfigRoutes(), catalogueRoutes(), walletRoutes(),
           budgetRoutes(), rateLimitRoutes(), logRoutes(), responseRoutes(), webhookRoutes(), adminRoutes() }) {
        for (const Route &route : group)
            entries.append({ route.method, QByteArray(route.path.data(), route.path.size()), route.key, route.function,
                             route.idempotent });
    }
    return entries;
}

} // namespace

const RouteTable &RouteTable::all()
{
    static const RouteTable table(allEntries());
    return table;
}

const RouteTable &RouteTable::withTestClock()
{
    static const RouteTable table(allEntries() + testClockRoutes());
    return table;
}

RouteTable::RouteTable(QList<Entry> entries)
    : m_entries(std::move(entries))
{
    for (qsizetype index = 0; index < m_entries.size(); ++index) {
        Entry &entry = m_entries[index];
        entry.segments = entry.path.split('/');
        entry.group = groupOf(entry.path);
        int values = 0;
        for (const QByteArray &segment : entry.segments) {
            if (segment == "{platformId}")
                entry.platformValue = values;
            if (segment == "{endUserId}")
                entry.endUserValue = values;
            values += isPlaceholder(segment);
        }
        if (values == 0)
            m_static[entry.path].append(index);
        else
            m_patterns.append(index);
    }
}

RouteTable::Match RouteTable::find(HttpMethod method, const QByteArray &path) const
{
    const HttpMethod wanted = method == HttpMethod::Head ? HttpMethod::Get : method;
    Match match;
    QByteArrayList allowed;
    const auto consider = [&](const Entry &entry, QByteArrayList values) {
        if (entry.method == wanted) {
            match = { &entry, std::move(values), {} };
            return true;
        }
        allowed.append(methodName(entry.method));
        return false;
    };

    if (const auto found = m_static.constFind(path); found != m_static.constEnd()) {
        for (const qsizetype index : *found) {
            if (consider(m_entries[index], {}))
                return match;
        }
    } else {
        const QByteArrayList segments = path.split('/');
        for (const qsizetype index : m_patterns) {
            const Entry &entry = m_entries[index];
            if (entry.segments.size() != segments.size())
                continue;
            QByteArrayList values;
            bool same = true;
            for (qsizetype i = 0; i < segments.size() && same; ++i) {
                if (isPlaceholder(entry.segments[i])) {
                    values.append(QByteArray::fromPercentEncoding(segments[i]));
                    same = !segments[i].isEmpty();
                } else {
                    same = entry.segments[i] == segments[i];
                }
            }
            if (same && consider(entry, values))
                return match;
        }
    }
    if (allowed.contains("GET"))
        allowed.append("HEAD");
    match.allow = allowed.join(", ");
    return match;
}

QByteArray methodName(HttpMethod method)
{
    switch (method) {
    case HttpMethod::Get: return "GET";
    case HttpMethod::Head: return "HEAD";
    case HttpMethod::Post: return "POST";
    case HttpMethod::Put: return "PUT";
    case HttpMethod::Patch: return "PATCH";
    case HttpMethod::Delete: return "DELETE";
    case HttpMethod::Options: return "OPTIONS";
    case HttpMethod::Other: break;
    }
    return "OTHER";
}

} // namespace assistiv
