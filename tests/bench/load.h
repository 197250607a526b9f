// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "expectation.h"
#include "response.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bench {

/// What to do to whom.
struct Plan
{
    enum class Mode {
        Closed, // each connection asks again when it has been answered
        Open, // requests begin at a fixed rate, whether answers come or not
        Hold // each connection asks once, all of them at the same time
    };
    struct Server
    {
        std::uint16_t port = 0;
        std::string key;
    };
    Mode mode = Mode::Closed;
    std::vector<Server> servers; // several only when open: they are asked in turn, at the same time of day
    std::size_t connections = 64; // to each server
    double seconds = 5;
    double warmupSeconds = 0;
    double rate = 200; // requests per second and server when open, new streams per second when holding
    double patienceSeconds = 30; // for what is unanswered at the end
    std::vector<std::string> models;
    Expectation::Options request; // host and key are those of the server
};

/// Times in nanoseconds, and what can be said about them.
class Samples
{
public:
    void add(std::int64_t ns) { m_values.push_back(ns); }
    std::string json(); ///< microseconds

private:
    std::vector<std::int64_t> m_values;
};

/// One run of a plan in one thread, on one epoll.
class Load
{
public:
    explicit Load(Plan plan);
    ~Load();
    Load(const Load &) = delete;
    Load &operator=(const Load &) = delete;

    void run();
    bool allRight() const;
    /// One object, or an array of them when there are several servers.
    std::string json();

private:
    struct Target;
    struct Connection
    {
        Target *target = nullptr;
        int socket = -1;
        const Expectation *expectation = nullptr;
        Response response;
        std::size_t written = 0;
        std::int64_t dueNs = 0; // when the request should have begun
        std::int64_t pieceNs = 0; // when bytes of the answer came last
        bool connecting = false;
        bool busy = false;
        bool firstPiece = false;
        bool watchesWritable = false;
    };
    struct Target
    {
        std::uint16_t port = 0;
        std::vector<Expectation> expectations;
        std::deque<Connection> connections; // references stay valid
        std::vector<Connection *> idle;
        std::deque<std::int64_t> waiting; // due, but no connection is free
        std::uint64_t begun = 0, right = 0, rightMeasured = 0, wrong = 0, bytes = 0, connects = 0;
        std::size_t busy = 0, busyMost = 0;
        std::map<std::string, std::uint64_t> errors;
        std::vector<std::string> examples;
        Samples latency, firstByte, gaps;
        std::int64_t lastNs = 0;
    };

    Connection &addConnection(Target &target);
    void open(Connection &c);
    void shut(Connection &c);
    void begin(Connection &c, std::int64_t dueNs);
    void write(Connection &c);
    void read(Connection &c);
    void finish(Connection &c);
    void fail(Connection &c, const std::string &kind);
    void goOn(Connection &c);
    bool finished() const;
    void giveUp();
    void startDue();
    std::int64_t nextDueNs() const;
    void watch(Connection &c, bool writable);
    bool measured(std::int64_t dueNs) const;
    std::string json(Target &target) const;

    Plan m_plan;
    std::deque<Target> m_targets;
    int m_epoll;
    int m_timer;
    std::int64_t m_beginNs = 0, m_measureFromNs = 0, m_endNs = 0;
    std::uint64_t m_scheduled = 0; // requests whose time has come (open and hold)
};

} // namespace bench
