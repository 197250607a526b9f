// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "load.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

namespace bench {
namespace {

constexpr std::int64_t Second = 1'000'000'000;
constexpr std::size_t MostExamples = 3;

std::int64_t nowNs()
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::int64_t>(now.tv_sec) * Second + now.tv_nsec;
}

std::int64_t ns(double seconds)
{
    return static_cast<std::int64_t>(seconds * static_cast<double>(Second));
}

std::string quoted(const std::string &text)
{
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        if (static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f)
            out += c;
        else
            out += c == '\n' ? "\\n" : "?";
    }
    return out + "\"";
}

std::string number(double value)
{
    std::array<char, 40> text;
    std::snprintf(text.data(), text.size(), "%.3f", value);
    return text.data();
}

} // namespace

std::string Samples::json()
{
    if (m_values.empty())
        return "null";
    std::sort(m_values.begin(), m_values.end());
    const auto quantile = [this](double q) {
        const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(m_values.size())));
        return number(static_cast<double>(m_values[std::clamp<std::size_t>(rank, 1, m_values.size()) - 1]) / 1000);
    };
    double sum = 0;
    for (const std::int64_t value : m_values)
        sum += static_cast<double>(value) / 1000;
    return "{\"count\":" + std::to_string(m_values.size()) + ",\"mean\":"
        + number(sum / static_cast<double>(m_values.size())) + ",\"p50\":" + quantile(0.5) + ",\"p90\":" + quantile(0.9)
        + ",\"p99\":" + quantile(0.99) + ",\"p999\":" + quantile(0.999) + ",\"max\":" + quantile(1) + "}";
}

