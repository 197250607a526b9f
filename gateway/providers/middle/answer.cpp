// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/middle/answer.h"

#include "providers/chatcodec.h"

namespace assistiv::middle {

namespace {

qsizetype sizeOf(const Event &event)
{
    if (const auto *text = std::get_if<TextDelta>(&event))
        return text->text.size() + text->logprobs.size();
    if (const auto *refusal = std::get_if<RefusalDelta>(&event))
        return refusal->text.size();
    if (const auto *reasoning = std::get_if<ReasoningDelta>(&event))
        return reasoning->text.size();
    if (const auto *call = std::get_if<CallStart>(&event))
        return call->id.size() + call->name.size() + call->signature.size() + call->signer.size();
    if (const auto *arguments = std::get_if<CallArguments>(&event))
        return arguments->piece.size();
    if (const auto *opaque = std::get_if<Opaque>(&event))
        return opaque->blob.size();
    return 0;
}

void appendArray(QByteArray &all, const QByteArray &more)
{
    if (all.isEmpty()) {
        all = more;
    } else if (more.size() > 2) {
        all.chop(1);
        all += (all.size() > 1 ? "," : "") + more.sliced(1);
    }
}

} // namespace

bool AnswerCollector::add(const Event &event)
{
    m_bytes += sizeOf(event);
    if (m_bytes + m_answer.parts.size() * qsizetype(sizeof(Part)) > MaximumBytes)
        return false;
    if (const auto *text = std::get_if<TextDelta>(&event)) {
        append<Text>(text->text);
        if (!text->logprobs.isEmpty())
            appendArray(m_answer.logprobs, text->logprobs);
    } else if (const auto *refusal = std::get_if<RefusalDelta>(&event)) {
        append<Refusal>(refusal->text);
    } else if (const auto *reasoning = std::get_if<ReasoningDelta>(&event)) {
        append<Reasoning>(reasoning->text);
    } else if (std::holds_alternative<ItemEnd>(event)) {
        m_itemEnded = true;
    } else if (const auto *started = std::get_if<CallStart>(&event)) {
        m_calls.append(m_answer.parts.size());
        m_answer.parts.append(
            { .content = ToolCall { started->id, started->name, {}, started->signature, started->signer } });
    } else if (const auto *arguments = std::get_if<CallArguments>(&event)) {
        if (ToolCall *toolCall = call(arguments->call))
            toolCall->arguments += arguments->piece;
    } else if (const auto *opaque = std::get_if<Opaque>(&event)) {
        m_answer.parts.append({ .content = *opaque });
    } else if (const auto *finish = std::get_if<Finish>(&event)) {
        m_answer.finish = finish->reason;
    }
    return true;
}

template<typename T>
void AnswerCollector::append(const QByteArray &text)
{
    if (text.isEmpty())
        return;
    T *last = m_answer.parts.isEmpty() || m_itemEnded ? nullptr : std::get_if<T>(&m_answer.parts.last().content);
    m_itemEnded = false;
    if (last)
        last->text += text;
    else
        m_answer.parts.append({ .content = T { text } });
}

ToolCall *AnswerCollector::call(int number)
{
    if (number < 0 || number >= m_calls.size())
        return nullptr;
    return std::get_if<ToolCall>(&m_answer.parts[m_calls[number]].content);
}

void Meter::note(const Event &event)
{
    if (const auto *text = std::get_if<TextDelta>(&event))
        m_outputBytes += text->text.size();
    else if (const auto *refusal = std::get_if<RefusalDelta>(&event))
        m_outputBytes += refusal->text.size();
    else if (const auto *reasoning = std::get_if<ReasoningDelta>(&event))
        m_outputBytes += reasoning->text.size();
    else if (const auto *call = std::get_if<CallStart>(&event))
        m_outputBytes += call->name.size();
    else if (const auto *arguments = std::get_if<CallArguments>(&event))
        m_outputBytes += arguments->piece.size();
    else if (const auto *report = std::get_if<UsageReport>(&event))
        m_reported = report->usage;
    else if (std::holds_alternative<Finish>(event))
        m_isComplete = true;
}

bool Meter::isBehind() const
{
    return m_reported && !m_isComplete && m_reported->completion() < estimatedTokens(m_outputBytes);
}

Usage Meter::usage(qint64 estimatedPromptTokens) const
{
    const qint64 seen = estimatedTokens(m_outputBytes);
    if (!m_reported)
        return { .inFresh = estimatedPromptTokens, .outText = seen };
    Usage usage = *m_reported;
    if (isBehind())
        usage.outText = seen - usage.outReasoning;
    return usage;
}

} // namespace assistiv::middle
