// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QString>

#include <span>

namespace assistiv {

/// What can go wrong, one name per code of the contract (docs/contract/errors.md).
enum class ErrorCode {
    InvalidJson,
    InvalidRequest,
    ContextLengthExceeded,
    Unauthorized,
    BudgetSuspended,
    BudgetExhausted,
    WalletInsufficient,
    Forbidden,
    EndUserInactive,
    PlatformInactive,
    OriginNotAllowed,
    RouteNotFound,
    PlatformNotFound,
    EndUserNotFound,
    ApiKeyNotFound,
    BudgetNotFound,
    RateLimitNotFound,
    LlmConfigNotFound,
    ProviderNotFound,
    ModelNotFound,
    ResponseNotFound,
    WebhookEndpointNotFound,
    DeliveryNotFound,
    MethodNotAllowed,
    Conflict,
    IdempotencyConflict,
    BudgetExists,
    SlugTaken,
    ExternalIdTaken,
    LlmConfigExists,
    EndpointLimitReached,
    LengthRequired,
    PayloadTooLarge,
    UriTooLong,
    ExpectationFailed,
    ValidationError,
    IntegerBelowMinimum,
    UnsupportedParameter,
    UnsupportedToolType,
    UnsupportedRequireApproval,
    RateLimitExceeded,
    HeadTooLarge,
    Internal,
    ProviderError,
    ProviderAuthFailed,
    ProviderRateLimited,
    ProviderOverloaded,
    ShuttingDown,
    DatabaseUnavailable,
    TooManyConnections,
    ThreadBusy,
    McpUnreachable,
    ProviderTimeout,
    HttpVersion,
    MalformedRequest,
    RequestTimeout,
};

/// One row of the table that gives a code its status and its words on the wire.
struct ErrorRow
{
    ErrorCode code;
    int status;
    QLatin1StringView type;
    QLatin1StringView word;
};

/// All of them, each code once.
std::span<const ErrorRow> errorRows();
/// The row of a code. Every code has exactly one; thread-safe.
const ErrorRow &errorRow(ErrorCode code);

/// A failure as a value: named where the fact is known and passed up untouched. The message may reach a client, so it
/// never holds SQL, keys, tokens or paths.
struct Error
{
    ErrorCode code = ErrorCode::Internal;
    QString message = {};
    QString param = {};
    /// Seconds after which a repeat makes sense; 0 when there is nothing to say.
    int retryAfterSeconds = 0;
    /// Set on refusals by a rate limit: the bucket that refused.
    QString deniedBy = {};
    /// False: clients must not repeat the call by themselves (x-should-retry: false).
    bool mayRepeat = true;

    friend bool operator==(const Error &, const Error &) = default;
};

} // namespace assistiv
