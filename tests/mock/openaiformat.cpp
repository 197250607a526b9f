// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "openaiformat.h"

#include <algorithm>
#include <iterator>

namespace mock {
namespace {

std::string errorObject(std::string_view message, std::string_view type, std::string_view code)
{
    std::string text = "{\"error\":{\"message\":\"";
    text.append(message).append("\",\"type\":\"").append(type).append("\",\"param\":null,\"code\":");
    if (code.empty())
        text += "null";
    else
        text.append("\"").append(code).append("\"");
    return text + "}}";
}

struct ErrorKind
{
    int status;
    std::string_view type;
    std::string_view code;
};
constexpr ErrorKind errorKinds[] = {
    {400, "invalid_request_error", "invalid_value"},
    {401, "invalid_request_error", "invalid_api_key"},
    {402, "billing_error", "billing_not_active"},
    {403, "invalid_request_error", "permission_denied"},
    {404, "invalid_request_error", "model_not_found"},
    {408, "server_error", "timeout"},
    {409, "invalid_request_error", "conflict"},
    {413, "invalid_request_error", "request_too_large"},
    {422, "invalid_request_error", "unprocessable_entity"},
    {429, "requests", "rate_limit_exceeded"},
    {500, "server_error", ""},
    {502, "server_error", ""},
    {503, "server_error", ""},
    {504, "server_error", ""},
    {529, "overloaded_error", ""},
};

const ErrorKind &errorKind(int status)
{
    const auto *found = std::find_if(std::begin(errorKinds), std::end(errorKinds),
                                     [status](const ErrorKind &k) { return k.status == status; });
    return found == std::end(errorKinds) ? errorKinds[10] : *found;
}

} // namespace

Builder OpenAiFormat::headers() const
{
    Builder out;
    out.text("access-control-expose-headers: X-Request-ID\r\nopenai-organization: mock-org\r\n"
             "openai-processing-ms: 12\r\nopenai-version: 2020-10-01\r\nx-ratelimit-limit-requests: 10000\r\n"
             "x-ratelimit-limit-tokens: 2000000\r\nx-ratelimit-remaining-requests: 9999\r\n"
             "x-ratelimit-remaining-tokens: 1999975\r\nx-ratelimit-reset-requests: 6ms\r\n"
             "x-ratelimit-reset-tokens: 0s\r\nx-request-id: req_");
    return std::move(out.requestId().text("\r\n"));
}

std::string OpenAiFormat::error(const Complaint &complaint) const
{
    const ErrorKind &kind = errorKind(complaint.status);
    const bool isQuota = complaint.code == "insufficient_quota";
    return errorObject(complaint.message, isQuota ? complaint.code : kind.type,
                       complaint.code.empty() ? kind.code : complaint.code);
}

Complaint OpenAiFormat::failure()
{
    return {500, "The server had an error while processing your request.", "server_error", {}, {}};
}

} // namespace mock
