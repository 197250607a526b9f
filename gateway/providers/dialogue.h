// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/answeridentity.h"
#include "providers/chatcodec.h"
#include "providers/clientprotocol.h"
#include "providers/providercodec.h"

#include <memory>
#include <optional>

namespace assistiv {

/// One upstream call as the exchange sees it: what to send, and what the provider's bytes mean for client and bill. It
/// hides whether bytes pass through or are translated, and whether the client wants a stream.
class Dialogue
{
public:
    virtual ~Dialogue() = default;

    /// The call to make. An error is the client's: this provider cannot be asked that.
    virtual Result<UpstreamCall> call() const = 0;
    virtual UpstreamFailure failure(const FailedReply &reply) const;
    /// The call to make in the place of one that was refused, when it was for the reasoning state of earlier answers: the
    /// same without that state. Given once at most.
    std::optional<UpstreamCall> callWithoutState(const FailedReply &refusal);

    struct Step
    {
        /// To be sent at once; always empty for a client that wants no stream.
        QByteArray forClient = {};
        /// The answer is whole: settle, then send end().
        bool isComplete = false;
        /// There will be no (further) answer.
        std::optional<UpstreamFailure> failure = {};
    };
    /// Bytes of the body of an answer with status 200.
    virtual Step feed(const QByteArray &bytes) = 0;
    /// That body has ended.
    virtual Step bodyEnded() = 0;

    /// What is left to send after the commit: the JSON body or the stream's end.
    virtual QByteArray end(const Ending &ending) = 0;
    /// The end of a stream that failed after its first byte. envelope: the error's JSON body.
    virtual QByteArray streamFailure(const Error &error, const QByteArray &envelope, const Ending &ending) = 0;

    struct Consumption
    {
        Usage usage = {};
        bool isReported = false;
        /// Bytes that the model has written as far as we know.
        qint64 outputBytes = 0;
    };
    /// What was used so far.
    virtual Consumption consumption() const = 0;

private:
    /// From now on call() is without it.
    virtual void leaveStateOut() {}

    bool m_hasLeftStateOut = false;
};

/// Chat completions on a server that speaks them: bytes pass through.
std::unique_ptr<Dialogue> verbatimChat(const ChatRequest &request, const ChatTarget &target,
                                       const AnswerIdentity &identity);
/// Any protocol on any provider, through the middle form. Protocol and codec must outlive it.
std::unique_ptr<Dialogue> translated(const ClientProtocol &protocol, const ProviderCodec &codec,
                                     const middle::Request &request, const UpstreamTarget &target,
                                     const AnswerIdentity &identity);
/// The same for an answer of several upstream calls: each is a dialogue, and all write to this client, who must outlive
/// them. Only the last one is ended.
std::unique_ptr<Dialogue> translated(AnswerEncoder &client, const ProviderCodec &codec, const middle::Request &request,
                                     const UpstreamTarget &target);

} // namespace assistiv
