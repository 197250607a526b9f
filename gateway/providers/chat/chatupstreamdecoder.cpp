// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/chat/chatupstreamdecoder.h"

#include "providers/openaiusage.h"

#include <algorithm>

namespace assistiv {

namespace {

using json::dom::element;

constexpr qsizetype MostChatCalls = 10'000;

middle::FinishReason finishFromChat(QByteArrayView word)
{
    if (word == "length")
        return middle::FinishReason::Length;
    if (word == "content_filter")
        return middle::FinishReason::ContentFilter;
    if (word == "tool_calls" || word == "function_call")
        return middle::FinishReason::ToolCalls;
    return middle::FinishReason::Stop;
}

} // namespace

void ChatUpstreamDecoder::onEvent(const SseEvent &event, middle::Events &out)
{
    if (event.data == "[DONE]") {
        // Some servers never say why they have finished.
        m_finish = m_finish.value_or(middle::FinishReason::Stop);
        return finish(out);
    }
    const auto root = json::parse(event.data);
    if (!root || !root->is_object())
        out.append(middle::Fail{unreadableAnswer()});
    else if (json::member(*root, "error"))
        out.append(middle::Fail{failureFromStream(event.data)});
    else
        chunk(*root, "delta", out);
}

void ChatUpstreamDecoder::onEnd(middle::Events &out)
{
    if (m_finish)
        finish(out);
}

middle::Events ChatUpstreamDecoder::wholeAnswer(const QByteArray &body)
{
    middle::Events events;
    const auto root = json::parse(body);
    if (root && root->is_object() && json::member(*root, "error"))
        return {middle::Fail{failureFromStream(body)}};
    if (!root || json::elements(json::member(*root, "choices")).isEmpty())
        return {middle::Fail{unreadableAnswer()}};
    chunk(*root, "message", events);
    m_finish = m_finish.value_or(middle::FinishReason::Stop);
    finish(events);
    // Too many calls fail on the way.
    const auto last = std::find_if(events.cbegin(), events.cend(), middle::isLast);
    events.erase(last + 1, events.cend());
    return events;
}

void ChatUpstreamDecoder::chunk(element root, std::string_view messageName, middle::Events &out)
{
    if (!std::exchange(m_hasStarted, true)) {
        m_id = json::text(root, "id").toByteArray();
        out.append(middle::Start{m_id, json::text(root, "model").toByteArray()});
    }
    if (const auto usage = json::member(root, "usage"))
        out.append(middle::UsageReport{openai::chatUsage(*usage, m_kind == ProviderKind::Xai)});
    const QList<element> choices = json::elements(json::member(root, "choices"));
    if (choices.isEmpty() || m_finish)
        return; // behind its end only usage counts
    const element choice = choices.first();
    const auto logprobs = json::member(choice, "logprobs");
    if (const auto said = json::member(choice, messageName))
        message(*said, logprobs ? json::member(*logprobs, "content") : std::nullopt, out);
    if (const QByteArrayView reason = json::text(choice, "finish_reason"); !reason.isEmpty())
        m_finish = finishFromChat(reason);
}

void ChatUpstreamDecoder::message(element message, std::optional<element> logprobs, middle::Events &out)
{
    reasoning(message, out);
    const QByteArray text = json::text(message, "content").toByteArray();
    const QByteArray chances = json::elements(logprobs).isEmpty() ? QByteArray() : json::minified(*logprobs);
    if (!text.isEmpty() || !chances.isEmpty())
        out.append(middle::TextDelta{text, chances});
    if (const QByteArrayView refusal = json::text(message, "refusal"); !refusal.isEmpty())
        out.append(middle::RefusalDelta{refusal.toByteArray()});
    int place = 0;
    for (const element described : json::elements(json::member(message, "tool_calls")))
        call(described, place++, out);
}

void ChatUpstreamDecoder::reasoning(element message, middle::Events &out)
{
    QByteArrayView given = json::text(message, "reasoning_content");
    if (given.isEmpty())
        given = json::text(message, "reasoning");
    const QByteArray piece = given.toByteArray();
    // xAI repeats its pieces.
    const bool isRepeated = m_kind == ProviderKind::Xai && piece == m_lastReasoning;
    if (!piece.isEmpty() && !isRepeated)
        out.append(middle::ReasoningDelta{piece, true});
    m_lastReasoning = piece;
}

void ChatUpstreamDecoder::call(element described, int place, middle::Events &out)
{
    int64_t index = 0;
    if (described["index"].get(index))
        index = place;
    const auto function = json::member(described, "function");
    if (!m_calls.contains(index)) {
        if (m_hasArguments.size() == MostChatCalls) {
            out.append(middle::Fail{unreadableAnswer()});
            return;
        }
        const int number = int(m_hasArguments.size());
        m_calls.insert(index, number);
        m_hasArguments.append(false);
        const QByteArrayView id = json::text(described, "id");
        out.append(middle::CallStart{number, id.isEmpty() ? middle::madeCallId(m_id, number) : id.toByteArray(),
                                     function ? json::text(*function, "name").toByteArray() : QByteArray()});
    }
    const int number = m_calls.value(index);
    const auto arguments = function ? json::member(*function, "arguments") : std::nullopt;
    if (!arguments)
        return;
    // Mostly a piece of text, but some servers write the object itself.
    const QByteArray piece =
        arguments->is_string() ? json::string(*arguments).toByteArray() : json::minified(*arguments);
    if (piece.isEmpty())
        return;
    m_hasArguments[number] = true;
    out.append(middle::CallArguments{number, piece});
}

void ChatUpstreamDecoder::finish(middle::Events &out)
{
    if (!std::exchange(m_hasStarted, true))
        out.append(middle::Start());
    // Only the end of the answer tells that a call is complete.
    const auto reason = middle::finishReason(*m_finish, !m_hasArguments.isEmpty());
    for (int number = 0; number < m_hasArguments.size(); ++number) {
        if (!m_hasArguments[number])
            out.append(middle::CallArguments{number, "{}"});
        out.append(middle::CallEnd{number});
    }
    out.append(middle::Finish{reason});
}

} // namespace assistiv
