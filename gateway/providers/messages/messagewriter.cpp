// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/messages/messagewriter.h"

#include "core/messageserror.h"
#include "providers/middle/wire.h"
#include "providers/responses/opaquestate.h"

namespace assistiv {

QByteArray messagesUsageJson(const Usage &usage)
{
    JsonWriter json;
    json.beginObject().member("input_tokens", usage.inFresh);
    json.member("cache_creation_input_tokens", usage.inWrite + usage.inWriteLong);
    json.member("cache_read_input_tokens", usage.inCached);
    json.key("cache_creation").beginObject().member("ephemeral_5m_input_tokens", usage.inWrite);
    json.member("ephemeral_1h_input_tokens", usage.inWriteLong).endObject();
    json.member("output_tokens", usage.completion());
    json.key("output_tokens_details").beginObject().member("thinking_tokens", usage.outReasoning).endObject();
    json.endObject();
    return json.take();
}

QByteArray MessageWriter::write(const middle::Event &event)
{
    take(event);
    m_isTooLarge
        = m_bytes + m_blocks.size() * qsizetype(sizeof(Block)) > middle::AnswerCollector::MaximumBytes || m_isTooLarge;
    if (m_streams)
        tell();
    return std::exchange(m_out, {});
}

void MessageWriter::take(const middle::Event &event)
{
    if (const auto *text = std::get_if<middle::TextDelta>(&event)) {
        append(Kind::Text, text->text);
    } else if (const auto *refusal = std::get_if<middle::RefusalDelta>(&event)) {
        m_hasRefused = true;
        append(Kind::Text, refusal->text);
    } else if (const auto *reasoning = std::get_if<middle::ReasoningDelta>(&event)) {
        append(Kind::Thinking, reasoning->text);
    } else if (std::holds_alternative<middle::ItemEnd>(event)) {
        // Thinking stays open for the state that belongs to it.
        m_hasPause = !m_blocks.isEmpty() && m_blocks.last().kind == Kind::Thinking;
        if (!m_hasPause)
            endWords();
    } else if (const auto *opaque = std::get_if<middle::Opaque>(&event)) {
        state(*opaque);
    } else if (const auto *started = std::get_if<middle::CallStart>(&event)) {
        endWords();
        m_calls.append(m_blocks.size());
        m_blocks.append({ .kind = Kind::Call, .id = started->id, .name = started->name });
        m_bytes += started->id.size() + started->name.size();
    } else if (const auto *arguments = std::get_if<middle::CallArguments>(&event)) {
        if (Block *block = calledBlock(arguments->call); block && !block->hasEnded) {
            block->content += arguments->piece;
            m_bytes += arguments->piece.size();
        }
    } else if (const auto *ended = std::get_if<middle::CallEnd>(&event)) {
        if (Block *block = calledBlock(ended->call))
            block->hasEnded = true;
    } else if (const auto *report = std::get_if<middle::UsageReport>(&event)) {
        m_reported = report->usage.value_or(Usage());
    } else if (const auto *finish = std::get_if<middle::Finish>(&event)) {
        m_finish = finish->reason;
        for (Block &block : m_blocks)
            block.hasEnded = true;
    }
}

void MessageWriter::append(Kind kind, const QByteArray &text)
{
    if (text.isEmpty())
        return;
    const bool goesOn = !m_blocks.isEmpty() && m_blocks.last().kind == kind && !m_blocks.last().hasEnded;
    Block &block = goesOn ? m_blocks.last() : begin(kind);
    if (std::exchange(m_hasPause, false) && goesOn)
        block.content += "\n\n";
    block.content += text;
    m_bytes += text.size();
}

// The state of what was just thought is its signature; all other stands alone.
void MessageWriter::state(const middle::Opaque &opaque)
{
    const QByteArray sealed = sealedState(opaque);
    m_bytes += sealed.size();
    if (!m_blocks.isEmpty() && m_blocks.last().kind == Kind::Thinking && !m_blocks.last().hasEnded) {
        m_blocks.last().signature = sealed;
        m_blocks.last().hasEnded = true;
        return;
    }
    Block &block = begin(Kind::Redacted);
    block.content = sealed;
    block.hasEnded = true;
}

MessageWriter::Block &MessageWriter::begin(Kind kind)
{
    endWords();
    m_blocks.append({ .kind = kind });
    return m_blocks.last();
}

void MessageWriter::endWords()
{
    if (!m_blocks.isEmpty() && m_blocks.last().kind != Kind::Call)
        m_blocks.last().hasEnded = true;
}

MessageWriter::Block *MessageWriter::calledBlock(int call)
{
    return call >= 0 && call < m_calls.size() ? &m_blocks[m_calls[call]] : nullptr;
}

void MessageWriter::tell()
{
    while (m_live < m_blocks.size()) {
        Block &block = m_blocks[m_live];
        if (!std::exchange(block.isOpen, true))
            open(block);
        tellDelta(block);
        if (!block.hasEnded)
            return;
        event("content_block_stop", [this](JsonWriter &json) { json.member("index", qint64(m_live)); });
        block.content.clear(); // all of it was told
        block.told = 0;
        ++m_live;
    }
}

void MessageWriter::open(const Block &block)
{
    if (!std::exchange(m_hasBegun, true))
        m_out += messageStart();
    event("content_block_start", [&](JsonWriter &json) {
        const bool isWhole = block.kind == Kind::Redacted;
        const Block empty { .kind = block.kind, .id = block.id, .name = block.name };
        json.member("index", qint64(m_live)).key("content_block").raw(blockJson(isWhole ? block : empty));
    });
}

void MessageWriter::tellDelta(Block &block)
{
    const auto delta = [this](QByteArrayView type, QByteArrayView member, QByteArrayView text) {
        event("content_block_delta", [&](JsonWriter &json) {
            json.member("index", qint64(m_live)).key("delta").beginObject();
            json.key("type").utf8(type).key(member).utf8(text).endObject();
        });
    };
    const QByteArrayView fresh = QByteArrayView(block.content).sliced(block.told);
    block.told = block.content.size();
    if (block.kind == Kind::Text && !fresh.isEmpty())
        delta("text_delta", "text", fresh);
    else if (block.kind == Kind::Thinking && !fresh.isEmpty())
        delta("thinking_delta", "thinking", fresh);
    else if (block.kind == Kind::Call && !fresh.isEmpty())
        delta("input_json_delta", "partial_json", fresh);
    if (!block.signature.isEmpty())
        delta("signature_delta", "signature", std::exchange(block.signature, {}));
}

QByteArray MessageWriter::blockJson(const Block &block) const
{
    JsonWriter json;
    json.beginObject().key("type");
    switch (block.kind) {
    case Kind::Text: json.utf8("text").key("text").utf8(block.content); break;
    case Kind::Thinking:
        json.utf8("thinking").key("thinking").utf8(block.content).key("signature").utf8(block.signature);
        break;
    case Kind::Redacted: json.utf8("redacted_thinking").key("data").utf8(block.content); break;
    case Kind::Call:
        json.utf8("tool_use").key("id").utf8(block.id).key("name").utf8(block.name);
        json.key("input").raw(middle::argumentsObject(block.content));
        break;
    }
    json.endObject();
    return json.take();
}

QByteArrayView MessageWriter::stopReason() const
{
    if (m_hasRefused)
        return "refusal";
    switch (m_finish) {
    case middle::FinishReason::Stop: return "end_turn";
    case middle::FinishReason::Length: return "max_tokens";
    case middle::FinishReason::ToolCalls: return "tool_use";
    case middle::FinishReason::ContentFilter: return "refusal";
    }
    return "end_turn";
}

QByteArray MessageWriter::messageStart() const
{
    Usage known = m_reported;
    known.outText = known.outReasoning = 0;
    JsonWriter json;
    json.beginObject().key("type").utf8("message_start").key("message").beginObject();
    json.key("id").utf8(m_identity.id).key("type").utf8("message").key("role").utf8("assistant");
    json.key("model").utf8(m_identity.model).key("content").beginArray().endArray();
    json.key("stop_reason").null().key("stop_sequence").null().key("usage").raw(messagesUsageJson(known));
    json.endObject().endObject();
    return "event: message_start\ndata: " + json.take() + "\n\n";
}

template<typename Write>
void MessageWriter::event(QByteArrayView type, Write write)
{
    JsonWriter json;
    json.beginObject().key("type").utf8(type);
    write(json);
    json.endObject();
    m_out += "event: ";
    m_out.append(type);
    m_out += "\ndata: ";
    m_out += json.json();
    m_out += "\n\n";
}

QByteArray MessageWriter::end(const Ending &ending)
{
    if (!m_streams) {
        JsonWriter json;
        json.beginObject().key("id").utf8(m_identity.id).key("type").utf8("message").key("role").utf8("assistant");
        json.key("model").utf8(m_identity.model).key("content").beginArray();
        for (const Block &block : m_blocks)
            json.raw(blockJson(block));
        json.endArray().key("stop_reason").utf8(stopReason()).key("stop_sequence").null();
        json.key("usage").raw(messagesUsageJson(ending.usage)).endObject();
        return json.take();
    }
    m_out = m_hasBegun ? QByteArray() : messageStart();
    event("message_delta", [&](JsonWriter &json) {
        json.key("delta").beginObject().key("stop_reason").utf8(stopReason()).key("stop_sequence").null().endObject();
        json.key("usage").raw(messagesUsageJson(ending.usage));
    });
    event("message_stop", [](JsonWriter &) {});
    return std::exchange(m_out, {});
}

QByteArray MessageWriter::fail(const Error &error, const QByteArray &envelope, const Ending &)
{
    return m_streams ? messagesErrorFrame(error) : envelope;
}

} // namespace assistiv
