// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/responses/itemreader.h"

#include "providers/callsignature.h"
#include "providers/clientread.h"
#include "providers/responses/opaquestate.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using json::dom::element;

bool isResult(const middle::Part &part)
{
    return std::holds_alternative<middle::ToolResult>(part.content);
}

} // namespace

Result<void> ItemReader::add(const QByteArray &place, QByteArrayView json)
{
    const auto parsed = json::parse(json);
    if (parsed && parsed->is_object())
        item(place, *parsed);
    else
        refuse(place, u"each item must be an object"_s);
    return m_error ? Result<void>(*m_error) : Result<void>();
}

void ItemReader::refuse(const QByteArray &param, const QString &message, ErrorCode code)
{
    if (!m_error)
        m_error = Error{.code = code, .message = message, .param = QString::fromUtf8(param)};
}

void ItemReader::item(const QByteArray &place, element item)
{
    const QByteArrayView type = json::text(item, "type");
    const bool followsHostedCall = std::exchange(m_afterHostedCall, false);
    if (type == "message" || (type.isEmpty() && json::member(item, "role")))
        return message(place, item);
    if (type == "function_call" || type == "mcp_call") {
        m_afterHostedCall = followsHostedCall;
        return type == "mcp_call" ? hostedCall(place, item) : call(place, item);
    }
    if (type == "function_call_output")
        return callOutput(place, item);
    if (type == "reasoning")
        return reasoning(item);
    if (type == "mcp_list_tools")
        return; // the model gets today's tools
    if (type.isEmpty())
        return refuse(place + ".type", u"each item needs a type"_s);
    refuse(place + ".type", u"items of this type are not supported"_s, ErrorCode::UnsupportedParameter);
}

void ItemReader::message(const QByteArray &place, element item)
{
    const QByteArrayView role = json::text(item, "role");
    if (role != "user" && role != "assistant" && role != "system" && role != "developer")
        return refuse(place + ".role", u"role must be user, assistant, system or developer"_s);
    QList<middle::Part> parts = content(place + ".content", json::member(item, "content"));
    if (m_error)
        return;
    if (role == "system" || role == "developer")
        return instructions(place, parts);
    if (role == "user") {
        for (const middle::Part &part : std::as_const(parts)) {
            if (std::holds_alternative<middle::Refusal>(part.content))
                return refuse(part.place, u"refusals belong into messages of the assistant"_s);
        }
        m_request.turns.append({middle::Role::User, std::move(parts)});
        return;
    }
    for (const middle::Part &part : std::as_const(parts)) {
        if (!std::holds_alternative<middle::Text>(part.content)
            && !std::holds_alternative<middle::Refusal>(part.content))
            return refuse(part.place, u"images and files belong into messages of the user"_s);
    }
    assistantTurn().parts += parts;
}

void ItemReader::instructions(const QByteArray &place, const QList<middle::Part> &parts)
{
    for (const middle::Part &part : parts) {
        const auto *text = std::get_if<middle::Text>(&part.content);
        if (!text)
            return refuse(place + ".content", u"instructions must be text"_s);
        if (m_request.turns.isEmpty())
            m_request.system.append({text->text, part.cache});
    }
    if (!m_request.turns.isEmpty())
        m_request.turns.append({middle::Role::Developer, parts});
}

void ItemReader::call(const QByteArray &place, element item)
{
    middle::ToolCall call{.id = json::text(item, "call_id").toByteArray(),
                          .name = json::text(item, "name").toByteArray(),
                          .arguments = json::text(item, "arguments").toByteArray()};
    if (call.id.isEmpty() || call.name.isEmpty())
        return refuse(place, u"a call needs its call_id and the name of its function"_s);
    client::readSignature(item, call);
    addCall({.content = std::move(call), .place = place});
}

void ItemReader::callOutput(const QByteArray &place, element item)
{
    middle::ToolResult result{.callId = json::text(item, "call_id").toByteArray()};
    if (result.callId.isEmpty())
        return refuse(place + ".call_id", u"an output needs the id of its call"_s);
    const QList<middle::Part> parts = content(place + ".output", json::member(item, "output"));
    middle::Part out{.place = place};
    for (const middle::Part &part : parts) {
        if (const auto *text = std::get_if<middle::Text>(&part.content))
            result.content.append(*text);
        else if (const auto *image = std::get_if<middle::Image>(&part.content))
            result.content.append(*image);
        else if (const auto *file = std::get_if<middle::File>(&part.content))
            result.content.append(*file);
        else
            return refuse(part.place, u"an output is made of texts, images and files"_s);
        if (part.cache != middle::CacheLife::None)
            out.cache = part.cache;
    }
    out.content = std::move(result);
    addResult(std::move(out));
}

