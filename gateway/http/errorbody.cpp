// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/errorbody.h"

#include "core/id.h"
#include "core/jsonwriter.h"
#include "core/messageserror.h"
#include "http/answerhead.h"
#include "http/clientdialect.h"

namespace assistiv {

namespace {

QByteArray bodyIn(ClientDialect dialect, const Error &error, QByteArrayView requestId)
{
    return dialect == ClientDialect::Anthropic ? messagesErrorBody(error, requestId) : errorBody(error);
}

} // namespace

int errorStatus(const Error &error)
{
    return errorRow(error.code).status;
}

QByteArray errorBody(const Error &error)
{
    const ErrorRow &row = errorRow(error.code);
    JsonWriter out;
    out.beginObject().key("error").beginObject();
    out.member("type", QString(row.type)).member("code", QString(row.word)).member("message", error.message);
    out.textOrNull("param", error.param);
    if (row.status == 429)
        out.textOrNull("denied_by", error.deniedBy).member("retry_after", error.retryAfterSeconds);
    out.endObject().endObject();
    return out.take();
}

HttpHeaders errorHeaders(const Error &error)
{
    HttpHeaders headers;
    if (errorStatus(error) == 401)
        headers.emplace_back("www-authenticate", "Bearer");
    if (error.retryAfterSeconds > 0)
        headers.emplace_back("retry-after", QByteArray::number(error.retryAfterSeconds));
    if (!error.mayRepeat)
        headers.emplace_back("x-should-retry", "false");
    return headers;
}

void replyError(HttpExchange &exchange, const Error &error)
{
    for (const auto &[name, value] : errorHeaders(error))
        exchange.addHeader(name, value);
    const HttpRequest &request = exchange.request();
    exchange.reply(errorStatus(error), bodyIn(dialectOf(request.path), error, request.requestId));
}

QByteArray closingAnswer(const Error &error, HttpMethod method, QByteArrayView path)
{
    const QByteArray requestId = RequestId::create().toLatin1();
    const QByteArray body = bodyIn(dialectOf(path), error, requestId);
    QByteArray answer = beginHead(errorStatus(error));
    appendHeader(answer, "content-type", JsonContentType);
    appendHeader(answer, "content-length", QByteArray::number(body.size()));
    appendHeader(answer, "x-request-id", requestId);
    for (const auto &[name, value] : errorHeaders(error))
        appendHeader(answer, name, value);
    appendHeader(answer, "connection", "close");
    answer += "\r\n";
    return method == HttpMethod::Head ? answer : answer + body;
}

} // namespace assistiv
