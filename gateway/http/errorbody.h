// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/errors.h"
#include "net/httpexchange.h"

namespace assistiv {

// The only place that turns an ErrorCode into a status (docs/contract/errors.md).

int errorStatus(const Error &error);
/// The JSON envelope.
QByteArray errorBody(const Error &error);
/// Headers that belong to the error itself, such as Retry-After. Allow on 405 is the routes' business.
HttpHeaders errorHeaders(const Error &error);

/// Answers an exchange with an error, in the form that the clients of its route know.
void replyError(HttpExchange &exchange, const Error &error);
/// The whole text of an answer behind which the connection is closed, for clients that never get as far as an exchange:
/// refused by the guard, or one connection too many. HEAD gets no body. Method and path as far as they are known.
QByteArray closingAnswer(const Error &error, HttpMethod method = HttpMethod::Other, QByteArrayView path = {});

} // namespace assistiv
