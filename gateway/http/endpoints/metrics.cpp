// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/metrics.h"

#include "core/os.h"
#include "http/metricstext.h"

namespace assistiv {

namespace {

void showMetrics(const DirectCall &call)
{
    call.exchange.addHeader("content-type", MetricsContentType);
    call.exchange.addHeader("cache-control", "no-store");
    call.exchange.reply(200, metricsText(call.worker.metrics, call.worker.status(), os::residentBytes()));
}

} // namespace

QList<RouteTable::Entry> metricsRoutes()
{
    return { { HttpMethod::Get, "/metrics", RequiredKey::AdminOrLocal, showMetrics } };
}

} // namespace assistiv
