// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/google/googlenames.h"

namespace assistiv {

namespace {

bool mayBeginName(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

QByteArray allowedName(QByteArray name)
{
    for (char &c : name) {
        const bool isAllowed = mayBeginName(c) || (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-';
        if (!isAllowed)
            c = '_';
    }
    return name.isEmpty() || !mayBeginName(name[0]) ? '_' + name : name;
}

} // namespace

GoogleNames::GoogleNames(const QList<middle::Tool> &tools)
{
    const auto enter = [this](const QByteArray &name, const QByteArray &sent) {
        m_sent.insert(name, sent);
        m_originals.insert(sent, name);
    };
    // What is allowed keeps its name; the others must not take it.
    for (const middle::Tool &tool : tools) {
        if (allowedName(tool.name) == tool.name)
            enter(tool.name, tool.name);
    }
    for (const middle::Tool &tool : tools) {
        if (m_sent.contains(tool.name))
            continue;
        QByteArray sent = allowedName(tool.name);
        while (m_originals.contains(sent))
            sent.prepend('_');
        enter(tool.name, sent);
    }
}

QByteArray GoogleNames::sent(const QByteArray &name) const
{
    const auto known = m_sent.find(name);
    return known != m_sent.end() ? *known : allowedName(name);
}

} // namespace assistiv
