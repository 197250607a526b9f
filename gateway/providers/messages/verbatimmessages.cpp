// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/messages/verbatimmessages.h"

#include "core/jsonscan.h"
#include "core/jsonwriter.h"
#include "core/messageserror.h"
#include "net/ssereader.h"
#include "providers/anthropic/anthropicdecoder.h"
#include "providers/anthropic/anthropicencoder.h"
#include "providers/middle/answer.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

bool isSamplingMember(QByteArrayView name)
{
    return name == "temperature" || name == "top_p" || name == "top_k";
}

UpstreamCall messagesCall(const MessagesRequest &request, const MessagesHeaders &headers, const UpstreamTarget &target,
                          StateKept kept = StateKept::Own)
{
    UpstreamCall call;
    call.path = "/v1/messages";
    call.streams = request.stream;
    // The version that the client has written its body for, and reads the answer by.
    const QByteArray version = headers.version.isEmpty() ? anthropicVersion(target.options) : headers.version;
    call.headers = { { "anthropic-version", version } };
    if (!headers.betas.isEmpty())
        call.headers.append({ "anthropic-beta", headers.betas });
    JsonWriter json;
    json.beginObject();
    for (const BodyMember &member : request.members) {
        if (!counts(request.members, member))
            continue;
        const bool isDropped = target.options.dropFields.contains(member.name)
            || target.quirks.rejects.contains(member.name)
            || (target.quirks.sampling == Sampling::Never && isSamplingMember(member.name));
        if (member.name == "model")
            json.key("model").utf8(target.model);
        else if (isDropped)
            call.dropped.append(member.name);
        else if (member.name == "messages" && (request.holdsForeignState || kept == StateKept::None))
            json.key("messages").raw(withState(kept, member.valueIn(request.body)));
        else
            json.raw(member.in(request.body));
    }
    json.endObject();
    call.body = json.take();
    return call;
}

// The provider's message with our id and the slug that was asked for.
QByteArray withIdentity(QByteArrayView message, const AnswerIdentity &identity)
{
    JsonWriter json;
    json.beginObject();
    for (const JsonMember &member : scanObject(message)) {
        if (member.name == "id")
            json.key("id").utf8(identity.id);
        else if (member.name == "model")
            json.key("model").utf8(identity.model);
        else
            json.raw(message.sliced(member.begin, member.end - member.begin));
    }
    json.endObject();
    return json.take();
}

/// What both forms of an answer have in common: the events in it are read for the bill only.
class VerbatimMessages : public Dialogue
{
public:
    VerbatimMessages(const MessagesRequest &request, const MessagesHeaders &headers, const UpstreamTarget &target,
                     const AnswerIdentity &identity)
        : m_request(request), m_headers(headers), m_target(target), m_identity(identity), m_decoder(target)
    {
    }

    Result<UpstreamCall> call() const override { return messagesCall(m_request, m_headers, m_target, m_stateKept); }

    Consumption consumption() const override
    {
        return { m_meter.usage(m_request.estimatedPromptTokens()), m_meter.isReported(), m_meter.outputBytes() };
    }

protected:
    /// Up to the one that ends the answer.
    void note(const middle::Events &events, Step &step)
    {
        for (const middle::Event &event : events) {
            if (m_isOver)
                return;
            m_meter.note(event);
            m_isOver = middle::isLast(event);
            step.isComplete = std::holds_alternative<middle::Finish>(event);
            if (const auto *failed = std::get_if<middle::Fail>(&event))
                step.failure = failed->failure;
        }
    }

    const MessagesRequest m_request;
    const MessagesHeaders m_headers;
    const UpstreamTarget m_target;
    const AnswerIdentity m_identity;
    AnthropicDecoder m_decoder;
    middle::Meter m_meter;
    bool m_isOver = false;

private:
    void leaveStateOut() override
    {
        if (m_request.holdsState)
            m_stateKept = StateKept::None;
    }

    StateKept m_stateKept = StateKept::Own;
};

class VerbatimMessageStream final : public VerbatimMessages
{
public:
    using VerbatimMessages::VerbatimMessages;

    Step feed(const QByteArray &bytes) override
    {
        Step step;
        if (m_isOver)
            return step;
        m_reader.feed(bytes);
        while (!m_isOver) {
            const auto event = m_reader.next();
            if (!event)
                break;
            if (!event->data.isEmpty())
                onEvent(*event, step);
        }
        if (!m_isOver && m_reader.hasFailed())
            fail(step, unreadableAnswer());
        return step;
    }

    Step bodyEnded() override
    {
        Step step;
        if (m_isOver)
            return step;
        // Some say no in one piece, with status 200.
        if (m_reader.rest().startsWith('{'))
            note(m_decoder.wholeAnswer(m_reader.rest().toByteArray()), step);
        if (!step.failure)
            fail(step, truncatedAnswer());
        return step;
    }

    QByteArray end(const Ending &) override { return m_held; }

