// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/responses/responsesdecoder.h"

#include "core/jsonwriter.h"
#include "core/log.h"
#include "providers/openaiusage.h"

#include <algorithm>
#include <array>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using json::dom::element;

constexpr int MostOutputItems = 10'000;

// Codes that mean the request and not the provider.
bool meansBadRequest(QByteArrayView code)
{
    return code == "invalid_prompt" || code.contains("_policy") || code.startsWith("image_")
        || (code.startsWith("invalid_") && code.contains("image"));
}

// error: {"code", "message"}
middle::Fail failureOf(element error)
{
    const QByteArray body = "{\"error\":" + json::minified(error) + '}';
    const QByteArrayView code = json::text(error, "code");
    if (meansBadRequest(code))
        return {failureFromStatus(400, body, 0, {})};
    if (code == "insufficient_quota")
        return {failureFromStatus(429, body, 0, {})};
    return {failureFromStream(body)};
}

qint64 outputIndex(element event)
{
    int64_t index = 0;
    return event["output_index"].get(index) ? -1 : index;
}

QByteArray logprobsOf(element described)
{
    const auto given = json::member(described, "logprobs");
    return json::elements(given).isEmpty() ? QByteArray() : json::minified(*given);
}

} // namespace

void ResponsesDecoder::onEvent(const SseEvent &event, middle::Events &out)
{
    const auto root = json::parse(event.data);
    if (!root || !root->is_object()) {
        out.append(middle::Fail{unreadableAnswer()});
        return;
    }
    const QByteArrayView named = json::text(*root, "type");
    const QByteArrayView type = named.isEmpty() ? event.name : named;
    const auto response = json::member(*root, "response");
    const auto item = json::member(*root, "item");
    if (type == "error") {
        out.append(failureOf(json::member(*root, "error").value_or(*root)));
    } else if (type == "response.created" || type == "response.in_progress" || type == "response.queued") {
        if (response)
            start(*response, out);
    } else if (type == "response.output_item.added") {
        if (item)
            itemAdded(outputIndex(*root), *item, out);
    } else if (type == "response.output_item.done") {
        if (item)
            itemDone(outputIndex(*root), *item, out);
    } else if (type == "response.completed" || type == "response.incomplete") {
        if (response)
            over(*response, out);
    } else if (type == "response.failed") {
        if (response)
            failed(*response, out);
    } else {
        delta(type, *root, out);
    }
}

middle::Events ResponsesDecoder::wholeAnswer(const QByteArray &body)
{
    middle::Events events;
    const auto root = json::parse(body);
    if (!root || !root->is_object())
        return {middle::Fail{unreadableAnswer()}};
    const QByteArrayView status = json::text(*root, "status");
    if (status == "completed" || status == "incomplete")
        over(*root, events);
    else if (json::member(*root, "error"))
        failed(*root, events);
    else
        events.append(middle::Fail{unreadableAnswer()});
    // Too many items fail on the way.
    const auto last = std::find_if(events.cbegin(), events.cend(), middle::isLast);
    if (last != events.cend())
        events.erase(last + 1, events.cend());
    return events;
}

void ResponsesDecoder::start(element response, middle::Events &out)
{
    if (std::exchange(m_hasStarted, true))
        return;
    m_id = json::text(response, "id").toByteArray();
    out.append(middle::Start{m_id, json::text(response, "model").toByteArray()});
}

void ResponsesDecoder::itemAdded(qint64 index, element described, middle::Events &out)
{
    if (++m_itemsSeen > MostOutputItems) {
        out.append(middle::Fail{unreadableAnswer()});
        return;
    }
    ensureStart(out);
    const QByteArrayView type = json::text(described, "type");
    Item item;
    if (type == "function_call") {
        item.call = m_calls++;
        const QByteArrayView given = json::text(described, "call_id");
        const QByteArray id = given.isEmpty() ? middle::madeCallId(m_id, item.call) : given.toByteArray();
        out.append(middle::CallStart{item.call, id, json::text(described, "name").toByteArray()});
    } else if (type != "message" && type != "reasoning" && !std::exchange(m_hasWarned, true)) {
        Log::warning("providers",
                     u"an item that nobody asked for is left out of an answer of %1"_s.arg(
                         QString::fromUtf8(m_target.provider)));
    }
    m_items.insert(index, item);
}

void ResponsesDecoder::itemDone(qint64 index, element described, middle::Events &out)
{
    if (!m_items.contains(index))
        itemAdded(index, described, out);
    const Item item = m_items.take(index);
    const QByteArrayView type = json::text(described, "type");
    if (item.call >= 0) {
        const QByteArrayView arguments = json::text(described, "arguments");
        if (!item.hasPieces)
            out.append(middle::CallArguments{item.call, arguments.isEmpty() ? "{}"_ba : arguments.toByteArray()});
        out.append(middle::CallEnd{item.call});
    } else if (type == "message") {
        if (!item.hasPieces)
            message(described, out);
        out.append(middle::ItemEnd());
    } else if (type == "reasoning") {
        reasoning(described, item.hasPieces, out);
    }
}

