// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "net/httpreply.h"

#include <QtCore/QByteArray>

namespace assistiv {

/// A failed upstream call as the caller will hear of it, and what routing may do about it
/// (docs/contract/inference.md, "Provider failures").
struct UpstreamFailure
{
    Error error;
    bool mayTryNext = false;
};

/// An answer with a status other than 200. body may be cut to its first 64 KiB; ownKey is taken out of the message.
/// wait: see retryAfterSeconds().
UpstreamFailure failureFromStatus(int status, QByteArrayView body, int wait, QByteArrayView ownKey);

/// No answer at all, or one that broke off.
UpstreamFailure failureFromNetwork(NetError error);

/// An error object inside a stream.
UpstreamFailure failureFromStream(QByteArrayView data);

/// Retry-After in seconds, a number or an HTTP date; retry-after-ms wins when it is there. 0 when there is neither, 1 to 3600
/// otherwise.
int retryAfterSeconds(QByteArrayView retryAfter, QByteArrayView retryAfterMs);

} // namespace assistiv
