// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "response.h"

#include <algorithm>
#include <charconv>
#include <strings.h>

namespace bench {

void Response::clear()
{
    m_state = State::Head;
    m_started = m_closes = m_chunked = false;
    m_status = 0;
    m_missing = 0;
    m_line.clear();
    m_part = Part::Size;
    m_body.clear();
}

std::string_view Response::feed(std::string_view bytes)
{
    m_started = m_started || !bytes.empty();
    if (m_state == State::Head) {
        const std::size_t before = m_line.size();
        m_line.append(bytes);
        const std::size_t end = m_line.find("\r\n\r\n", before < 3 ? 0 : before - 3);
        if (end == std::string::npos)
            return {};
        bytes.remove_prefix(end + 4 - before);
        m_line.resize(end + 2);
        m_state = readHead(m_line) ? State::Body : State::Broken;
        m_line.clear();
        if (m_state == State::Body && !m_chunked && m_missing == 0)
            m_state = State::Complete;
    }
    if (m_state != State::Body)
        return bytes;
    if (m_chunked)
        return feedChunked(bytes);
    const std::size_t taken = std::min(m_missing, bytes.size());
    m_body.append(bytes.substr(0, taken));
    m_missing -= taken;
    if (m_missing == 0)
        m_state = State::Complete;
    return bytes.substr(taken);
}

bool Response::readHead(std::string_view head)
{
    if (head.size() < 13 || !head.starts_with("HTTP/1.1 "))
        return false;
    std::from_chars(head.data() + 9, head.data() + 12, m_status);
    bool framed = false;
    for (std::size_t at = head.find("\r\n"); at + 2 < head.size(); at = head.find("\r\n")) {
        head.remove_prefix(at + 2);
        const auto value = [&head](std::string_view name) -> std::string_view {
            if (head.size() < name.size() || strncasecmp(head.data(), name.data(), name.size()) != 0)
                return {};
            std::string_view rest = head.substr(name.size(), head.find("\r\n") - name.size());
            while (rest.starts_with(' '))
                rest.remove_prefix(1);
            return rest;
        };
        if (const std::string_view length = value("content-length:"); !length.empty()) {
            if (std::from_chars(length.data(), length.data() + length.size(), m_missing).ec != std::errc())
                return false;
            framed = true;
        } else if (value("transfer-encoding:") == "chunked") {
            m_chunked = framed = true;
        } else if (const std::string_view connection = value("connection:");
                   connection == "close" || connection == "Close") {
            m_closes = true;
        }
    }
    return framed && m_status >= 200;
}

std::string_view Response::feedChunked(std::string_view bytes)
{
    while (!bytes.empty()) {
        if (m_part == Part::Data) {
            const std::size_t taken = std::min(m_missing, bytes.size());
            m_body.append(bytes.substr(0, taken));
            bytes.remove_prefix(taken);
            m_missing -= taken;
            if (m_missing == 0)
                m_part = Part::DataEnd;
            continue;
        }
        const std::size_t end = bytes.find('\n');
        m_line.append(bytes.substr(0, std::min(end, bytes.size())));
        if (end == std::string_view::npos)
            return {};
        bytes.remove_prefix(end + 1);
        if (m_line.empty() || m_line.back() != '\r') {
            m_state = State::Broken;
            return bytes;
        }
        m_line.pop_back();
        if (m_part == Part::Size) {
            if (std::from_chars(m_line.data(), m_line.data() + m_line.size(), m_missing, 16).ec != std::errc()) {
                m_state = State::Broken;
                return bytes;
            }
            m_part = m_missing > 0 ? Part::Data : Part::Trailer;
        } else if (m_part == Part::DataEnd) {
            m_part = Part::Size;
        } else if (m_line.empty()) {
            m_state = State::Complete;
            m_line.clear();
            return bytes;
        }
        m_line.clear();
    }
    return bytes;
}

} // namespace bench
