// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/jsonwriter.h"

namespace assistiv {

namespace {

constexpr qsizetype UsualBytes = 256;

} // namespace

void appendJsonString(QByteArray &out, QByteArrayView text)
{
    static constexpr char Hex[] = "0123456789abcdef";
    out += '"';
    qsizetype start = 0;
    for (qsizetype at = 0; at < text.size(); ++at) {
        const auto c = static_cast<unsigned char>(text[at]);
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        out.append(text.sliced(start, at - start));
        start = at + 1;
        switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
            out += "\\u00";
            out += Hex[c >> 4];
            out += Hex[c & 15];
        }
    }
    out.append(text.sliced(start));
    out += '"';
}

void JsonWriter::separate()
{
    if (m_needsComma)
        m_out += ',';
    m_needsComma = true;
}

JsonWriter &JsonWriter::open(char c)
{
    // In one piece from the start, as most texts are not longer.
    if (m_out.isEmpty())
        m_out.reserve(UsualBytes);
    separate();
    m_out += c;
    m_needsComma = false;
    return *this;
}

JsonWriter &JsonWriter::close(char c)
{
    m_out += c;
    m_needsComma = true;
    return *this;
}

JsonWriter &JsonWriter::key(QByteArrayView name)
{
    separate();
    m_out += '"';
    m_out.append(name);
    m_out += "\":";
    m_needsComma = false;
    return *this;
}

JsonWriter &JsonWriter::value(QStringView text)
{
    return utf8(text.toUtf8());
}

JsonWriter &JsonWriter::utf8(QByteArrayView text)
{
    separate();
    appendJsonString(m_out, text);
    return *this;
}

JsonWriter &JsonWriter::value(Timestamp moment)
{
    separate();
    m_out += '"';
    m_out += moment.toIso();
    m_out += '"';
    return *this;
}

JsonWriter &JsonWriter::raw(QByteArrayView json)
{
    separate();
    m_out.append(json);
    return *this;
}

} // namespace assistiv
