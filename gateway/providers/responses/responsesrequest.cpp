// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/responses/responsesrequest.h"

#include "core/jsonwriter.h"
#include "providers/clientread.h"
#include "providers/responses/itemreader.h"

#include <algorithm>
#include <array>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using json::dom::element;
using middle::Field;

constexpr qsizetype LongestModel = 200;
constexpr qsizetype MostTools = 128;
constexpr qsizetype LongestServerLabel = 64;
constexpr qsizetype LongestThreadId = 128;
constexpr qsizetype MostMetadata = 16;
constexpr qsizetype LongestMetadataKey = 64;
constexpr qsizetype LongestMetadataValue = 512;
constexpr qint64 LeastOutputTokens = 16;
constexpr qint64 MostTopLogprobs = 20;

// What would change the meaning or the price of an answer, and cannot be had here.
constexpr std::array<QByteArrayView, 12> Refused = {
    "audio",         "web_search_options", "prediction",   "moderation", "functions",
    "function_call", "search_parameters",  "conversation", "prompt",     "context_management",
    "stop",          "background"};

// The others may hold secrets.
constexpr std::array<QByteArrayView, 6> EchoedOfMcp = {
    "type", "server_label", "server_url", "server_description", "require_approval", "allowed_tools"};

qsizetype characters(QByteArrayView utf8)
{
    return QString::fromUtf8(utf8).size();
}

