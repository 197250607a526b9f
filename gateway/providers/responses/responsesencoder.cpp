// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/responses/responsesencoder.h"

#include "providers/jsonread.h"
#include "providers/openaiwrite.h"

#include <algorithm>
#include <array>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using middle::Field;

/// The API refuses a smaller limit.
constexpr qint64 LeastResponseTokens = 16;
// Members this gateway has no words for, but this API knows.
constexpr std::array<QByteArrayView, 3> PassedOn = {"safety_identifier", "prompt_cache_retention",
                                                    "prompt_cache_options"};

// What a provider said once may come back through a client: only the members of a reasoning item are taken from it.
QByteArray reasoningItem(const QByteArray &blob)
{
    const auto state = json::parse(blob);
    const QByteArrayView sealed = state ? json::text(*state, "encrypted_content") : QByteArrayView();
    if (sealed.isEmpty())
        return {};
    JsonWriter json;
    json.beginObject().key("type").utf8("reasoning");
    if (const QByteArrayView id = json::text(*state, "id"); !id.isEmpty())
        json.key("id").utf8(id);
    json.key("summary").beginArray();
    for (const json::dom::element part : json::elements(json::member(*state, "summary")))
        json.beginObject().key("type").utf8("summary_text").key("text").utf8(json::text(part, "text")).endObject();
    json.endArray().key("encrypted_content").utf8(sealed).endObject();
    return json.take();
}

class ResponsesEncoder
{
public:
    ResponsesEncoder(const middle::Request &request, const UpstreamTarget &target)
        : m_request(request)
        , m_target(target)
    {
    }

    Result<UpstreamCall> encode()
    {
        check();
        const QByteArray json = body();
        if (m_error)
            return *m_error;
        UpstreamCall call{.path = "/responses", .body = json, .dropped = middle::namesOf(m_request, m_dropped)};
        for (const QByteArray &name : std::as_const(m_passedOn))
            call.dropped.removeAll(name);
        return call;
    }

private:
    void refuse(const Error &error)
    {
        if (!m_error)
            m_error = error;
    }

    void check()
    {
        if (!openai::hasUsualPrice(m_request))
            refuse(middle::unsupported(m_request, Field::ServiceTier));
        if (!m_request.stop.isEmpty())
            refuse(middle::unsupported(m_request, Field::Stop));
        if (m_request.maxTokens && *m_request.maxTokens < LeastResponseTokens)
            refuse({.code = ErrorCode::IntegerBelowMinimum,
                    .message = u"This model needs at least %1 output tokens."_s.arg(LeastResponseTokens),
                    .param = QString::fromUtf8(m_request.nameOf(Field::MaxTokens))});
    }

    QByteArray body()
    {
        JsonWriter json;
        json.beginObject().key("model").utf8(m_target.model).member("stream", true).member("store", false);
        json.key("truncation").utf8("disabled");
        writeConversation(json);
        writeTools(json);
        writeText(json);
        writeReasoning(json);
        writeSampling(json);
        if (m_request.maxTokens)
            json.member("max_output_tokens", *m_request.maxTokens);
        if (!m_request.user.isEmpty())
            json.key("user").utf8(m_request.user);
        if (!m_request.cacheKey.isEmpty())
            json.key("prompt_cache_key").utf8(m_request.cacheKey);
        writeOthers(json);
        json.endObject();
        // These do not exist here.
        m_dropped += {Field::TopK, Field::Seed, Field::FrequencyPenalty, Field::PresencePenalty, Field::LogitBias};
        return json.take();
    }

    void writeConversation(JsonWriter &json)
    {
        const QByteArray instructions = openai::text(m_request.system);
        if (!instructions.isEmpty() && !m_request.turns.isEmpty())
            json.key("instructions").utf8(instructions);
        json.key("input").beginArray();
        if (m_request.turns.isEmpty()) // instructions alone ask nothing here
            writeMessage(json, "developer", {{.content = middle::Text{instructions}}});
        for (const middle::Turn &turn : m_request.turns) {
            switch (turn.role) {
            case middle::Role::Developer:
                writeMessage(json, "developer", turn.parts);
                break;
            case middle::Role::User:
                writeParts(json, "user", turn.parts);
                break;
            case middle::Role::Assistant:
                writeParts(json, "assistant", turn.parts);
                break;
            }
        }
        json.endArray();
    }

