// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/cors.h"

#include "http/errorbody.h"

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

bool isWithin(QByteArrayView path, QByteArrayView prefix)
{
    return path.startsWith(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

bool isMcp(QByteArrayView path)
{
    return isWithin(path, "/mcp");
}

/// A page served by this machine, on any port.
bool isLoopback(QByteArrayView origin)
{
    static constexpr const char *Hosts[] = {"http://localhost",  "https://localhost", "http://127.0.0.1",
                                            "https://127.0.0.1", "http://[::1]",      "https://[::1]"};
    return std::any_of(std::begin(Hosts), std::end(Hosts), [origin](QByteArrayView host) {
        return origin.startsWith(host) && (origin.size() == host.size() || origin[host.size()] == ':');
    });
}

bool names(const QList<QByteArray> &origins, QByteArrayView origin)
{
    return std::any_of(origins.begin(), origins.end(), [origin](const QByteArray &known) {
        return known == "*" || origin.compare(known, Qt::CaseInsensitive) == 0;
    });
}

} // namespace

bool isSharedPath(QByteArrayView path)
{
    static constexpr const char *Shared[] = {"/v1/me",     "/v1/chat/completions", "/v1/responses", "/v1/messages",
                                             "/v1/embeddings", "/v1/models", "/connections", "/mcp"};
    return std::any_of(std::begin(Shared), std::end(Shared), [path](QByteArrayView p) { return isWithin(path, p); });
}

CorsVerdict corsVerdict(QByteArrayView path, QByteArrayView origin, const CorsSettings &settings)
{
    if (origin.isEmpty() || !isSharedPath(path))
        return CorsVerdict::NotShared;
    if (!isMcp(path))
        return names(settings.origins, origin) ? CorsVerdict::Allowed : CorsVerdict::NotShared;
    return isLoopback(origin) || names(settings.mcpOrigins, origin) ? CorsVerdict::Allowed : CorsVerdict::Refused;
}

HttpHeaders corsHeaders(QByteArrayView path, QByteArrayView origin, const CorsSettings &settings)
{
    if (corsVerdict(path, origin, settings) != CorsVerdict::Allowed)
        return {};
    HttpHeaders headers = {
        {"access-control-allow-headers",
         "authorization, content-type, idempotency-key, mcp-session-id, mcp-protocol-version, last-event-id, "
         "x-api-key, anthropic-version, anthropic-beta, anthropic-dangerous-direct-browser-access"},
        {"access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
        {"access-control-expose-headers", "retry-after, x-request-id, mcp-session-id"},
    };
    if (!isMcp(path) && settings.origins.contains("*")) {
        headers.emplace_back("access-control-allow-origin", "*");
    } else {
        // The answer names one page, so no cache may show it to another.
        headers.emplace_back("access-control-allow-origin", origin.toByteArray());
        headers.emplace_back("vary", "Origin");
    }
    return headers;
}

bool applyCors(HttpExchange &exchange, const CorsSettings &settings)
{
    const HttpRequest &request = exchange.request();
    const QByteArrayView origin = request.header("origin");
    if (corsVerdict(request.path, origin, settings) == CorsVerdict::Refused) {
        replyError(exchange, {ErrorCode::OriginNotAllowed, u"Web pages of this origin may not call this server."_s});
        return true;
    }
    for (const auto &[name, value] : corsHeaders(request.path, origin, settings))
        exchange.addHeader(name, value);
    if (request.method != HttpMethod::Options || !isSharedPath(request.path))
        return false;
    exchange.reply(204, {});
    return true;
}

} // namespace assistiv