    QByteArray streamFailure(const Error &error, const QByteArray &, const Ending &) override
    {
        return messagesErrorFrame(error);
    }

private:
    void onEvent(const SseEvent &event, Step &step)
    {
        middle::Events events;
        m_decoder.onEvent(event, events);
        note(events, step);
        if (step.failure)
            return;
        m_held += frame(event);
        // The last event leaves after the commit. The first one waits for the next: until then a failure has a status.
        const bool isFirst = !std::exchange(m_hasEvents, true);
        if (!step.isComplete && !isFirst)
            step.forClient += std::exchange(m_held, {});
    }

    QByteArray frame(const SseEvent &event) const
    {
        // Data of several lines: between the parts of valid JSON a line feed is a blank, in an event it ends the line.
        QByteArray data = event.data.toByteArray();
        const auto root = json::parse(data);
        const QByteArray type = root ? json::text(*root, "type").toByteArray() : QByteArray();
        if (type == "message_start")
            data = withIdentityInside(data);
        data.replace('\n', ' ');
        QByteArray name = type.isEmpty() ? event.name.toByteArray() : type;
        name.replace('\n', ' ').replace('\r', ' ');
        return "event: " + name + "\ndata: " + data + "\n\n";
    }

    QByteArray withIdentityInside(const QByteArray &data) const
    {
        JsonWriter json;
        json.beginObject();
        for (const JsonMember &member : scanObject(data)) {
            if (member.name == "message" && member.value.startsWith('{'))
                json.key("message").raw(withIdentity(member.value, m_identity));
            else
                json.raw(QByteArrayView(data).sliced(member.begin, member.end - member.begin));
        }
        json.endObject();
        return json.take();
    }

    void fail(Step &step, const UpstreamFailure &failure)
    {
        m_isOver = true;
        step.isComplete = false;
        step.failure = failure;
    }

    SseReader m_reader;
    /// Told to the client with the next bytes.
    QByteArray m_held;
    bool m_hasEvents = false;
};

class VerbatimMessage final : public VerbatimMessages
{
public:
    using VerbatimMessages::VerbatimMessages;

    Step feed(const QByteArray &bytes) override
    {
        m_body += bytes;
        return {};
    }

    Step bodyEnded() override
    {
        Step step;
        note(m_decoder.wholeAnswer(m_body), step);
        return step;
    }

    QByteArray end(const Ending &) override { return withIdentity(m_body, m_identity); }
    QByteArray streamFailure(const Error &, const QByteArray &envelope, const Ending &) override { return envelope; }

    Consumption consumption() const override
    {
        // What has come of an answer that nobody has read yet is all we know about its size.
        if (m_isOver)
            return VerbatimMessages::consumption();
        return { { .inFresh = m_request.estimatedPromptTokens(), .outText = estimatedTokens(m_body.size()) },
                 false,
                 m_body.size() };
    }

private:
    QByteArray m_body;
};

/// A count uses nothing.
class TokenCount final : public Dialogue
{
public:
    TokenCount(const MessagesRequest &request, const MessagesHeaders &headers, const UpstreamTarget &target)
        : m_request(request), m_headers(headers), m_target(target)
    {
    }

    Result<UpstreamCall> call() const override
    {
        UpstreamCall call = messagesCall(m_request, m_headers, m_target);
        call.path += "/count_tokens";
        call.streams = false;
        return call;
    }

    Step feed(const QByteArray &bytes) override
    {
        m_body += bytes;
        return {};
    }

    Step bodyEnded() override
    {
        const auto root = json::parse(m_body);
        const auto given = root ? json::member(*root, "input_tokens") : std::nullopt;
        if (!given || !json::count(*root, "input_tokens"))
            return { .failure = unreadableAnswer() };
        return { .isComplete = true };
    }

    QByteArray end(const Ending &) override { return m_body; }
    QByteArray streamFailure(const Error &, const QByteArray &envelope, const Ending &) override { return envelope; }
    Consumption consumption() const override { return {}; }

private:
    const MessagesRequest m_request;
    const MessagesHeaders m_headers;
    const UpstreamTarget m_target;
    QByteArray m_body;
};

} // namespace

std::unique_ptr<Dialogue> verbatimMessages(const MessagesRequest &request, const MessagesHeaders &headers,
                                           const UpstreamTarget &target, const AnswerIdentity &identity)
{
    if (request.stream)
        return std::make_unique<VerbatimMessageStream>(request, headers, target, identity);
    return std::make_unique<VerbatimMessage>(request, headers, target, identity);
}

std::unique_ptr<Dialogue> tokenCount(const MessagesRequest &request, const MessagesHeaders &headers,
                                     const UpstreamTarget &target)
{
    return std::make_unique<TokenCount>(request, headers, target);
}

QByteArray tokenCountJson(qint64 inputTokens)
{
    JsonWriter json;
    json.beginObject().member("input_tokens", inputTokens).endObject();
    return json.take();
}

} // namespace assistiv