bool isLabel(QByteArrayView text)
{
    return !text.isEmpty() && text.size() <= LongestServerLabel && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

class ResponsesParser
{
public:
    Result<ResponsesRequest> parse(const QByteArray &body)
    {
        const auto root = json::parse(body);
        if (!root)
            return Error{ErrorCode::InvalidJson, u"The request body is not valid JSON."_s};
        json::dom::object object;
        if (root->get(object))
            return Error{ErrorCode::ValidationError, u"The request body must be a JSON object."_s};
        for (const auto &[name, value] : client::members(object))
            member(name, value);
        if (m_asked.model.isEmpty())
            refuse("model", u"model is required"_s);
        if (!m_hasInput)
            refuse("input", u"input is required"_s);
        if (m_error)
            return *m_error;
        if (m_textFormat)
            m_asked.format = *m_textFormat;
        m_asked.echo = echo();
        auto asked = askedWith(m_request, {});
        if (!asked && asked.error().code != ErrorCode::ResponseNotFound)
            return asked.error();
        if (asked)
            m_asked = std::move(*asked);
        return std::move(m_request);
    }

private:
    void refuse(const QByteArray &param, const QString &message, ErrorCode code = ErrorCode::ValidationError)
    {
        if (!m_error)
            m_error = Error{.code = code, .message = message, .param = QString::fromUtf8(param)};
    }

    void member(QByteArrayView name, element value)
    {
        struct Known
        {
            QByteArrayView name;
            void (ResponsesParser::*read)(QByteArrayView, element);
        };
        using P = ResponsesParser;
        static constexpr std::array<Known, 25> All = {{
            {"model", &P::model},
            {"input", &P::input},
            {"instructions", &P::instructions},
            {"tools", &P::tools},
            {"tool_choice", &P::toolChoice},
            {"parallel_tool_calls", &P::parallelCalls},
            {"previous_response_id", &P::previousResponse},
            {"thread_id", &P::thread},
            {"store", &P::store},
            {"stream", &P::stream},
            {"stream_options", &P::ignore},
            {"temperature", &P::temperature},
            {"top_p", &P::topP},
            {"max_output_tokens", &P::maxOutputTokens},
            {"response_format", &P::responseFormat},
            {"text", &P::text},
            {"metadata", &P::metadata},
            {"reasoning", &P::reasoning},
            {"truncation", &P::truncation},
            {"include", &P::include},
            {"top_logprobs", &P::topLogprobs},
            {"user", &P::user},
            {"prompt_cache_key", &P::cacheKey},
            {"service_tier", &P::serviceTier},
            {"n", &P::count},
        }};
        const auto known = std::find_if(All.begin(), All.end(), [&](const Known &each) { return each.name == name; });
        if (known != All.end())
            return (this->*known->read)(name, value);
        const bool isRefused = std::find(Refused.begin(), Refused.end(), name) != Refused.end();
        bool isOn = true; // "background": false asks for nothing
        if (isRefused && (value.get(isOn) || isOn))
            return refuse(name.toByteArray(), u"%1 is not supported by this gateway"_s.arg(QLatin1StringView(name)),
                          ErrorCode::UnsupportedParameter);
        if (isRefused)
            return;
        m_asked.given.append({Field::Other, name.toByteArray()});
        m_asked.others.append({name.toByteArray(), json::minified(value)});
    }

    void ignore(QByteArrayView, element) { }

    void given(Field field, QByteArrayView name) { m_asked.given.append({field, name.toByteArray()}); }

    bool flag(QByteArrayView name, element value)
    {
        bool set = false;
        if (value.get(set))
            refuse(name.toByteArray(), u"%1 must be true or false"_s.arg(QLatin1StringView(name)));
        return set;
    }

    QByteArray string(QByteArrayView name, element value)
    {
        if (!value.is_string())
            refuse(name.toByteArray(), u"%1 must be a string"_s.arg(QLatin1StringView(name)));
        return json::string(value).toByteArray();
    }

    double number(QByteArrayView name, element value, double least, double most)
    {
        double number = 0;
        if (!value.is_number() || value.get(number) || number < least || number > most)
            refuse(name.toByteArray(),
                   u"%1 must be a number from %2 to %3"_s.arg(QLatin1StringView(name)).arg(least).arg(most));
        return number;
    }

    void model(QByteArrayView name, element value)
    {
        m_asked.model = string(name, value);
        if (m_asked.model.isEmpty() || m_asked.model.size() > LongestModel)
            refuse("model", u"model must be a non-empty string"_s);
    }

    void input(QByteArrayView name, element value)
    {
        m_hasInput = true;
        given(Field::Messages, name);
        json::dom::array list;
        if (value.is_string()) {
            JsonWriter json;
            json.beginObject().key("type").utf8("message").key("role").utf8("user");
            json.key("content").utf8(json::string(value)).endObject();
            m_request.input = {{json.take()}};
            return;
        }
        if (value.get(list) || list.size() == 0)
            return refuse("input", u"input must be a string or an array with at least one item"_s);
        int index = 0;
        for (const element entry : list) {
            const QByteArray place = "input[" + QByteArray::number(index++) + ']';
            const QByteArrayView type = json::text(entry, "type");
            const bool isReference = type == "item_reference"
                || (type.isEmpty() && !json::member(entry, "role") && json::member(entry, "id"));
            if (!isReference) {
                m_request.input.append({json::minified(entry)});
                continue;
            }
            m_request.input.append({{}, json::text(entry, "id").toByteArray()});
            if (m_request.input.last().reference.isEmpty())
                refuse(place + ".id", u"a reference needs the id of an item"_s);
        }
    }

    void instructions(QByteArrayView name, element value)
    {
        m_request.instructions = string(name, value);
        m_hasInstructions = true;
    }

    void parallelCalls(QByteArrayView name, element value)
    {
        given(Field::ParallelCalls, name);
        m_asked.parallelCalls = flag(name, value);
    }

    void previousResponse(QByteArrayView name, element value)
    {
        m_request.previousResponseId = string(name, value);
        if (m_request.previousResponseId.isEmpty())
            refuse("previous_response_id", u"previous_response_id must be a non-empty string"_s);
    }

    void thread(QByteArrayView name, element value)
    {
        m_request.threadId = string(name, value);
        // PostgreSQL takes no text with a zero in it.
        const qsizetype size = characters(m_request.threadId);
        if (size < 1 || size > LongestThreadId || m_request.threadId.contains('\0'))
            refuse("thread_id",
                   u"thread_id must have 1 to %1 characters, U+0000 not among them"_s.arg(LongestThreadId));
    }

    void store(QByteArrayView name, element value) { m_request.store = flag(name, value); }
    void stream(QByteArrayView name, element value) { m_asked.stream = flag(name, value); }

    void temperature(QByteArrayView name, element value)
    {
        given(Field::Temperature, name);
        m_asked.temperature = number(name, value, 0, 2);
        m_temperature = json::minified(value);
    }

    void topP(QByteArrayView name, element value)
    {
        given(Field::TopP, name);
        m_asked.topP = number(name, value, 0, 1);
        m_topP = json::minified(value);
    }

    void maxOutputTokens(QByteArrayView name, element value)
    {
        given(Field::MaxTokens, name);
        int64_t limit = 0;
        if (value.get(limit))
            return refuse("max_output_tokens", u"max_output_tokens must be an integer"_s);
        if (limit < LeastOutputTokens)
            return refuse("max_output_tokens", u"max_output_tokens must be at least %1"_s.arg(LeastOutputTokens),
                          ErrorCode::IntegerBelowMinimum);
        m_asked.maxTokens = limit;
    }

    void count(QByteArrayView, element value)
    {
        int64_t given = 0;
        if (value.get(given) || given != 1)
            refuse("n", u"only n = 1 is supported; send several requests instead"_s, ErrorCode::UnsupportedParameter);
    }

    void user(QByteArrayView name, element value)
    {
        given(Field::User, name);
        m_asked.user = string(name, value);
    }

    void cacheKey(QByteArrayView name, element value)
    {
        given(Field::CacheKey, name);
        m_asked.cacheKey = string(name, value);
    }

    void serviceTier(QByteArrayView name, element value)
    {
        given(Field::ServiceTier, name);
        m_asked.serviceTier = string(name, value);
    }

    void topLogprobs(QByteArrayView name, element value)
    {
        given(Field::Logprobs, name);
        int64_t most = 0;
        if (value.get(most) || most < 0 || most > MostTopLogprobs)
            return refuse("top_logprobs", u"top_logprobs must be an integer from 0 to %1"_s.arg(MostTopLogprobs));
        m_asked.topLogprobs = most;
    }

    void truncation(QByteArrayView name, element value)
    {
        m_truncation = string(name, value);
        if (m_truncation != "auto" && m_truncation != "disabled")
            refuse("truncation", u"truncation must be auto or disabled"_s);
    }

    void include(QByteArrayView name, element value)
    {
        json::dom::array list;
        if (value.get(list))
            return refuse("include", u"include must be an array of strings"_s);
        for (const element entry : list) {
            const QByteArray what = string(name, entry);
            if (what == "reasoning.encrypted_content")
                m_asked.includeOpaque = true;
            if (what != "message.output_text.logprobs")
                continue;
            m_asked.logprobs = true;
            given(Field::Logprobs, what);
        }
    }

    void reasoning(QByteArrayView, element value)
    {
        if (!value.is_object())
            return refuse("reasoning", u"reasoning must be an object"_s);
        if (const auto effort = json::member(value, "effort")) {
            given(Field::Effort, "reasoning.effort");
            m_asked.effort = string("reasoning.effort", *effort);
        }
        for (const char *name : {"generate_summary", "summary"}) {
            const auto summary = json::member(value, name);
            if (!summary)
                continue;
            const QByteArray path = QByteArray("reasoning.") + name;
            given(Field::Summary, path);
            m_asked.summary = string(path, *summary);
        }
    }

    void metadata(QByteArrayView, element value)
    {
        json::dom::object pairs;
        if (value.get(pairs) || pairs.size() > size_t(MostMetadata))
            return refuse("metadata", u"metadata must be an object of at most %1 pairs"_s.arg(MostMetadata));
        for (const auto pair : pairs) {
            const QByteArrayView text = json::string(pair.value);
            if (!pair.value.is_string() || characters(json::view(pair.key)) > LongestMetadataKey
                || characters(text) > LongestMetadataValue)
                return refuse(
                    "metadata",
                    u"metadata has names of at most %1 and texts of at most %2 characters"_s.arg(LongestMetadataKey)
                        .arg(LongestMetadataValue));
        }
        m_metadata = json::minified(value);
    }

    // path: where the format's type is.
    std::optional<middle::Format> format(const QByteArray &path, element value, const char *schemaMember)
    {
        const QByteArrayView type = json::text(value, "type");
        if (type == "text")
            return middle::Format();
        if (type == "json_object")
            return middle::Format{.kind = middle::Format::Kind::JsonObject};
        if (type != "json_schema") {
            refuse(path + ".type", u"type must be text, json_object or json_schema"_s);
            return {};
        }
        const auto described = schemaMember ? json::member(value, schemaMember) : std::optional(value);
        const QByteArray place = schemaMember ? path + '.' + schemaMember : path;
        if (!described || json::text(*described, "name").isEmpty()) {
            refuse(place + ".name", u"a json_schema needs a name"_s);
            return {};
        }
        auto format = client::schemaFormat(*described);
        if (!format)
            refuse(place + ".schema", u"schema must be an object"_s);
        return format;
    }

    void responseFormat(QByteArrayView name, element value)
    {
        given(Field::Format, name);
        m_asked.format = format("response_format", value, "json_schema").value_or(middle::Format());
    }

    void text(QByteArrayView, element value)
    {
        if (!value.is_object())
            return refuse("text", u"text must be an object"_s);
        if (const auto wanted = json::member(value, "format")) {
            given(Field::Format, "text.format");
            m_textFormat = format("text.format", *wanted, nullptr);
        }
        if (const auto verbosity = json::member(value, "verbosity")) {
            given(Field::Verbosity, "text.verbosity");
            m_asked.verbosity = string("text.verbosity", *verbosity);
        }
    }

    void tools(QByteArrayView name, element value)
    {
        given(Field::Tools, name);
        json::dom::array list;
        if (value.get(list))
            return refuse("tools", u"tools must be an array"_s);
        if (list.size() > size_t(MostTools))
            return refuse("tools", u"at most %1 tools are allowed"_s.arg(MostTools));
        int index = 0;
        for (const element entry : list) {
            const QByteArray place = "tools[" + QByteArray::number(index++) + ']';
            const QByteArrayView type = json::text(entry, "type");
            if (type == "function")
                function(place, entry);
            else if (type == "mcp")
                mcpServer(place, entry);
            else if (type.isEmpty())
                refuse(entry.is_object() ? place + ".type" : place, u"each tool must be an object with a type"_s);
            else
                refuse(place + ".type", u"only tools of type function and mcp are supported"_s,
                       ErrorCode::UnsupportedToolType);
        }
    }

    // The name beside the type, or in an object of its own as in chat completions.
    void function(const QByteArray &place, element entry)
    {
        const auto nested = json::member(entry, "function");
        const element described = nested.value_or(entry);
        const QByteArray path = nested ? place + ".function" : place;
        if (json::text(described, "name").isEmpty())
            return refuse(path + ".name", u"each function needs a name"_s);
        auto tool = client::function(described);
        if (!tool)
            return refuse(path + ".parameters", u"parameters must be an object"_s);
        tool->cache = client::cacheLife(entry);
        JsonWriter json;
        json.beginObject().key("type").utf8("function").key("name").utf8(tool->name).key("description");
        tool->description.isEmpty() ? json.null() : json.utf8(tool->description);
        json.key("parameters").raw(tool->parameters.isEmpty() ? "null"_ba : tool->parameters);
        json.member("strict", tool->strict.value_or(false)).endObject();
        m_tools.append(json.take());
        m_asked.tools.append(std::move(*tool));
    }

    void mcpServer(const QByteArray &place, element entry)
    {
        McpServer server{.place = place,
                         .label = json::text(entry, "server_label").toByteArray(),
                         .url = json::text(entry, "server_url").toByteArray()};
        if (!isLabel(server.label))
            return refuse(place + ".server_label",
                          u"server_label must be 1 to %1 letters, digits, _ and -"_s.arg(LongestServerLabel));
        for (const McpServer &other : std::as_const(m_request.mcpServers)) {
            if (other.label == server.label)
                return refuse(place + ".server_label", u"each server_label may be used once"_s);
        }
        if (server.url.isEmpty())
            return refuse(place + ".server_url", u"server_url is required"_s);
        if (const auto key = json::member(entry, "authorization"))
            server.authorization = string(place + ".authorization", *key);
        if (const auto approval = json::member(entry, "require_approval");
            approval && json::string(*approval) != "never")
            return refuse(place + ".require_approval",
                          u"unsupported require_approval value: only \"never\" is supported, or leave it out"_s,
                          ErrorCode::UnsupportedRequireApproval);
        if (const auto allowed = json::member(entry, "allowed_tools")) {
            json::dom::array list;
            if (allowed->get(list))
                return refuse(place + ".allowed_tools", u"allowed_tools must be an array of names"_s);
            server.allowedTools.emplace();
            for (const element tool : list)
                server.allowedTools->append(string(place + ".allowed_tools", tool));
        }
        m_tools.append(withoutSecrets(entry));
        m_request.mcpServers.append(std::move(server));
    }

    static QByteArray withoutSecrets(element entry)
    {
        JsonWriter json;
        json.beginObject();
        json::dom::object object;
        if (!entry.get(object)) {
            for (const auto &[name, value] : client::members(object)) {
                if (std::find(EchoedOfMcp.begin(), EchoedOfMcp.end(), name) != EchoedOfMcp.end())
                    json.key(name).raw(json::minified(value));
            }
        }
        json.endObject();
        return json.take();
    }

    void toolChoice(QByteArrayView name, element value)
    {
        given(Field::ToolChoice, name);
        m_toolChoice = json::minified(value);
        middle::ToolChoice &choice = m_asked.toolChoice;
        if (value.is_string()) {
            const QByteArrayView word = json::string(value);
            choice.mode = client::choiceMode(word);
            if (word != "auto" && word != "none" && word != "required")
                refuse("tool_choice", u"tool_choice must be auto, none, required or name a function"_s);
            return;
        }
        const QByteArrayView type = json::text(value, "type");
        if (type == "function") {
            choice.mode = middle::ToolChoice::Mode::Named;
            choice.name = functionName(value);
            if (choice.name.isEmpty())
                refuse("tool_choice.name", u"tool_choice must name its function"_s);
        } else if (type == "allowed_tools") {
            // Here, too, both forms.
            const element allowed = json::member(value, "allowed_tools").value_or(value);
            choice.mode = client::choiceMode(json::text(allowed, "mode"));
            for (const element entry : json::elements(json::member(allowed, "tools"))) {
                if (const QByteArray function = functionName(entry); !function.isEmpty())
                    choice.allowed.append(function);
            }
            if (choice.allowed.isEmpty())
                refuse("tool_choice.tools", u"allowed_tools must name at least one function"_s);
        } else if (type.isEmpty()) {
            refuse("tool_choice", u"tool_choice must be auto, none, required or name a function"_s);
        } else {
            refuse("tool_choice.type", u"only functions can be chosen"_s, ErrorCode::UnsupportedToolType);
        }
    }

    static QByteArray functionName(element chosen)
    {
        return json::text(json::member(chosen, "function").value_or(chosen), "name").toByteArray();
    }

    // The members of a response that repeat the request's.
    QByteArray echo() const
    {
        JsonWriter json;
        json.key("instructions");
        m_hasInstructions ? json.utf8(m_request.instructions) : json.null();
        writeTextOrNull(json, "previous_response_id", m_request.previousResponseId);
        writeTextOrNull(json, "thread_id", m_request.threadId);
        json.key("tools").raw('[' + m_tools.join(',') + ']').key("tool_choice").raw(m_toolChoice);
        json.member("parallel_tool_calls", m_asked.parallelCalls.value_or(true));
        json.key("temperature").raw(m_temperature).key("top_p").raw(m_topP);
        json.member("max_output_tokens", m_asked.maxTokens);
        json.key("reasoning").beginObject();
        writeTextOrNull(json, "effort", m_asked.effort);
        writeTextOrNull(json, "summary", m_asked.summary);
        json.endObject();
        writeText(json);
        json.key("truncation").utf8(m_truncation).key("metadata").raw(m_metadata).member("store", m_request.store);
        return json.take();
    }

    static void writeTextOrNull(JsonWriter &json, QByteArrayView name, const QByteArray &text)
    {
        json.key(name);
        text.isEmpty() ? json.null() : json.utf8(text);
    }

    void writeText(JsonWriter &json) const
    {
        const middle::Format &format = m_asked.format;
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
            writeTextOrNull(json, "description", format.description);
            json.key("schema").raw(format.schema.isEmpty() ? "{}"_ba : format.schema);
            json.member("strict", format.strict);
            break;
        }
        json.endObject();
        if (!m_asked.verbosity.isEmpty())
            json.key("verbosity").utf8(m_asked.verbosity);
        json.endObject();
    }

    ResponsesRequest m_request;
    middle::Request &m_asked = m_request.asked;
    std::optional<Error> m_error;
    bool m_hasInput = false;
    bool m_hasInstructions = false;
    /// Wins over response_format, whichever comes first.
    std::optional<middle::Format> m_textFormat;
    // As a response repeats them.
    QByteArrayList m_tools;
    QByteArray m_toolChoice = "\"auto\"";
    QByteArray m_temperature = "null";
    QByteArray m_topP = "null";
    QByteArray m_metadata = "{}";
    QByteArray m_truncation = "disabled";
};

} // namespace

