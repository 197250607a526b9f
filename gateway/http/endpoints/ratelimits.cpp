// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/ratelimits.h"

#include "core/jsonwriter.h"
#include "http/endpoints/pathids.h"
#include "http/jsonbody.h"
#include "services/services.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

QByteArray endUserLimitJson(const EndUserRateLimit &found)
{
    JsonWriter json;
    json.beginObject().member("end_user_id", found.endUser);
    writeRateLimit(json, found.limit);
    return json.member("resolution", QString(wordOf(found.source))).endObject().take();
}

QByteArray platformLimitsJson(const PlatformLimitsState &limits)
{
    JsonWriter json;
    json.beginObject().key("end_user_default").beginObject();
    writeRateLimit(json, limits.endUserDefault);
    json.endObject().key("platform").beginObject();
    writeRateLimit(json, limits.wholePlatform);
    return json.endObject().endObject().take();
}

// A body that names no limit is a slip, not a wish to have none.
RateLimit readGivenLimit(JsonFields &fields)
{
    if (!fields.has("rpm_limit"_L1) && !fields.has("tpm_limit"_L1) && !fields.has("rpd_limit"_L1))
        fields.refuse("rpm_limit"_L1, u"At least one of rpm_limit, tpm_limit and rpd_limit must be given."_s);
    return readRateLimit(fields);
}

PlatformLimitsState readPlatformLimits(JsonFields &fields)
{
    if (!fields.has("end_user_default"_L1) && !fields.has("platform"_L1))
        fields.refuse("end_user_default"_L1, u"At least one of end_user_default and platform must be given."_s);
    PlatformLimitsState limits;
    if (auto each = fields.object("end_user_default"_L1))
        limits.endUserDefault = readRateLimit(*each);
    if (auto all = fields.object("platform"_L1))
        limits.wholePlatform = readRateLimit(*all);
    return limits;
}

Result<Work> getEndUserLimit(const ManagementCall &call)
{
    const auto user = endUserInPath(call);
    if (!user)
        return user.error();
    return Work([platform = call.caller.platform, user = *user](Services &services) -> Result<Answer> {
        const auto found = services.rateLimits.ofEndUser(platform, user);
        if (!found)
            return found.error();
        return Answer { 200, endUserLimitJson(*found) };
    });
}

Result<Work> setEndUserLimit(const ManagementCall &call)
{
    const auto limit = readBody(call.request.body, readGivenLimit);
    if (!limit)
        return limit.error();
    const auto user = endUserInPath(call);
    if (!user)
        return user.error();
    return Work([platform = call.caller.platform, user = *user, limit = *limit](Services &services) -> Result<Answer> {
        const auto set = services.rateLimits.setForEndUser(platform, user, limit);
        if (!set)
            return set.error();
        return Answer { 200, endUserLimitJson(*set) };
    });
}

Result<Work> clearEndUserLimit(const ManagementCall &call)
{
    const auto user = endUserInPath(call);
    if (!user)
        return user.error();
    return Work([platform = call.caller.platform, user = *user](Services &services) -> Result<Answer> {
        if (const auto cleared = services.rateLimits.clearForEndUser(platform, user); !cleared)
            return cleared.error();
        return Answer { .status = 204 };
    });
}

Result<Work> getPlatformLimits(const ManagementCall &call)
{
    return Work([platform = call.caller.platform](Services &services) -> Result<Answer> {
        const auto limits = services.rateLimits.ofPlatform(platform);
        if (!limits)
            return limits.error();
        return Answer { 200, platformLimitsJson(*limits) };
    });
}

Result<Work> setPlatformLimits(const ManagementCall &call)
{
    auto limits = readBody(call.request.body, readPlatformLimits);
    if (!limits)
        return limits.error();
    const auto id = platformInPath(call);
    if (!id)
        return id.error();
    limits->platform = *id;
    return Work([limits = *limits, actor = call.caller.key.toString()](Services &services) -> Result<Answer> {
        if (const auto set = services.rateLimits.setForPlatform(limits); !set)
            return set.error();
        const QByteArray json = platformLimitsJson(limits);
        const auto noted = services.audit.note(actor, "platform.rate_limits"_L1, limits.platform.toString(), json);
        if (!noted)
            return noted.error();
        return Answer { 200, json };
    });
}

} // namespace

void writeRateLimit(JsonWriter &json, const RateLimit &limit)
{
    json.member("rpm_limit", limit.requestsPerMinute).member("tpm_limit", limit.tokensPerMinute);
    json.member("rpd_limit", limit.requestsPerDay);
}

const QList<Route> &rateLimitRoutes()
{
    static constexpr auto OfEndUser = "/v1/platforms/{platformId}/end-users/{endUserId}/rate-limits"_L1;
    static const QList<Route> routes {
        { HttpMethod::Get, OfEndUser, RequiredKey::Platform, getEndUserLimit },
        { HttpMethod::Post, OfEndUser, RequiredKey::Platform, setEndUserLimit },
        { HttpMethod::Delete, OfEndUser, RequiredKey::Platform, clearEndUserLimit },
        { HttpMethod::Get, "/v1/platforms/{platformId}/rate-limits"_L1, RequiredKey::Platform, getPlatformLimits },
        { HttpMethod::Put, "/v1/admin/platforms/{platformId}/rate-limits"_L1, RequiredKey::Admin, setPlatformLimits },
    };
    return routes;
}

} // namespace assistiv
