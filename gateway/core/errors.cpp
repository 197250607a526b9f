// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/errors.h"

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr ErrorRow Table[] = {
    {ErrorCode::InvalidJson, 400, "invalid_request"_L1, "invalid_json"_L1},
    {ErrorCode::InvalidRequest, 400, "invalid_request"_L1, "invalid_request"_L1},
    {ErrorCode::ContextLengthExceeded, 400, "invalid_request"_L1, "context_length_exceeded"_L1},
    {ErrorCode::Unauthorized, 401, "unauthorized"_L1, "unauthorized"_L1},
    {ErrorCode::BudgetSuspended, 402, "payment_required"_L1, "budget_suspended"_L1},
    {ErrorCode::BudgetExhausted, 402, "payment_required"_L1, "budget_exhausted"_L1},
    {ErrorCode::WalletInsufficient, 402, "payment_required"_L1, "wallet_insufficient"_L1},
    {ErrorCode::Forbidden, 403, "forbidden"_L1, "forbidden"_L1},
    {ErrorCode::EndUserInactive, 403, "forbidden"_L1, "end_user_inactive"_L1},
    {ErrorCode::PlatformInactive, 403, "forbidden"_L1, "platform_inactive"_L1},
    {ErrorCode::OriginNotAllowed, 403, "forbidden"_L1, "origin_not_allowed"_L1},
    {ErrorCode::RouteNotFound, 404, "not_found"_L1, "not_found"_L1},
    {ErrorCode::PlatformNotFound, 404, "not_found"_L1, "platform_not_found"_L1},
    {ErrorCode::EndUserNotFound, 404, "not_found"_L1, "end_user_not_found"_L1},
    {ErrorCode::ApiKeyNotFound, 404, "not_found"_L1, "api_key_not_found"_L1},
    {ErrorCode::BudgetNotFound, 404, "not_found"_L1, "budget_not_found"_L1},
    {ErrorCode::RateLimitNotFound, 404, "not_found"_L1, "rate_limit_not_found"_L1},
    {ErrorCode::LlmConfigNotFound, 404, "not_found"_L1, "llm_config_not_found"_L1},
    {ErrorCode::ProviderNotFound, 404, "not_found"_L1, "provider_not_found"_L1},
    {ErrorCode::ModelNotFound, 404, "not_found"_L1, "model_not_found"_L1},
    {ErrorCode::ResponseNotFound, 404, "not_found"_L1, "response_not_found"_L1},
    {ErrorCode::WebhookEndpointNotFound, 404, "not_found"_L1, "webhook_endpoint_not_found"_L1},
    {ErrorCode::DeliveryNotFound, 404, "not_found"_L1, "delivery_not_found"_L1},
    {ErrorCode::MethodNotAllowed, 405, "method_not_allowed"_L1, "method_not_allowed"_L1},
    {ErrorCode::Conflict, 409, "conflict"_L1, "conflict"_L1},
    {ErrorCode::IdempotencyConflict, 409, "conflict"_L1, "idempotency_conflict"_L1},
    {ErrorCode::BudgetExists, 409, "conflict"_L1, "budget_exists"_L1},
    {ErrorCode::SlugTaken, 409, "conflict"_L1, "slug_taken"_L1},
    {ErrorCode::ExternalIdTaken, 409, "conflict"_L1, "external_id_taken"_L1},
    {ErrorCode::LlmConfigExists, 409, "conflict"_L1, "llm_config_exists"_L1},
    {ErrorCode::EndpointLimitReached, 409, "conflict"_L1, "endpoint_limit_reached"_L1},
    {ErrorCode::LengthRequired, 411, "invalid_request"_L1, "length_required"_L1},
    {ErrorCode::PayloadTooLarge, 413, "payload_too_large"_L1, "payload_too_large"_L1},
    {ErrorCode::UriTooLong, 414, "invalid_request"_L1, "uri_too_long"_L1},
    {ErrorCode::ExpectationFailed, 417, "invalid_request"_L1, "expectation_failed"_L1},
    {ErrorCode::ValidationError, 422, "validation_error"_L1, "validation_error"_L1},
    {ErrorCode::IntegerBelowMinimum, 422, "validation_error"_L1, "integer_below_min_value"_L1},
    {ErrorCode::UnsupportedParameter, 422, "validation_error"_L1, "unsupported_parameter"_L1},
    {ErrorCode::UnsupportedToolType, 422, "validation_error"_L1, "unsupported_tool_type"_L1},
    {ErrorCode::UnsupportedRequireApproval, 422, "validation_error"_L1, "unsupported_require_approval"_L1},
    {ErrorCode::RateLimitExceeded, 429, "rate_limit_exceeded"_L1, "rate_limit_exceeded"_L1},
    {ErrorCode::HeadTooLarge, 431, "invalid_request"_L1, "head_too_large"_L1},
    {ErrorCode::Internal, 500, "internal_error"_L1, "internal_error"_L1},
    {ErrorCode::ProviderError, 502, "upstream_error"_L1, "provider_error"_L1},
    {ErrorCode::ProviderAuthFailed, 502, "upstream_error"_L1, "provider_auth_failed"_L1},
    {ErrorCode::ProviderRateLimited, 503, "service_unavailable"_L1, "provider_rate_limited"_L1},
    {ErrorCode::ProviderOverloaded, 503, "service_unavailable"_L1, "provider_error"_L1},
    {ErrorCode::ShuttingDown, 503, "service_unavailable"_L1, "shutting_down"_L1},
    {ErrorCode::DatabaseUnavailable, 503, "service_unavailable"_L1, "database_unavailable"_L1},
    {ErrorCode::TooManyConnections, 503, "service_unavailable"_L1, "too_many_connections"_L1},
    {ErrorCode::ThreadBusy, 503, "service_unavailable"_L1, "thread_busy"_L1},
    {ErrorCode::McpUnreachable, 503, "service_unavailable"_L1, "mcp_unreachable"_L1},
    {ErrorCode::ProviderTimeout, 504, "upstream_timeout"_L1, "provider_timeout"_L1},
    {ErrorCode::HttpVersion, 505, "invalid_request"_L1, "http_version_not_supported"_L1},
    {ErrorCode::MalformedRequest, 400, "invalid_request"_L1, "malformed_request"_L1},
    {ErrorCode::RequestTimeout, 408, "invalid_request"_L1, "request_timeout"_L1},
};

} // namespace

std::span<const ErrorRow> errorRows()
{
    return Table;
}

const ErrorRow &errorRow(ErrorCode code)
{
    const auto *row = std::find_if(std::begin(Table), std::end(Table), [code](const ErrorRow &r) { return r.code == code; });
    Q_ASSERT(row != std::end(Table));
    return *row;
}

} // namespace assistiv