    // Neighbouring texts, images and files are one message; calls, results and reasoning are items of their own.
    void writeParts(JsonWriter &json, QByteArrayView role, const QList<middle::Part> &parts)
    {
        QList<middle::Part> message;
        const auto flush = [&] {
            if (!message.isEmpty())
                writeMessage(json, role, message);
            message.clear();
        };
        for (const middle::Part &part : parts) {
            if (const auto *call = std::get_if<middle::ToolCall>(&part.content)) {
                flush();
                json.beginObject().key("type").utf8("function_call").key("call_id").utf8(call->id);
                json.key("name").utf8(call->name).key("arguments").utf8(call->arguments).endObject();
            } else if (const auto *result = std::get_if<middle::ToolResult>(&part.content)) {
                flush();
                writeResult(json, *result);
            } else if (const auto *opaque = std::get_if<middle::Opaque>(&part.content)) {
                const bool isOurs = opaque->provider == m_target.provider && opaque->model == m_target.model;
                const QByteArray item = isOurs ? reasoningItem(opaque->blob) : QByteArray();
                if (item.isEmpty())
                    continue;
                flush();
                json.raw(item);
            } else if (!std::holds_alternative<middle::Reasoning>(part.content)) { // in words it is not taken back
                message.append(part);
            }
        }
        flush();
    }

    static void writeMessage(JsonWriter &json, QByteArrayView role, const QList<middle::Part> &parts)
    {
        json.beginObject().key("type").utf8("message").key("role").utf8(role).key("content").beginArray();
        const QByteArrayView textType = role == "assistant" ? "output_text" : "input_text";
        for (const middle::Part &part : parts) {
            if (const auto *text = std::get_if<middle::Text>(&part.content))
                json.beginObject().key("type").utf8(textType).key("text").utf8(text->text).endObject();
            else if (const auto *refusal = std::get_if<middle::Refusal>(&part.content))
                json.beginObject().key("type").utf8("refusal").key("refusal").utf8(refusal->text).endObject();
            else if (const auto *image = std::get_if<middle::Image>(&part.content))
                writeImage(json, *image);
            else if (const auto *file = std::get_if<middle::File>(&part.content))
                writeFile(json, *file);
        }
        json.endArray().endObject();
    }

    static void writeImage(JsonWriter &json, const middle::Image &image)
    {
        json.beginObject().key("type").utf8("input_image").key("image_url").utf8(openai::imageUrl(image));
        json.key("detail").utf8(image.detail.isEmpty() ? "auto"_ba : image.detail).endObject();
    }

    static void writeFile(JsonWriter &json, const middle::File &file)
    {
        json.beginObject().key("type").utf8("input_file").key("filename").utf8(openai::fileName(file));
        json.key("file_data").utf8(openai::dataUrl(file)).endObject();
    }

    static void writeResult(JsonWriter &json, const middle::ToolResult &result)
    {
        json.beginObject().key("type").utf8("function_call_output").key("call_id").utf8(result.callId).key("output");
        const auto *only = result.content.size() == 1 ? std::get_if<middle::Text>(&result.content.first()) : nullptr;
        if (only || result.content.isEmpty()) {
            json.utf8(only ? only->text : QByteArray()).endObject();
            return;
        }
        json.beginArray();
        for (const auto &piece : result.content) {
            if (const auto *text = std::get_if<middle::Text>(&piece))
                json.beginObject().key("type").utf8("input_text").key("text").utf8(text->text).endObject();
            else if (const auto *image = std::get_if<middle::Image>(&piece))
                writeImage(json, *image);
            else
                writeFile(json, std::get<middle::File>(piece));
        }
        json.endArray().endObject();
    }

    void writeTools(JsonWriter &json) const
    {
        if (m_request.tools.isEmpty())
            return;
        json.key("tools").beginArray();
        for (const middle::Tool &tool : m_request.tools) {
            json.beginObject().key("type").utf8("function").key("name").utf8(tool.name);
            if (!tool.description.isEmpty())
                json.key("description").utf8(tool.description);
            // Both are required here; unless told otherwise the API would be strict.
            json.key("parameters").raw(tool.parameters.isEmpty() ? "{}"_ba : tool.parameters);
            json.member("strict", tool.strict.value_or(false)).endObject();
        }
        json.endArray();
        writeToolChoice(json);
        if (m_request.parallelCalls)
            json.member("parallel_tool_calls", *m_request.parallelCalls);
    }

