// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/dialogue.h"

#include "net/ssereader.h"
#include "providers/upstreamstream.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Dialogue::Consumption consumptionOf(const std::optional<Usage> &reported, qint64 promptEstimate, qint64 outputBytes)
{
    const Usage estimate { .inFresh = promptEstimate, .outText = estimatedTokens(outputBytes) };
    return { reported.value_or(estimate), reported.has_value(), outputBytes };
}

/// A client that wants a stream, on a server that speaks its protocol.
class VerbatimStream final : public Dialogue
{
public:
    VerbatimStream(const ChatRequest &request, const ChatTarget &target, const AnswerIdentity &identity)
        : m_request(request), m_target(target), m_decoder(target, identity, request.includeUsage)
    {
    }

    Result<UpstreamCall> call() const override { return verbatimCall(m_request, m_target); }

    Step feed(const QByteArray &bytes) override
    {
        Step step;
        if (m_isOver)
            return step;
        m_events.feed(bytes);
        while (!m_isOver) {
            const auto event = m_events.next();
            if (!event)
                break;
            if (!event->data.isEmpty())
                onEvent(event->data, step);
        }
        if (!m_isOver && m_events.hasFailed())
            fail(step, unreadableAnswer());
        return step;
    }

    Step bodyEnded() override
    {
        Step step;
        if (m_isOver)
            return step;
        // After its finish only the farewell is missing. And some servers say no in one piece, with status 200.
        if (m_decoder.hasFinished())
            complete(step);
        else if (m_events.rest().startsWith('{'))
            fail(step, failureFromStream(m_events.rest()));
        else
            fail(step, truncatedAnswer());
        return step;
    }

    QByteArray end(const Ending &ending) override
    {
        const bool lacksUsage = m_request.includeUsage && !m_decoder.usage();
        return (lacksUsage ? m_decoder.usageFrame(ending.usage) : QByteArray()) + "data: [DONE]\n\n";
    }

    QByteArray streamFailure(const Error &, const QByteArray &envelope, const Ending &) override
    {
        return errorFrame(envelope);
    }

    Consumption consumption() const override
    {
        return consumptionOf(m_decoder.usage(), m_request.estimatedPromptTokens(), m_decoder.outputBytes());
    }

    static UpstreamCall verbatimCall(const ChatRequest &request, const ChatTarget &target)
    {
        EncodedChat encoded = encodeChat(request, target);
        return { .path = "/chat/completions",
                 .body = std::move(encoded.body),
                 .streams = request.stream,
                 .dropped = std::move(encoded.dropped) };
    }

private:
    void onEvent(QByteArrayView data, Step &step)
    {
        ChatStreamDecoder::Step decoded = m_decoder.onEvent(data);
        switch (decoded.kind) {
        case ChatStreamDecoder::Kind::Forward: step.forClient += decoded.bytes; return;
        case ChatStreamDecoder::Kind::Nothing: return;
        case ChatStreamDecoder::Kind::End: return complete(step);
        case ChatStreamDecoder::Kind::Failed: return fail(step, { .error = decoded.error, .mayTryNext = true });
        }
    }

    void complete(Step &step)
    {
        m_isOver = true;
        step.isComplete = true;
    }

    void fail(Step &step, const UpstreamFailure &failure)
    {
        m_isOver = true;
        step.failure = failure;
    }

    const ChatRequest m_request;
    const ChatTarget m_target;
    ChatStreamDecoder m_decoder;
    SseReader m_events;
    bool m_isOver = false;
};

/// A client that wants one piece of JSON, on a server that speaks its protocol.
class VerbatimAnswer final : public Dialogue
{
public:
    VerbatimAnswer(const ChatRequest &request, const ChatTarget &target, const AnswerIdentity &identity)
        : m_request(request), m_target(target), m_identity(identity)
    {
    }

    Result<UpstreamCall> call() const override { return VerbatimStream::verbatimCall(m_request, m_target); }

    Step feed(const QByteArray &bytes) override
    {
        m_body += bytes;
        return {};
    }

    Step bodyEnded() override
    {
        auto answer = decodeChatAnswer(m_body, m_target, m_identity, m_request.estimatedPromptTokens());
        if (!answer)
            return { .failure = UpstreamFailure { .error = answer.error(), .mayTryNext = true } };
        m_answer = std::move(*answer);
        return { .isComplete = true };
    }

    QByteArray end(const Ending &) override { return m_answer.body; }
    QByteArray streamFailure(const Error &, const QByteArray &envelope, const Ending &) override { return envelope; }

    Consumption consumption() const override
    {
        // What has come of an answer that nobody has read yet is all we know about its size.
        const qint64 bytes = m_answer.body.isEmpty() ? m_body.size() : m_answer.outputBytes;
        return consumptionOf(m_answer.usage, m_request.estimatedPromptTokens(), bytes);
    }

private:
    const ChatRequest m_request;
    const ChatTarget m_target;
    const AnswerIdentity m_identity;
    QByteArray m_body;
    ChatAnswer m_answer;
};

