// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/chatcodec.h"

#include "core/jsonscan.h"
#include "core/jsonwriter.h"
#include "providers/jsonread.h"
#include "providers/upstreamfailure.h"

#include <QtCore/QHash>

#include <algorithm>
#include <array>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

namespace dom = simdjson::dom;

constexpr std::array<QByteArrayView, 7> SamplingFields
    = { "temperature", "top_p", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs" };

QByteArray quoted(QByteArrayView text)
{
    QByteArray out;
    appendJsonString(out, text);
    return out;
}

bool contains(const QByteArrayList &names, QByteArrayView name)
{
    return std::any_of(names.begin(), names.end(), [&](const QByteArray &each) { return each == name; });
}

class Encoder
{
public:
    Encoder(const ChatRequest &request, const ChatTarget &target) : m_request(request), m_target(target) {}

    EncodedChat encode()
    {
        m_out.body.reserve(m_request.body.size() + 128);
        m_out.body += '{';
        for (const ChatRequest::Member &member : m_request.members)
            m_counts.insert(member.name, &member);
        for (const ChatRequest::Member &member : m_request.members)
            append(member);
        if (m_request.stream && m_target.asksForUsage && !m_hasStreamOptions)
            appendPair("stream_options", "{\"include_usage\":true}");
        m_out.body += '}';
        return std::move(m_out);
    }

private:
    void append(const ChatRequest::Member &member)
    {
        // Of a repeated name only the one that counts may travel: servers differ in which one they read.
        if (&member != m_counts.value(member.name))
            return;
        const QByteArrayView value = m_request.valueOf(member);
        if (member.name == "model")
            return appendPair("model", quoted(m_target.providerModelId));
        if (member.name == "stream_options") {
            m_hasStreamOptions = true;
            if (m_request.stream && m_target.asksForUsage)
                appendPair("stream_options", streamOptions(value));
            return;
        }
        if (member.name == m_request.maxTokensName && !m_target.maxTokensField.isEmpty())
            return appendPair(m_target.maxTokensField, value);
        if (isDropped(member.name, value)) {
            m_out.dropped.append(member.name);
            return;
        }
        separate();
        m_out.body.append(QByteArrayView(m_request.body).sliced(member.begin, member.end - member.begin));
    }

    bool isDropped(QByteArrayView name, QByteArrayView value) const
    {
        if (name == "store" || name == "metadata")
            return true; // the provider keeps nothing of our callers
        if (name == "service_tier")
            return value != "\"auto\"" && value != "\"default\""; // other tiers have other prices
        if (!m_target.takesSampling && std::find(SamplingFields.begin(), SamplingFields.end(), name) != SamplingFields.end())
            return true;
        return contains(m_target.dropFields, name);
    }

    // The client's other options stay; usage is always asked for, because the bill depends on it. Escaped names are left
    // out: one of them could say include_usage once more.
    static QByteArray streamOptions(QByteArrayView value)
    {
        QByteArray options = "{\"include_usage\":true";
        const QList<JsonMember> members = scanObject(value);
        for (const JsonMember &member : members) {
            if (member.name != "include_usage" && !member.name.contains('\\')) {
                options += ',';
                options.append(value.sliced(member.begin, member.end - member.begin));
            }
        }
        return options + '}';
    }

    void separate()
    {
        if (m_out.body.size() > 1)
            m_out.body += ',';
    }

    void appendPair(QByteArrayView name, QByteArrayView value)
    {
        separate();
        m_out.body += '"';
        m_out.body.append(name);
        m_out.body += "\":";
        m_out.body.append(value);
    }

    const ChatRequest &m_request;
    const ChatTarget &m_target;
    EncodedChat m_out;
    /// The last member of each name.
    QHash<QByteArrayView, const ChatRequest::Member *> m_counts;
    bool m_hasStreamOptions = false;
};

qint64 counter(dom::element parent, std::string_view name)
{
    return json::count(parent, name).value_or(0);
}

// docs/contract/providers-openai.md, "Usage": six counters, each token in exactly one. Empty when the counts make no sense:
// then the call is estimated.
std::optional<Usage> usageFrom(dom::element object, bool countsReasoningBeside)
{
    dom::object reported;
    int64_t prompt = 0;
    const bool hasPrompt = !object.get(reported) && !object["prompt_tokens"].get(prompt) && prompt >= 0
        && prompt <= json::MostTokens;
    const auto produced = hasPrompt ? json::count(object, "completion_tokens") : std::nullopt;
    if (!produced)
        return {};
    qint64 completion = *produced;
    dom::element details;
    qint64 cached = 0;
    qint64 written = 0;
    qint64 reasoning = 0;
    if (!object["prompt_tokens_details"].get(details) && details.is_object()) {
        cached = counter(details, "cached_tokens");
        written = counter(details, "cache_write_tokens");
    }
    if (!object["completion_tokens_details"].get(details) && details.is_object())
        reasoning = counter(details, "reasoning_tokens");

    int64_t total = -1;
    if (object["total_tokens"].get(total))
        total = -1;
    if (reasoning > 0) {
        const bool beside = total == prompt + completion + reasoning;
        const bool inside = total == prompt + completion;
        const bool guess = countsReasoningBeside || reasoning > completion;
        if (beside || (!inside && guess))
            completion += reasoning;
    }

    Usage usage;
    // Details that exceed the whole are no parts of it.
    if (cached > prompt)
        prompt += cached;
    if (cached + written > prompt)
        prompt += written;
    usage.inCached = cached;
    usage.inWrite = written;
    usage.inFresh = prompt - cached - written;
    usage.outReasoning = qMin(reasoning, completion);
    usage.outText = completion - usage.outReasoning;
    return usage;
}

qint64 textSize(dom::element parent, std::string_view name)
{
    std::string_view text;
    return parent[name].get(text) ? 0 : qint64(text.size());
}

// Bytes of what the model produced in a message or a delta.
qint64 producedBytes(dom::element message)
{
    qint64 bytes = textSize(message, "content") + textSize(message, "refusal") + textSize(message, "reasoning_content");
    dom::array calls;
    if (message["tool_calls"].get(calls))
        return bytes;
    for (const dom::element call : calls) {
        dom::element function;
        if (!call["function"].get(function) && function.is_object())
            bytes += textSize(function, "name") + textSize(function, "arguments");
    }
    return bytes;
}

// The provider's object with our id, model and usage in place of its own.
class AnswerWriter
{
public:
    AnswerWriter(QByteArrayView text, const ChatIdentity &identity, QByteArrayView object)
        : m_text(text), m_identity(identity), m_object(object)
    {
    }

    // usage: JSON to stand in for the provider's; null view: leave the member out.
    QByteArray write(QByteArrayView usage, bool keepReportedUsage)
    {
        m_out.reserve(m_text.size() + 160);
        m_out += '{';
        pair("id", quoted(m_identity.id));
        const QList<JsonMember> members = scanObject(m_text);
        bool hasObject = false;
        bool hasCreated = false;
        for (const JsonMember &member : members) {
            if (member.name == "id" || member.name == "model" || member.name == "service_tier"
                || member.name == "system_fingerprint")
                continue;
            if (member.name == "usage") {
                if (keepReportedUsage)
                    raw(member);
                continue;
            }
            hasObject = hasObject || member.name == "object";
            hasCreated = hasCreated || member.name == "created";
            raw(member);
            if (member.name == "created")
                pair("model", quoted(m_identity.model));
        }
        if (!hasObject)
            pair("object", quoted(m_object));
        if (!hasCreated) {
            pair("created", QByteArray::number(m_identity.created.ms() / 1000));
            pair("model", quoted(m_identity.model));
        }
        if (!usage.isNull())
            pair("usage", usage);
        m_out += '}';
        return m_out;
    }

private:
    void separate()
    {
        if (m_out.size() > 1)
            m_out += ',';
    }
    void pair(QByteArrayView name, QByteArrayView value)
    {
        separate();
        m_out += '"';
        m_out.append(name);
        m_out += "\":";
        m_out.append(value);
    }
    void raw(const JsonMember &member)
    {
        separate();
        m_out.append(m_text.sliced(member.begin, member.end - member.begin));
    }

    QByteArrayView m_text;
    const ChatIdentity &m_identity;
    QByteArrayView m_object;
    QByteArray m_out;
};

Error noCompletion()
{
    return { ErrorCode::ProviderError, u"The provider sent an answer that is not a chat completion."_s };
}

// True when the provider's own numbers say the same as ours: then its usage travels unchanged, with its details.
bool saysTheSame(dom::element reported, const Usage &usage)
{
    return counter(reported, "prompt_tokens") == usage.prompt() && counter(reported, "completion_tokens") == usage.completion()
        && counter(reported, "total_tokens") == usage.total();
}

} // namespace