bool ResponsesRequest::hasReferences() const
{
    return std::any_of(input.begin(), input.end(), [](const ResponseItem &item) { return item.json.isNull(); });
}

Result<ResponsesRequest> parseResponsesRequest(const QByteArray &body)
{
    return ResponsesParser().parse(body);
}

Result<middle::Request> askedWith(const ResponsesRequest &request, const QByteArrayList &before,
                                  const QByteArrayList &after)
{
    middle::Request asked = request.asked;
    asked.system.clear();
    asked.turns.clear();
    if (!request.instructions.isEmpty())
        asked.system.append({request.instructions});
    ItemReader reader(asked);
    const QByteArray history = request.previousResponseId.isEmpty() ? "thread_id"_ba : "previous_response_id"_ba;
    for (const QByteArray &item : before) {
        if (const auto added = reader.add(history, item); !added)
            return added.error();
    }
    std::optional<Error> missing;
    for (qsizetype i = 0; i < request.input.size(); ++i) {
        const QByteArray place = "input[" + QByteArray::number(i) + ']';
        const ResponseItem &item = request.input[i];
        if (item.json.isNull()) {
            missing = Error{.code = ErrorCode::ResponseNotFound,
                            .message = u"There is no stored item \"%1\"."_s.arg(QString::fromUtf8(item.reference)),
                            .param = QString::fromUtf8(place + ".id")};
        } else if (const auto added = reader.add(place, item.json); !added) {
            return added.error();
        }
    }
    // Said last: what is wrong with the request itself is the first to be reported.
    if (missing)
        return *missing;
    for (const QByteArray &item : after) {
        if (const auto added = reader.add("output", item); !added)
            return added.error();
    }
    asked.isContinued = !after.isEmpty();
    asked.estimatedPromptTokens = middle::estimatedPromptTokens(asked);
    return asked;
}

} // namespace assistiv
