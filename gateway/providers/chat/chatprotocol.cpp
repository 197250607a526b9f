// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/chat/chatprotocol.h"

#include "core/jsonwriter.h"
#include "providers/callsignature.h"
#include "providers/chat/chatdecoder.h"
#include "providers/chatcodec.h"
#include "providers/clientread.h"

namespace assistiv {

namespace {

QByteArrayView finishWord(middle::FinishReason reason)
{
    switch (reason) {
    case middle::FinishReason::Stop: return "stop";
    case middle::FinishReason::Length: return "length";
    case middle::FinishReason::ToolCalls: return "tool_calls";
    case middle::FinishReason::ContentFilter: return "content_filter";
    }
    return "stop";
}

void writeLogprobs(JsonWriter &json, const QByteArray &logprobs)
{
    json.key("logprobs");
    if (logprobs.isEmpty())
        json.null();
    else
        json.beginObject().key("content").raw(logprobs).key("refusal").null().endObject();
}

// index: only the calls of a stream are numbered.
void writeCall(JsonWriter &json, const middle::ToolCall &call, std::optional<int> index)
{
    json.beginObject();
    if (index)
        json.member("index", *index);
    json.key("id").utf8(call.id).key("type").utf8("function").key("function").beginObject();
    json.key("name").utf8(call.name).key("arguments").utf8(call.arguments).endObject();
    client::writeSignature(json, call);
    json.endObject();
}

/// The parts of an answer that a chat completion has places for; reasoning is not shown.
struct ChatMessage
{
    QByteArray text;
    QByteArray refusal;
    QList<middle::ToolCall> calls;
};

ChatMessage messageOf(const middle::Answer &answer)
{
    ChatMessage message;
    for (const middle::Part &part : answer.parts) {
        if (const auto *text = std::get_if<middle::Text>(&part.content))
            message.text += text->text;
        else if (const auto *refusal = std::get_if<middle::Refusal>(&part.content))
            message.refusal += refusal->text;
        else if (const auto *call = std::get_if<middle::ToolCall>(&part.content))
            message.calls.append(*call);
    }
    return message;
}

void writeTextOrNull(JsonWriter &json, QByteArrayView name, const QByteArray &text)
{
    json.key(name);
    if (text.isEmpty())
        json.null();
    else
        json.utf8(text);
}

class ChatStreamEncoder final : public AnswerEncoder
{
public:
    ChatStreamEncoder(const AnswerIdentity &identity, bool includeUsage)
        : m_identity(identity), m_includeUsage(includeUsage)
    {
        JsonWriter json;
        json.beginObject().key("id").utf8(identity.id).key("object").utf8("chat.completion.chunk");
        json.member("created", identity.created.ms() / 1000).key("model").utf8(identity.model);
        m_head = json.take();
    }

    QByteArray write(const middle::Event &event) override
    {
        if (const auto *finish = std::get_if<middle::Finish>(&event))
            m_finish = finish->reason;
        const QByteArray frame = frameOf(event);
        // Nothing before there is something to see: until then a failure is still a plain answer with its status.
        return frame.isEmpty() ? frame : begin() + frame;
    }

    bool isTooLarge() const override { return false; } // nothing is kept

    QByteArray end(const Ending &ending) override
    {
        QByteArray frames = begin() + delta([](JsonWriter &) {}, finishWord(m_finish));
        if (m_includeUsage)
            frames += chatUsageFrame(ending.usage, m_identity);
        return frames + "data: [DONE]\n\n";
    }

