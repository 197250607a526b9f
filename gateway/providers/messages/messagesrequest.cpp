// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/messages/messagesrequest.h"

#include "core/jsonwriter.h"
#include "providers/clientread.h"
#include "providers/responses/opaquestate.h"

#include <algorithm>
#include <array>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using json::dom::element;

constexpr qsizetype LongestMessagesModel = 200;
constexpr qsizetype MostMessagesTools = 128;
/// Blocks in results, blocks in documents in results: nobody goes deeper.
constexpr int DeepestContent = 4;

// Tools that Anthropic's models were taught and the client runs; others run at the provider and cost more than tokens.
constexpr std::array<QByteArrayView, 4> TaughtTools = { "bash_", "text_editor_", "computer_", "memory_" };

/// Members that would change what an answer costs, and the values that do not.
struct PricedMember
{
    QByteArrayView name;
    std::array<QByteArrayView, 2> harmless;
};
constexpr std::array<PricedMember, 3> PricedMembers = { {
    { "service_tier", { "auto", "standard_only" } },
    { "speed", { "standard", "standard" } },
    { "inference_geo", { "global", "not_available" } },
} };

/// What the provider would run or reach on its own, at a price of its own.
constexpr std::array<QByteArrayView, 2> NeverHere = { "container", "mcp_servers" };

bool isState(element block)
{
    const QByteArrayView type = json::text(block, "type");
    return type == "thinking" || type == "redacted_thinking";
}

// Anthropic signs all thinking.
bool isForeignState(element block)
{
    const QByteArrayView type = json::text(block, "type");
    const QByteArrayView signature = json::text(block, "signature");
    return (type == "thinking" && (signature.isEmpty() || openedState(signature)))
        || (type == "redacted_thinking" && openedState(json::text(block, "data")));
}

class MessagesChecker
{
public:
    explicit MessagesChecker(MessagesRequest &request) : m_request(request) {}

    Result<void> check(json::dom::object object, MessagesPurpose purpose)
    {
        for (const auto &[name, value] : client::members(object)) {
            member(name, value);
            if (m_error)
                return *m_error;
        }
        if (m_request.model.isEmpty())
            refuse("model", u"model is required"_s);
        if (purpose == MessagesPurpose::Answer && m_request.maxTokens == 0)
            refuse("max_tokens", u"max_tokens is required"_s);
        if (!m_hasMessages)
            refuse("messages", u"messages is required"_s);
        return m_error ? Result<void>(*m_error) : Result<void>();
    }

private:
    void refuse(const QByteArray &param, const QString &message, ErrorCode code = ErrorCode::ValidationError)
    {
        if (!m_error)
            m_error = Error { .code = code, .message = message, .param = QString::fromUtf8(param) };
    }

    void member(QByteArrayView name, element value)
    {
        struct Known
        {
            QByteArrayView name;
            void (MessagesChecker::*read)(QByteArrayView, element);
        };
        using C = MessagesChecker;
        static constexpr std::array<Known, 15> All = { {
            { "model", &C::model },
            { "messages", &C::messages },
            { "system", &C::system },
            { "max_tokens", &C::maxTokens },
            { "stream", &C::stream },
            { "temperature", &C::share },
            { "top_p", &C::share },
            { "top_k", &C::topK },
            { "stop_sequences", &C::stopSequences },
            { "tools", &C::tools },
            { "tool_choice", &C::typed },
            { "thinking", &C::typed },
            { "metadata", &C::object },
            { "output_config", &C::object },
            { "context_management", &C::contextManagement },
        } };
        const auto known = std::find_if(All.begin(), All.end(), [&](const Known &each) { return each.name == name; });
        if (known != All.end())
            return (this->*known->read)(name, value);
        const auto priced = std::find_if(PricedMembers.begin(), PricedMembers.end(),
                                         [&](const PricedMember &each) { return each.name == name; });
        if (priced != PricedMembers.end()) {
            const QByteArrayView word = json::string(value);
            if (word != priced->harmless[0] && word != priced->harmless[1])
                refuse(name.toByteArray(), u"%1 may not change the price here"_s.arg(QLatin1StringView(name)),
                       ErrorCode::UnsupportedParameter);
            return;
        }
        json::dom::array list;
        const bool asksForNothing = !value.get(list) && list.size() == 0;
        if (std::find(NeverHere.begin(), NeverHere.end(), name) != NeverHere.end() && !asksForNothing)
            refuse(name.toByteArray(), u"%1 is not supported by this gateway"_s.arg(QLatin1StringView(name)),
                   ErrorCode::UnsupportedParameter);
    }

