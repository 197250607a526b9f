// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

/// Reads one HTTP/1.1 answer from the bytes of a connection, which may come in any pieces.
class Response
{
public:
    enum class State { Head, Body, Complete, Broken };

    void clear();
    /// Takes what belongs to this answer and returns what is left over.
    std::string_view feed(std::string_view bytes);

    State state() const { return m_state; }
    bool started() const { return m_started; }
    int status() const { return m_status; }
    bool closes() const { return m_closes; }
    const std::string &body() const { return m_body; }

private:
    bool readHead(std::string_view head);
    std::string_view feedChunked(std::string_view bytes);

    State m_state = State::Head;
    bool m_started = false;
    int m_status = 0;
    bool m_closes = false;
    bool m_chunked = false;
    std::size_t m_missing = 0; // bytes of the body or of the chunk
    std::string m_line; // unfinished head or line of chunked coding
    enum class Part { Size, Data, DataEnd, Trailer } m_part = Part::Size;
    std::string m_body;
};

} // namespace bench