    QByteArray fail(const Error &, const QByteArray &envelope, const Ending &) override { return errorFrame(envelope); }

private:
    QByteArray frameOf(const middle::Event &event) const
    {
        if (const auto *text = std::get_if<middle::TextDelta>(&event))
            return delta([&](JsonWriter &json) { json.key("content").utf8(text->text); }, {}, text->logprobs);
        if (const auto *refusal = std::get_if<middle::RefusalDelta>(&event))
            return delta([&](JsonWriter &json) { json.key("refusal").utf8(refusal->text); });
        if (const auto *call = std::get_if<middle::CallStart>(&event)) {
            return delta([&](JsonWriter &json) {
                json.key("tool_calls").beginArray();
                writeCall(json, { call->id, call->name, {}, call->signature, call->signer }, call->call);
                json.endArray();
            });
        }
        const auto *arguments = std::get_if<middle::CallArguments>(&event);
        if (arguments && !arguments->piece.isEmpty()) {
            return delta([&](JsonWriter &json) {
                json.key("tool_calls").beginArray().beginObject().member("index", arguments->call);
                json.key("function").beginObject().key("arguments").utf8(arguments->piece).endObject();
                json.endObject().endArray();
            });
        }
        return {};
    }

    QByteArray begin()
    {
        if (std::exchange(m_hasBegun, true))
            return {};
        return delta([](JsonWriter &json) { json.key("role").utf8("assistant").key("content").utf8(""); });
    }

    template<typename WriteDelta>
    QByteArray delta(WriteDelta writeDelta, QByteArrayView reason = {}, const QByteArray &logprobs = {}) const
    {
        JsonWriter json;
        json.key("choices").beginArray().beginObject().member("index", 0).key("delta").beginObject();
        writeDelta(json);
        json.endObject();
        writeLogprobs(json, logprobs);
        json.key("finish_reason");
        reason.isEmpty() ? json.null() : json.utf8(reason);
        json.endObject().endArray();
        if (m_includeUsage)
            json.key("usage").null();
        return "data: " + m_head + ',' + json.take() + "}\n\n";
    }

    const AnswerIdentity m_identity;
    const bool m_includeUsage;
    /// What all chunks begin with, not closed.
    QByteArray m_head;
    middle::FinishReason m_finish = middle::FinishReason::Stop;
    bool m_hasBegun = false;
};

/// One piece for a client that wants no stream.
class ChatAnswerEncoder final : public AnswerEncoder
{
public:
    explicit ChatAnswerEncoder(const AnswerIdentity &identity) : m_identity(identity) {}

    QByteArray write(const middle::Event &event) override
    {
        m_isTooLarge = !m_collector.add(event) || m_isTooLarge;
        return {};
    }

    bool isTooLarge() const override { return m_isTooLarge; }

    QByteArray end(const Ending &ending) override
    {
        const middle::Answer &answer = m_collector.answer();
        const ChatMessage message = messageOf(answer);
        JsonWriter json;
        json.beginObject().key("id").utf8(m_identity.id).key("object").utf8("chat.completion");
        json.member("created", m_identity.created.ms() / 1000).key("model").utf8(m_identity.model);
        json.key("choices").beginArray().beginObject().member("index", 0);
        json.key("message").beginObject().key("role").utf8("assistant");
        writeTextOrNull(json, "content", message.text);
        writeTextOrNull(json, "refusal", message.refusal);
        if (!message.calls.isEmpty()) {
            json.key("tool_calls").beginArray();
            for (const middle::ToolCall &call : message.calls)
                writeCall(json, call, {});
            json.endArray();
        }
        json.endObject();
        writeLogprobs(json, answer.logprobs);
        json.key("finish_reason").utf8(finishWord(answer.finish)).endObject().endArray();
        json.key("usage").raw(chatUsageJson(ending.usage)).endObject();
        return json.take();
    }

    QByteArray fail(const Error &, const QByteArray &envelope, const Ending &) override { return envelope; }

private:
    const AnswerIdentity m_identity;
    middle::AnswerCollector m_collector;
    bool m_isTooLarge = false;
};

} // namespace

Result<middle::Request> ChatProtocol::decode(const QByteArray &body) const
{
    const auto request = parseChatRequest(body);
    return request ? middleRequest(*request) : Result<middle::Request>(request.error());
}

std::unique_ptr<AnswerEncoder> ChatProtocol::encoder(const AnswerIdentity &identity,
                                                     const middle::Request &request) const
{
    if (request.stream)
        return std::make_unique<ChatStreamEncoder>(identity, request.includeUsage);
    return std::make_unique<ChatAnswerEncoder>(identity);
}

} // namespace assistiv
