// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/messages/messagesdecoder.h"

#include "providers/clientread.h"
#include "providers/responses/opaquestate.h"

#include <algorithm>
#include <array>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using json::dom::element;
using middle::Field;

struct MemberField
{
    QByteArrayView name;
    Field field;
};
constexpr std::array<MemberField, 8> MemberFields = { {
    { "messages", Field::Messages },
    { "tools", Field::Tools },
    { "tool_choice", Field::ToolChoice },
    { "max_tokens", Field::MaxTokens },
    { "stop_sequences", Field::Stop },
    { "temperature", Field::Temperature },
    { "top_p", Field::TopP },
    { "top_k", Field::TopK },
} };

// The gateway's own business, of no price, or a hint that other providers do without.
constexpr std::array<QByteArrayView, 8> NotPassedOn = {
    "model", "stream", "service_tier", "speed", "inference_geo", "mcp_servers", "container", "cache_control",
};

/// Thinking is told as a number of tokens here and as a word elsewhere.
struct EffortOfBudget
{
    qint64 most;
    QByteArrayView effort;
};
constexpr std::array<EffortOfBudget, 2> Efforts = { { { 2048, "low" }, { 8192, "medium" } } };

// A schema has a name elsewhere; here it has none.
constexpr QByteArrayView SchemaName = "answer";

class MessagesDecoder
{
public:
    Result<middle::Request> decode(const MessagesRequest &request)
    {
        const auto root = json::parse(request.body);
        json::dom::object object;
        if (!root || root->get(object))
            return Error { ErrorCode::InvalidJson, u"The request body is not valid JSON."_s };
        m_request.model = request.model;
        m_request.stream = request.stream;
        m_request.includeUsage = true;
        m_request.includeOpaque = true;
        m_request.estimatedPromptTokens = request.estimatedPromptTokens();
        if (request.maxTokens > 0)
            m_request.maxTokens = request.maxTokens;
        for (const auto &[name, value] : client::members(object)) {
            member(name, value);
            if (m_error)
                return *m_error;
        }
        return std::move(m_request);
    }

private:
    void refuse(const QByteArray &param, const QString &message, ErrorCode code = ErrorCode::ValidationError)
    {
        if (!m_error)
            m_error = Error { .code = code, .message = message, .param = QString::fromUtf8(param) };
    }

    void given(Field field, QByteArrayView name) { m_request.given.append({ field, name.toByteArray() }); }

    void member(QByteArrayView name, element value)
    {
        if (name == "system")
            return system(value);
        if (name == "thinking")
            return thinking(value);
        if (name == "output_config")
            return outputConfig(value);
        if (name == "output_format")
            return format(name.toByteArray(), value);
        if (name == "metadata") {
            given(Field::User, "metadata.user_id");
            m_request.user = json::text(value, "user_id").toByteArray();
            return;
        }
        const auto known = std::find_if(MemberFields.begin(), MemberFields.end(),
                                        [&](const MemberField &each) { return each.name == name; });
        if (known == MemberFields.end()) {
            if (std::find(NotPassedOn.begin(), NotPassedOn.end(), name) == NotPassedOn.end())
                given(Field::Other, name);
            return;
        }
        given(known->field, name);
        switch (known->field) {
        case Field::Messages: return messages(value);
        case Field::Tools: return tools(value);
        case Field::ToolChoice: return toolChoice(value);
        case Field::Stop: return stop(value);
        case Field::Temperature: m_request.temperature = number(value); return;
        case Field::TopP: m_request.topP = number(value); return;
        case Field::TopK: topK(value); return;
        default: return; // the limit was read by parseMessagesRequest()
        }
    }

    // Proven by parseMessagesRequest().
    static double number(element value)
    {
        double given = 0;
        return value.get(given) ? 0 : given;
    }

    // None at all is a choice of Anthropic's.
    void topK(element value)
    {
        int64_t most = 0;
        if (!value.get(most) && most > 0)
            m_request.topK = most;
    }

    void stop(element value)
    {
        for (const element entry : json::elements(value))
            m_request.stop.append(json::string(entry).toByteArray());
    }

    void system(element value)
    {
        if (value.is_string()) {
            m_request.system.append({ json::string(value).toByteArray() });
            return;
        }
        int index = 0;
        for (const element entry : json::elements(value)) {
            if (json::text(entry, "type") != "text")
                return refuse("system[" + QByteArray::number(index) + "].type", u"system takes text blocks only"_s);
            m_request.system.append({ json::text(entry, "text").toByteArray(), client::cacheLife(entry) });
            ++index;
        }
    }