void ResponsesDecoder::delta(QByteArrayView type, element event, middle::Events &out)
{
    const auto item = m_items.find(outputIndex(event));
    const QByteArray piece = json::text(event, "delta").toByteArray();
    if (type == "response.output_text.delta") {
        const QByteArray logprobs = logprobsOf(event);
        if (piece.isEmpty() && logprobs.isEmpty())
            return;
        ensureStart(out);
        out.append(middle::TextDelta{piece, logprobs});
    } else if (type == "response.reasoning_summary_part.done" || type == "response.reasoning_text.done") {
        out.append(middle::ItemEnd());
        return;
    } else if (piece.isEmpty()) {
        return; // nothing, or an event that will be invented later
    } else if (type == "response.refusal.delta") {
        ensureStart(out);
        out.append(middle::RefusalDelta{piece});
    } else if (type == "response.reasoning_summary_text.delta" || type == "response.reasoning_text.delta") {
        ensureStart(out);
        out.append(middle::ReasoningDelta{piece, type == "response.reasoning_text.delta"});
    } else if (type == "response.function_call_arguments.delta" && item != m_items.end() && item->call >= 0) {
        out.append(middle::CallArguments{item->call, piece});
    } else {
        return;
    }
    if (item != m_items.end())
        item->hasPieces = true;
}

void ResponsesDecoder::message(element described, middle::Events &out)
{
    for (const element part : json::elements(json::member(described, "content"))) {
        const QByteArrayView text = json::text(part, "text");
        const QByteArrayView refusal = json::text(part, "refusal");
        if (!text.isEmpty())
            out.append(middle::TextDelta{text.toByteArray(), logprobsOf(part)});
        else if (!refusal.isEmpty())
            out.append(middle::RefusalDelta{refusal.toByteArray()});
    }
}

void ResponsesDecoder::reasoning(element described, bool hasPieces, middle::Events &out)
{
    const QByteArrayView sealed = json::text(described, "encrypted_content");
    JsonWriter json;
    json.beginObject().key("type").utf8("reasoning").key("id").utf8(json::text(described, "id"));
    json.key("summary").beginArray();
    for (const element part : json::elements(json::member(described, "summary"))) {
        const QByteArrayView text = json::text(part, "text");
        json.beginObject().key("type").utf8("summary_text").key("text").utf8(text).endObject();
        if (hasPieces || text.isEmpty())
            continue;
        out.append(middle::ReasoningDelta{text.toByteArray()});
        out.append(middle::ItemEnd());
    }
    json.endArray().key("encrypted_content").utf8(sealed).endObject();
    if (!hasPieces) {
        for (const element part : json::elements(json::member(described, "content"))) {
            if (const QByteArrayView text = json::text(part, "text"); !text.isEmpty())
                out.append(middle::ReasoningDelta{text.toByteArray(), true});
        }
    }
    // Without it OpenAI would not take the item back.
    if (!sealed.isEmpty())
        out.append(middle::Opaque{m_target.provider, m_target.model, json.take()});
}

void ResponsesDecoder::over(element response, middle::Events &out)
{
    start(response, out);
    if (m_itemsSeen == 0) {
        qint64 index = 0;
        for (const element item : json::elements(json::member(response, "output")))
            itemDone(index++, item, out);
    }
    usage(response, out);
    const auto details = json::member(response, "incomplete_details");
    auto reason = middle::FinishReason::Stop;
    if (json::text(response, "status") == "incomplete" || details) {
        const bool isFiltered = details && json::text(*details, "reason") == "content_filter";
        reason = isFiltered ? middle::FinishReason::ContentFilter : middle::FinishReason::Length;
    }
    out.append(middle::Finish{middle::finishReason(reason, m_calls > 0)});
}

void ResponsesDecoder::failed(element response, middle::Events &out)
{
    usage(response, out);
    if (const auto error = json::member(response, "error"); error && error->is_object())
        out.append(failureOf(*error));
    else
        out.append(middle::Fail{failureFromStream(json::minified(response))});
}

void ResponsesDecoder::usage(element response, middle::Events &out)
{
    const auto reported = json::member(response, "usage");
    if (!reported)
        return;
    ensureStart(out);
    out.append(middle::UsageReport{openai::responsesUsage(*reported)});
}

void ResponsesDecoder::ensureStart(middle::Events &out)
{
    if (!std::exchange(m_hasStarted, true))
        out.append(middle::Start());
}

} // namespace assistiv
