// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "store/accountstate.h"
#include "store/database.h"

namespace assistiv {

/// The tables platform_rate_limits and end_user_rate_limits.
class RateLimitStore
{
public:
    explicit RateLimitStore(Database &db) : m_db(db) {}

    /// No limits at all when none were ever set.
    Result<PlatformLimitsState> ofPlatform(const PlatformId &platform);
    Result<void> set(const PlatformLimitsState &limits, Timestamp now);
    /// The user's own; empty when there are none.
    Result<std::optional<RateLimit>> ofEndUser(const EndUserId &user);
    Result<void> setOwn(const EndUserId &user, const RateLimit &limit, Timestamp now);
    /// False: there were none.
    Result<bool> removeOwn(const EndUserId &user);

private:
    Database &m_db;
};

} // namespace assistiv