    void writeToolChoice(JsonWriter &json) const
    {
        const middle::ToolChoice &choice = m_request.toolChoice;
        const auto writeFunction = [&json](const QByteArray &name) {
            json.beginObject().key("type").utf8("function").key("name").utf8(name).endObject();
        };
        if (choice.mode == middle::ToolChoice::Mode::Named) {
            json.key("tool_choice");
            writeFunction(choice.name);
        } else if (!choice.allowed.isEmpty()) {
            json.key("tool_choice").beginObject().key("type").utf8("allowed_tools");
            json.key("mode").utf8(openai::choiceWord(choice.mode)).key("tools").beginArray();
            for (const QByteArray &name : choice.allowed)
                writeFunction(name);
            json.endArray().endObject();
        } else if (choice.mode != middle::ToolChoice::Mode::Auto) {
            json.key("tool_choice").utf8(openai::choiceWord(choice.mode));
        }
    }

    void writeText(JsonWriter &json) const
    {
        const middle::Format &format = m_request.format;
        if (format.kind == middle::Format::Kind::Text && m_request.verbosity.isEmpty())
            return;
        json.key("text").beginObject().key("format").beginObject().key("type");
        switch (format.kind) {
        case middle::Format::Kind::Text:
            json.utf8("text");
            break;
        case middle::Format::Kind::JsonObject:
            json.utf8("json_object");
            break;
        case middle::Format::Kind::JsonSchema:
            json.utf8("json_schema").key("name").utf8(format.name);
            if (!format.description.isEmpty())
                json.key("description").utf8(format.description);
            json.key("schema").raw(format.schema.isEmpty() ? "{}"_ba : format.schema);
            if (format.strict)
                json.member("strict", *format.strict);
            break;
        }
        json.endObject();
        if (!m_request.verbosity.isEmpty())
            json.key("verbosity").utf8(m_request.verbosity);
        json.endObject();
    }

    void writeReasoning(JsonWriter &json)
    {
        const QByteArray effort = openai::effortFor(m_target.quirks, m_request.effort);
        if (effort.isEmpty() && m_request.summary.isEmpty())
            return;
        json.key("reasoning").beginObject();
        if (!effort.isEmpty())
            json.key("effort").utf8(effort);
        if (!m_request.summary.isEmpty())
            json.key("summary").utf8(m_request.summary);
        json.endObject();
    }

    void writeSampling(JsonWriter &json)
    {
        // Without the state of its reasoning the model would have to begin afresh in the next turn: nothing is stored
        // there.
        json.key("include").beginArray().utf8("reasoning.encrypted_content");
        const bool takesSampling = openai::takesSampling(m_target.quirks, m_request.effort);
        if (m_request.logprobs && takesSampling)
            json.utf8("message.output_text.logprobs");
        json.endArray();
        if (!takesSampling) {
            m_dropped += {Field::Temperature, Field::TopP, Field::Logprobs};
            return;
        }
        if (m_request.topLogprobs && m_request.logprobs)
            json.member("top_logprobs", *m_request.topLogprobs);
        if (m_request.temperature)
            json.key("temperature").raw(openai::numberText(*m_request.temperature));
        if (m_request.topP)
            json.key("top_p").raw(openai::numberText(*m_request.topP));
    }

    // The same names stand for the same in both of OpenAI's protocols.
    void writeOthers(JsonWriter &json)
    {
        for (const auto &[name, value] : m_request.others) {
            if (std::find(PassedOn.begin(), PassedOn.end(), name) == PassedOn.end())
                continue;
            json.key(name).raw(value);
            m_passedOn.append(name);
        }
        m_dropped.append(Field::Other);
    }

    const middle::Request &m_request;
    const UpstreamTarget &m_target;
    std::optional<Error> m_error;
    QList<Field> m_dropped;
    QByteArrayList m_passedOn;
};

} // namespace

Result<UpstreamCall> encodeResponses(const middle::Request &request, const UpstreamTarget &target)
{
    return ResponsesEncoder(request, target).encode();
}

} // namespace assistiv
