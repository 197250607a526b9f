// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/exactjson.h"

#include <algorithm>

namespace naive {

namespace {

/// Bounds the length of what a number is written out to.
constexpr qsizetype LargestExponent = 400;

bool isDigit(char c)
{
    return c >= '0' && c <= '9';
}

/// "-12.50e1" → "-125": no exponent, no needless zeros.
QByteArray plainDecimal(const QByteArray &token)
{
    const bool negative = token.startsWith('-');
    QByteArray digits;
    qsizetype point = -1; // in digits
    qsizetype exponent = 0;
    for (qsizetype at = negative ? 1 : 0; at < token.size(); ++at) {
        if (token[at] == '.') {
            point = digits.size();
        } else if (token[at] == 'e' || token[at] == 'E') {
            bool fits = false;
            exponent = token.mid(at + 1).toInt(&fits);
            if (!fits || exponent > LargestExponent || exponent < -LargestExponent)
                return token;
            break;
        } else {
            digits += token[at];
        }
    }
    if (point < 0)
        point = digits.size();
    point += exponent;
    while (point > digits.size())
        digits += '0';
    while (point < 1) {
        digits.prepend('0');
        ++point;
    }
    QByteArray whole = digits.first(point);
    QByteArray fraction = digits.mid(point);
    while (whole.size() > 1 && whole.startsWith('0'))
        whole.remove(0, 1);
    while (fraction.endsWith('0'))
        fraction.chop(1);
    const bool isZero = whole == "0" && fraction.isEmpty();
    return (negative && !isZero ? "-" : "") + whole + (fraction.isEmpty() ? QByteArray() : '.' + fraction);
}

/// Reads one JSON text from left to right.
class Parser
{
public:
    explicit Parser(const QByteArray &text) : m_text(text) { }

    std::optional<Json> document()
    {
        Json json;
        if (!value(json, 0))
            return {};
        blanks();
        return m_at == m_text.size() ? std::optional(json) : std::nullopt;
    }

private:
    static constexpr int DeepestNesting = 100;

    char peek() const { return m_at < m_text.size() ? m_text[m_at] : '\0'; }
    void blanks()
    {
        while (m_at < m_text.size() && (peek() == ' ' || peek() == '\n' || peek() == '\t' || peek() == '\r'))
            ++m_at;
    }
    bool take(char c)
    {
        blanks();
        if (peek() != c)
            return false;
        ++m_at;
        return true;
    }
    bool word(const char *text)
    {
        const QByteArray wanted(text);
        if (m_text.mid(m_at, wanted.size()) != wanted)
            return false;
        m_at += wanted.size();
        return true;
    }

    bool value(Json &json, int depth)
    {
        blanks();
        if (depth > DeepestNesting)
            return false;
        switch (peek()) {
        case '{': return object(json, depth);
        case '[': return list(json, depth);
        case '"': json.kind = Json::Kind::Text; return string(json.text);
        case 'n': return word("null");
        case 't': json = Json::ofFlag(true); return word("true");
        case 'f': json = Json::ofFlag(false); return word("false");
        default: return number(json);
        }
    }

    bool object(Json &json, int depth)
    {
        json.kind = Json::Kind::Object;
        take('{');
        if (take('}'))
            return true;
        do {
            QByteArray name;
            Json member;
            blanks();
            if (!string(name) || !take(':') || !value(member, depth + 1))
                return false;
            json.members[name] = member;
        } while (take(','));
        return take('}');
    }

    bool list(Json &json, int depth)
    {
        json.kind = Json::Kind::List;
        take('[');
        if (take(']'))
            return true;
        do {
            Json item;
            if (!value(item, depth + 1))
                return false;
            json.items.push_back(item);
        } while (take(','));
        return take(']');
    }

    bool digits()
    {
        const qsizetype from = m_at;
        while (isDigit(peek()))
            ++m_at;
        return m_at > from;
    }

    bool number(Json &json)
    {
        const qsizetype from = m_at;
        if (peek() == '-')
            ++m_at;
        if (peek() == '0')
            ++m_at;
        else if (!digits())
            return false;
        if (peek() == '.') {
            ++m_at;
            if (!digits())
                return false;
        }
        if (peek() == 'e' || peek() == 'E') {
            ++m_at;
            if (peek() == '+' || peek() == '-')
                ++m_at;
            if (!digits())
                return false;
        }
        json.kind = Json::Kind::Number;
        json.text = plainDecimal(m_text.mid(from, m_at - from));
        return true;
    }

