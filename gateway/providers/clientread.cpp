// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/clientread.h"

#include <QtCore/QHash>

namespace assistiv::client {

namespace {

using json::dom::element;

struct DataUrl
{
    QByteArray mimeType;
    QByteArray base64;
};

// A "data:" URL taken apart; empty when it is none or not in base64.
std::optional<DataUrl> dataUrl(QByteArrayView url)
{
    const qsizetype comma = url.indexOf(',');
    if (url.first(qMin(url.size(), qsizetype(5))).compare("data:", Qt::CaseInsensitive) != 0 || comma < 0)
        return {};
    const QByteArray head = url.sliced(5, comma - 5).toByteArray().toLower();
    const QByteArrayView data = url.sliced(comma + 1);
    if (!head.endsWith(";base64") || data.isEmpty())
        return {};
    return DataUrl{head.first(head.indexOf(';')), data.toByteArray()};
}

} // namespace

QList<std::pair<QByteArrayView, element>> members(json::dom::object object)
{
    QHash<QByteArrayView, qsizetype> places;
    qsizetype place = 0;
    for (const auto field : object)
        places.insert(json::view(field.key), place++);
    QList<std::pair<QByteArrayView, element>> found;
    place = 0;
    for (const auto field : object) {
        if (places.value(json::view(field.key)) == place++ && !field.value.is_null())
            found.append({json::view(field.key), field.value});
    }
    return found;
}

middle::CacheLife cacheLife(element parent)
{
    const auto mark = json::member(parent, "cache_control");
    if (!mark || json::text(*mark, "type") != "ephemeral")
        return middle::CacheLife::None;
    return json::text(*mark, "ttl") == "1h" ? middle::CacheLife::Hour : middle::CacheLife::Minutes;
}

std::optional<middle::Image> image(QByteArrayView url, QByteArrayView detail)
{
    if (auto data = dataUrl(url))
        return middle::Image{
            .mimeType = std::move(data->mimeType), .base64 = std::move(data->base64), .detail = detail.toByteArray()};
    if (url.startsWith("https://") || url.startsWith("http://"))
        return middle::Image{.url = url.toByteArray(), .detail = detail.toByteArray()};
    return {};
}

std::optional<middle::File> file(QByteArrayView data, QByteArrayView name)
{
    if (auto url = dataUrl(data))
        return middle::File{std::move(url->mimeType), std::move(url->base64), name.toByteArray()};
    if (data.startsWith("JVBERi")) // "%PDF-": the bare base64 that OpenAI takes as well
        return middle::File{"application/pdf", data.toByteArray(), name.toByteArray()};
    return {};
}

std::optional<middle::Tool> function(element described)
{
    const auto parameters = json::member(described, "parameters");
    if (parameters && !parameters->is_object())
        return {};
    return middle::Tool{.name = json::text(described, "name").toByteArray(),
                        .description = json::text(described, "description").toByteArray(),
                        .parameters = parameters ? json::minified(*parameters) : QByteArray(),
                        .strict = json::flag(described, "strict")};
}

middle::ToolChoice::Mode choiceMode(QByteArrayView word)
{
    if (word == "none")
        return middle::ToolChoice::Mode::None;
    return word == "required" ? middle::ToolChoice::Mode::Required : middle::ToolChoice::Mode::Auto;
}

std::optional<middle::Format> schemaFormat(element described)
{
    const auto schema = json::member(described, "schema");
    if (schema && !schema->is_object())
        return {};
    return middle::Format{.kind = middle::Format::Kind::JsonSchema,
                          .name = json::text(described, "name").toByteArray(),
                          .description = json::text(described, "description").toByteArray(),
                          .schema = schema ? json::minified(*schema) : QByteArray(),
                          .strict = json::flag(described, "strict")};
}

} // namespace assistiv::client
