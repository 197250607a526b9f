// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tenants/ratelimitstore.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

RateLimit rateLimitFrom(const Query &query, int first)
{
    return { query.optionalInteger(first), query.optionalInteger(first + 1), query.optionalInteger(first + 2) };
}

} // namespace

Result<PlatformLimitsState> RateLimitStore::ofPlatform(const PlatformId &platform)
{
    Query query = m_db.prepare(u"SELECT end_user_rpm, end_user_tpm, end_user_rpd, platform_rpm, platform_tpm, "
                               "platform_rpd FROM platform_rate_limits WHERE platform_id = ?"_s);
    if (const auto read = query.bind(platform).exec(); !read)
        return read.error();
    PlatformLimitsState limits { .platform = platform };
    if (query.next()) {
        limits.endUserDefault = rateLimitFrom(query, 0);
        limits.wholePlatform = rateLimitFrom(query, 3);
    }
    return limits;
}

Result<void> RateLimitStore::set(const PlatformLimitsState &limits, Timestamp now)
{
    Query query = m_db.prepare(
        u"INSERT INTO platform_rate_limits (platform_id, end_user_rpm, end_user_tpm, end_user_rpd, platform_rpm, "
        "platform_tpm, platform_rpd, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (platform_id) DO UPDATE SET end_user_rpm = excluded.end_user_rpm, "
        "end_user_tpm = excluded.end_user_tpm, end_user_rpd = excluded.end_user_rpd, "
        "platform_rpm = excluded.platform_rpm, platform_tpm = excluded.platform_tpm, "
        "platform_rpd = excluded.platform_rpd, updated_at = excluded.updated_at"_s);
    const RateLimit &each = limits.endUserDefault;
    const RateLimit &all = limits.wholePlatform;
    query.bind(limits.platform, each.requestsPerMinute, each.tokensPerMinute, each.requestsPerDay,
               all.requestsPerMinute, all.tokensPerMinute, all.requestsPerDay, now);
    return query.exec();
}

Result<std::optional<RateLimit>> RateLimitStore::ofEndUser(const EndUserId &user)
{
    Query query = m_db.prepare(u"SELECT rpm_limit, tpm_limit, rpd_limit FROM end_user_rate_limits "
                               "WHERE end_user_id = ?"_s);
    if (const auto read = query.bind(user).exec(); !read)
        return read.error();
    return query.next() ? std::optional(rateLimitFrom(query, 0)) : std::optional<RateLimit>();
}

Result<void> RateLimitStore::setOwn(const EndUserId &user, const RateLimit &limit, Timestamp now)
{
    Query query = m_db.prepare(
        u"INSERT INTO end_user_rate_limits (end_user_id, rpm_limit, tpm_limit, rpd_limit, updated_at) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (end_user_id) DO UPDATE SET rpm_limit = excluded.rpm_limit, "
        "tpm_limit = excluded.tpm_limit, rpd_limit = excluded.rpd_limit, updated_at = excluded.updated_at"_s);
    query.bind(user, limit.requestsPerMinute, limit.tokensPerMinute, limit.requestsPerDay, now);
    return query.exec();
}

Result<bool> RateLimitStore::removeOwn(const EndUserId &user)
{
    Query query = m_db.prepare(u"DELETE FROM end_user_rate_limits WHERE end_user_id = ?"_s);
    if (const auto removed = query.bind(user).exec(); !removed)
        return removed.error();
    return query.changedRows() > 0;
}

} // namespace assistiv
