// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/endpoint.h"

namespace assistiv {

/// The id at that place of the path; the resource's own "not found" when it is no UUID: there can be no such thing then.
template<typename SomeId>
Result<SomeId> pathId(const ManagementCall &call, qsizetype place, ErrorCode notFound, const QString &message)
{
    const auto id = SomeId::parse(QString::fromUtf8(call.pathValues.at(place)));
    return id ? Result<SomeId>(*id) : Result<SomeId>(Error { notFound, message });
}

/// …/platforms/{platformId} of the admin API; everywhere else the caller's own platform is meant.
inline Result<PlatformId> platformInPath(const ManagementCall &call)
{
    return pathId<PlatformId>(call, 0, ErrorCode::PlatformNotFound, QStringLiteral("There is no such platform."));
}

/// …/platforms/{platformId}/end-users/{endUserId}
inline Result<EndUserId> endUserInPath(const ManagementCall &call)
{
    return pathId<EndUserId>(call, 1, ErrorCode::EndUserNotFound,
                             QStringLiteral("There is no such end user on this platform."));
}

inline Result<ApiKeyId> apiKeyInPath(const ManagementCall &call, qsizetype place)
{
    return pathId<ApiKeyId>(call, place, ErrorCode::ApiKeyNotFound, QStringLiteral("There is no such API key."));
}

} // namespace assistiv
