// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/chat/chatupstreamencoder.h"

#include "providers/openaiwrite.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using middle::Field;

class ChatUpstreamEncoder
{
public:
    ChatUpstreamEncoder(const middle::Request &request, const UpstreamTarget &target, ProviderKind kind)
        : m_request(request)
        , m_target(target)
        , m_kind(kind)
        , m_refused(target.options.dropFields + target.quirks.rejects)
    {
    }

    Result<UpstreamCall> encode()
    {
        if (!openai::hasUsualPrice(m_request))
            refuse(middle::unsupported(m_request, Field::ServiceTier));
        // Without it the answer would mean something else.
        if (!m_request.stop.isEmpty() && m_refused.contains("stop"))
            refuse(middle::unsupported(m_request, Field::Stop));
        const QByteArray json = body();
        if (m_error)
            return *m_error;
        return UpstreamCall{
            .path = "/chat/completions", .body = json, .dropped = middle::namesOf(m_request, m_dropped)};
    }

private:
    void refuse(const Error &error)
    {
        if (!m_error)
            m_error = error;
    }

    QByteArray body()
    {
        m_json.beginObject().key("model").utf8(m_target.model).member("stream", true);
        if (m_target.options.usageInStream)
            m_json.key("stream_options").beginObject().member("include_usage", true).endObject();
        writeMessages();
        writeTools();
        writeFormat();
        writeLimits();
        writeSampling();
        writeReasoning();
        if (!m_request.user.isEmpty() && takes("user", Field::User))
            m_json.key("user").utf8(m_request.user);
        if (!m_request.cacheKey.isEmpty() && takes("prompt_cache_key", Field::CacheKey))
            m_json.key("prompt_cache_key").utf8(m_request.cacheKey);
        m_json.endObject();
        // What has no place in the middle form is written for another protocol than this one.
        m_dropped += {Field::TopK, Field::Summary, Field::Other};
        return m_json.take();
    }

    // False: this server refuses the member; then it is dropped.
    bool takes(const char *name, Field field)
    {
        const bool isTaken = !m_refused.contains(name);
        if (!isTaken)
            m_dropped.append(field);
        return isTaken;
    }

    void writeMessages()
    {
        m_json.key("messages").beginArray();
        writeInstructions(openai::text(m_request.system));
        for (const middle::Turn &turn : m_request.turns) {
            switch (turn.role) {
            case middle::Role::Developer:
                for (const middle::Part &part : turn.parts) {
                    if (const auto *text = std::get_if<middle::Text>(&part.content))
                        writeInstructions(text->text);
                }
                break;
            case middle::Role::User:
                writeUser(turn.parts);
                break;
            case middle::Role::Assistant:
                writeAssistant(turn.parts);
                break;
            }
        }
        m_json.endArray();
    }

    // Every server knows the role system, few the newer one.
    void writeInstructions(const QByteArray &text)
    {
        if (!text.isEmpty())
            m_json.beginObject().key("role").utf8("system").key("content").utf8(text).endObject();
    }

    void writeUser(const QList<middle::Part> &parts)
    {
        QList<middle::Part> message;
        for (const middle::Part &part : parts) {
            if (const auto *result = std::get_if<middle::ToolResult>(&part.content))
                writeResult(*result, part);
            else
                message.append(part);
        }
        if (message.isEmpty())
            return;
        m_json.beginObject().key("role").utf8("user").key("content");
        const auto *only = message.size() == 1 ? std::get_if<middle::Text>(&message.first().content) : nullptr;
        if (only) {
            m_json.utf8(only->text).endObject();
            return;
        }
        m_json.beginArray();
        for (const middle::Part &part : std::as_const(message))
            writePart(part);
        m_json.endArray().endObject();
    }