    bool codeUnit(char32_t &unit)
    {
        bool ok = false;
        unit = m_text.mid(m_at, 4).toUInt(&ok, 16);
        m_at += 4;
        return ok;
    }

    bool string(QByteArray &text)
    {
        if (peek() != '"')
            return false;
        ++m_at;
        while (m_at < m_text.size()) {
            const char c = m_text[m_at++];
            if (c == '"')
                return true;
            if (static_cast<unsigned char>(c) < 0x20)
                return false;
            if (c != '\\') {
                text += c;
                continue;
            }
            const char escaped = peek();
            ++m_at;
            switch (escaped) {
            case 'n': text += '\n'; break;
            case 't': text += '\t'; break;
            case 'r': text += '\r'; break;
            case 'b': text += '\b'; break;
            case 'f': text += '\f'; break;
            case '"':
            case '\\':
            case '/': text += escaped; break;
            case 'u': {
                char32_t unit = 0;
                if (!codeUnit(unit))
                    return false;
                if (unit >= 0xd800 && unit < 0xdc00) {
                    char32_t low = 0;
                    if (!word("\\u") || !codeUnit(low))
                        return false;
                    unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                }
                text += QString::fromUcs4(&unit, 1).toUtf8();
                break;
            }
            default: return false;
            }
        }
        return false;
    }

