// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "providers/answeridentity.h"
#include "providers/middle/answer.h"
#include "providers/middle/event.h"
#include "providers/middle/request.h"

#include <memory>

namespace assistiv {

/// What is known at the end of an answer only.
struct Ending
{
    /// Of all upstream calls together, as billed.
    Usage usage = {};
    Timestamp at = {};
};

/// Writes one answer in a client's protocol, as a stream or in one piece, as the request asked. The events may be those
/// of several upstream calls, one after the other: each begins with its Start.
class AnswerEncoder
{
public:
    virtual ~AnswerEncoder() = default;

    /// What the client may see at once; often nothing, and never anything for one that wants one piece. A Fail is not
    /// told here.
    virtual QByteArray write(const middle::Event &event) = 0;
    /// More has come than an answer may hold.
    virtual bool isTooLarge() const = 0;
    /// All that is missing after the last Finish: the stream's end or the whole JSON body. It goes out after the bill
    /// is committed; nothing changes, so that fail() is still possible.
    virtual QByteArray end(const Ending &ending) = 0;
    /// The end of a stream that failed after it had begun. envelope: the error's JSON body.
    virtual QByteArray fail(const Error &error, const QByteArray &envelope, const Ending &ending) = 0;
};

/// Translates between one protocol that clients speak and the middle form; no state, one object serves all threads.
class ClientProtocol
{
public:
    virtual ~ClientProtocol() = default;

    /// InvalidJson or one of the codes with status 422, with the offending field in param.
    virtual Result<middle::Request> decode(const QByteArray &body) const = 0;
    virtual std::unique_ptr<AnswerEncoder> encoder(const AnswerIdentity &identity,
                                                   const middle::Request &request) const = 0;
};

} // namespace assistiv