    void writePart(const middle::Part &part)
    {
        if (const auto *text = std::get_if<middle::Text>(&part.content)) {
            m_json.beginObject().key("type").utf8("text").key("text").utf8(text->text).endObject();
        } else if (const auto *image = std::get_if<middle::Image>(&part.content)) {
            m_json.beginObject().key("type").utf8("image_url").key("image_url").beginObject();
            m_json.key("url").utf8(openai::imageUrl(*image));
            if (!image->detail.isEmpty())
                m_json.key("detail").utf8(image->detail);
            m_json.endObject().endObject();
        } else if (const auto *file = std::get_if<middle::File>(&part.content)) {
            m_json.beginObject().key("type").utf8("file").key("file").beginObject();
            m_json.key("filename").utf8(openai::fileName(*file)).key("file_data").utf8(openai::dataUrl(*file));
            m_json.endObject().endObject();
        }
    }

    // A tool's message is a text here.
    void writeResult(const middle::ToolResult &result, const middle::Part &part)
    {
        QByteArrayList texts;
        for (const auto &piece : result.content) {
            if (const auto *text = std::get_if<middle::Text>(&piece))
                texts.append(text->text);
            else
                refuse(middle::unsupported(part, u"This model takes results of functions as text only."_s));
        }
        m_json.beginObject().key("role").utf8("tool").key("tool_call_id").utf8(result.callId);
        m_json.key("content").utf8(texts.join('\n')).endObject();
    }

    void writeAssistant(const QList<middle::Part> &parts)
    {
        QByteArray text;
        QByteArray refusal;
        QList<middle::ToolCall> calls;
        for (const middle::Part &part : parts) {
            if (const auto *piece = std::get_if<middle::Text>(&part.content))
                text += piece->text;
            else if (const auto *declined = std::get_if<middle::Refusal>(&part.content))
                refusal += declined->text;
            else if (const auto *call = std::get_if<middle::ToolCall>(&part.content))
                calls.append(*call);
        }
        // A turn of reasoning alone is nothing that could be said here.
        if (text.isEmpty() && refusal.isEmpty() && calls.isEmpty())
            return;
        m_json.beginObject().key("role").utf8("assistant").key("content");
        text.isEmpty() && (!calls.isEmpty() || !refusal.isEmpty()) ? m_json.null() : m_json.utf8(text);
        if (!refusal.isEmpty())
            m_json.key("refusal").utf8(refusal);
        if (!calls.isEmpty())
            m_json.key("tool_calls").beginArray();
        for (const middle::ToolCall &call : std::as_const(calls)) {
            m_json.beginObject().key("id").utf8(call.id).key("type").utf8("function").key("function").beginObject();
            m_json.key("name").utf8(call.name).key("arguments").utf8(call.arguments).endObject().endObject();
        }
        if (!calls.isEmpty())
            m_json.endArray();
        m_json.endObject();
    }

    void writeTools()
    {
        const middle::ToolChoice &choice = m_request.toolChoice;
        QList<middle::Tool> tools;
        for (const middle::Tool &tool : m_request.tools) {
            // Few servers know a list of allowed functions: the model is shown no others.
            if (choice.allowed.isEmpty() || choice.allowed.contains(tool.name))
                tools.append(tool);
        }
        if (tools.isEmpty())
            return;
        m_json.key("tools").beginArray();
        for (const middle::Tool &tool : std::as_const(tools)) {
            m_json.beginObject().key("type").utf8("function").key("function").beginObject();
            m_json.key("name").utf8(tool.name);
            if (!tool.description.isEmpty())
                m_json.key("description").utf8(tool.description);
            if (!tool.parameters.isEmpty())
                m_json.key("parameters").raw(tool.parameters);
            if (tool.strict)
                m_json.member("strict", *tool.strict);
            m_json.endObject().endObject();
        }
        m_json.endArray();
        if (choice.mode == middle::ToolChoice::Mode::Named) {
            m_json.key("tool_choice").beginObject().key("type").utf8("function").key("function").beginObject();
            m_json.key("name").utf8(choice.name).endObject().endObject();
        } else if (choice.mode != middle::ToolChoice::Mode::Auto) {
            m_json.key("tool_choice").utf8(openai::choiceWord(choice.mode));
        }
        if (m_request.parallelCalls && takes("parallel_tool_calls", Field::ParallelCalls))
            m_json.member("parallel_tool_calls", *m_request.parallelCalls);
    }