Load::Load(Plan plan)
    : m_plan(std::move(plan))
    , m_epoll(epoll_create1(EPOLL_CLOEXEC))
    , m_timer(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC))
{
    for (const Plan::Server &server : m_plan.servers) {
        Target &target = m_targets.emplace_back();
        target.port = server.port;
        Expectation::Options request = m_plan.request;
        request.host = "127.0.0.1:" + std::to_string(server.port);
        request.key = server.key;
        for (const std::string &model : m_plan.models)
            target.expectations.emplace_back(model, request);
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = nullptr;
    epoll_ctl(m_epoll, EPOLL_CTL_ADD, m_timer, &event);
}

Load::~Load()
{
    for (Target &target : m_targets) {
        for (Connection &c : target.connections)
            shut(c);
    }
    close(m_timer);
    close(m_epoll);
}

void Load::run()
{
    m_beginNs = nowNs();
    m_measureFromNs = m_beginNs + ns(m_plan.warmupSeconds);
    m_endNs = m_measureFromNs + ns(m_plan.seconds);
    for (Target &target : m_targets)
        target.lastNs = m_beginNs;
    if (m_plan.mode == Plan::Mode::Closed) {
        for (std::size_t i = 0; i < m_plan.connections; ++i)
            begin(addConnection(m_targets.front()), nowNs());
    } else {
        startDue();
    }

    const std::int64_t patience = m_endNs + ns(m_plan.patienceSeconds);
    std::array<epoll_event, 256> events;
    while (!finished()) {
        const int count = epoll_wait(m_epoll, events.data(), events.size(), 100);
        for (int i = 0; i < count; ++i) {
            const epoll_event &event = events[static_cast<std::size_t>(i)];
            if (event.data.ptr == nullptr) {
                startDue();
                continue;
            }
            Connection &c = *static_cast<Connection *>(event.data.ptr);
            if (c.socket >= 0 && (event.events & EPOLLOUT) != 0)
                write(c);
            if (c.socket >= 0 && (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
                read(c);
        }
        if (nowNs() > patience)
            giveUp();
    }
}

bool Load::finished() const
{
    for (const Target &target : m_targets) {
        if (target.busy > 0 || !target.waiting.empty())
            return false;
    }
    switch (m_plan.mode) {
    case Plan::Mode::Closed:
        return true;
    case Plan::Mode::Open:
        return nowNs() >= m_endNs;
    case Plan::Mode::Hold:
        return m_scheduled >= m_plan.connections;
    }
    return true;
}

void Load::giveUp()
{
    m_scheduled = m_plan.connections;
    for (Target &target : m_targets) {
        target.waiting.clear();
        for (Connection &c : target.connections) {
            if (c.busy)
                fail(c, "no answer in time");
        }
    }
}

bool Load::measured(std::int64_t dueNs) const
{
    return m_plan.mode == Plan::Mode::Hold || (dueNs >= m_measureFromNs && dueNs < m_endNs);
}

Load::Connection &Load::addConnection(Target &target)
{
    Connection &c = target.connections.emplace_back();
    c.target = &target;
    return c;
}

void Load::open(Connection &c)
{
    c.socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c.socket < 0)
        return;
    ++c.target->connects;
    const int on = 1;
    setsockopt(c.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(c.target->port);
    c.connecting = connect(c.socket, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0;
    c.watchesWritable = c.connecting;
    epoll_event event{};
    event.events = EPOLLIN | (c.connecting ? EPOLLOUT : 0U);
    event.data.ptr = &c;
    epoll_ctl(m_epoll, EPOLL_CTL_ADD, c.socket, &event);
}

void Load::shut(Connection &c)
{
    if (c.socket >= 0)
        close(c.socket);
    c.socket = -1;
}

void Load::begin(Connection &c, std::int64_t dueNs)
{
    Target &target = *c.target;
    c.expectation = &target.expectations[target.begun++ % target.expectations.size()];
    c.response.clear();
    c.written = 0;
    c.dueNs = dueNs;
    c.firstPiece = true;
    c.busy = true;
    target.busyMost = std::max(target.busyMost, ++target.busy);
    if (c.socket < 0)
        open(c);
    if (c.socket < 0)
        return fail(c, "no socket");
    if (!c.connecting)
        write(c);
}

void Load::write(Connection &c)
{
    c.connecting = false;
    if (!c.busy)
        return watch(c, false);
    const std::string &request = c.expectation->request();
    while (c.written < request.size()) {
        const ssize_t sent = send(c.socket, request.data() + c.written, request.size() - c.written, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN))
            return watch(c, true);
        if (sent < 0)
            return fail(c, "connection broken while asking");
        c.written += static_cast<std::size_t>(sent);
    }
    watch(c, false);
}

void Load::read(Connection &c)
{
    static std::array<char, 256 << 10> buffer;
    const ssize_t got = recv(c.socket, buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        if (c.busy)
            return fail(c, c.response.started() ? "answer broken off" : "closed instead of an answer");
        return shut(c); // between two requests a server may
    }
    if (!c.busy)
        return fail(c, "bytes nobody asked for");
    Target &target = *c.target;
    target.bytes += static_cast<std::uint64_t>(got);
    const std::int64_t now = nowNs();
    if (measured(c.dueNs)) {
        if (c.firstPiece)
            target.firstByte.add(now - c.dueNs);
        else if (m_plan.mode == Plan::Mode::Hold)
            target.gaps.add(now - c.pieceNs);
    }
    c.firstPiece = false;
    c.pieceNs = now;
    const std::string_view rest = c.response.feed({buffer.data(), static_cast<std::size_t>(got)});
    if (c.response.state() == Response::State::Broken)
        return fail(c, "not HTTP");
    if (c.response.state() == Response::State::Complete)
        return rest.empty() ? finish(c) : fail(c, "bytes behind the answer");
}

void Load::finish(Connection &c)
{
    if (c.response.status() != 200)
        return fail(c, "status " + std::to_string(c.response.status()));
    if (const std::string problem = c.expectation->problem(c.response.body()); !problem.empty())
        return fail(c, problem);
    Target &target = *c.target;
    ++target.right;
    target.lastNs = nowNs();
    if (measured(c.dueNs)) {
        target.latency.add(target.lastNs - c.dueNs);
        target.rightMeasured += target.lastNs < m_endNs ? 1 : 0;
    }
    if (c.response.closes())
        shut(c);
    c.busy = false;
    --target.busy;
    goOn(c);
}

void Load::fail(Connection &c, const std::string &kind)
{
    Target &target = *c.target;
    ++target.errors[kind];
    ++target.wrong;
    if (target.examples.size() < MostExamples)
        target.examples.push_back(kind + ", status " + std::to_string(c.response.status()) + ": "
                                  + c.response.body().substr(0, 300));
    shut(c);
    if (!c.busy)
        return;
    c.busy = false;
    --target.busy;
    // A server that is gone would otherwise be asked in an endless loop.
    if (m_plan.mode == Plan::Mode::Closed
        && target.wrong > std::max<std::uint64_t>(target.right, 10 * m_plan.connections))
        m_endNs = std::min(m_endNs, nowNs());
    goOn(c);
}

void Load::goOn(Connection &c)
{
    switch (m_plan.mode) {
    case Plan::Mode::Closed:
        if (const std::int64_t now = nowNs(); now < m_endNs)
            begin(c, now);
        return;
    case Plan::Mode::Open: {
        Target &target = *c.target;
        if (target.waiting.empty())
            return target.idle.push_back(&c);
        const std::int64_t due = target.waiting.front();
        target.waiting.pop_front();
        return begin(c, due);
    }
    case Plan::Mode::Hold:
        return;
    }
}

std::int64_t Load::nextDueNs() const
{
    return m_beginNs + ns(static_cast<double>(m_scheduled) / (m_plan.rate * static_cast<double>(m_targets.size())));
}

/// Begins what is due by now and sets the timer for the next one.
void Load::startDue()
{
    std::uint64_t ticks = 0;
    [[maybe_unused]] const ssize_t ignored = ::read(m_timer, &ticks, sizeof ticks);
    const std::int64_t now = nowNs();
    std::int64_t due = nextDueNs();
    while (m_plan.mode == Plan::Mode::Hold ? m_scheduled < m_plan.connections : due < m_endNs) {
        if (due > now) {
            itimerspec when{};
            when.it_value.tv_sec = due / Second;
            when.it_value.tv_nsec = due % Second;
            timerfd_settime(m_timer, TFD_TIMER_ABSTIME, &when, nullptr);
            return;
        }
        // The order changes from turn to turn, so that none always comes behind the same other.
        const std::uint64_t count = m_targets.size();
        Target &target = m_targets[(m_scheduled + m_scheduled / count) % count];
        ++m_scheduled;
        if (!target.idle.empty()) {
            Connection *c = target.idle.back();
            target.idle.pop_back();
            begin(*c, due);
        } else if (target.connections.size() < m_plan.connections) {
            begin(addConnection(target), due);
        } else {
            target.waiting.push_back(due);
        }
        due = nextDueNs();
    }
}

void Load::watch(Connection &c, bool writable)
{
    if (c.watchesWritable == writable)
        return;
    c.watchesWritable = writable;
    epoll_event event{};
    event.events = EPOLLIN | (writable ? EPOLLOUT : 0U);
    event.data.ptr = &c;
    epoll_ctl(m_epoll, EPOLL_CTL_MOD, c.socket, &event);
}

bool Load::allRight() const
{
    return std::all_of(m_targets.begin(), m_targets.end(), [](const Target &target) { return target.wrong == 0; });
}

std::string Load::json()
{
    if (m_targets.size() == 1)
        return json(m_targets.front());
    std::string text;
    for (Target &target : m_targets)
        text += (text.empty() ? "[" : ",") + json(target);
    return text + "]";
}

std::string Load::json(Target &target) const
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const double cpu = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    std::string kinds;
    for (const auto &[kind, count] : target.errors)
        kinds += (kinds.empty() ? "" : ",") + quoted(kind) + ":" + std::to_string(count);
    std::string examples;
    for (const std::string &example : target.examples)
        examples += (examples.empty() ? "" : ",") + quoted(example);
    const double measuredSeconds = static_cast<double>(m_endNs - m_measureFromNs) / static_cast<double>(Second);
    const double seconds = static_cast<double>(target.lastNs - m_beginNs) / static_cast<double>(Second);
    return "{\"requests\":" + std::to_string(target.begun) + ",\"right\":" + std::to_string(target.right)
        + ",\"wrong\":" + std::to_string(target.wrong) + ",\"errors\":{" + kinds + "},\"examples\":[" + examples
        + "],\"per_second\":" + number(static_cast<double>(target.rightMeasured) / std::max(measuredSeconds, 1e-9))
        + ",\"seconds\":" + number(seconds) + ",\"most_at_once\":" + std::to_string(target.busyMost)
        + ",\"connects\":" + std::to_string(target.connects) + ",\"bytes\":" + std::to_string(target.bytes)
        + ",\"cpu_seconds\":" + number(cpu) + ",\"latency_us\":" + target.latency.json()
        + ",\"first_byte_us\":" + target.firstByte.json() + ",\"gap_us\":" + target.gaps.json() + "}";
}

} // namespace bench
