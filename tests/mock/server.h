// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "journal.h"

#include <cstdint>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

namespace mock {

class WireFormat;

/// A listening socket on the loopback address; -1 when that is impossible. With port 0 one is chosen and stored.
int listenOn(std::uint16_t &port);

/// One thread: one listening socket, its connections, one epoll.
class Server
{
public:
    Server(int listenSocket, std::uint16_t port, Journal &journal);
    ~Server();
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;

    /// Serves until the stop descriptor becomes readable.
    void run(int stopDescriptor);

private:
    struct Connection;
    struct Request;
    struct Timer
    {
        std::int64_t dueNs;
        int socket;
        std::uint64_t serial; // of the connection's timer, an old one does nothing
        bool operator>(const Timer &other) const { return dueNs > other.dueNs; }
    };

    void accept();
    void read(Connection &c);
    void handleInput(Connection &c);
    bool parseHead(Connection &c);
    bool takeChunkedBody(Connection &c);
    void route(Connection &c);
    void control(Connection &c, const Request &request);
    void list(Connection &c, const Request &request, const WireFormat &format);
    enum class Wanted { Answer, Embeddings, TokenCount };
    void call(Connection &c, const Request &request, const WireFormat &format, Wanted wanted);
    void answer(Connection &c, AnswerPointer what);
    void step(Connection &c);
    void send(Connection &c);
    void allowSent(Connection &c);
    void endCall(Connection &c, Journal::Outcome outcome);
    void reset(Connection &c);
    void close(Connection &c);
    void startTimer(Connection &c, unsigned delayMs);
    void fireTimers();
    int waitMs() const;
    void watch(Connection &c, bool writable);

    int m_listen;
    int m_epoll;
    std::uint16_t m_port;
    Journal &m_journal;
    std::vector<std::unique_ptr<Connection>> m_connections; // by descriptor
    std::vector<std::unique_ptr<Connection>> m_closed; // freed after the events at hand
    std::priority_queue<Timer, std::vector<Timer>, std::greater<>> m_timers;
    std::uint64_t m_timerSerial = 0;
    std::int64_t m_nowNs = 0;
};

} // namespace mock
