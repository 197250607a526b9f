// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder.h"

#include <array>

namespace mock {
namespace {

std::string_view reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 307:
        return "Temporary Redirect";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 402:
        return "Payment Required";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 413:
        return "Payload Too Large";
    case 422:
        return "Unprocessable Entity";
    case 429:
        return "Too Many Requests";
    case 500:
        return "Internal Server Error";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    default:
        return "Unknown";
    }
}

} // namespace

std::string httpDate(std::time_t when)
{
    std::tm parts{};
    gmtime_r(&when, &parts);
    std::array<char, 40> text;
    std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return text.data();
}

Builder &Builder::head(int status, std::string_view contentType, long length, const Builder &headers,
                       std::string_view moreHeaders)
{
    answer.status = status;
    text("HTTP/1.1 ").text(std::to_string(status)).text(" ").text(reason(status)).text("\r\nDate: ");
    slot(Answer::Slot::Date, DatePlaceholder).text("\r\nContent-Type: ").text(contentType);
    if (length >= 0)
        text("\r\nContent-Length: ").text(std::to_string(length));
    else
        text("\r\nTransfer-Encoding: chunked\r\nCache-Control: no-cache");
    return text("\r\nConnection: keep-alive\r\n").append(headers).text(moreHeaders).text("\r\n");
}

Text content(const Scenario &scenario)
{
    if (scenario.kind == Scenario::Kind::Json)
        return Text("{\\\"city\\\":\\\"Paris\\\",\\\"temperature\\\":21,\\\"sunny\\\":true}");
    static const std::string plain = "Hello! How can I assist you today? ";
    static const std::string wild =
        "Gr\\u00fc\u00dfe, \u4e16\\u754c! \U0001F600\\ud83d\\ude80 \\\"quoted\\\" \\\\ line\\nnext\\ttab \u20ac ";
    const std::string &sample = scenario.unicode ? wild : plain;
    const std::vector<json::Character> characters = json::characters(sample);
    std::string raw;
    auto missing = static_cast<std::size_t>(scenario.contentBytes);
    raw.reserve(missing * 2);
    for (std::size_t i = 0; missing > 0; i = (i + 1) % characters.size()) {
        const std::size_t begin = i == 0 ? 0 : characters[i - 1].end;
        if (characters[i].utf8Bytes > missing) {
            raw.append(missing, '.');
            break;
        }
        raw.append(sample, begin, characters[i].end - begin);
        missing -= characters[i].utf8Bytes;
    }
    return Text(std::move(raw));
}

std::string callId(std::string_view prefix, std::size_t index)
{
    return std::string(prefix) + std::string(19, 'A') + static_cast<char>('0' + index % 10);
}

} // namespace mock
