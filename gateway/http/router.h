// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/cors.h"
#include "http/keythrottle.h"
#include "http/routes.h"

#include <QtCore/QObject>

namespace assistiv {

/// From a complete request to the function that answers it: CORS, route, key, tenant, door. One per worker.
class Router final : public QObject
{
    Q_OBJECT

public:
    Router(WorkerParts &parts, CorsSettings cors, QObject *parent = nullptr);

    void handle(HttpExchange *exchange);

private:
    struct Request
    {
        QPointer<HttpExchange> exchange;
        RouteTable::Match match;
        QByteArray keyHash;
        int rounds = 0;
    };

    void authenticate(Request request);
    void load(const Request &request);
    void run(const Request &request, const Caller &caller);
    void runBehindDoor(const Request &request, const Caller &caller, EndpointFunction function);

    WorkerParts &m_parts;
    const RouteTable &m_routes;
    const CorsSettings m_cors;
    KeyThrottle m_throttle;
};

} // namespace assistiv
