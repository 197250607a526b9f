// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/google/googledecoder.h"

#include "core/jsonwriter.h"

#include <algorithm>
#include <array>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using json::dom::element;

constexpr qsizetype MostCalls = 10'000;

struct GoogleStatus
{
    QByteArrayView word;
    int status;
};

// An error inside a stream counts as a whole answer with that status.
constexpr std::array<GoogleStatus, 16> GoogleStatuses = { {
    { "INVALID_ARGUMENT", 400 },
    { "FAILED_PRECONDITION", 400 },
    { "OUT_OF_RANGE", 400 },
    { "UNAUTHENTICATED", 401 },
    { "PERMISSION_DENIED", 403 },
    { "NOT_FOUND", 404 },
    { "ABORTED", 409 },
    { "ALREADY_EXISTS", 409 },
    { "RESOURCE_EXHAUSTED", 429 },
    { "CANCELLED", 499 },
    { "DATA_LOSS", 500 },
    { "INTERNAL", 500 },
    { "UNKNOWN", 500 },
    { "UNIMPLEMENTED", 501 },
    { "UNAVAILABLE", 503 },
    { "DEADLINE_EXCEEDED", 504 },
} };

middle::Fail googleFailure(element error, QByteArrayView data)
{
    const QByteArrayView word = json::text(error, "status");
    const auto known = std::find_if(GoogleStatuses.begin(), GoogleStatuses.end(),
                                    [&](const GoogleStatus &each) { return each.word == word; });
    int64_t code = 0;
    const bool isStatus = !error["code"].get(code) && code >= 400 && code <= 599;
    const int status = known != GoogleStatuses.end() ? known->status : isStatus ? int(code) : 500;
    return { failureFromStatus(status, data, 0, {}) };
}

constexpr std::array<QByteArrayView, 9> Filtered = { "SAFETY",       "RECITATION",  "LANGUAGE",
                                                     "BLOCKLIST",    "PROHIBITED_CONTENT", "SPII",
                                                     "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION" };
constexpr std::array<QByteArrayView, 3> BrokenCalls = { "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL",
                                                        "TOO_MANY_TOOL_CALLS" };

template<typename Words>
bool isOneOf(const Words &words, QByteArrayView word)
{
    return std::find(words.begin(), words.end(), word) != words.end();
}

} // namespace

void GoogleUsage::merge(element reported)
{
    const auto take = [&](qint64 &counter, std::string_view name) {
        if (!json::member(reported, name))
            return;
        const auto given = json::count(reported, name);
        m_isCredible = m_isCredible && given;
        counter = given.value_or(0);
    };
    take(m_prompt, "promptTokenCount");
    take(m_cached, "cachedContentTokenCount");
    take(m_toolUse, "toolUsePromptTokenCount");
    take(m_candidates, "candidatesTokenCount");
    take(m_thoughts, "thoughtsTokenCount");
    take(m_total, "totalTokenCount");
}

std::optional<Usage> GoogleUsage::usage() const
{
    if (!m_isCredible)
        return {};
    // Thoughts stand beside the candidates, unless the total has no room for them.
    const bool isInside = m_total == m_prompt + m_toolUse + m_candidates && m_thoughts <= m_candidates;
    const qint64 fresh = m_cached <= m_prompt ? m_prompt - m_cached : m_prompt;
    return Usage { .inFresh = fresh + m_toolUse,
                   .inCached = m_cached,
                   .outText = m_candidates - (isInside ? m_thoughts : 0),
                   .outReasoning = m_thoughts };
}

GoogleDecoder::GoogleDecoder(const middle::Request &request, const UpstreamTarget &target)
    : m_target(target), m_names(request.tools), m_onlyOneCall(request.parallelCalls == false)
{
}

void GoogleDecoder::onEvent(const SseEvent &event, middle::Events &out)
{
    piece(event.data, out);
}

void GoogleDecoder::onEnd(middle::Events &out)
{
    if (!m_finish)
        return;
    closeText(out);
    if (m_isBrokenCall && !m_hasContent) {
        out.append(middle::Fail { { .error = { ErrorCode::ProviderError, u"The model made a call that is none."_s },
                                    .mayTryNext = true } });
        return;
    }
    out.append(middle::Finish { middle::finishReason(*m_finish, !m_callIds.isEmpty()) });
}

middle::Events GoogleDecoder::wholeAnswer(const QByteArray &body)
{
    middle::Events events;
    piece(body, events);
    onEnd(events);
    if (middle::endAtLast(events))
        return events;
    // Something has come that looks like an answer, or it is none at all.
    events.append(middle::Fail { m_hasContent ? truncatedAnswer() : unreadableAnswer() });
    return events;
}