    const QByteArray m_text;
    qsizetype m_at = 0;
};

QByteArray quoted(const QByteArray &text)
{
    QByteArray out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += QByteArray("\\") + c;
        else if (static_cast<unsigned char>(c) < 0x20)
            out += "\\u00" + QByteArray(1, c).toHex();
        else
            out += c;
    }
    return out + '"';
}

bool isHex(const QByteArray &text)
{
    return std::all_of(text.begin(), text.end(), [](char c) { return isDigit(c) || (c >= 'a' && c <= 'f'); });
}

bool isRandomUuid(const QByteArray &text)
{
    const QList<QByteArray> parts = text.split('-');
    if (parts.size() != 5 || parts[0].size() != 8 || parts[1].size() != 4 || parts[2].size() != 4 || parts[3].size() != 4
        || parts[4].size() != 12)
        return false;
    return isHex(parts.join()) && parts[2].startsWith('4') && QByteArray("89ab").contains(parts[3][0]);
}

/// The part behind the prefix of a key; empty when it has none.
QByteArray behindPrefix(const QByteArray &text)
{
    for (const QByteArray prefix : { "sk-plat_", "sk-eu_" }) {
        if (text.startsWith(prefix))
            return text.mid(prefix.size());
    }
    return {};
}

bool hasFormOf(const QByteArray &name, const QByteArray &found)
{
    if (name.startsWith("$id:"))
        return isRandomUuid(found);
    if (name.startsWith("$raw:"))
        return behindPrefix(found).size() == 64 && isHex(behindPrefix(found));
    if (name.startsWith("$prefix:"))
        return behindPrefix(found).size() == 4 && isHex(behindPrefix(found));
    const QByteArray rest = found.mid(4);
    return found.startsWith("msg_") && rest.size() == 27
        && std::all_of(rest.begin(), rest.end(),
                       [](char c) { return isDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
}

} // namespace

Json Json::ofFlag(bool flag)
{
    return { .kind = Kind::Flag, .flag = flag };
}

Json Json::ofText(const QByteArray &text)
{
    return { .kind = Kind::Text, .text = text };
}

Json Json::ofTextOrNull(const std::optional<QByteArray> &text)
{
    return text ? ofText(*text) : Json();
}

Json Json::ofNumber(qint64 number)
{
    return { .kind = Kind::Number, .text = QByteArray::number(number) };
}

Json Json::ofMicros(qint64 micros)
{
    return { .kind = Kind::Number, .text = plainDecimal(QByteArray::number(micros) + "e-6") };
}

Json Json::ofMicrosOrNull(std::optional<qint64> micros)
{
    return micros ? ofMicros(*micros) : Json();
}

Json Json::ofList(std::vector<Json> items)
{
    return { .kind = Kind::List, .items = std::move(items) };
}

Json Json::choice(std::vector<Json> items)
{
    return { .kind = Kind::Choice, .items = std::move(items) };
}

Json Json::object(std::map<QByteArray, Json> members)
{
    return { .kind = Kind::Object, .members = std::move(members) };
}

std::optional<Json> Json::parse(const QByteArray &text)
{
    return Parser(text).document();
}

const Json *Json::find(const QByteArray &name) const
{
    const auto found = members.find(name);
    return found == members.end() ? nullptr : &found->second;
}

std::optional<qint64> Json::micros() const
{
    const qsizetype point = text.indexOf('.');
    const qsizetype decimals = point < 0 ? 0 : text.size() - point - 1;
    if (kind != Kind::Number || decimals > 6)
        return {};
    QByteArray digits = text + QByteArray(6 - decimals, '0');
    digits.replace(".", "");
    bool fits = false;
    const qint64 micros = digits.toLongLong(&fits);
    return fits ? std::optional(micros) : std::nullopt;
}

QByteArray Json::toText() const
{
    switch (kind) {
    case Kind::Null: return "null";
    case Kind::Flag: return flag ? "true" : "false";
    case Kind::Number: return text;
    case Kind::Text: return quoted(text);
    case Kind::List:
    case Kind::Choice: {
        QByteArrayList parts;
        for (const Json &item : items)
            parts.append(item.toText());
        return kind == Kind::List ? '[' + parts.join(',') + ']' : "one of " + parts.join(" or ");
    }
    case Kind::Object: {
        QByteArrayList parts;
        for (const auto &[name, member] : members)
            parts.append(quoted(name) + ':' + member.toText());
        return '{' + parts.join(',') + '}';
    }
    }
    return {};
}

QByteArray Names::fresh(const char *kind)
{
    return '$' + QByteArray(kind) + ':' + QByteArray::number(++m_count);
}

QByteArray Names::real(const QByteArray &name) const
{
    return name.startsWith('$') ? m_real.value(name) : name;
}

bool Names::matches(const QByteArray &name, const QByteArray &found)
{
    if (!name.startsWith('$'))
        return name == found;
    if (const auto known = m_real.constFind(name); known != m_real.constEnd())
        return *known == found;
    // Readable parts of keys are short: two keys may share one.
    const bool mayRepeat = name.startsWith("$prefix:");
    if (!hasFormOf(name, found) || (!mayRepeat && m_names.contains(found)))
        return false;
    m_real.insert(name, found);
    if (!mayRepeat)
        m_names.insert(found, name);
    return true;
}

QByteArray difference(const Json &expected, const Json &found, Names &names, const QByteArray &path)
{
    const auto differs = [&](const QByteArray &wanted, const QByteArray &seen) {
        return path + ": expected " + wanted + ", found " + seen;
    };
    const auto wholeDiffers = [&] { return differs(expected.toText(), found.toText()); };
    if (expected.kind == Json::Kind::Choice) {
        const bool fits = std::any_of(expected.items.begin(), expected.items.end(),
                                      [&](const Json &item) { return difference(item, found, names).isEmpty(); });
        return fits ? QByteArray() : wholeDiffers();
    }
    if (expected.kind != found.kind)
        return wholeDiffers();
    switch (expected.kind) {
    case Json::Kind::Text:
        if (names.matches(expected.text, found.text))
            return {};
        return differs(expected.text + " (" + names.real(expected.text) + ')',
                       found.text + " (" + names.nameOf(found.text) + ')');
    case Json::Kind::List:
        if (expected.items.size() != found.items.size())
            return differs(QByteArray::number(qint64(expected.items.size())) + " entries",
                           QByteArray::number(qint64(found.items.size())));
        for (size_t i = 0; i < expected.items.size(); ++i) {
            const QByteArray place = path + '[' + QByteArray::number(qint64(i)) + ']';
            if (const QByteArray inner = difference(expected.items[i], found.items[i], names, place); !inner.isEmpty())
                return inner;
        }
        return {};
    case Json::Kind::Object:
        for (const auto &[name, member] : expected.members) {
            const Json *other = found.find(name);
            if (!other)
                return differs(name + " to be there", found.toText());
            if (const QByteArray inner = difference(member, *other, names, path + '.' + name); !inner.isEmpty())
                return inner;
        }
        for (const auto &[name, member] : found.members) {
            if (!expected.find(name))
                return differs("no " + name, member.toText());
        }
        return {};
    default:
        return expected == found ? QByteArray() : wholeDiffers();
    }
}

} // namespace naive
