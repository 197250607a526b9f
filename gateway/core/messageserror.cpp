// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/messageserror.h"

#include "core/jsonwriter.h"

#include <algorithm>
#include <array>

namespace assistiv {

namespace {

struct TypeOfStatus
{
    int status;
    QByteArrayView type;
};
constexpr std::array<TypeOfStatus, 12> TypesOfStatus = { {
    { 401, "authentication_error" },
    { 402, "billing_error" },
    { 403, "permission_error" },
    { 404, "not_found_error" },
    { 408, "timeout_error" },
    { 409, "conflict_error" },
    { 413, "request_too_large" },
    { 429, "rate_limit_error" },
    { 500, "api_error" },
    { 502, "api_error" },
    { 503, "overloaded_error" },
    { 504, "timeout_error" },
} };

QByteArrayView typeOf(int status)
{
    const auto known = std::find_if(TypesOfStatus.begin(), TypesOfStatus.end(),
                                    [status](const TypeOfStatus &each) { return each.status == status; });
    return known != TypesOfStatus.end() ? known->type : QByteArrayView("invalid_request_error");
}

} // namespace

QByteArray messagesErrorBody(const Error &error, QByteArrayView requestId)
{
    const ErrorRow &row = errorRow(error.code);
    JsonWriter json;
    json.beginObject().key("type").utf8("error").key("error").beginObject().key("type").utf8(typeOf(row.status));
    json.member("message", error.message).member("code", QString(row.word)).textOrNull("param", error.param);
    if (row.status == 429)
        json.textOrNull("denied_by", error.deniedBy).member("retry_after", error.retryAfterSeconds);
    json.endObject();
    if (!requestId.isEmpty())
        json.key("request_id").utf8(requestId);
    json.endObject();
    return json.take();
}

QByteArray messagesErrorFrame(const Error &error)
{
    return "event: error\ndata: " + messagesErrorBody(error) + "\n\n";
}

} // namespace assistiv
