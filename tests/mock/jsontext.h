// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Strict reading of JSON without building a tree: everything is a view of the text, strings keep their escapes.
namespace mock::json {

using Member = std::pair<std::string_view, std::string_view>; ///< name without quotes, value as written

/// The members of an object that is the whole of `text`; nothing when it is not strict JSON or a name comes twice.
std::optional<std::vector<Member>> members(std::string_view text);
/// The elements of an array that is the whole of `text`; nothing when it is not strict JSON.
std::optional<std::vector<std::string_view>> elements(std::string_view text);
/// What stands between the quotes; nothing when the value is not a string.
std::optional<std::string_view> rawString(std::string_view value);
/// The value of a member, empty when it is not there.
std::string_view find(const std::vector<Member> &members, std::string_view name);

/// The text that stands between quotes with escapes: a JSON value that was a string in another.
std::string unescaped(std::string_view raw);

/// The text between quotes cut into characters: for each one the end of its JSON form and its size in UTF-8.
struct Character
{
    std::size_t end;
    unsigned utf8Bytes;
};
std::vector<Character> characters(std::string_view raw);

} // namespace mock::json
