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
    /// False: the provider said that asking it again is of no use, so the next try must go to another one.
    bool mayTrySameProvider = true;
};

/// An answer with a status other than 200, as far as it matters.
struct FailedReply
{
    int status = 0;
    /// Header values, empty when there are none.
    QByteArrayView retryAfter = {};
    QByteArrayView retryAfterMs = {};
    /// x-should-retry
    QByteArrayView shouldRetry = {};
    /// May be cut to its first 64 KiB.
    QByteArrayView body = {};
    /// The key that was used: it is taken out of messages.
    QByteArrayView ownKey = {};
};
UpstreamFailure failureFromReply(const FailedReply &reply);

/// An answer with a status other than 200. body may be cut to its first 64 KiB; ownKey is taken out of the message.
/// wait: see retryAfterSeconds(); 0: what the body says.
UpstreamFailure failureFromStatus(int status, QByteArrayView body, int wait, QByteArrayView ownKey);

/// Whether it is the reasoning state of earlier answers that is refused: altered, of another model or key, or too old.
bool refusesState(const FailedReply &reply);

/// No answer at all, or one that broke off.
UpstreamFailure failureFromNetwork(NetError error);

/// An error object inside a stream.
UpstreamFailure failureFromStream(QByteArrayView data);
/// A piece of an answer that nobody can read.
UpstreamFailure unreadableAnswer();
/// A stream that ended before the answer did.
UpstreamFailure truncatedAnswer();

/// Retry-After in seconds, a number or an HTTP date; retry-after-ms wins when it is there. 0 when there is neither, 1 to 3600
/// otherwise.
int retryAfterSeconds(QByteArrayView retryAfter, QByteArrayView retryAfterMs);

} // namespace assistiv