void GoogleDecoder::piece(QByteArrayView text, middle::Events &out)
{
    const auto root = json::parse(text);
    if (!root || !root->is_object()) {
        out.append(middle::Fail { unreadableAnswer() });
        return;
    }
    if (const auto error = json::member(*root, "error")) {
        out.append(googleFailure(*error, text));
        return;
    }
    if (!std::exchange(m_hasStarted, true)) {
        m_id = json::text(*root, "responseId").toByteArray();
        out.append(middle::Start { m_id, json::text(*root, "modelVersion").toByteArray() });
    }
    // Only one candidate is ever asked for.
    const auto candidates = json::elements(json::member(*root, "candidates"));
    const auto feedback = json::member(*root, "promptFeedback");
    if (!candidates.isEmpty())
        candidate(candidates.first(), out);
    else if (feedback && !json::text(*feedback, "blockReason").isEmpty())
        m_finish = middle::FinishReason::ContentFilter;
    if (const auto usage = json::member(*root, "usageMetadata"); usage && usage->is_object()) {
        m_usage.merge(*usage);
        out.append(middle::UsageReport { m_usage.usage() });
    }
}

void GoogleDecoder::candidate(element candidate, middle::Events &out)
{
    if (const auto content = json::member(candidate, "content")) {
        for (const element each : json::elements(json::member(*content, "parts")))
            part(each, out);
    }
    if (const QByteArrayView reason = json::text(candidate, "finishReason"); !reason.isEmpty())
        finish(reason);
}

void GoogleDecoder::part(element part, middle::Events &out)
{
    const QByteArray signature = json::text(part, "thoughtSignature").toByteArray();
    if (const auto function = json::member(part, "functionCall"))
        return call(*function, signature, out);
    const bool isThought = json::flag(part, "thought").value_or(false);
    text(isThought ? Open::Reasoning : Open::Text, json::text(part, "text"), out);
    keep(signature, {}, out);
}

void GoogleDecoder::text(Open kind, QByteArrayView text, middle::Events &out)
{
    if (text.isEmpty())
        return;
    if (m_open != kind)
        closeText(out);
    m_open = kind;
    m_hasContent = m_hasContent || kind == Open::Text;
    if (kind == Open::Reasoning)
        out.append(middle::ReasoningDelta { text.toByteArray() });
    else
        out.append(middle::TextDelta { text.toByteArray() });
}

void GoogleDecoder::call(element function, const QByteArray &signature, middle::Events &out)
{
    // There is no switch for it there: a client that wants one call at a time gets the first.
    if (m_onlyOneCall && !m_callIds.isEmpty())
        return;
    if (m_callIds.size() >= MostCalls) {
        out.append(middle::Fail { unreadableAnswer() });
        return;
    }
    closeText(out);
    m_hasContent = true;
    const int number = int(m_callIds.size());
    const QByteArray id = callId(json::text(function, "id"));
    m_callIds.insert(id);
    keep(signature, id, out);
    const auto arguments = json::member(function, "args");
    out.append(middle::CallStart { .call = number,
                                   .id = id,
                                   .name = m_names.original(json::text(function, "name").toByteArray()),
                                   .signature = signature,
                                   .signer = signature.isEmpty() ? QByteArray() : m_target.signer() });
    out.append(middle::CallArguments { number, arguments ? json::minified(*arguments) : "{}"_ba });
    out.append(middle::CallEnd { number });
}

// The client answers by it, so it must be there and once only.
QByteArray GoogleDecoder::callId(QByteArrayView given)
{
    QByteArray id = given.toByteArray();
    for (int number = int(m_callIds.size()); id.isEmpty() || m_callIds.contains(id); ++number)
        id = middle::madeCallId(m_id, number);
    return id;
}

void GoogleDecoder::closeText(middle::Events &out)
{
    if (std::exchange(m_open, Open::Nothing) != Open::Nothing)
        out.append(middle::ItemEnd());
}

// What Google wants back with a call, or with the text before it.
void GoogleDecoder::keep(const QByteArray &signature, const QByteArray &callId, middle::Events &out)
{
    if (signature.isEmpty())
        return;
    JsonWriter json;
    json.beginObject();
    if (!callId.isEmpty())
        json.key("call").utf8(callId);
    json.key("thought_signature").utf8(signature).endObject();
    out.append(middle::Opaque { m_target.provider, m_target.model, json.take() });
}

void GoogleDecoder::finish(QByteArrayView reason)
{
    using middle::FinishReason;
    m_isBrokenCall = isOneOf(BrokenCalls, reason);
    if (reason == "MAX_TOKENS" || reason == "CONTINUATION")
        m_finish = FinishReason::Length;
    else
        m_finish = isOneOf(Filtered, reason) ? FinishReason::ContentFilter : FinishReason::Stop;
}

} // namespace assistiv
