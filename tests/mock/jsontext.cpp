// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "jsontext.h"

#include <algorithm>
#include <cstring>

namespace mock::json {
namespace {

constexpr int MaxDepth = 256;

class Reader
{
public:
    explicit Reader(std::string_view text) : m_at(text.data()), m_end(text.data() + text.size()) { }

    const char *at() const { return m_at; }
    bool atEnd() const { return m_at == m_end; }

    void space()
    {
        while (m_at < m_end && (*m_at == ' ' || *m_at == '\t' || *m_at == '\n' || *m_at == '\r'))
            ++m_at;
    }

    bool take(char c)
    {
        if (m_at == m_end || *m_at != c)
            return false;
        ++m_at;
        return true;
    }

    bool string()
    {
        if (!take('"'))
            return false;
        while (m_at < m_end) {
            const char c = *m_at++;
            if (c == '"')
                return true;
            if (static_cast<unsigned char>(c) < 0x20)
                return false;
            if (c == '\\' && !escape())
                return false;
        }
        return false;
    }

    bool value(int depth = 0)
    {
        if (m_at == m_end || depth > MaxDepth)
            return false;
        switch (*m_at) {
        case '"':
            return string();
        case '{':
            return object(depth);
        case '[':
            return array(depth);
        case 't':
            return word("true");
        case 'f':
            return word("false");
        case 'n':
            return word("null");
        default:
            return number();
        }
    }

private:
    bool word(std::string_view w)
    {
        if (static_cast<std::size_t>(m_end - m_at) < w.size() || std::memcmp(m_at, w.data(), w.size()) != 0)
            return false;
        m_at += w.size();
        return true;
    }

    bool escape()
    {
        if (m_at == m_end)
            return false;
        const char c = *m_at++;
        if (c != 'u')
            return std::strchr("\"\\/bfnrt", c) != nullptr && c != '\0';
        for (int i = 0; i < 4; ++i, ++m_at) {
            if (m_at == m_end || std::strchr("0123456789abcdefABCDEF", *m_at) == nullptr || *m_at == '\0')
                return false;
        }
        return true;
    }

    bool digits()
    {
        const char *begin = m_at;
        while (m_at < m_end && *m_at >= '0' && *m_at <= '9')
            ++m_at;
        return m_at > begin;
    }

    bool number()
    {
        take('-');
        if (!take('0') && !digits())
            return false;
        if (take('.') && !digits())
            return false;
        if (take('e') || take('E')) {
            if (!take('+'))
                take('-');
            return digits();
        }
        return true;
    }

    bool object(int depth)
    {
        take('{');
        space();
        if (take('}'))
            return true;
        do {
            space();
            if (!string())
                return false;
            space();
            if (!take(':'))
                return false;
            space();
            if (!value(depth + 1))
                return false;
            space();
        } while (take(','));
        return take('}');
    }

    bool array(int depth)
    {
        take('[');
        space();
        if (take(']'))
            return true;
        do {
            space();
            if (!value(depth + 1))
                return false;
            space();
        } while (take(','));
        return take(']');
    }

    const char *m_at;
    const char *m_end;
};

std::string_view between(const char *begin, const char *end)
{
    return {begin, static_cast<std::size_t>(end - begin)};
}

} // namespace

std::optional<std::vector<Member>> members(std::string_view text)
{
    std::vector<Member> result;
    result.reserve(12);
    Reader reader(text);
    reader.space();
    if (!reader.take('{'))
        return {};
    reader.space();
    if (!reader.take('}')) {
        do {
            reader.space();
            const char *nameBegin = reader.at() + 1;
            if (!reader.string())
                return {};
            const std::string_view name = between(nameBegin, reader.at() - 1);
            reader.space();
            if (!reader.take(':'))
                return {};
            reader.space();
            const char *valueBegin = reader.at();
            if (!reader.value() || !find(result, name).empty())
                return {};
            result.emplace_back(name, between(valueBegin, reader.at()));
            reader.space();
        } while (reader.take(','));
        if (!reader.take('}'))
            return {};
    }
    reader.space();
    if (!reader.atEnd())
        return {};
    return result;
}

std::optional<std::vector<std::string_view>> elements(std::string_view text)
{
    std::vector<std::string_view> result;
    Reader reader(text);
    reader.space();
    if (!reader.take('['))
        return {};
    reader.space();
    if (!reader.take(']')) {
        do {
            reader.space();
            const char *begin = reader.at();
            if (!reader.value())
                return {};
            result.push_back(between(begin, reader.at()));
            reader.space();
        } while (reader.take(','));
        if (!reader.take(']'))
            return {};
    }
    reader.space();
    if (!reader.atEnd())
        return {};
    return result;
}

std::optional<std::string_view> rawString(std::string_view value)
{
    if (value.size() < 2 || value.front() != '"' || value.back() != '"')
        return {};
    return value.substr(1, value.size() - 2);
}

std::string_view find(const std::vector<Member> &members, std::string_view name)
{
    const auto found =
        std::find_if(members.begin(), members.end(), [name](const Member &m) { return m.first == name; });
    return found == members.end() ? std::string_view() : found->second;
}

std::string unescaped(std::string_view raw)
{
    constexpr std::string_view names = "bfnrt";
    constexpr std::string_view values = "\b\f\n\r\t";
    std::string text;
    text.reserve(raw.size());
    for (std::size_t at = 0; at < raw.size(); ++at) {
        if (raw[at] != '\\' || at + 1 == raw.size()) {
            text += raw[at];
            continue;
        }
        const char c = raw[++at];
        // Four digits mean the same inside of the strings of the inner text, which is where they stand.
        if (c == 'u')
            text += "\\u";
        else
            text += names.find(c) == std::string_view::npos ? c : values[names.find(c)];
    }
    return text;
}

std::vector<Character> characters(std::string_view raw)
{
    std::vector<Character> result;
    result.reserve(raw.size());
    std::size_t at = 0;
    while (at < raw.size()) {
        const auto c = static_cast<unsigned char>(raw[at]);
        unsigned bytes = 1;
        if (c == '\\' && raw.substr(at, 2) == "\\u") {
            const unsigned long code = std::stoul(std::string(raw.substr(at + 2, 4)), nullptr, 16);
            const bool pair = code >= 0xd800 && code < 0xdc00 && raw.substr(at + 6, 2) == "\\u";
            bytes = pair ? 4 : code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
            at += pair ? 12 : 6;
        } else if (c == '\\') {
            at += 2;
        } else {
            bytes = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
            at += bytes;
        }
        at = std::min(at, raw.size());
        result.push_back({at, bytes});
    }
    return result;
}

} // namespace mock::json
