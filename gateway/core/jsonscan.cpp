// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/jsonscan.h"

namespace assistiv {

namespace {

class Scanner
{
public:
    explicit Scanner(QByteArrayView text) : m_text(text) {}

    qsizetype at() const { return m_at; }
    bool ended() const { return m_at >= m_text.size(); }
    char peek() const { return ended() ? '\0' : m_text[m_at]; }
    void step() { ++m_at; }

    void skipBlanks()
    {
        while (!ended() && (peek() == ' ' || peek() == '\n' || peek() == '\r' || peek() == '\t'))
            ++m_at;
    }

    // From the opening quote to behind the closing one.
    void skipString()
    {
        const qsizetype begin = ++m_at;
        for (bool isOpen = true; isOpen;) {
            const qsizetype quote = m_text.indexOf('"', m_at);
            if (quote < 0) {
                m_at = m_text.size();
                return;
            }
            // It ends the string unless it is escaped, by a backslash that is not escaped itself.
            qsizetype slashes = quote;
            while (slashes > begin && m_text[slashes - 1] == '\\')
                --slashes;
            isOpen = (quote - slashes) % 2 != 0;
            m_at = quote + 1;
        }
    }

    void skipValue()
    {
        if (peek() == '"')
            return skipString();
        int depth = 0;
        for (; !ended(); ++m_at) {
            switch (peek()) {
            case '"':
                skipString();
                --m_at;
                break;
            case '{':
            case '[':
                ++depth;
                break;
            case '}':
            case ']':
                if (depth == 0)
                    return; // a bare value ended by its container
                if (--depth == 0) {
                    ++m_at;
                    return;
                }
                break;
            case ',':
            case ' ':
            case '\n':
            case '\r':
            case '\t':
                if (depth == 0)
                    return;
                break;
            default:
                break;
            }
        }
    }

private:
    QByteArrayView m_text;
    qsizetype m_at = 0;
};

} // namespace

QList<JsonMember> scanObject(QByteArrayView text)
{
    QList<JsonMember> members;
    Scanner scan(text);
    scan.skipBlanks();
    if (scan.peek() != '{')
        return members;
    scan.step();
    for (;;) {
        scan.skipBlanks();
        if (scan.peek() == ',') {
            scan.step();
            continue;
        }
        if (scan.peek() != '"')
            return members;
        JsonMember member;
        member.begin = scan.at();
        scan.skipString();
        member.name = text.sliced(member.begin + 1, qMax(qsizetype(0), scan.at() - member.begin - 2));
        scan.skipBlanks();
        if (scan.peek() != ':')
            return members;
        scan.step();
        scan.skipBlanks();
        const qsizetype valueBegin = scan.at();
        scan.skipValue();
        if (scan.at() <= valueBegin || scan.at() > text.size())
            return members;
        member.value = text.sliced(valueBegin, scan.at() - valueBegin);
        member.end = scan.at();
        members.append(member);
    }
}

const JsonMember *findMember(const QList<JsonMember> &members, QByteArrayView name)
{
    for (auto member = members.crbegin(); member != members.crend(); ++member) {
        if (member->name == name)
            return &*member;
    }
    return nullptr;
}

QByteArray spliced(QByteArrayView text, const QList<Splice> &changes)
{
    QByteArray out;
    out.reserve(text.size() + 256);
    qsizetype from = 0;
    for (const Splice &change : changes) {
        Q_ASSERT(change.begin >= from && change.end >= change.begin && change.end <= text.size());
        out.append(text.sliced(from, change.begin - from));
        out.append(change.replacement);
        from = change.end;
    }
    out.append(text.sliced(from));
    return out;
}

} // namespace assistiv
