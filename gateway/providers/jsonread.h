// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArray>
#include <QtCore/QList>

#include <simdjson.h>

#include <optional>

// Reading other people's JSON: every function takes what it finds and never throws.
namespace assistiv::json {

namespace dom = simdjson::dom;

/// No model reads or writes more in one call; sums and products of such counts are far from overflowing.
inline constexpr int64_t MostTokens = 1'000'000'000;

/// Valid until the next call on this thread.
inline std::optional<dom::element> parse(QByteArrayView text)
{
    thread_local dom::parser parser;
    dom::element root;
    // An empty view has no bytes to point to, and the parser does not ask.
    if (text.isEmpty() || parser.parse(text.data(), size_t(text.size())).get(root))
        return {};
    return root;
}

inline QByteArrayView view(std::string_view text)
{
    return { text.data(), qsizetype(text.size()) };
}

/// Empty when there is no such member or it is null.
inline std::optional<dom::element> member(dom::element parent, std::string_view name)
{
    dom::element found;
    if (parent[name].get(found) || found.is_null())
        return {};
    return found;
}

/// Null when the value is no string.
inline QByteArrayView string(dom::element value)
{
    std::string_view text;
    return value.get(text) ? QByteArrayView() : view(text);
}

/// Null when there is no such member or it is no string.
inline QByteArrayView text(dom::element parent, std::string_view name)
{
    const auto found = member(parent, name);
    return found ? string(*found) : QByteArrayView();
}

/// Empty when there is no such member or it is neither true nor false.
inline std::optional<bool> flag(dom::element parent, std::string_view name)
{
    const auto found = member(parent, name);
    bool set = false;
    return found && !found->get(set) ? std::optional(set) : std::nullopt;
}

/// The elements of an array; none when it is something else.
inline QList<dom::element> elements(std::optional<dom::element> value)
{
    QList<dom::element> all;
    dom::array list;
    if (!value || value->get(list))
        return all;
    for (const dom::element each : list)
        all.append(each);
    return all;
}

/// 0 when there is none, empty when it is no count that a bill could be made of.
inline std::optional<qint64> count(dom::element parent, std::string_view name)
{
    const auto given = member(parent, name);
    int64_t value = 0;
    if (given && (given->get(value) || value < 0 || value > MostTokens))
        return {};
    return value;
}

inline QByteArray minified(dom::element value)
{
    return QByteArray::fromStdString(simdjson::minify(value));
}

} // namespace assistiv::json