    void model(QByteArrayView, element value)
    {
        const QByteArrayView text = json::string(value);
        if (text.isEmpty() || text.size() > LongestMessagesModel)
            return refuse("model", u"model must be a non-empty string"_s);
        m_request.model = text.toByteArray();
    }

    void maxTokens(QByteArrayView, element value)
    {
        int64_t limit = 0;
        if (value.get(limit) || limit < 1)
            return refuse("max_tokens", u"max_tokens must be an integer of at least 1"_s);
        m_request.maxTokens = limit;
    }

    void stream(QByteArrayView, element value)
    {
        if (value.get(m_request.stream))
            refuse("stream", u"stream must be true or false"_s);
    }

    void share(QByteArrayView name, element value)
    {
        double number = 0;
        if (!value.is_number() || value.get(number) || number < 0 || number > 1)
            refuse(name.toByteArray(), u"%1 must be a number from 0 to 1"_s.arg(QLatin1StringView(name)));
    }

    void topK(QByteArrayView, element value)
    {
        int64_t number = 0;
        if (value.get(number) || number < 0)
            refuse("top_k", u"top_k must be an integer of at least 0"_s);
    }

    void stopSequences(QByteArrayView, element value)
    {
        const QList<element> list = json::elements(value);
        const auto isString = [](element entry) { return entry.is_string(); };
        if (!value.is_array() || !std::all_of(list.begin(), list.end(), isString))
            refuse("stop_sequences", u"stop_sequences must be an array of strings"_s);
    }

    void typed(QByteArrayView name, element value)
    {
        if (!value.is_object() || json::text(value, "type").isEmpty())
            refuse(name.toByteArray(), u"%1 must be an object with a type"_s.arg(QLatin1StringView(name)));
    }

    void object(QByteArrayView name, element value)
    {
        if (!value.is_object())
            refuse(name.toByteArray(), u"%1 must be an object"_s.arg(QLatin1StringView(name)));
    }

    // A summary made on the way is work that the answer's usage leaves out.
    void contextManagement(QByteArrayView, element value)
    {
        if (!value.is_object())
            return refuse("context_management", u"context_management must be an object"_s);
        int index = 0;
        for (const element edit : json::elements(json::member(value, "edits"))) {
            const QByteArray place = "context_management.edits[" + QByteArray::number(index++) + "].type";
            if (json::text(edit, "type").startsWith("compact"))
                return refuse(place, u"summaries by the provider are not supported"_s, ErrorCode::UnsupportedParameter);
        }
    }

    void tools(QByteArrayView, element value)
    {
        json::dom::array list;
        if (value.get(list) || list.size() > size_t(MostMessagesTools))
            return refuse("tools", u"tools must be an array of at most %1 tools"_s.arg(MostMessagesTools));
        int index = 0;
        for (const element entry : list) {
            const QByteArray place = "tools[" + QByteArray::number(index++) + ']';
            json::dom::object tool;
            if (entry.get(tool) || json::text(entry, "name").isEmpty())
                return refuse(place + ".name", u"each tool must be an object with a name"_s);
            m_request.usesTools = true;
            // All of them: a second one could say what the provider reads.
            for (const auto field : tool) {
                if (field.key == "type" && !field.value.is_null())
                    toolType(place + ".type", field.value);
            }
        }
        m_request.textBytes += json::minified(value).size();
    }

    void toolType(const QByteArray &place, element value)
    {
        const QByteArrayView type = json::string(value);
        const bool isRunByClient = type == "custom"
            || std::any_of(TaughtTools.begin(), TaughtTools.end(),
                           [&](QByteArrayView begin) { return type.startsWith(begin); });
        if (!isRunByClient)
            refuse(place, u"tools that the provider runs are not supported"_s, ErrorCode::UnsupportedToolType);
    }

