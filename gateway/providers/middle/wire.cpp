// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/middle/wire.h"

#include "core/jsonwriter.h"
#include "providers/jsonread.h"

#include <QtCore/QLocale>
#include <QtCore/QString>

namespace assistiv::middle {

using namespace Qt::StringLiterals;

namespace {

Error conversationRefused(const Request &request, const QString &why)
{
    return { .code = ErrorCode::ValidationError,
             .message = why,
             .param = QString::fromUtf8(request.nameOf(Field::Messages)) };
}

} // namespace

void Message::add(const QByteArray &json, CacheLife cache)
{
    if (!json.isEmpty())
        blocks.append({ json, cache });
}

void Message::addCall(const QByteArray &id, const QByteArray &json, CacheLife cache)
{
    callIds.insert(id);
    blocks.append({ json, cache });
}

void Message::addResult(const QByteArray &id, const QByteArray &json, CacheLife cache)
{
    callIds.insert(id);
    blocks.insert(results++, { json, cache });
}

std::optional<Error> conversationProblem(const Request &request, const QList<Message> &messages)
{
    if (messages.isEmpty())
        return conversationRefused(
            request, u"This model needs at least one message with content besides the instructions."_s);
    for (qsizetype i = 0; i < messages.size(); ++i) {
        if (!messages[i].isAssistant)
            continue;
        const Message next = messages.value(i + 1);
        for (const QByteArray &id : messages[i].callIds) {
            if (!next.callIds.contains(id))
                return conversationRefused(request,
                                           u"The call \"%1\" has no result in the messages behind it."_s.arg(
                                               QString::fromUtf8(id)));
        }
    }
    return {};
}

QList<SystemText> instructionsOf(const Request &request)
{
    QList<SystemText> all;
    const auto add = [&all](const QByteArray &text, CacheLife cache) {
        if (!isBlank(text))
            all.append({ text, cache });
    };
    for (const SystemText &text : request.system)
        add(text.text, text.cache);
    for (const Turn &turn : request.turns) {
        for (const Part &part : turn.parts) {
            const auto *text = std::get_if<Text>(&part.content);
            if (turn.role == Role::Developer && text)
                add(text->text, part.cache);
        }
    }
    return all;
}

QList<Tool> toolsOf(const Request &request)
{
    const QByteArrayList &allowed = request.toolChoice.allowed;
    if (allowed.isEmpty())
        return request.tools;
    QList<Tool> tools;
    for (const Tool &tool : request.tools) {
        if (allowed.contains(tool.name))
            tools.append(tool);
    }
    return tools;
}

bool wantsOtherTier(const Request &request)
{
    const QByteArray &tier = request.serviceTier;
    return !tier.isEmpty() && tier != "auto" && tier != "default";
}

bool takesSampling(const ModelQuirks &quirks, const Request &request)
{
    return quirks.sampling == Sampling::Yes
        || (quirks.sampling == Sampling::EffortNoneOnly && request.effort == "none");
}

std::optional<qint64> outputLimit(const Request &request, std::optional<qint64> modelsLimit)
{
    if (modelsLimit.value_or(0) <= 0 || !request.maxTokens)
        return request.maxTokens;
    return qMin(*request.maxTokens, *modelsLimit);
}

bool hasSchema(const Format &format)
{
    return format.kind == Format::Kind::JsonSchema && !format.schema.isEmpty();
}

QByteArray argumentsObject(const QByteArray &arguments)
{
    if (arguments.trimmed().isEmpty())
        return "{}";
    if (const auto object = jsonObject(arguments))
        return *object;
    JsonWriter json;
    json.beginObject().key("_arguments").utf8(arguments).endObject();
    return json.take();
}

std::optional<QByteArray> jsonObject(const QByteArray &text)
{
    const QByteArray trimmed = text.trimmed();
    const auto value = json::parse(trimmed);
    return value && value->is_object() ? std::optional(trimmed) : std::nullopt;
}

QByteArray objectSchema(const QByteArray &schema)
{
    const auto given = json::parse(schema);
    const QByteArray compact = given && given->is_object() ? json::minified(*given) : "{}"_ba;
    if (compact == "{}")
        return EmptyObjectSchema.toByteArray();
    return (*given)["type"].error() ? R"({"type":"object",)" + compact.sliced(1) : compact;
}

QByteArray imageType(const Image &image)
{
    return image.mimeType == "image/jpg" ? "image/jpeg"_ba : image.mimeType;
}

bool isBlank(const QByteArray &text)
{
    return text.trimmed().isEmpty();
}

QByteArray numberText(double number)
{
    return QByteArray::number(number, 'g', QLocale::FloatingPointShortest);
}

} // namespace assistiv::middle
