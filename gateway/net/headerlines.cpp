// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/headerlines.h"

#include <QtCore/QVarLengthArray>

#include <algorithm>

namespace assistiv {

namespace {

constexpr qsizetype UsualBytes = 512;

bool isName(QByteArrayView name)
{
    return !name.isEmpty()
        && std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f && c != ':'; });
}

bool isValue(QByteArrayView value)
{
    return std::none_of(value.begin(), value.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

bool isOneOf(QByteArrayView name, std::initializer_list<QByteArrayView> names)
{
    return std::any_of(names.begin(), names.end(),
                       [name](QByteArrayView other) { return name.compare(other, Qt::CaseInsensitive) == 0; });
}

} // namespace

bool HeaderLines::set(const HttpHeaders &headers)
{
    m_text.clear();
    m_text.reserve(UsualBytes);
    m_nodes.clear();
    QVarLengthArray<qsizetype, 24> begins;
    const auto addLine = [&](QByteArrayView name, QByteArrayView middle, QByteArrayView value) {
        begins.append(m_text.size());
        m_text.append(name).append(middle).append(value).append('\0');
    };

    bool hasEncoding = false;
    bool hasType = false;
    for (const auto &[name, value] : headers) {
        if (!isName(name) || !isValue(value))
            return false;
        if (isOneOf(name, {"content-length", "transfer-encoding", "expect"}))
            continue;
        hasEncoding = hasEncoding || isOneOf(name, {"accept-encoding"});
        hasType = hasType || isOneOf(name, {"content-type"});
        // libcurl's spelling of a header without value; a colon would mean "do not send it".
        addLine(name, value.trimmed().isEmpty() ? ";" : ": ", value.trimmed());
    }
    // We pass bytes on and never decompress.
    if (!hasEncoding)
        addLine("Accept-Encoding", ": ", "identity");
    // Without these two libcurl would wait for a 100 before larger bodies and call each body a form.
    addLine("Expect", ":", {});
    if (!hasType)
        addLine("Content-Type", ":", {});

    m_nodes.resize(size_t(begins.size()));
    for (size_t i = 0; i < m_nodes.size(); ++i) {
        m_nodes[i].data = m_text.data() + begins[qsizetype(i)];
        m_nodes[i].next = i + 1 < m_nodes.size() ? &m_nodes[i + 1] : nullptr;
    }
    return true;
}

} // namespace assistiv
