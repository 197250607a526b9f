// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/chatrequest.h"

#include <simdjson.h>

#include <array>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

namespace dom = simdjson::dom;

// Features that are billed in units the gateway does not count, or that nobody should use any more.
constexpr std::array<QByteArrayView, 8> Unsupported = { "audio",      "web_search_options", "prediction", "moderation",
                                                        "functions", "function_call",      "search_parameters",
                                                        "background" };

/// Where a value stands in the body; put into words only when the value is refused.
struct Path
{
    const Path *above = nullptr;
    QLatin1StringView member = {};
    int index = -1;

    QString text() const { return (above ? above->text() : QString()) + (index < 0 ? QString(member) : u"[%1]"_s.arg(index)); }
};

class Checker
{
public:
    explicit Checker(ChatRequest &request) : m_request(request) {}

    Result<void> check(dom::object object)
    {
        for (const auto field : object) {
            if (m_error)
                break;
            if (field.value.is_null())
                continue;
            member(QByteArrayView(field.key.data(), qsizetype(field.key.size())), field.value);
        }
        if (!m_error && m_request.model.isEmpty())
            refuse(u"model"_s, u"model is required"_s);
        if (!m_error && !m_hasMessages)
            refuse(u"messages"_s, u"messages is required"_s);
        if (!m_error && m_hasStreamOptions && !m_request.stream)
            refuse(u"stream_options"_s, u"stream_options is only allowed with stream: true"_s);
        if (!m_error && m_limits > 1)
            refuse(u"max_tokens"_s, u"give either max_tokens or max_completion_tokens, not both"_s);
        return m_error ? Result<void>(*m_error) : Result<void>();
    }

private:
    void refuse(const QString &param, const QString &message, ErrorCode code = ErrorCode::ValidationError)
    {
        if (!m_error)
            m_error = Error { .code = code, .message = message, .param = param };
    }

    void member(QByteArrayView name, dom::element value)
    {
        if (name == "model")
            model(value);
        else if (name == "messages")
            messages(value);
        else if (name == "stream")
            m_request.stream = flag(u"stream"_s, value);
        else if (name == "stream_options")
            streamOptions(value);
        else if (name == "temperature")
            number(u"temperature"_s, value, 0, 2);
        else if (name == "top_p")
            number(u"top_p"_s, value, 0, 1);
        else if (name == "frequency_penalty" || name == "presence_penalty")
            number(QString::fromLatin1(name), value, -2, 2);
        else if (name == "max_tokens" || name == "max_completion_tokens")
            limit(name, value);
        else if (name == "tools")
            tools(value);
        else if (name == "tool_choice")
            toolChoice(value);
        else if (name == "parallel_tool_calls")
            flag(u"parallel_tool_calls"_s, value);
        else if (name == "response_format")
            responseFormat(value);
        else if (name == "stop")
            stop(value);
        else if (name == "n")
            count(value);
        else if (name == "reasoning_effort")
            reasoning(value);
        else if (name == "modalities")
            modalities(value);
        else if (std::find(Unsupported.begin(), Unsupported.end(), name) != Unsupported.end())
            refuse(QString::fromLatin1(name), u"%1 is not supported by this gateway"_s.arg(QLatin1StringView(name)),
                   ErrorCode::UnsupportedParameter);
    }

    void model(dom::element value)
    {
        std::string_view text;
        if (value.get(text) || text.empty() || text.size() > 200)
            return refuse(u"model"_s, u"model must be a non-empty string"_s);
        m_request.model = QByteArray(text.data(), qsizetype(text.size()));
    }

    bool flag(const QString &name, dom::element value)
    {
        bool set = false;
        if (value.get(set))
            refuse(name, name + u" must be true or false"_s);
        return set;
    }

    void number(const QString &name, dom::element value, double least, double most)
    {
        double given = 0;
        if (!value.is_number() || value.get(given) || given < least || given > most)
            refuse(name, u"%1 must be a number from %2 to %3"_s.arg(name).arg(least).arg(most));
    }

    void limit(QByteArrayView name, dom::element value)
    {
        int64_t given = 0;
        if (value.get(given) || given < 1)
            return refuse(QString::fromLatin1(name), u"%1 must be an integer of at least 1"_s.arg(QLatin1StringView(name)));
        if (m_request.maxTokensName != name)
            ++m_limits;
        m_request.maxTokens = given;
        m_request.maxTokensName = name.toByteArray();
    }

