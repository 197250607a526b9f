// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/me.h"

#include "core/jsonwriter.h"
#include "http/endpoints/budget.h"
#include "http/endpoints/ratelimits.h"
#include "services/services.h"

#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// The platform's setting end_user_wallet.hide_usd.
bool hidesMoney(const Platform &platform)
{
    const QByteArray wallet = PlatformSettings::from(platform.settings).endUserWallet;
    return QJsonDocument::fromJson(wallet).object().value("hide_usd"_L1).toBool();
}

// Exactly what docs/contract/self-service.md names: the rest of a budget is the platform's business.
QByteArray ownBudgetJson(const Budget &budget, bool withMoney)
{
    JsonWriter json;
    json.beginObject().member("id", budget.id).member("platform_id", budget.platform);
    json.member("end_user_id", budget.endUser);
    if (withMoney)
        json.member("max_usd", budget.max).member("used_usd", budget.used).member("remaining_usd", budget.remaining());
    json.member("period", QString(wordOf(budget.period))).member("period_start", budget.periodStart);
    json.member("auto_replenish", budget.autoReplenish).member("is_active", budget.isActive);
    return json.member("is_suspended", budget.isSuspended).endObject().take();
}

QByteArray ownLimitJson(const EndUserRateLimit &found)
{
    JsonWriter json;
    json.beginObject();
    writeRateLimit(json, found.limit);
    return json.member("resolution", QString(wordOf(found.source))).endObject().take();
}

Result<Work> ownBudget(const ManagementCall &call)
{
    return inRunningPeriod(call.caller.platform, call.caller.endUser, [caller = call.caller](Services &services) -> Result<Answer> {
        const auto budget = services.budgets.get(caller.platform, caller.endUser);
        if (!budget)
            return budget.error();
        const auto platform = services.platforms.get(caller.platform);
        if (!platform)
            return platform.error();
        return Answer { 200, ownBudgetJson(*budget, !hidesMoney(*platform)) };
    });
}

Result<Work> ownLimit(const ManagementCall &call)
{
    return Work([caller = call.caller](Services &services) -> Result<Answer> {
        const auto found = services.rateLimits.ofEndUser(caller.platform, caller.endUser);
        if (!found)
            return found.error();
        return Answer { 200, ownLimitJson(*found) };
    });
}

/// One entry for each app that the user has connected, in two ready-made shapes.
void mcpConfig(const DirectCall &call)
{
    JsonWriter json;
    json.beginObject().key("standard").beginObject().endObject().key("openai").beginArray().endArray().endObject();
    call.exchange.addHeader("cache-control", "no-store"); // its entries hold the key of the request
    call.exchange.reply(200, json.json());
}

} // namespace

QList<RouteTable::Entry> selfServiceRoutes()
{
    return {
        { HttpMethod::Get, "/v1/me/budget", RequiredKey::EndUser, ownBudget },
        { HttpMethod::Get, "/v1/me/rate-limits", RequiredKey::EndUser, ownLimit },
        { HttpMethod::Get, "/v1/me/mcp-config", RequiredKey::EndUser, mcpConfig },
    };
}

} // namespace assistiv
