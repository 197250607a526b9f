// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/chat/chatdecoder.h"

#include "providers/callsignature.h"
#include "providers/clientread.h"

#include <algorithm>
#include <array>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using json::dom::element;
using middle::Field;

struct FieldName
{
    QByteArrayView name;
    Field field;
};

constexpr std::array<FieldName, 22> FieldNames = { {
    { "messages", Field::Messages },
    { "tools", Field::Tools },
    { "tool_choice", Field::ToolChoice },
    { "parallel_tool_calls", Field::ParallelCalls },
    { "response_format", Field::Format },
    { "max_tokens", Field::MaxTokens },
    { "max_completion_tokens", Field::MaxTokens },
    { "stop", Field::Stop },
    { "temperature", Field::Temperature },
    { "top_p", Field::TopP },
    { "top_k", Field::TopK },
    { "seed", Field::Seed },
    { "frequency_penalty", Field::FrequencyPenalty },
    { "presence_penalty", Field::PresencePenalty },
    { "logit_bias", Field::LogitBias },
    { "logprobs", Field::Logprobs },
    { "top_logprobs", Field::Logprobs },
    { "reasoning_effort", Field::Effort },
    { "verbosity", Field::Verbosity },
    { "user", Field::User },
    { "prompt_cache_key", Field::CacheKey },
    { "service_tier", Field::ServiceTier },
} };

// The gateway's own business, or said already.
constexpr std::array<QByteArrayView, 5> Consumed = { "model", "stream", "stream_options", "n", "modalities" };
// Of no use to any provider: nothing is stored there.
constexpr std::array<QByteArrayView, 2> NeverPassedOn = { "store", "metadata" };