    void streamOptions(dom::element value)
    {
        dom::object options;
        if (value.get(options))
            return refuse(u"stream_options"_s, u"stream_options must be an object"_s);
        m_hasStreamOptions = true;
        dom::element include;
        if (!options["include_usage"].get(include) && !include.is_null())
            m_request.includeUsage = flag(u"stream_options.include_usage"_s, include);
    }

    void count(dom::element value)
    {
        int64_t given = 0;
        if (value.get(given) || given != 1)
            refuse(u"n"_s, u"only n = 1 is supported; send several requests instead"_s, ErrorCode::UnsupportedParameter);
    }

    void reasoning(dom::element value)
    {
        std::string_view effort;
        if (value.get(effort))
            return refuse(u"reasoning_effort"_s, u"reasoning_effort must be a string"_s);
        m_request.hasReasoningEffort = true;
        m_request.reasoningIsOff = effort == "none";
    }

    void modalities(dom::element value)
    {
        dom::array list;
        if (value.get(list))
            return refuse(u"modalities"_s, u"modalities must be an array"_s);
        for (const dom::element entry : list) {
            std::string_view word;
            if (entry.get(word) || word != "text")
                return refuse(u"modalities"_s, u"only text is supported"_s, ErrorCode::UnsupportedParameter);
        }
    }

    void stop(dom::element value)
    {
        if (value.is_string())
            return;
        dom::array list;
        if (value.get(list) || list.size() > 4)
            return refuse(u"stop"_s, u"stop must be a string or an array of at most 4 strings"_s);
        for (const dom::element entry : list) {
            if (!entry.is_string())
                return refuse(u"stop"_s, u"stop must be a string or an array of at most 4 strings"_s);
        }
    }

    void responseFormat(dom::element value)
    {
        dom::object format;
        std::string_view type;
        if (value.get(format) || format["type"].get(type))
            return refuse(u"response_format"_s, u"response_format must be an object with a type"_s);
        if (type != "text" && type != "json_object" && type != "json_schema")
            return refuse(u"response_format.type"_s, u"type must be text, json_object or json_schema"_s);
        dom::object schema;
        if (type == "json_schema") {
            std::string_view name;
            if (format["json_schema"].get(schema) || schema["name"].get(name))
                refuse(u"response_format.json_schema"_s, u"json_schema must be an object with a name"_s);
        }
    }

    void toolChoice(dom::element value)
    {
        std::string_view word;
        if (!value.get(word)) {
            if (word != "auto" && word != "none" && word != "required")
                refuse(u"tool_choice"_s, u"tool_choice must be auto, none, required or name a function"_s);
            return;
        }
        dom::object object;
        std::string_view type;
        if (value.get(object) || object["type"].get(type))
            refuse(u"tool_choice"_s, u"tool_choice must be auto, none, required or name a function"_s);
    }

    void tools(dom::element value)
    {
        dom::array list;
        if (value.get(list))
            return refuse(u"tools"_s, u"tools must be an array"_s);
        if (list.size() > 128)
            return refuse(u"tools"_s, u"at most 128 tools are allowed"_s);
        const Path top { .member = "tools"_L1 };
        int index = 0;
        for (const dom::element entry : list) {
            const Path path { .above = &top, .index = index++ };
            dom::object tool;
            std::string_view type;
            if (entry.get(tool) || tool["type"].get(type))
                return refuse(path.text(), u"each tool must be an object with a type"_s);
            if (type == "mcp")
                return refuse(path.text() + u".type"_s, u"hosted MCP tools are available on /v1/responses"_s,
                              ErrorCode::UnsupportedToolType);
            if (type != "function")
                return refuse(path.text() + u".type"_s, u"only tools of type function are supported"_s,
                              ErrorCode::UnsupportedToolType);
            dom::object function;
            std::string_view name;
            if (tool["function"].get(function) || function["name"].get(name) || name.empty())
                return refuse(path.text() + u".function.name"_s, u"each function needs a name"_s);
            m_request.usesTools = true;
        }
        m_request.textBytes += qint64(simdjson::minify(value).size());
    }

