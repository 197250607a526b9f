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

/// Writes one streamed answer in a client's protocol.
class StreamEncoder
{
public:
    virtual ~StreamEncoder() = default;

    /// What the client may see at once; often nothing. A Finish is kept for end(); a Fail is not told here.
    virtual QByteArray write(const middle::Event &event) = 0;
    /// All that is missing after a Finish, with the terminator. It goes out after the bill is committed.
    virtual QByteArray end(const Usage &usage) = 0;
    /// The end of a stream that failed after it had begun. envelope: the error's JSON body.
    virtual QByteArray fail(const Error &error, const QByteArray &envelope) = 0;
};

/// Translates between one protocol that clients speak and the middle form; no state, one object serves all threads.
class ClientProtocol
{
public:
    virtual ~ClientProtocol() = default;

    /// InvalidJson, ValidationError, UnsupportedParameter or UnsupportedToolType, with the offending field in param.
    virtual Result<middle::Request> decode(const QByteArray &body) const = 0;
    virtual QByteArray encodeAnswer(const middle::Answer &answer, const Usage &usage, const AnswerIdentity &identity,
                                    const middle::Request &request) const = 0;
    virtual std::unique_ptr<StreamEncoder> encoder(const AnswerIdentity &identity,
                                                   const middle::Request &request) const = 0;
};

} // namespace assistiv