class ChatDecoder
{
public:
    Result<middle::Request> decode(const ChatRequest &request)
    {
        const auto root = json::parse(request.body);
        json::dom::object object;
        if (!root || root->get(object))
            return Error { ErrorCode::InvalidJson, u"The request body is not valid JSON."_s };
        m_request.model = request.model;
        m_request.stream = request.stream;
        m_request.includeUsage = request.includeUsage;
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

    void member(QByteArrayView name, element value)
    {
        const auto known = std::find_if(FieldNames.begin(), FieldNames.end(),
                                        [&](const FieldName &each) { return each.name == name; });
        if (known == FieldNames.end()) {
            if (std::find(Consumed.begin(), Consumed.end(), name) == Consumed.end())
                other(name, value);
            return;
        }
        m_request.given.append({ known->field, name.toByteArray() });
        switch (known->field) {
        case Field::Messages: return messages(value);
        case Field::Tools: return tools(value);
        case Field::ToolChoice: return toolChoice(value);
        case Field::ParallelCalls: m_request.parallelCalls = flag(value); return;
        case Field::Format: return format(value);
        case Field::MaxTokens: return; // read by parseChatRequest()
        case Field::Stop: return stop(value);
        case Field::Temperature: m_request.temperature = number(value); return;
        case Field::TopP: m_request.topP = number(value); return;
        case Field::TopK: m_request.topK = integer(name, value, 1); return;
        case Field::Seed: m_request.seed = integer(name, value, std::numeric_limits<qint64>::min()); return;
        case Field::FrequencyPenalty: m_request.frequencyPenalty = number(value); return;
        case Field::PresencePenalty: m_request.presencePenalty = number(value); return;
        case Field::LogitBias: return logitBias(value);
        case Field::Logprobs: return logprobs(name, value);
        case Field::Effort: m_request.effort = string(name, value); return;
        case Field::Verbosity: m_request.verbosity = string(name, value); return;
        case Field::User: m_request.user = string(name, value); return;
        case Field::CacheKey: m_request.cacheKey = string(name, value); return;
        case Field::ServiceTier: m_request.serviceTier = string(name, value); return;
        case Field::Summary:
        case Field::Other: return;
        }
    }

    void other(QByteArrayView name, element value)
    {
        m_request.given.append({ Field::Other, name.toByteArray() });
        if (std::find(NeverPassedOn.begin(), NeverPassedOn.end(), name) == NeverPassedOn.end())
            m_request.others.append({ name.toByteArray(), json::minified(value) });
    }

    QByteArray string(QByteArrayView name, element value)
    {
        const QByteArrayView text = json::string(value);
        if (text.isNull())
            refuse(name.toByteArray(), u"%1 must be a string"_s.arg(QLatin1StringView(name)));
        return text.toByteArray();
    }

    // Proven by parseChatRequest().
    static bool flag(element value)
    {
        bool set = false;
        return !value.get(set) && set;
    }
    static double number(element value)
    {
        double given = 0;
        return value.get(given) ? 0 : given;
    }

    qint64 integer(QByteArrayView name, element value, qint64 least)
    {
        int64_t given = 0;
        if (value.get(given) || given < least)
            refuse(name.toByteArray(), u"%1 must be an integer"_s.arg(QLatin1StringView(name)));
        return given;
    }

    void stop(element value)
    {
        if (value.is_string()) {
            m_request.stop = { json::string(value).toByteArray() };
            return;
        }
        m_request.stop.clear();
        for (const element entry : json::elements(value))
            m_request.stop.append(json::string(entry).toByteArray());
    }

    void logitBias(element value)
    {
        if (!value.is_object())
            return refuse("logit_bias", u"logit_bias must be an object"_s);
        m_request.logitBias = json::minified(value);
    }

    void logprobs(QByteArrayView name, element value)
    {
        if (name == "top_logprobs")
            m_request.topLogprobs = integer(name, value, 0);
        else if (value.get(m_request.logprobs))
            refuse("logprobs", u"logprobs must be true or false"_s);
    }

    void format(element value)
    {
        const QByteArrayView type = json::text(value, "type");
        if (type == "json_object")
            m_request.format.kind = middle::Format::Kind::JsonObject;
        const auto described = json::member(value, "json_schema");
        if (type != "json_schema" || !described)
            return;
        if (auto format = client::schemaFormat(*described))
            m_request.format = std::move(*format);
        else
            refuse("response_format.json_schema.schema", u"schema must be an object"_s);
    }

    void tools(element value)
    {
        int index = 0;
        for (const element entry : json::elements(value)) {
            const QByteArray path = "tools[" + QByteArray::number(index++) + "].function";
            const auto function = json::member(entry, "function");
            if (!function)
                continue; // parseChatRequest() refuses it
            auto tool = client::function(*function);
            if (!tool)
                return refuse(path + ".parameters", u"parameters must be an object"_s);
            tool->cache = client::cacheLife(entry);
            m_request.tools.append(std::move(*tool));
        }
    }

    void toolChoice(element value)
    {
        middle::ToolChoice &choice = m_request.toolChoice;
        choice = {};
        if (value.is_string()) {
            choice.mode = client::choiceMode(json::string(value));
            return;
        }
        const QByteArrayView type = json::text(value, "type");
        if (type == "function") {
            const auto function = json::member(value, "function");
            choice.mode = middle::ToolChoice::Mode::Named;
            choice.name = function ? json::text(*function, "name").toByteArray() : QByteArray();
            if (choice.name.isEmpty())
                refuse("tool_choice.function.name", u"tool_choice must name its function"_s);
            return;
        }
        const auto allowed = type == "allowed_tools" ? json::member(value, "allowed_tools") : std::nullopt;
        if (!allowed)
            return refuse("tool_choice.type", u"only functions can be chosen"_s, ErrorCode::UnsupportedToolType);
        choice.mode = client::choiceMode(json::text(*allowed, "mode"));
        for (const element entry : json::elements(json::member(*allowed, "tools"))) {
            const auto function = json::member(entry, "function");
            if (function)
                choice.allowed.append(json::text(*function, "name").toByteArray());
        }
        if (choice.allowed.isEmpty())
            refuse("tool_choice.allowed_tools.tools", u"allowed_tools must name at least one function"_s);
    }

    void messages(element value)
    {
        m_request.system.clear();
        m_request.turns.clear();
        int index = 0;
        for (const element entry : json::elements(value)) {
            message("messages[" + QByteArray::number(index++) + ']', entry);
            if (m_error)
                return;
        }
    }

    void message(const QByteArray &path, element entry)
    {
        const QByteArrayView role = json::text(entry, "role");
        if (json::member(entry, "name"))
            other("messages[].name");
        QList<middle::Part> parts = content(path + ".content", json::member(entry, "content"));
        if (role == "assistant")
            assistant(path, entry, parts);
        // Some clients mark the whole message instead of its last part.
        if (const auto life = client::cacheLife(entry); life != middle::CacheLife::None && !parts.isEmpty())
            parts.last().cache = life;

        if (role == "system" || role == "developer")
            return instructions(path, parts);
        if (role == "tool")
            return result(path, entry, parts);
        const bool isAssistant = role == "assistant";
        m_request.turns.append({ isAssistant ? middle::Role::Assistant : middle::Role::User, std::move(parts) });
    }

    void other(const QByteArray &name)
    {
        if (!m_request.given.contains({ Field::Other, name }))
            m_request.given.append({ Field::Other, name });
    }

    void instructions(const QByteArray &path, const QList<middle::Part> &parts)
    {
        for (const middle::Part &part : parts) {
            const auto *text = std::get_if<middle::Text>(&part.content);
            if (!text)
                return refuse(path + ".content", u"instructions must be text"_s);
            if (m_request.turns.isEmpty())
                m_request.system.append({ text->text, part.cache });
        }
        if (!m_request.turns.isEmpty())
            m_request.turns.append({ middle::Role::Developer, parts });
    }

    void result(const QByteArray &path, element entry, const QList<middle::Part> &parts)
    {
        middle::ToolResult result { .callId = json::text(entry, "tool_call_id").toByteArray() };
        middle::Part part { .place = path };
        for (const middle::Part &piece : parts) {
            const auto *text = std::get_if<middle::Text>(&piece.content);
            if (!text)
                return refuse(path + ".content", u"a tool's result must be text"_s);
            result.content.append(*text);
            if (piece.cache != middle::CacheLife::None)
                part.cache = piece.cache;
        }
        part.content = std::move(result);
        // The results of one turn's calls belong together.
        const bool follows = !m_request.turns.isEmpty() && m_request.turns.last().role == middle::Role::User
            && !m_request.turns.last().parts.isEmpty()
            && std::holds_alternative<middle::ToolResult>(m_request.turns.last().parts.last().content);
        if (!follows)
            m_request.turns.append({ middle::Role::User, {} });
        m_request.turns.last().parts.append(std::move(part));
    }

    void assistant(const QByteArray &path, element entry, QList<middle::Part> &parts)
    {
        for (const middle::Part &part : parts) {
            const bool isText = std::holds_alternative<middle::Text>(part.content);
            if (!isText && !std::holds_alternative<middle::Refusal>(part.content))
                return refuse(part.place, u"images and files belong into messages of the user"_s);
        }
        for (const char *name : { "audio", "function_call" }) {
            if (json::member(entry, name))
                return refuse(path + '.' + name, u"%1 is not supported by this gateway"_s.arg(QLatin1StringView(name)),
                              ErrorCode::UnsupportedParameter);
        }
        if (const QByteArrayView refusal = json::text(entry, "refusal"); !refusal.isEmpty())
            parts.append({ .content = middle::Refusal { refusal.toByteArray() }, .place = path + ".refusal" });
        int index = 0;
        for (const element call : json::elements(json::member(entry, "tool_calls"))) {
            const QByteArray place = path + ".tool_calls[" + QByteArray::number(index++) + ']';
            const auto function = json::member(call, "function");
            if (const QByteArrayView type = json::text(call, "type"); !type.isEmpty() && type != "function")
                return refuse(place + ".type", u"only calls of functions are supported"_s,
                              ErrorCode::UnsupportedToolType);
            middle::ToolCall toolCall { .id = json::text(call, "id").toByteArray() };
            if (function) {
                toolCall.name = json::text(*function, "name").toByteArray();
                toolCall.arguments = json::text(*function, "arguments").toByteArray();
            }
            if (toolCall.id.isEmpty() || toolCall.name.isEmpty())
                return refuse(place, u"a call needs its id and the name of its function"_s);
            client::readSignature(call, toolCall);
            parts.append({ .content = std::move(toolCall), .place = place });
        }
    }

    QList<middle::Part> content(const QByteArray &path, std::optional<element> value)
    {
        if (!value)
            return {};
        if (value->is_string())
            return { { .content = middle::Text { json::string(*value).toByteArray() }, .place = path } };
        QList<middle::Part> parts;
        int index = 0;
        for (const element entry : json::elements(value)) {
            middle::Part piece { .cache = client::cacheLife(entry),
                                 .place = path + '[' + QByteArray::number(index++) + ']' };
            if (part(entry, piece))
                parts.append(std::move(piece));
        }
        return parts;
    }

    // False: refused.
    bool part(element entry, middle::Part &out)
    {
        const QByteArrayView type = json::text(entry, "type");
        if (type == "text")
            out.content = middle::Text { json::text(entry, "text").toByteArray() };
        else if (type == "refusal")
            out.content = middle::Refusal { json::text(entry, "refusal").toByteArray() };
        else if (const auto image = json::member(entry, "image_url"); type == "image_url" && image)
            return imagePart(*image, out);
        else if (const auto file = json::member(entry, "file"); type == "file" && file)
            return filePart(*file, out);
        else
            refuse(out.place + ".type", u"parts of this type are not supported"_s, ErrorCode::UnsupportedParameter);
        return !m_error;
    }

    bool imagePart(element described, middle::Part &out)
    {
        auto image = client::image(json::text(described, "url"), json::text(described, "detail"));
        if (image)
            out.content = std::move(*image);
        else
            refuse(out.place + ".image_url.url", u"an image needs an https URL or a data URL in base64"_s);
        return image.has_value();
    }

    bool filePart(element described, middle::Part &out)
    {
        auto file = client::file(json::text(described, "file_data"), json::text(described, "filename"));
        if (file)
            out.content = std::move(*file);
        else
            refuse(out.place + ".file.file_data", u"file_data must be a data URL in base64"_s);
        return file.has_value();
    }

    middle::Request m_request;
    std::optional<Error> m_error;
};

} // namespace

Result<middle::Request> middleRequest(const ChatRequest &request)
{
    return ChatDecoder().decode(request);
}

} // namespace assistiv