    void writeFormat()
    {
        const middle::Format &format = m_request.format;
        if (format.kind == middle::Format::Kind::Text)
            return;
        if (m_refused.contains("response_format"))
            return refuse(middle::unsupported(m_request, Field::Format));
        m_json.key("response_format").beginObject().key("type");
        if (format.kind == middle::Format::Kind::JsonObject) {
            m_json.utf8("json_object").endObject();
            return;
        }
        m_json.utf8("json_schema").key("json_schema").beginObject().key("name").utf8(format.name);
        if (!format.description.isEmpty())
            m_json.key("description").utf8(format.description);
        if (!format.schema.isEmpty())
            m_json.key("schema").raw(format.schema);
        if (format.strict)
            m_json.member("strict", *format.strict);
        m_json.endObject().endObject();
    }

    void writeLimits()
    {
        if (m_request.maxTokens) {
            QByteArray name = m_target.options.maxTokensField;
            if (name.isEmpty()) // OpenAI's own reasoning models know only the new name, other servers often only the
                                // old one
                name = m_target.provider == "openai" ? "max_completion_tokens" : "max_tokens";
            m_json.member(name, *m_request.maxTokens);
        }
        if (m_request.stop.isEmpty())
            return;
        m_json.key("stop").beginArray();
        for (const QByteArray &stop : m_request.stop)
            m_json.utf8(stop);
        m_json.endArray();
    }

    void writeSampling()
    {
        if (m_request.seed && takes("seed", Field::Seed))
            m_json.member("seed", *m_request.seed);
        if (!openai::takesSampling(m_target.quirks, m_request.effort)) {
            m_dropped += {Field::Temperature,     Field::TopP,      Field::FrequencyPenalty,
                          Field::PresencePenalty, Field::LogitBias, Field::Logprobs};
            return;
        }
        writeNumber("temperature", Field::Temperature, m_request.temperature);
        writeNumber("top_p", Field::TopP, m_request.topP);
        writeNumber("frequency_penalty", Field::FrequencyPenalty, m_request.frequencyPenalty);
        writeNumber("presence_penalty", Field::PresencePenalty, m_request.presencePenalty);
        if (!m_request.logitBias.isEmpty() && takes("logit_bias", Field::LogitBias))
            m_json.key("logit_bias").raw(m_request.logitBias);
        if (!m_request.logprobs || !takes("logprobs", Field::Logprobs))
            return;
        m_json.member("logprobs", true);
        if (m_request.topLogprobs)
            m_json.member("top_logprobs", *m_request.topLogprobs);
    }

    void writeNumber(const char *name, Field field, std::optional<double> number)
    {
        if (number && takes(name, field))
            m_json.key(name).raw(openai::numberText(*number));
    }

    void writeReasoning()
    {
        // Models of xAI that cannot choose refuse the member itself.
        const bool isKnown = m_kind != ProviderKind::Xai || !m_target.quirks.efforts.isEmpty();
        if (!isKnown)
            m_dropped.append(Field::Effort);
        else if (!m_request.effort.isEmpty() && takes("reasoning_effort", Field::Effort))
            m_json.key("reasoning_effort").utf8(openai::effortFor(m_target.quirks, m_request.effort));
        if (m_kind == ProviderKind::Xai)
            m_dropped.append(Field::Verbosity);
        else if (!m_request.verbosity.isEmpty() && takes("verbosity", Field::Verbosity))
            m_json.key("verbosity").utf8(m_request.verbosity);
    }

    const middle::Request &m_request;
    const UpstreamTarget &m_target;
    const ProviderKind m_kind;
    /// Names of members that this server or this model refuses.
    const QByteArrayList m_refused;
    JsonWriter m_json;
    std::optional<Error> m_error;
    QList<Field> m_dropped;
};

} // namespace

Result<UpstreamCall> encodeChatUpstream(const middle::Request &request, const UpstreamTarget &target, ProviderKind kind)
{
    return ChatUpstreamEncoder(request, target, kind).encode();
}

} // namespace assistiv