    void system(QByteArrayView, element value)
    {
        if (!value.is_string() && !value.is_array())
            return refuse("system", u"system must be a string or an array of text blocks"_s);
        content("system", value, 0);
    }

    void messages(QByteArrayView, element value)
    {
        json::dom::array list;
        if (value.get(list) || list.size() == 0)
            return refuse("messages", u"messages must be an array with at least one message"_s);
        m_hasMessages = true;
        int index = 0;
        for (const element entry : list) {
            const QByteArray place = "messages[" + QByteArray::number(index++) + ']';
            const QByteArrayView role = json::text(entry, "role");
            if (!entry.is_object())
                return refuse(place, u"each message must be an object"_s);
            if (role != "user" && role != "assistant" && role != "system")
                return refuse(place + ".role", u"role must be user or assistant"_s);
            const auto said = json::member(entry, "content");
            if (!said || (!said->is_string() && !said->is_array()))
                return refuse(place + ".content", u"content must be a string or an array of blocks"_s);
            content(place + ".content", *said, 0);
            if (m_error)
                return;
        }
    }

    void content(const QByteArray &place, element value, int depth)
    {
        if (value.is_string()) {
            m_request.textBytes += json::string(value).size();
            return;
        }
        int index = 0;
        for (const element entry : json::elements(value)) {
            const QByteArray path = place + '[' + QByteArray::number(index++) + ']';
            if (!entry.is_object() || json::text(entry, "type").isEmpty())
                return refuse(path, u"each block must be an object with a type"_s);
            block(path, entry, depth);
        }
    }

    // Knows no more than the estimate needs: what a block may hold is the provider's business, or the decoder's.
    void block(const QByteArray &place, element entry, int depth)
    {
        const QByteArrayView type = json::text(entry, "type");
        m_request.textBytes += json::text(entry, "text").size();
        if (type == "image" || type == "document") {
            ++m_request.attachments;
            m_request.usesImages = m_request.usesImages || type == "image";
        } else if (type == "tool_use") {
            const auto input = json::member(entry, "input");
            m_request.textBytes += json::text(entry, "name").size() + (input ? json::minified(*input).size() : 0);
        } else if (isState(entry)) {
            m_request.holdsState = true;
            m_request.holdsForeignState = m_request.holdsForeignState || isForeignState(entry);
        }
        const auto inner = json::member(entry, "content");
        if (inner && type == "tool_result" && depth < DeepestContent)
            content(place + ".content", *inner, depth + 1);
    }

    MessagesRequest &m_request;
    std::optional<Error> m_error;
    bool m_hasMessages = false;
};

} // namespace

Result<MessagesRequest> parseMessagesRequest(const QByteArray &body, MessagesPurpose purpose)
{
    // As everywhere, an empty body counts as an empty object: what is missing is then said by name.
    const auto root = json::parse(body.isEmpty() ? QByteArrayView("{}") : QByteArrayView(body));
    if (!root)
        return Error { ErrorCode::InvalidJson, u"The request body is not valid JSON."_s };
    json::dom::object object;
    if (root->get(object))
        return Error { ErrorCode::ValidationError, u"The request body must be a JSON object."_s };
    MessagesRequest request;
    request.body = body;
    if (const auto checked = MessagesChecker(request).check(object, purpose); !checked)
        return checked.error();
    auto members = bodyMembers(body, object);
    if (!members)
        return members.error();
    request.members = std::move(*members);
    return request;
}

QByteArray withState(StateKept kept, QByteArrayView messages)
{
    const auto isOut = kept == StateKept::None ? isState : isForeignState;
    const auto list = json::parse(messages);
    JsonWriter json;
    json.beginArray();
    for (const element message : json::elements(list)) {
        const QList<element> blocks = json::elements(json::member(message, "content"));
        if (std::none_of(blocks.begin(), blocks.end(), isOut)) {
            json.raw(json::minified(message));
            continue;
        }
        if (std::all_of(blocks.begin(), blocks.end(), isOut))
            continue; // without content there is no message
        json.beginObject().key("role").utf8(json::text(message, "role")).key("content").beginArray();
        for (const element block : blocks) {
            if (!isOut(block))
                json.raw(json::minified(block));
        }
        json.endArray().endObject();
    }
    json.endArray();
    return json.take();
}

} // namespace assistiv
