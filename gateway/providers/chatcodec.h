// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/usage.h"
#include "providers/answeridentity.h"
#include "providers/chatrequest.h"

#include <optional>

namespace assistiv {

/// How one provider wants its chat completions (docs/contract/providers-openai.md).
struct ChatTarget
{
    QByteArray providerModelId;
    /// The name this server uses for the output limit; empty: as the client sent it.
    QByteArray maxTokensField;
    /// Top-level members this server refuses.
    QByteArrayList dropFields;
    /// False: the model refuses temperature, top_p, penalties, logit_bias and logprobs.
    bool takesSampling = true;
    /// False: the server does not know stream_options.
    bool asksForUsage = true;
    /// xAI counts reasoning beside completion_tokens, everybody else inside.
    bool countsReasoningBeside = false;
};

struct EncodedChat
{
    QByteArray body;
    /// Names of what the client sent and this target does not get.
    QByteArrayList dropped;
};

/// The client's bytes with only the fields spliced that the gateway owns: model, stream_options, store and what is dropped.
EncodedChat encodeChat(const ChatRequest &request, const ChatTarget &target);

using ChatIdentity = AnswerIdentity;

struct ChatAnswer
{
    QByteArray body;
    std::optional<Usage> usage;
    /// Bytes of text, call names and arguments, for the estimate.
    qint64 outputBytes = 0;
};

/// A whole answer. ProviderError when it is no chat completion. When the provider reports no usage, the estimate
/// (promptEstimate and the output's size) is put in, since clients rely on the member.
Result<ChatAnswer> decodeChatAnswer(const QByteArray &body, const ChatTarget &target, const ChatIdentity &identity,
                                    qint64 promptEstimate);

/// Output tokens when none are reported: 4 bytes a token, rounded up.
inline qint64 estimatedTokens(qint64 bytes)
{
    return (bytes + 3) / 4;
}

/// Takes the events of one streamed answer, one after the other, and says what goes to the client.
class ChatStreamDecoder
{
public:
    ChatStreamDecoder(ChatTarget target, ChatIdentity identity, bool clientWantsUsage);

    enum class Kind {
        Forward,  ///< bytes is a whole frame for the client
        Nothing,  ///< for us only
        End,      ///< [DONE]
        Failed,   ///< error says why
    };
    struct Step
    {
        Kind kind = Kind::Nothing;
        QByteArray bytes = {};
        Error error = {};
    };
    Step onEvent(QByteArrayView data);

    /// The usage frame for a client that asked for one and a provider that sent none.
    QByteArray usageFrame(const Usage &usage) const;

    const std::optional<Usage> &usage() const { return m_usage; }
    bool hasFinished() const { return m_finished; }
    qint64 outputBytes() const { return m_outputBytes; }

private:
    ChatTarget m_target;
    ChatIdentity m_identity;
    bool m_clientWantsUsage;
    bool m_finished = false;
    std::optional<Usage> m_usage;
    qint64 m_outputBytes = 0;
};

/// The client's numbers.
QByteArray chatUsageJson(const Usage &usage);
/// The chunk that carries nothing but them.
QByteArray chatUsageFrame(const Usage &usage, const ChatIdentity &identity);

/// The frame of an error inside a stream.
QByteArray errorFrame(const QByteArray &errorBody);

} // namespace assistiv