    void thinking(element value)
    {
        given(Field::Effort, "thinking");
        const QByteArrayView type = json::text(value, "type");
        if (type == "disabled") {
            m_request.effort = "none";
            return;
        }
        if (json::text(value, "display") != "omitted")
            m_request.summary = "auto"; // whoever asks for thinking wants to see it
        if (!m_request.effort.isEmpty())
            return; // output_config has said it
        const qint64 budget = json::count(value, "budget_tokens").value_or(0);
        if (budget > 0) {
            const auto word = std::find_if(Efforts.begin(), Efforts.end(),
                                           [budget](const EffortOfBudget &each) { return budget <= each.most; });
            m_request.effort = word != Efforts.end() ? word->effort.toByteArray() : "high"_ba;
        }
    }

    void outputConfig(element value)
    {
        const QByteArrayView effort = json::text(value, "effort");
        if (!effort.isEmpty() && m_request.effort != "none") {
            given(Field::Effort, "output_config.effort");
            m_request.effort = effort.toByteArray();
        }
        if (const auto wanted = json::member(value, "format"))
            format("output_config.format", *wanted);
    }

    void format(const QByteArray &place, element value)
    {
        given(Field::Format, place);
        const auto schema = json::member(value, "schema");
        if (json::text(value, "type") != "json_schema" || !schema || !schema->is_object())
            return refuse(place, u"a format needs the type json_schema and a schema"_s);
        m_request.format = { .kind = middle::Format::Kind::JsonSchema,
                             .name = SchemaName.toByteArray(),
                             .schema = json::minified(*schema),
                             .strict = true };
    }

    void tools(element value)
    {
        int index = 0;
        for (const element entry : json::elements(value)) {
            const QByteArray place = "tools[" + QByteArray::number(index++) + ']';
            if (const QByteArrayView type = json::text(entry, "type"); !type.isEmpty() && type != "custom")
                return refuse(place + ".type", u"this model takes tools of type custom only"_s,
                              ErrorCode::UnsupportedToolType);
            const auto schema = json::member(entry, "input_schema");
            if (schema && !schema->is_object())
                return refuse(place + ".input_schema", u"input_schema must be an object"_s);
            m_request.tools.append({ .name = json::text(entry, "name").toByteArray(),
                                     .description = json::text(entry, "description").toByteArray(),
                                     .parameters = schema ? json::minified(*schema) : QByteArray(),
                                     .strict = json::flag(entry, "strict"),
                                     .cache = client::cacheLife(entry) });
        }
    }

    void toolChoice(element value)
    {
        using Mode = middle::ToolChoice::Mode;
        const QByteArrayView type = json::text(value, "type");
        middle::ToolChoice &choice = m_request.toolChoice;
        if (type == "any")
            choice.mode = Mode::Required;
        else if (type == "none")
            choice.mode = Mode::None;
        else if (type == "tool")
            choice = { .mode = Mode::Named, .name = json::text(value, "name").toByteArray() };
        else if (type != "auto")
            return refuse("tool_choice.type", u"type must be auto, any, tool or none"_s);
        if (choice.mode == Mode::Named && choice.name.isEmpty())
            return refuse("tool_choice.name", u"tool_choice must name its tool"_s);
        if (const auto serial = json::flag(value, "disable_parallel_tool_use")) {
            given(Field::ParallelCalls, "tool_choice.disable_parallel_tool_use");
            m_request.parallelCalls = !*serial;
        }
    }

    void messages(element value)
    {
        int index = 0;
        for (const element entry : json::elements(value)) {
            const QByteArray place = "messages[" + QByteArray::number(index++) + "].content";
            const QByteArrayView role = json::text(entry, "role");
            middle::Turn turn { role == "user"            ? middle::Role::User
                                    : role == "assistant" ? middle::Role::Assistant
                                                          : middle::Role::Developer };
            if (const auto said = json::member(entry, "content"))
                content(place, *said, turn);
            if (m_error)
                return;
            m_request.turns.append(std::move(turn));
        }
    }

    void content(const QByteArray &place, element value, middle::Turn &turn)
    {
        if (value.is_string()) {
            turn.parts.append({ .content = middle::Text { json::string(value).toByteArray() }, .place = place });
            return;
        }
        int index = 0;
        for (const element entry : json::elements(value)) {
            const QByteArray path = place + '[' + QByteArray::number(index++) + ']';
            block(path, entry, turn);
            if (m_error)
                return;
        }
    }

