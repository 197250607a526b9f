// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "ledger/caller.h"
#include "net/httpexchange.h"

#include <QtCore/QByteArrayList>
#include <QtCore/QUrlQuery>

#include <functional>

namespace assistiv {

struct Services;

/// A whole answer of a management endpoint.
struct Answer
{
    int status = 200;
    /// JSON; empty for 204.
    QByteArray body = {};
    /// A repeated request got its stored answer again.
    bool isReplay = false;
    /// No answer yet: a read has found something that must be written first, so it belongs on the writer.
    bool belongsToWriter = false;
};

/// What a management endpoint is given: the request after routing and authentication.
struct ManagementCall
{
    const HttpRequest &request;
    Caller caller;
    /// Values of the {placeholders} of the route, percent-decoded, in order. {platformId} was compared with the caller's
    /// platform before (403 otherwise).
    QByteArrayList pathValues;
    QUrlQuery query;
};

/// The second half of a management endpoint: runs on a reader (GET) or on the writer (everything else, inside the
/// transaction) and must capture values only.
using Work = std::function<Result<Answer>(Services &)>;

/// The first half: runs on the HTTP worker, checks the request's form (body, schema, ids, paging) and makes no SQL.
using EndpointFunction = Result<Work> (*)(const ManagementCall &call);

/// AdminOrLocal: a client on this machine needs none.
enum class RequiredKey { None, Platform, EndUser, PlatformOrEndUser, Admin, AdminOrPlatform, AdminOrLocal };

/// One row of the route table.
struct Route
{
    HttpMethod method;
    /// "/v1/platforms/{platformId}/end-users": segments in braces match one segment each.
    QLatin1StringView path;
    RequiredKey key;
    EndpointFunction function;
    /// Honours Idempotency-Key: a repeated request gets the stored answer (docs/contract/conventions.md).
    bool idempotent = false;
};

} // namespace assistiv