// A call that was run here: it has its result with it.
void ItemReader::hostedCall(const QByteArray &place, element item)
{
    const QByteArray id = json::text(item, "id").toByteArray();
    const QByteArray name = json::text(item, "name").toByteArray();
    if (id.isEmpty() || name.isEmpty())
        return refuse(place, u"a call needs its id and the name of its tool"_s);
    const auto error = json::member(item, "error");
    const QByteArray problem = !error ? QByteArray()
        : error->is_string()          ? json::string(*error).toByteArray()
                                      : json::minified(*error);
    const QByteArray output = error ? problem : json::text(item, "output").toByteArray();
    addCall({.content = middle::ToolCall{id, name, json::text(item, "arguments").toByteArray()}, .place = place});
    addResult({.content = middle::ToolResult{id, {middle::Text{output}}, error.has_value()}, .place = place});
    m_afterHostedCall = true;
}

void ItemReader::reasoning(element item)
{
    // What others have sealed nobody here can open; in words no provider takes it back.
    if (auto opaque = openedState(json::text(item, "encrypted_content")))
        assistantTurn().parts.append({.content = std::move(*opaque)});
}

QList<middle::Part> ItemReader::content(const QByteArray &place, std::optional<element> value)
{
    json::dom::array list;
    if (value && value->is_string())
        return {{.content = middle::Text{json::string(*value).toByteArray()}, .place = place}};
    if (!value || value->get(list)) {
        refuse(place, u"a text or an array of parts is needed"_s);
        return {};
    }
    QList<middle::Part> parts;
    int index = 0;
    for (const element entry : list) {
        middle::Part piece{.cache = client::cacheLife(entry), .place = place + '[' + QByteArray::number(index++) + ']'};
        if (!part(entry, piece))
            return {};
        parts.append(std::move(piece));
    }
    return parts;
}

bool ItemReader::part(element entry, middle::Part &out)
{
    const QByteArrayView type = json::text(entry, "type");
    const auto text = json::member(entry, type == "refusal" ? "refusal" : "text");
    if (type == "input_image")
        image(entry, out);
    else if (type == "input_file")
        file(entry, out);
    else if (type != "input_text" && type != "output_text" && type != "refusal")
        refuse(out.place + ".type", u"parts of this type are not supported"_s, ErrorCode::UnsupportedParameter);
    else if (!text || !text->is_string())
        refuse(out.place, u"a text part needs its text"_s);
    else if (type == "refusal")
        out.content = middle::Refusal{json::string(*text).toByteArray()};
    else
        out.content = middle::Text{json::string(*text).toByteArray()};
    return !m_error;
}

void ItemReader::image(element entry, middle::Part &out)
{
    if (json::member(entry, "file_id"))
        return refuse(out.place + ".file_id", u"images are accepted with image_url only"_s,
                      ErrorCode::UnsupportedParameter);
    if (auto image = client::image(json::text(entry, "image_url"), json::text(entry, "detail")))
        out.content = std::move(*image);
    else
        refuse(out.place + ".image_url", u"an image needs an https URL or a data URL in base64"_s);
}

void ItemReader::file(element entry, middle::Part &out)
{
    for (const char *name : {"file_id", "file_url"}) {
        if (json::member(entry, name))
            return refuse(out.place + '.' + name, u"files are accepted with file_data only"_s,
                          ErrorCode::UnsupportedParameter);
    }
    if (auto file = client::file(json::text(entry, "file_data"), json::text(entry, "filename")))
        out.content = std::move(*file);
    else
        refuse(out.place + ".file_data", u"file_data must be a data URL in base64"_s);
}

// What the assistant said in one go is one turn, in however many items.
middle::Turn &ItemReader::assistantTurn()
{
    if (m_request.turns.isEmpty() || m_request.turns.last().role != middle::Role::Assistant)
        m_request.turns.append({middle::Role::Assistant, {}});
    return m_request.turns.last();
}

void ItemReader::addCall(middle::Part call)
{
    // The results of the hosted calls are the last turn, the calls themselves the one before.
    middle::Turn &turn = m_afterHostedCall ? m_request.turns[m_request.turns.size() - 2] : assistantTurn();
    turn.parts.append(std::move(call));
}

// The results of one turn's calls belong together.
void ItemReader::addResult(middle::Part result)
{
    const bool follows = !m_request.turns.isEmpty() && m_request.turns.last().role == middle::Role::User
        && !m_request.turns.last().parts.isEmpty() && isResult(m_request.turns.last().parts.last());
    if (!follows)
        m_request.turns.append({middle::Role::User, {}});
    m_request.turns.last().parts.append(std::move(result));
}

} // namespace assistiv