/// Through the middle form. The provider always streams, whatever the client wants.
class Translated final : public Dialogue
{
public:
    Translated(AnswerEncoder &client, const ProviderCodec &codec, const middle::Request &request,
               const UpstreamTarget &target)
        : m_codec(codec), m_request(request), m_target(target), m_upstream(codec.decoder(m_request, m_target)),
          m_client(client)
    {
    }
    Translated(std::unique_ptr<AnswerEncoder> client, const ProviderCodec &codec, const middle::Request &request,
               const UpstreamTarget &target)
        : Translated(*client, codec, request, target)
    {
        m_ownClient = std::move(client);
    }

    Result<UpstreamCall> call() const override { return m_codec.encode(m_request, m_target); }
    UpstreamFailure failure(const FailedReply &reply) const override { return m_codec.decodeFailure(reply); }

    Step feed(const QByteArray &bytes) override
    {
        // Some servers answer in one piece whatever they were asked for; no event begins with a brace.
        if (!m_hasBegun) {
            const QByteArray visible = bytes.trimmed();
            m_hasBegun = !visible.isEmpty();
            m_isWhole = visible.startsWith('{');
        }
        if (!m_isWhole)
            return stepFor(m_upstream.feed(bytes));
        if (m_isOver)
            return {};
        m_body += bytes;
        Step step;
        if (m_body.size() > middle::AnswerCollector::MaximumBytes)
            failAsTooLarge(step);
        return step;
    }

    Step bodyEnded() override
    {
        return stepFor(m_isWhole ? m_codec.decodeAnswer(m_body, m_request, m_target) : m_upstream.end());
    }

    QByteArray end(const Ending &ending) override { return m_client.end(ending); }

    QByteArray streamFailure(const Error &error, const QByteArray &envelope, const Ending &ending) override
    {
        return m_client.fail(error, envelope, ending);
    }

    Consumption consumption() const override
    {
        return { m_meter.usage(m_request.estimatedPromptTokens), m_meter.isReported(), m_meter.outputBytes() };
    }

private:
    void leaveStateOut() override { middle::removeState(m_request); }

    Step stepFor(const middle::Events &events)
    {
        Step step;
        for (const middle::Event &event : events) {
            if (m_isOver)
                break;
            m_meter.note(event);
            m_isOver = middle::isLast(event);
            step.isComplete = std::holds_alternative<middle::Finish>(event);
            if (const auto *failed = std::get_if<middle::Fail>(&event))
                step.failure = failed->failure;
            else
                step.forClient += m_client.write(event);
            if (m_client.isTooLarge())
                failAsTooLarge(step);
        }
        return step;
    }

    void failAsTooLarge(Step &step)
    {
        m_isOver = true;
        step.isComplete = false;
        step.failure = UpstreamFailure {
            .error = { ErrorCode::ProviderError, u"The provider's answer is too large."_s } };
    }

    const ProviderCodec &m_codec;
    middle::Request m_request;
    const UpstreamTarget m_target;
    UpstreamStream m_upstream;
    AnswerEncoder &m_client;
    /// Null when the client is somebody else's.
    std::unique_ptr<AnswerEncoder> m_ownClient;
    middle::Meter m_meter;
    QByteArray m_body;
    bool m_hasBegun = false;
    bool m_isWhole = false;
    bool m_isOver = false;
};

} // namespace

UpstreamFailure Dialogue::failure(const FailedReply &reply) const
{
    return failureFromReply(reply);
}

std::optional<UpstreamCall> Dialogue::callWithoutState(const FailedReply &refusal)
{
    if (m_hasLeftStateOut || !refusesState(refusal))
        return {};
    const auto refused = call();
    m_hasLeftStateOut = true;
    leaveStateOut();
    auto instead = call();
    // The state of other providers was not sent anyway: then the same call would get the same answer.
    if (!refused || !instead || instead->body == refused->body)
        return {};
    return std::move(*instead);
}

std::unique_ptr<Dialogue> verbatimChat(const ChatRequest &request, const ChatTarget &target,
                                       const AnswerIdentity &identity)
{
    if (request.stream)
        return std::make_unique<VerbatimStream>(request, target, identity);
    return std::make_unique<VerbatimAnswer>(request, target, identity);
}

std::unique_ptr<Dialogue> translated(const ClientProtocol &protocol, const ProviderCodec &codec,
                                     const middle::Request &request, const UpstreamTarget &target,
                                     const AnswerIdentity &identity)
{
    return std::make_unique<Translated>(protocol.encoder(identity, request), codec, request, target);
}

std::unique_ptr<Dialogue> translated(AnswerEncoder &client, const ProviderCodec &codec, const middle::Request &request,
                                     const UpstreamTarget &target)
{
    return std::make_unique<Translated>(client, codec, request, target);
}

} // namespace assistiv
