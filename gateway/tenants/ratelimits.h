// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/words.h"
#include "tenants/enduserstore.h"
#include "tenants/platformstore.h"
#include "tenants/ratelimitstore.h"

namespace assistiv {

class JsonFields;

inline constexpr qint64 LargestRateLimit = 1'000'000'000;

/// Where the limits of an end user come from.
enum class RateLimitSource { Explicit, Default, None };

template<>
struct Words<RateLimitSource>
{
    static constexpr QLatin1StringView table[] = { QLatin1StringView("explicit"), QLatin1StringView("default"),
                                                   QLatin1StringView("none") };
};

/// What applies to one end user.
struct EndUserRateLimit
{
    EndUserId endUser;
    RateLimit limit;
    RateLimitSource source = RateLimitSource::None;
};

/// Keeps the limits that the gates go by (docs/contract/rate-limits.md). Counting is not its business.
class RateLimits
{
public:
    explicit RateLimits(const ServiceContext &context)
        : m_context(context), m_store(context.db), m_users(context.db), m_platforms(context.db)
    {
    }

    /// EndUserNotFound, also when the user belongs to another platform.
    Result<EndUserRateLimit> ofEndUser(const PlatformId &platform, const EndUserId &user);
    /// Replaces the platform's default for this user as a whole. EndUserNotFound, ValidationError.
    Result<EndUserRateLimit> setForEndUser(const PlatformId &platform, const EndUserId &user, const RateLimit &limit);
    /// Back to the platform's default. EndUserNotFound, RateLimitNotFound.
    Result<void> clearForEndUser(const PlatformId &platform, const EndUserId &user);

    /// PlatformNotFound.
    Result<PlatformLimitsState> ofPlatform(const PlatformId &platform);
    /// Both limits, as a whole. PlatformNotFound, ValidationError.
    Result<void> setForPlatform(const PlatformLimitsState &limits);

private:
    Result<void> checkUser(const PlatformId &platform, const EndUserId &user);

    ServiceContext m_context;
    RateLimitStore m_store;
    EndUserStore m_users;
    PlatformStore m_platforms;
};

/// rpm_limit, tpm_limit and rpd_limit of an object; what is left out or null is no limit.
RateLimit readRateLimit(JsonFields &fields);

} // namespace assistiv
