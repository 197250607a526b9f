// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tenants/ratelimits.h"

#include "catalog/jsonfields.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Result<void> checkLimit(const RateLimit &limit, const QString &prefix = {})
{
    const std::pair<QLatin1StringView, std::optional<qint64>> numbers[] = {
        { "rpm_limit"_L1, limit.requestsPerMinute },
        { "tpm_limit"_L1, limit.tokensPerMinute },
        { "rpd_limit"_L1, limit.requestsPerDay },
    };
    for (const auto &[name, number] : numbers) {
        if (number && (*number < 1 || *number > LargestRateLimit)) {
            return Error { .code = ErrorCode::ValidationError,
                           .message = u"%1 must be a whole number from 1 to %2."_s.arg(name).arg(LargestRateLimit),
                           .param = prefix + name };
        }
    }
    return {};
}

} // namespace

Result<void> RateLimits::checkUser(const PlatformId &platform, const EndUserId &user)
{
    const auto found = m_users.find(platform, user);
    if (!found)
        return found.error();
    if (!*found)
        return Error { ErrorCode::EndUserNotFound, u"There is no such end user on this platform."_s };
    return {};
}

Result<EndUserRateLimit> RateLimits::ofEndUser(const PlatformId &platform, const EndUserId &user)
{
    if (const auto known = checkUser(platform, user); !known)
        return known.error();
    const auto own = m_store.ofEndUser(user);
    if (!own)
        return own.error();
    if (*own)
        return EndUserRateLimit { user, **own, RateLimitSource::Explicit };
    const auto limits = m_store.ofPlatform(platform);
    if (!limits)
        return limits.error();
    const auto source = limits->endUserDefault.isAny() ? RateLimitSource::Default : RateLimitSource::None;
    return EndUserRateLimit { user, limits->endUserDefault, source };
}

Result<EndUserRateLimit> RateLimits::setForEndUser(const PlatformId &platform, const EndUserId &user,
                                                   const RateLimit &limit)
{
    if (const auto valid = checkLimit(limit); !valid)
        return valid.error();
    if (const auto known = checkUser(platform, user); !known)
        return known.error();
    if (const auto set = m_store.setOwn(user, limit, m_context.clock.now()); !set)
        return set.error();
    m_context.changes.add(EndUserLimitsState { platform, user, limit });
    return EndUserRateLimit { user, limit, RateLimitSource::Explicit };
}

Result<void> RateLimits::clearForEndUser(const PlatformId &platform, const EndUserId &user)
{
    if (const auto known = checkUser(platform, user); !known)
        return known.error();
    const auto removed = m_store.removeOwn(user);
    if (!removed)
        return removed.error();
    if (!*removed)
        return Error { ErrorCode::RateLimitNotFound, u"This end user has no limits of its own."_s };
    m_context.changes.add(EndUserLimitsState { .platform = platform, .endUser = user });
    return {};
}

Result<PlatformLimitsState> RateLimits::ofPlatform(const PlatformId &platform)
{
    const auto found = m_platforms.find(platform);
    if (!found)
        return found.error();
    if (!*found)
        return Error { ErrorCode::PlatformNotFound, u"There is no such platform."_s };
    return m_store.ofPlatform(platform);
}

Result<void> RateLimits::setForPlatform(const PlatformLimitsState &limits)
{
    if (const auto valid = checkLimit(limits.endUserDefault, u"end_user_default."_s); !valid)
        return valid.error();
    if (const auto valid = checkLimit(limits.wholePlatform, u"platform."_s); !valid)
        return valid.error();
    if (const auto known = ofPlatform(limits.platform); !known)
        return known.error();
    if (const auto set = m_store.set(limits, m_context.clock.now()); !set)
        return set.error();
    m_context.changes.add(limits);
    return {};
}

RateLimit readRateLimit(JsonFields &fields)
{
    RateLimit limit;
    limit.requestsPerMinute = fields.integer("rpm_limit"_L1, 1, LargestRateLimit);
    limit.tokensPerMinute = fields.integer("tpm_limit"_L1, 1, LargestRateLimit);
    limit.requestsPerDay = fields.integer("rpd_limit"_L1, 1, LargestRateLimit);
    return limit;
}

} // namespace assistiv
