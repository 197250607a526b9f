// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/anthropic/anthropicdecoder.h"

#include "core/jsonwriter.h"

#include <algorithm>
#include <array>

namespace assistiv {

namespace {

using json::dom::element;

constexpr int MostBlocks = 10'000;
constexpr qsizetype MostKept = qsizetype(16) * 1024 * 1024;

struct ErrorStatus
{
    QByteArrayView type;
    int status;
};

// An error inside a stream has no status of its own: that of a whole answer with this error.
constexpr std::array<ErrorStatus, 10> ErrorStatuses = { {
    { "invalid_request_error", 400 },
    { "authentication_error", 401 },
    { "billing_error", 402 },
    { "permission_error", 403 },
    { "not_found_error", 404 },
    { "conflict_error", 409 },
    { "request_too_large", 413 },
    { "rate_limit_error", 429 },
    { "timeout_error", 504 },
    { "overloaded_error", 529 },
} };

middle::Fail failureOf(element root, QByteArrayView data)
{
    const auto error = json::member(root, "error");
    const QByteArrayView type = error ? json::text(*error, "type") : QByteArrayView();
    const auto known = std::find_if(ErrorStatuses.begin(), ErrorStatuses.end(),
                                    [&](const ErrorStatus &each) { return each.type == type; });
    return { failureFromStatus(known != ErrorStatuses.end() ? known->status : 500, data, 0, {}) };
}

middle::FinishReason finishFrom(QByteArrayView reason)
{
    if (reason == "max_tokens" || reason == "model_context_window_exceeded")
        return middle::FinishReason::Length;
    if (reason == "tool_use")
        return middle::FinishReason::ToolCalls;
    if (reason == "refusal")
        return middle::FinishReason::ContentFilter;
    return middle::FinishReason::Stop;
}

qint64 indexOf(element root)
{
    int64_t index = 0;
    return root["index"].get(index) ? -1 : index;
}

} // namespace

void AnthropicUsage::merge(element reported)
{
    const auto take = [this](qint64 &counter, element parent, std::string_view name) {
        if (!json::member(parent, name))
            return;
        const auto given = json::count(parent, name);
        m_isCredible = m_isCredible && given;
        counter = given.value_or(0);
    };
    take(m_fresh, reported, "input_tokens");
    take(m_cacheRead, reported, "cache_read_input_tokens");
    take(m_cacheWrite, reported, "cache_creation_input_tokens");
    take(m_output, reported, "output_tokens");
    if (const auto writes = json::member(reported, "cache_creation")) {
        take(m_minutesWrite, *writes, "ephemeral_5m_input_tokens");
        take(m_hourWrite, *writes, "ephemeral_1h_input_tokens");
    }
    if (const auto details = json::member(reported, "output_tokens_details"))
        take(m_thinking, *details, "thinking_tokens");
}

std::optional<Usage> AnthropicUsage::usage() const
{
    if (!m_isCredible)
        return {};
    const qint64 written = qMax(m_cacheWrite, m_minutesWrite + m_hourWrite);
    const qint64 thinking = qMin(m_thinking, m_output);
    return Usage { .inFresh = m_fresh,
                   .inCached = m_cacheRead,
                   .inWrite = written - m_hourWrite,
                   .inWriteLong = m_hourWrite,
                   .outText = m_output - thinking,
                   .outReasoning = thinking };
}

void AnthropicDecoder::onEvent(const SseEvent &event, middle::Events &out)
{
    const auto root = json::parse(event.data);
    if (!root || !root->is_object()) {
        out.append(middle::Fail { unreadableAnswer() });
        return;
    }
    const QByteArrayView named = json::text(*root, "type");
    const QByteArrayView type = named.isEmpty() ? event.name : named;
    if (type == "message_start") {
        if (const auto message = json::member(*root, "message"))
            messageStart(*message, out);
    } else if (type == "content_block_start") {
        if (const auto block = json::member(*root, "content_block"))
            blockStart(indexOf(*root), *block, out);
    } else if (type == "content_block_delta") {
        if (const auto delta = json::member(*root, "delta"))
            blockDelta(indexOf(*root), *delta, out);
    } else if (type == "content_block_stop") {
        blockStop(indexOf(*root), out);
    } else if (type == "message_delta") {
        if (const auto delta = json::member(*root, "delta"))
            messageDelta(*delta, json::member(*root, "usage"), out);
    } else if (type == "message_stop") {
        messageStop(out);
    } else if (type == "error") {
        out.append(failureOf(*root, event.data));
    }
    // ping, and what will be invented later: nothing
}

middle::Events AnthropicDecoder::wholeAnswer(const QByteArray &body)
{
    middle::Events events;
    const auto root = json::parse(body);
    if (root && json::text(*root, "type") == "error")
        return { failureOf(*root, body) };
    if (!root || !json::member(*root, "content"))
        return { middle::Fail { unreadableAnswer() } };
    messageStart(*root, events);
    qint64 index = 0;
    for (const element block : json::elements(json::member(*root, "content"))) {
        blockStart(index, block, events);
        blockStop(index++, events);
    }
    messageDelta(*root, {}, events);
    messageStop(events);
    // Too many blocks fail on the way.
    const auto last = std::find_if(events.cbegin(), events.cend(), middle::isLast);
    if (last != events.cend())
        events.erase(last + 1, events.cend());
    return events;
}

void AnthropicDecoder::messageStart(element message, middle::Events &out)
{
    if (!m_hasStarted) {
        m_id = json::text(message, "id").toByteArray();
        m_hasStarted = true;
        out.append(middle::Start { m_id, json::text(message, "model").toByteArray() });
    }
    usage(json::member(message, "usage"), out);
}

void AnthropicDecoder::blockStart(qint64 index, element described, middle::Events &out)
{
    ++m_blocksSeen;
    if (!isBounded(out))
        return;
    ensureStart(out);
    const QByteArrayView type = json::text(described, "type");
    Block block;
    if (type == "text") {
        block.kind = BlockKind::Text;
        if (const QByteArrayView text = json::text(described, "text"); !text.isEmpty())
            out.append(middle::TextDelta { text.toByteArray() });
    } else if (type == "tool_use") {
        block.kind = BlockKind::Call;
        block.call = m_calls++;
        const auto input = json::member(described, "input");
        block.content = input ? json::minified(*input) : QByteArray("{}");
        const QByteArrayView given = json::text(described, "id");
        const QByteArray id = given.isEmpty() ? middle::madeCallId(m_id, block.call) : given.toByteArray();
        out.append(middle::CallStart { block.call, id, json::text(described, "name").toByteArray() });
    } else if (type == "thinking") {
        block.kind = BlockKind::Thinking;
        thinking(block, json::text(described, "thinking"), out);
        block.signature = json::text(described, "signature").toByteArray();
    } else if (type == "redacted_thinking") {
        block.kind = BlockKind::Redacted;
        block.content = json::text(described, "data").toByteArray();
    }
    m_kept += block.content.size() + block.signature.size();
    if (isBounded(out))
        m_blocks.insert(index, std::move(block));
}

void AnthropicDecoder::blockDelta(qint64 index, element delta, middle::Events &out)
{
    const auto found = m_blocks.find(index);
    if (found == m_blocks.end())
        return;
    const QByteArrayView type = json::text(delta, "type");
    if (found->kind == BlockKind::Text && type == "text_delta") {
        if (const QByteArrayView text = json::text(delta, "text"); !text.isEmpty())
            out.append(middle::TextDelta { text.toByteArray() });
    } else if (found->kind == BlockKind::Call && type == "input_json_delta") {
        const QByteArrayView piece = json::text(delta, "partial_json");
        if (piece.isEmpty())
            return; // the first one usually is
        found->hasPieces = true;
        out.append(middle::CallArguments { found->call, piece.toByteArray() });
    } else if (found->kind == BlockKind::Thinking && type == "thinking_delta") {
        thinking(*found, json::text(delta, "thinking"), out);
    } else if (found->kind == BlockKind::Thinking && type == "signature_delta") {
        const QByteArrayView signature = json::text(delta, "signature");
        m_kept += signature.size();
        found->signature.append(signature);
    }
    isBounded(out);
}

void AnthropicDecoder::blockStop(qint64 index, middle::Events &out)
{
    const Block block = m_blocks.take(index);
    switch (block.kind) {
    case BlockKind::Text:
        out.append(middle::ItemEnd());
        return;
    case BlockKind::Call:
        if (!block.hasPieces)
            out.append(middle::CallArguments { block.call, block.content });
        out.append(middle::CallEnd { block.call });
        return;
    case BlockKind::Thinking:
        m_kept -= block.content.size() + block.signature.size();
        if (!block.content.isEmpty())
            out.append(middle::ItemEnd());
        // Without its signature Anthropic would not take it back.
        if (!block.signature.isEmpty()) {
            JsonWriter json;
            json.beginObject().key("type").utf8("thinking").key("thinking").utf8(block.content);
            json.key("signature").utf8(block.signature).endObject();
            out.append(middle::Opaque { m_target.provider, m_target.model, json.take() });
        }
        return;
    case BlockKind::Redacted: {
        m_kept -= block.content.size();
        JsonWriter json;
        json.beginObject().key("type").utf8("redacted_thinking").key("data").utf8(block.content).endObject();
        out.append(middle::Opaque { m_target.provider, m_target.model, json.take() });
        return;
    }
    case BlockKind::Ignored:
        return;
    }
}

void AnthropicDecoder::messageDelta(element delta, std::optional<element> reported, middle::Events &out)
{
    usage(reported, out);
    const QByteArrayView reason = json::text(delta, "stop_reason");
    if (reason.isEmpty())
        return;
    m_finish = middle::finishReason(finishFrom(reason), m_calls > 0);
    const auto details = json::member(delta, "stop_details");
    const QByteArrayView explanation = details ? json::text(*details, "explanation") : QByteArrayView();
    if (reason == "refusal" && !explanation.isEmpty()) {
        ensureStart(out);
        out.append(middle::RefusalDelta { explanation.toByteArray() });
        out.append(middle::ItemEnd());
    }
}

void AnthropicDecoder::messageStop(middle::Events &out)
{
    QList<qint64> open = m_blocks.keys();
    std::sort(open.begin(), open.end());
    for (const qint64 index : std::as_const(open))
        blockStop(index, out);
    ensureStart(out);
    if (m_finish)
        out.append(middle::Finish { *m_finish });
    else
        out.append(middle::Fail { truncatedAnswer() });
}

void AnthropicDecoder::usage(std::optional<element> reported, middle::Events &out)
{
    if (!reported || !reported->is_object())
        return;
    m_usage.merge(*reported);
    out.append(middle::UsageReport { m_usage.usage() });
}

void AnthropicDecoder::thinking(Block &block, QByteArrayView text, middle::Events &out)
{
    if (text.isEmpty())
        return;
    m_kept += text.size();
    block.content.append(text);
    out.append(middle::ReasoningDelta { text.toByteArray() });
}

void AnthropicDecoder::ensureStart(middle::Events &out)
{
    if (!std::exchange(m_hasStarted, true))
        out.append(middle::Start());
}

bool AnthropicDecoder::isBounded(middle::Events &out)
{
    if (m_blocksSeen <= MostBlocks && m_kept <= MostKept)
        return true;
    out.append(middle::Fail { unreadableAnswer() });
    return false;
}

} // namespace assistiv