QByteArray chatUsageJson(const Usage &usage)
{
    JsonWriter json;
    json.beginObject().member("prompt_tokens", usage.prompt()).member("completion_tokens", usage.completion());
    json.member("total_tokens", usage.total());
    json.key("prompt_tokens_details").beginObject().member("cached_tokens", usage.inCached);
    if (usage.inWrite + usage.inWriteLong > 0)
        json.member("cache_write_tokens", usage.inWrite + usage.inWriteLong);
    json.endObject().key("completion_tokens_details").beginObject().member("reasoning_tokens", usage.outReasoning);
    json.endObject().endObject();
    return json.take();
}

QByteArray chatUsageFrame(const Usage &usage, const ChatIdentity &identity)
{
    JsonWriter json;
    json.beginObject().key("id").utf8(identity.id).key("object").utf8("chat.completion.chunk");
    json.member("created", identity.created.ms() / 1000).key("model").utf8(identity.model);
    json.key("choices").beginArray().endArray().key("usage").raw(chatUsageJson(usage)).endObject();
    return "data: " + json.take() + "\n\n";
}

EncodedChat encodeChat(const ChatRequest &request, const ChatTarget &target)
{
    return Encoder(request, target).encode();
}

Result<ChatAnswer> decodeChatAnswer(const QByteArray &body, const ChatTarget &target, const ChatIdentity &identity,
                                    qint64 promptEstimate)
{
    const auto root = json::parse(body);
    dom::array choices;
    if (!root || (*root)["choices"].get(choices) || choices.size() == 0)
        return noCompletion();

    ChatAnswer answer;
    for (const dom::element choice : choices) {
        dom::element message;
        if (choice["message"].get(message) || !message.is_object())
            return noCompletion();
        answer.outputBytes += producedBytes(message);
    }
    dom::element reported;
    const bool hasUsage = !(*root)["usage"].get(reported);
    if (hasUsage)
        answer.usage = usageFrom(reported, target.countsReasoningBeside);

    const bool keep = answer.usage && saysTheSame(reported, *answer.usage);
    QByteArray replacement;
    if (!keep) {
        Usage shown;
        shown.inFresh = promptEstimate;
        shown.outText = estimatedTokens(answer.outputBytes);
        replacement = chatUsageJson(answer.usage.value_or(shown));
    }
    answer.body = AnswerWriter(body, identity, "chat.completion").write(keep ? QByteArrayView() : replacement, keep);
    return answer;
}