    void block(const QByteArray &place, element entry, middle::Turn &turn)
    {
        middle::Part part { .cache = client::cacheLife(entry), .place = place };
        const QByteArrayView type = json::text(entry, "type");
        if (turn.role == middle::Role::Assistant && type == "thinking")
            return thought(place, json::text(entry, "thinking"), json::text(entry, "signature"), turn);
        if (turn.role == middle::Role::Assistant && type == "redacted_thinking")
            return thought(place, {}, json::text(entry, "data"), turn);
        if (turn.role == middle::Role::Assistant && type == "tool_use")
            call(entry, part);
        else if (turn.role == middle::Role::User && type == "tool_result")
            result(entry, part);
        else if (type == "text")
            part.content = middle::Text { json::text(entry, "text").toByteArray() };
        else if (turn.role == middle::Role::User && type == "image")
            image(entry, part);
        else if (turn.role == middle::Role::User && type == "document")
            document(entry, part);
        else
            refuse(place + ".type", u"this model takes no blocks of this type here"_s, ErrorCode::UnsupportedParameter);
        if (!m_error)
            turn.parts.append(std::move(part));
    }

    // The state may be anybody's: what is not ours no other provider can read.
    static void thought(const QByteArray &place, QByteArrayView words, QByteArrayView state, middle::Turn &turn)
    {
        if (!words.isEmpty())
            turn.parts.append({ .content = middle::Reasoning { words.toByteArray() }, .place = place });
        if (auto opaque = openedState(state))
            turn.parts.append({ .content = std::move(*opaque), .place = place });
    }

    void call(element entry, middle::Part &part)
    {
        const auto input = json::member(entry, "input");
        middle::ToolCall toolCall { .id = json::text(entry, "id").toByteArray(),
                                    .name = json::text(entry, "name").toByteArray(),
                                    .arguments = input ? json::minified(*input) : "{}"_ba };
        if (toolCall.id.isEmpty() || toolCall.name.isEmpty())
            return refuse(part.place, u"tool_use needs its id and its name"_s);
        part.content = std::move(toolCall);
    }

    void result(element entry, middle::Part &part)
    {
        middle::ToolResult result { .callId = json::text(entry, "tool_use_id").toByteArray(),
                                    .isError = json::flag(entry, "is_error").value_or(false) };
        if (result.callId.isEmpty())
            return refuse(part.place + ".tool_use_id", u"tool_result needs the id of its call"_s);
        const auto said = json::member(entry, "content");
        if (said && said->is_string())
            result.content.append(middle::Text { json::string(*said).toByteArray() });
        int index = 0;
        for (const element inner : json::elements(said)) {
            middle::Part piece { .place = part.place + ".content[" + QByteArray::number(index++) + ']' };
            const QByteArrayView type = json::text(inner, "type");
            if (type == "text")
                result.content.append(middle::Text { json::text(inner, "text").toByteArray() });
            else if (type == "image" && image(inner, piece))
                result.content.append(std::get<middle::Image>(piece.content));
            else if (type == "document" && document(inner, piece))
                result.content.append(std::get<middle::File>(piece.content));
            else
                return refuse(piece.place + ".type", u"this model takes no blocks of this type in results"_s,
                              ErrorCode::UnsupportedParameter);
        }
        part.content = std::move(result);
    }

    // False: refused.
    bool image(element entry, middle::Part &part)
    {
        const auto source = json::member(entry, "source");
        const QByteArrayView type = source ? json::text(*source, "type") : QByteArrayView();
        middle::Image image;
        if (type == "base64") {
            image.mimeType = json::text(*source, "media_type").toByteArray();
            image.base64 = json::text(*source, "data").toByteArray();
        } else if (type == "url") {
            image.url = json::text(*source, "url").toByteArray();
        }
        const bool isWhole = type == "url" ? client::image(image.url, {}).has_value()
                                           : !image.mimeType.isEmpty() && !image.base64.isEmpty();
        if (!isWhole)
            refuse(part.place + ".source", u"this model takes images as base64 or at a web address"_s,
                   ErrorCode::UnsupportedParameter);
        part.content = std::move(image);
        return isWhole;
    }

    // False: refused.
    bool document(element entry, middle::Part &part)
    {
        const auto source = json::member(entry, "source");
        const QByteArrayView type = source ? json::text(*source, "type") : QByteArrayView();
        middle::File file { .name = json::text(entry, "title").toByteArray() };
        if (type == "base64") {
            file.mimeType = json::text(*source, "media_type").toByteArray();
            file.base64 = json::text(*source, "data").toByteArray();
        } else if (type == "text") {
            file.mimeType = "text/plain";
            file.base64 = json::text(*source, "data").toByteArray().toBase64();
        }
        const bool isWhole = !file.mimeType.isEmpty() && !file.base64.isEmpty();
        if (!isWhole)
            refuse(part.place + ".source", u"this model takes documents as base64 or text"_s,
                   ErrorCode::UnsupportedParameter);
        part.content = std::move(file);
        return isWhole;
    }

    middle::Request m_request;
    std::optional<Error> m_error;
};

} // namespace

Result<middle::Request> middleRequest(const MessagesRequest &request)
{
    return MessagesDecoder().decode(request);
}

} // namespace assistiv
