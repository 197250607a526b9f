// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "wireformat.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <strings.h>

namespace mock {
namespace {

struct Usual
{
    int status;
    std::string_view message;
};
constexpr std::array usualMessages{
    Usual{400, "Invalid value for 'messages'."},
    Usual{401, "Incorrect API key provided."},
    Usual{402, "Your account is not active."},
    Usual{403, "You are not allowed to use this model."},
    Usual{404, "The model does not exist or you do not have access to it."},
    Usual{408, "The request timed out."},
    Usual{409, "The resource is being changed by another request."},
    Usual{413, "The request is too large."},
    Usual{422, "The request could not be processed."},
    Usual{429, "Rate limit reached for requests."},
    Usual{500, "The server had an error while processing your request."},
    Usual{502, "Bad gateway."},
    Usual{503, "The server is overloaded or not ready yet."},
    Usual{504, "Gateway timeout."},
    Usual{529, "Overloaded."},
};

} // namespace

Complaint WireFormat::complaint(const Scenario &scenario) const
{
    if (scenario.errorCode == "insufficient_quota")
        return {scenario.status,
                "You exceeded your current quota, please check your plan and billing details.",
                scenario.errorCode,
                {},
                {}};
    if (scenario.errorCode == "context_length_exceeded")
        return {scenario.status,
                "This model's maximum context length is 128000 tokens. However, your messages resulted in 130001 "
                "tokens.",
                scenario.errorCode,
                {},
                {}};
    if (scenario.errorCode == "invalid_encrypted_content")
        return {scenario.status, "Invalid `signature` in `thinking` block", scenario.errorCode, {}, {}};
    const auto *found = std::find_if(usualMessages.begin(), usualMessages.end(),
                                     [&](const Usual &usual) { return usual.status == scenario.status; });
    return {scenario.status,
            std::string(found == usualMessages.end() ? usualMessages[10].message : found->message),
            {},
            {},
            {}};
}

std::optional<Complaint> WireFormat::checkKey(std::string_view, std::string_view key) const
{
    if (key.empty() || key.starts_with("bad-key"))
        return Complaint{401, "Incorrect API key provided: " + std::string(key) + ".", "invalid_api_key", {}, {}};
    return {};
}

std::string WireFormat::modelList(const std::vector<std::string_view> &names) const
{
    std::string list;
    for (const std::string_view name : names)
        list.append(list.empty() ? "" : ",")
            .append("{\"id\":\"")
            .append(name)
            .append("\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"mock\"}");
    return "{\"object\":\"list\",\"data\":[" + list + "]}";
}

std::string_view WireFormat::user(const std::vector<json::Member> &members) const
{
    return stringIn(members, "user");
}

std::string_view headerValue(std::string_view head, std::string_view name)
{
    std::size_t at = head.find("\r\n");
    while (at != std::string_view::npos) {
        head.remove_prefix(at + 2);
        at = head.find("\r\n");
        std::string_view line = head.substr(0, at);
        if (line.size() <= name.size() || line[name.size()] != ':'
            || strncasecmp(line.data(), name.data(), name.size()) != 0)
            continue;
        line.remove_prefix(name.size() + 1);
        const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
        return line.substr(begin, line.find_last_not_of(" \t") + 1 - begin);
    }
    return {};
}

std::string_view stringIn(const std::vector<json::Member> &members, std::string_view name)
{
    return json::rawString(json::find(members, name)).value_or(std::string_view());
}

std::string_view unknownMember(const std::vector<json::Member> &members, const std::vector<std::string_view> &known)
{
    for (const auto &[name, value] : members) {
        if (std::find(known.begin(), known.end(), name) == known.end())
            return name;
    }
    return {};
}

std::optional<long> numberIn(const std::vector<json::Member> &members, std::string_view name)
{
    const std::string_view value = json::find(members, name);
    long number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (value.empty() || error != std::errc() || end != value.data() + value.size())
        return {};
    return number;
}

Builder frame(std::string_view text)
{
    Builder made;
    made.text(text);
    return made;
}

} // namespace mock