    void messages(dom::element value)
    {
        dom::array list;
        if (value.get(list) || list.size() == 0)
            return refuse(u"messages"_s, u"messages must be an array with at least one message"_s);
        m_hasMessages = true;
        const Path top { .member = "messages"_L1 };
        int index = 0;
        for (const dom::element entry : list) {
            message({ .above = &top, .index = index++ }, entry);
            if (m_error)
                return;
        }
    }

    void message(const Path &path, dom::element entry)
    {
        dom::object object;
        if (entry.get(object))
            return refuse(path.text(), u"each message must be an object"_s);
        std::string_view role;
        if (object["role"].get(role)
            || (role != "system" && role != "developer" && role != "user" && role != "assistant" && role != "tool"))
            return refuse(path.text() + u".role"_s, u"role must be system, developer, user, assistant or tool"_s);

        dom::array calls;
        const bool hasCalls = !object["tool_calls"].get(calls) && calls.size() > 0;
        if (hasCalls)
            m_request.textBytes += qint64(simdjson::minify(calls).size());
        std::string_view callId;
        if (role == "tool" && object["tool_call_id"].get(callId))
            return refuse(path.text() + u".tool_call_id"_s, u"a tool message needs the id of its call"_s);

        dom::element text;
        const bool given = !object["content"].get(text) && !text.is_null();
        if (!given) {
            std::string_view refusal;
            if (role != "assistant" || (!hasCalls && object["refusal"].get(refusal)))
                refuse(path.text() + u".content"_s, u"content is required"_s);
            return;
        }
        content({ .above = &path, .member = ".content"_L1 }, text);
    }

    void content(const Path &path, dom::element value)
    {
        std::string_view text;
        if (!value.get(text)) {
            m_request.textBytes += qint64(text.size());
            return;
        }
        dom::array parts;
        if (value.get(parts))
            return refuse(path.text(), u"content must be a string or an array of parts"_s);
        int index = 0;
        for (const dom::element entry : parts) {
            part({ .above = &path, .index = index++ }, entry);
            if (m_error)
                return;
        }
    }

    void part(const Path &path, dom::element entry)
    {
        dom::object object;
        std::string_view type;
        if (entry.get(object) || object["type"].get(type))
            return refuse(path.text(), u"each part must be an object with a type"_s);
        std::string_view text;
        if (type == "text" || type == "refusal") {
            if (object[type].get(text))
                return refuse(path.text(), u"a text part needs its text"_s);
            m_request.textBytes += qint64(text.size());
        } else if (type == "image_url") {
            dom::object image;
            if (object["image_url"].get(image) || image["url"].get(text))
                return refuse(path.text() + u".image_url"_s, u"image_url must be an object with a url"_s);
            ++m_request.attachments;
            m_request.usesImages = true;
        } else if (type == "file") {
            dom::object file;
            if (object["file"].get(file) || file["file_data"].get(text))
                return refuse(path.text() + u".file"_s, u"files are accepted with file_data only"_s,
                              ErrorCode::UnsupportedParameter);
            ++m_request.attachments;
        } else {
            refuse(path.text() + u".type"_s, u"parts of this type are not supported"_s, ErrorCode::UnsupportedParameter);
        }
    }

    ChatRequest &m_request;
    std::optional<Error> m_error;
    bool m_hasMessages = false;
    bool m_hasStreamOptions = false;
    int m_limits = 0;
};

} // namespace

Result<ChatRequest> parseChatRequest(const QByteArray &body)
{
    thread_local dom::parser parser;
    dom::element root;
    // As everywhere, an empty body counts as an empty object: what is missing is then said by name.
    const QByteArrayView text = body.isEmpty() ? QByteArrayView("{}") : QByteArrayView(body);
    if (parser.parse(text.data(), size_t(text.size())).get(root))
        return Error { ErrorCode::InvalidJson, u"The request body is not valid JSON."_s };
    dom::object object;
    if (root.get(object))
        return Error { ErrorCode::ValidationError, u"The request body must be a JSON object."_s };

    ChatRequest request;
    request.body = body;
    if (const auto checked = Checker(request).check(object); !checked)
        return checked.error();

    auto members = bodyMembers(body, object);
    if (!members)
        return members.error();
    request.members = std::move(*members);
    return request;
}

} // namespace assistiv