ChatStreamDecoder::ChatStreamDecoder(ChatTarget target, ChatIdentity identity, bool clientWantsUsage)
    : m_target(std::move(target)), m_identity(std::move(identity)), m_clientWantsUsage(clientWantsUsage)
{
}

ChatStreamDecoder::Step ChatStreamDecoder::onEvent(QByteArrayView data)
{
    if (data == "[DONE]")
        return { .kind = Kind::End };
    const auto parsed = json::parse(data);
    if (!parsed || !parsed->is_object())
        return { .kind = Kind::Failed, .error = unreadableAnswer().error };
    const dom::element root = *parsed;
    dom::element failure;
    if (!root["error"].get(failure) && !failure.is_null())
        return { .kind = Kind::Failed, .error = failureFromStream(data).error };

    dom::element reported;
    const bool hasUsage = !root["usage"].get(reported) && reported.is_object();
    const auto usage = hasUsage ? usageFrom(reported, m_target.countsReasoningBeside) : std::nullopt;
    if (usage)
        m_usage = usage;

    dom::array choices;
    if (root["choices"].get(choices) || choices.size() == 0) {
        // The extra chunk that only carries usage: the client's if it asked for it, ours alone otherwise.
        if (!usage || !m_clientWantsUsage)
            return {};
    } else {
        if (m_finished && usage && m_clientWantsUsage)
            return { .kind = Kind::Forward, .bytes = usageFrame(*usage) };
        if (m_finished)
            return {};
        for (const dom::element choice : choices) {
            dom::element delta;
            if (!choice["delta"].get(delta) && delta.is_object())
                m_outputBytes += producedBytes(delta);
            std::string_view reason;
            m_finished = m_finished || !choice["finish_reason"].get(reason);
        }
    }

    QByteArray frame = "data: ";
    AnswerWriter writer(data, m_identity, "chat.completion.chunk");
    if (!m_clientWantsUsage || (hasUsage && !usage)) {
        frame += writer.write({}, false);
    } else if (usage && !saysTheSame(reported, *usage)) {
        frame += writer.write(chatUsageJson(*usage), false);
    } else {
        frame += writer.write({}, true);
    }
    // Data of several lines: between the parts of valid JSON a line feed is a blank, in an event it would end the line.
    frame.replace('\n', ' ');
    frame += "\n\n";
    return { .kind = Kind::Forward, .bytes = std::move(frame) };
}

QByteArray ChatStreamDecoder::usageFrame(const Usage &usage) const
{
    return chatUsageFrame(usage, m_identity);
}

QByteArray errorFrame(const QByteArray &errorBody)
{
    return "data: " + errorBody + "\n\n";
}

} // namespace assistiv
