// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "server.h"

#include "jsontext.h"
#include "wireformat.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <strings.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

namespace mock {
namespace {

constexpr std::size_t MaxHead = 64 << 10;
constexpr std::size_t MaxBody = 64 << 20;
constexpr std::size_t ReadSize = 256 << 10;

std::int64_t steadyNs()
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

bool equalNames(std::string_view a, std::string_view b)
{
    return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view s)
{
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t'))
        s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t'))
        s.remove_suffix(1);
    return s;
}

std::uint64_t nextConnectionNumber()
{
    static std::atomic<std::uint64_t> last = 0;
    return ++last;
}

/// Whether the conversation ends in the results of calls.
bool endsInResults(const WireFormat &format, std::string_view conversation)
{
    const auto list = json::elements(conversation);
    return list && !list->empty() && format.hasResults(list->back());
}

/// The path's "%41" as "A".
std::string decoded(std::string_view path)
{
    std::string text;
    for (std::size_t at = 0; at < path.size(); ++at) {
        unsigned code = 0;
        const char *digits = path.data() + at + 1;
        if (path[at] == '%' && at + 2 < path.size()
            && std::from_chars(digits, digits + 2, code, 16).ptr == digits + 2) {
            text += static_cast<char>(code);
            at += 2;
        } else {
            text += path[at];
        }
    }
    return text;
}

/// Google says model and method in the path: "/v1beta/models/NAME:METHOD". Empty when it is another path.
struct GooglePath
{
    std::string model;
    bool stream = false;
};
std::optional<GooglePath> googlePath(std::string_view path)
{
    constexpr std::string_view Begin = "/v1beta/models/";
    const std::size_t colon = path.rfind(':');
    if (!path.starts_with(Begin) || colon == std::string_view::npos)
        return {};
    const std::string_view method = path.substr(colon + 1);
    if (method != "generateContent" && method != "streamGenerateContent")
        return {};
    return GooglePath{decoded(path.substr(Begin.size(), colon - Begin.size())), method != "generateContent"};
}

/// The call that the newest `call:<name> {json}` in the messages asks for; the text keeps its escapes.
std::vector<FunctionCall> callInText(std::string_view messages)
{
    constexpr std::string_view Sign = "call:";
    const std::size_t found = messages.rfind(Sign);
    if (found == std::string_view::npos)
        return {};
    std::string_view text = messages.substr(found + Sign.size());
    std::size_t end = 0;
    while (end < text.size() && text[end] != '"')
        end += text[end] == '\\' ? 2 : 1;
    text = text.substr(0, end);
    const std::size_t space = std::min(text.find(' '), text.size());
    const std::string_view arguments = trimmed(text.substr(space));
    return {{std::string(text.substr(0, space)), std::string(arguments.empty() ? "{}" : arguments)}};
}

} // namespace

struct Server::Connection
{
    enum class State { Head, Body, Answering, Silent };

    explicit Connection(int descriptor) : socket(descriptor), number(nextConnectionNumber()) { }

    int socket;
    std::uint64_t number;
    State state = State::Head;
    bool controls = false;
    bool watchesWritable = false;
    bool closed = false;
    bool handlesInput = false;

    std::string in;
    std::size_t headEnd = 0; // behind the empty line
    std::size_t bodySize = 0;
    bool chunked = false;
    std::size_t chunkAt = 0; // where the next chunk begins
    std::string chunkedBody;
    std::size_t bearerAt = 0; // in `in`
    std::size_t bearerSize = 0;
    bool closeRequested = false;

    CallTicket ticket;
    AnswerPointer answer;
    std::string out;
    std::size_t sent = 0;
    std::size_t allowed = 0; // bytes that may be sent by now
    std::size_t piece = 0; // next one to be allowed
    std::int64_t dueNs = 0;
    std::uint64_t timer = 0;

    /// As the format's own header carries it.
    std::string_view key(const WireFormat &format, std::string_view head) const
    {
        return format.keyHeader() == "authorization" ? std::string_view(in).substr(bearerAt, bearerSize)
                                                     : headerValue(head, format.keyHeader());
    }
};

struct Server::Request
{
    std::string_view head;
    std::string_view body;
    std::string_view method;
    std::string_view path;
    std::string_view query;
};

int listenOn(std::uint16_t &port)
{
    const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0)
        return -1;
    const int on = 1;
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    socklen_t size = sizeof address;
    auto *generic = reinterpret_cast<sockaddr *>(&address);
    if (bind(s, generic, size) != 0 || listen(s, 4096) != 0 || getsockname(s, generic, &size) != 0) {
        ::close(s);
        return -1;
    }
    port = ntohs(address.sin_port);
    return s;
}

Server::Server(int listenSocket, std::uint16_t port, Journal &journal)
    : m_listen(listenSocket)
    , m_epoll(epoll_create1(EPOLL_CLOEXEC))
    , m_port(port)
    , m_journal(journal)
{
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = m_listen;
    epoll_ctl(m_epoll, EPOLL_CTL_ADD, m_listen, &event);
}

Server::~Server()
{
    for (auto &c : m_connections) {
        if (c)
            ::close(c->socket);
    }
    ::close(m_epoll);
    ::close(m_listen);
}

void Server::run(int stopDescriptor)
{
    epoll_event stop{};
    stop.events = EPOLLIN;
    stop.data.fd = stopDescriptor;
    epoll_ctl(m_epoll, EPOLL_CTL_ADD, stopDescriptor, &stop);

    std::array<epoll_event, 256> events;
    while (true) {
        const int count = epoll_wait(m_epoll, events.data(), events.size(), waitMs());
        m_nowNs = steadyNs();
        for (int i = 0; i < count; ++i) {
            const epoll_event &event = events[static_cast<std::size_t>(i)];
            const int socket = event.data.fd;
            if (socket == stopDescriptor)
                return;
            if (socket == m_listen) {
                accept();
                continue;
            }
            Connection *c = m_connections[static_cast<std::size_t>(socket)].get();
            if (!c || c->closed)
                continue;
            if ((event.events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
                read(*c);
            if (!c->closed && (event.events & EPOLLOUT) != 0)
                send(*c);
        }
        fireTimers();
        m_closed.clear();
    }
}

void Server::accept()
{
    while (true) {
        const int s = accept4(m_listen, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (s < 0)
            return;
        const int on = 1;
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (m_connections.size() <= static_cast<std::size_t>(s))
            m_connections.resize(static_cast<std::size_t>(s) + 64);
        m_connections[static_cast<std::size_t>(s)] = std::make_unique<Connection>(s);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = s;
        epoll_ctl(m_epoll, EPOLL_CTL_ADD, s, &event);
        m_journal.connectionOpened();
    }
}

void Server::read(Connection &c)
{
    static thread_local std::array<char, ReadSize> buffer;
    const ssize_t got = recv(c.socket, buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        endCall(c, Journal::Outcome::Aborted);
        return close(c);
    }
    c.in.append(buffer.data(), static_cast<std::size_t>(got));
    if (c.state == Connection::State::Head || c.state == Connection::State::Body)
        handleInput(c);
    else if (c.in.size() > MaxBody + MaxHead)
        close(c);
}

/// Takes whole requests out of the buffer until one has to be waited for.
void Server::handleInput(Connection &c)
{
    c.handlesInput = true;
    while (!c.closed) {
        if (c.state == Connection::State::Head && !parseHead(c))
            break;
        if (c.state != Connection::State::Body)
            break;
        if (c.chunked ? !takeChunkedBody(c) : c.in.size() < c.headEnd + c.bodySize)
            break;
        route(c);
    }
    c.handlesInput = false;
}

/// Whether a body is to be read next.
bool Server::parseHead(Connection &c)
{
    const std::size_t end = c.in.find("\r\n\r\n");
    if (end == std::string::npos) {
        if (c.in.size() > MaxHead)
            close(c);
        return false;
    }
    c.headEnd = end + 4;
    c.bodySize = 0;
    c.chunked = c.closeRequested = false;
    c.bearerAt = c.bearerSize = 0;
    bool expectsContinue = false;
    std::string_view head = std::string_view(c.in).substr(0, end);
    std::size_t at = head.find("\r\n");
    while (at != std::string_view::npos) {
        head.remove_prefix(at + 2);
        at = head.find("\r\n");
        const std::string_view line = head.substr(0, at);
        const std::size_t colon = std::min(line.find(':'), line.size());
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = trimmed(line.substr(std::min(colon + 1, line.size())));
        if (equalNames(name, "content-length")) {
            const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), c.bodySize);
            if (error != std::errc() || stop != value.data() + value.size() || c.bodySize > MaxBody) {
                close(c);
                return false;
            }
        } else if (equalNames(name, "transfer-encoding")) {
            c.chunked = equalNames(value, "chunked");
        } else if (equalNames(name, "authorization") && value.size() > 7 && equalNames(value.substr(0, 7), "bearer ")) {
            const std::string_view bearer = trimmed(value.substr(7));
            c.bearerAt = static_cast<std::size_t>(bearer.data() - c.in.data());
            c.bearerSize = bearer.size();
        } else if (equalNames(name, "connection")) {
            c.closeRequested = equalNames(value, "close");
        } else if (equalNames(name, "expect")) {
            expectsContinue = true;
        }
    }
    c.chunkAt = c.headEnd;
    c.chunkedBody.clear();
    c.state = Connection::State::Body;
    if (expectsContinue && c.in.size() < c.headEnd + std::max<std::size_t>(c.bodySize, 1)) {
        constexpr std::string_view goOn = "HTTP/1.1 100 Continue\r\n\r\n";
        // An empty socket takes these few bytes; a client that does not get them goes on by itself.
        [[maybe_unused]] const ssize_t ignored = ::send(c.socket, goOn.data(), goOn.size(), MSG_NOSIGNAL);
    }
    return true;
}

/// Whether the body is whole; then `bodySize` says where the next request begins.
bool Server::takeChunkedBody(Connection &c)
{
    while (true) {
        const std::size_t lineEnd = c.in.find("\r\n", c.chunkAt);
        if (lineEnd == std::string::npos)
            return false;
        std::size_t size = 0;
        const auto [stop, error] = std::from_chars(c.in.data() + c.chunkAt, c.in.data() + lineEnd, size, 16);
        if (error != std::errc() || size + c.chunkedBody.size() > MaxBody) {
            close(c);
            return false;
        }
        const std::size_t next = lineEnd + 2 + size + 2;
        if (c.in.size() < next)
            return false;
        if (size == 0) {
            c.bodySize = next - c.headEnd;
            return true;
        }
        c.chunkedBody.append(c.in, lineEnd + 2, size);
        c.chunkAt = next;
    }
}

void Server::route(Connection &c)
{
    const std::string_view in = c.in;
    Request request;
    request.head = in.substr(0, c.headEnd - 4);
    request.body = c.chunked ? std::string_view(c.chunkedBody) : in.substr(c.headEnd, c.bodySize);
    const std::string_view line = request.head.substr(0, request.head.find("\r\n"));
    const std::size_t space = std::min(line.find(' '), line.size());
    request.method = line.substr(0, space);
    request.path = line.substr(std::min(space + 1, line.size()));
    request.path = request.path.substr(0, request.path.find(' '));
    const std::size_t question = std::min(request.path.find('?'), request.path.size());
    request.query = request.path.substr(std::min(question + 1, request.path.size()));
    request.path = request.path.substr(0, question);

    const bool post = request.method == "POST";
    if (request.path == "/v1/chat/completions" && post)
        return call(c, request, chatFormat(), Wanted::Answer);
    if (request.path == "/v1/embeddings" && post)
        return call(c, request, chatFormat(), Wanted::Embeddings);
    if (request.path == "/v1/messages" && post)
        return call(c, request, messagesFormat(), Wanted::Answer);
    if (request.path == "/v1/messages/count_tokens" && post)
        return call(c, request, messagesFormat(), Wanted::TokenCount);
    if (request.path == "/v1/responses" && post)
        return call(c, request, responsesFormat(), Wanted::Answer);
    if (post && googlePath(request.path))
        return call(c, request, googleFormat(), Wanted::Answer);
    if (request.path.starts_with("/__"))
        return control(c, request);

    m_journal.otherRequest();
    if (request.path == "/v1/models" && request.method == "GET") {
        const bool isAnthropics = !headerValue(request.head, messagesFormat().keyHeader()).empty();
        return list(c, request, isAnthropics ? messagesFormat() : chatFormat());
    }
    if (request.path == "/v1beta/models" && request.method == "GET")
        return list(c, request, googleFormat());
    answer(c, errorAnswer(chatFormat(), {404, "Invalid URL.", "unknown_url", {}, {}}));
}

/// The models. Nobody names one here, so it is the key that says in the same language what happens.
void Server::list(Connection &c, const Request &request, const WireFormat &format)
{
    const std::string_view key = c.key(format, request.head);
    if (const auto complaint = format.checkKey(request.head, key))
        return answer(c, errorAnswer(format, *complaint));
    const std::string location = "http://127.0.0.1:" + std::to_string(m_port) + std::string(request.path);
    answer(c, modelsAnswer(format, Scenario::fromModel(key), key, location));
}

void Server::control(Connection &c, const Request &request)
{
    if (!c.controls) {
        c.controls = true;
        m_journal.connectionControls();
    }
    const auto parameter = [&request](std::string_view name) {
        std::string_view rest = request.query;
        while (!rest.empty()) {
            const std::string_view pair = rest.substr(0, rest.find('&'));
            rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
            if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
                return pair.substr(name.size() + 1);
        }
        return std::string_view();
    };
    std::string body;
    if (request.path == "/__stats" && request.method == "GET") {
        body = m_journal.stats();
    } else if (request.path == "/__calls" && request.method == "GET") {
        const std::string_view text = parameter("since");
        std::uint64_t since = 0;
        std::from_chars(text.data(), text.data() + text.size(), since);
        body = m_journal.calls(since);
    } else if (request.path == "/__last" && request.method == "GET") {
        body = m_journal.last(parameter("model"));
    } else if (request.path == "/__reset" && request.method == "POST") {
        m_journal.reset();
        body = "{}";
    }
    answer(c,
           body.empty() ? errorAnswer(chatFormat(), {404, "There is nothing.", "not_found", {}, {}})
                        : jsonAnswer(200, body));
}

void Server::call(Connection &c, const Request &request, const WireFormat &format, Wanted wanted)
{
    CallStart start;
    const bool embeddings = wanted == Wanted::Embeddings;
    const bool isCount = wanted == Wanted::TokenCount;
    start.route = embeddings ? "embeddings" : isCount ? "count_tokens" : format.route();
    start.embeddings = embeddings || isCount;
    start.connection = c.number;
    start.bearer = c.key(format, request.head);

    const auto members = json::members(request.body);
    const auto google = googlePath(request.path);
    bool includeUsage = false;
    std::optional<std::string_view> model;
    if (members) {
        model = google ? std::string_view(google->model) : json::rawString(json::find(*members, "model"));
        start.model = model.value_or(std::string_view());
        start.user = format.user(*members);
        start.stream = google ? google->stream : !start.embeddings && json::find(*members, "stream") == "true";
        if (const auto options = json::members(json::find(*members, "stream_options")))
            includeUsage = start.stream && json::find(*options, "include_usage") == "true";
    }
    const Journal::Begun begun = m_journal.begin(start, request.head, request.body);
    c.ticket = begun.ticket;
    const auto plain = [&](AnswerPointer made, bool faulty) {
        m_journal.answered(c.ticket, *made, faulty);
        answer(c, std::move(made));
    };
    const auto refuse = [&](const Complaint &complaint) { plain(errorAnswer(format, complaint), false); };

    if (const auto complaint = format.checkKey(request.head, start.bearer))
        return refuse(*complaint);
    if (!members)
        return refuse({400, "We could not parse the JSON body of your request.", {}, {}, {}});
    if (!model)
        return refuse({400, "You must provide a model parameter.", {}, {}, {}});
    if (const auto complaint = format.check({request.head, request.query, start.bearer, *members, *model, isCount}))
        return refuse(*complaint);
    if (google && google->stream && request.query != "alt=sse")
        return refuse({400, "the mock streams server-sent events only: ?alt=sse", {}, {}, {}});
    const Scenario &asked = begun.model->scenario;
    if (!asked.unknownOption.empty())
        return refuse(
            {400, "unknown option '" + asked.unknownOption + "' in the model's name", "unknown_option", {}, {}});

    Scenario good;
    if (!begun.faulty && asked.fault != Scenario::Fault::None) {
        good = asked;
        good.fault = Scenario::Fault::None;
    }
    const Scenario &scenario = begun.faulty || asked.fault == Scenario::Fault::None ? asked : good;
    if (scenario.fault == Scenario::Fault::Status) {
        const std::string location = "http://127.0.0.1:" + std::to_string(m_port) + std::string(request.path);
        return plain(statusFaultAnswer(format, scenario, start.bearer, location), true);
    }
    if (isCount)
        return plain(jsonAnswer(200, "{\"input_tokens\":" + std::to_string(scenario.prompt) + "}"), false);
    if (embeddings) {
        const std::string_view input = json::find(*members, "input");
        const auto list = json::elements(input);
        const bool texts = list && !list->empty() && list->front().front() != '-'
            && (list->front().front() < '0' || list->front().front() > '9');
        return plain(embeddingsAnswer(scenario, start.model, texts ? list->size() : 1), false);
    }

    Question question{start.model, start.stream, includeUsage, {}};
    const std::string_view conversation = json::find(*members, format.conversation());
    const bool calls = scenario.kind == Scenario::Kind::Call || scenario.kind == Scenario::Kind::Tools;
    const bool isOver = calls && endsInResults(format, conversation);
    if (scenario.kind == Scenario::Kind::Call && !isOver) {
        question.calls = callInText(conversation);
        if (!question.calls.empty())
            return plain(answerTo(format, scenario, question), begun.faulty);
    }
    if (scenario.kind == Scenario::Kind::Tools && !isOver)
        question.calls = twoCalls();
    const std::size_t slot = (question.stream ? 1U : 0U) | (question.includeUsage ? 2U : 0U)
        | (question.calls.empty() ? 0U : 4U) | (begun.faulty ? 8U : 0U);
    plain(m_journal.answer(*begun.model, start.route, slot, [&] { return answerTo(format, scenario, question); }),
          begun.faulty);
}

void Server::answer(Connection &c, AnswerPointer what)
{
    c.state = Connection::State::Answering;
    c.out = what->bytes;
    patch(c.out, *what, c.ticket.number, nowMs());
    c.answer = std::move(what);
    c.sent = c.allowed = c.piece = 0;
    c.dueNs = m_nowNs;
    step(c);
}

/// Allows the next piece, now or later.
void Server::step(Connection &c)
{
    if (c.piece < c.answer->pieces.size()) {
        const Answer::Piece &next = c.answer->pieces[c.piece];
        if (next.delayMs > 0)
            return startTimer(c, next.delayMs);
    }
    allowSent(c);
}

void Server::allowSent(Connection &c)
{
    c.allowed = c.answer->pieces[c.piece++].end;
    if (c.piece < c.answer->pieces.size())
        startTimer(c, std::max(c.answer->pieces[c.piece].delayMs, 1U));
    send(c);
}

void Server::send(Connection &c)
{
    while (c.sent < c.allowed) {
        const ssize_t written = ::send(c.socket, c.out.data() + c.sent, c.allowed - c.sent, MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN)
            return watch(c, true);
        if (written < 0) {
            endCall(c, Journal::Outcome::Aborted);
            return close(c);
        }
        c.sent += static_cast<std::size_t>(written);
    }
    if (c.watchesWritable)
        watch(c, false);
    if (c.state != Connection::State::Answering)
        return;
    if (c.piece < c.answer->pieces.size()) {
        if (c.ticket.number > 0)
            m_journal.progress(c.ticket, *c.answer, c.sent, Journal::Outcome::Running);
        return;
    }

    switch (c.answer->end) {
    case Answer::End::Never:
        c.state = Connection::State::Silent;
        if (c.ticket.number > 0)
            m_journal.progress(c.ticket, *c.answer, c.sent, Journal::Outcome::Running);
        return;
    case Answer::End::Reset:
        endCall(c, Journal::Outcome::Broken);
        return reset(c);
    case Answer::End::Fin:
        endCall(c, Journal::Outcome::Broken);
        return close(c);
    case Answer::End::FinWhenDone:
        endCall(c, Journal::Outcome::Completed);
        return close(c);
    case Answer::End::KeepAlive:
        endCall(c, Journal::Outcome::Completed);
        break;
    }
    if (c.closeRequested)
        return close(c);
    c.in.erase(0, c.headEnd + c.bodySize);
    c.state = Connection::State::Head;
    c.answer.reset();
    if (!c.in.empty() && !c.handlesInput)
        handleInput(c);
}

void Server::endCall(Connection &c, Journal::Outcome outcome)
{
    if (c.ticket.number == 0)
        return;
    static const Answer nothing;
    m_journal.progress(c.ticket, c.answer ? *c.answer : nothing, c.sent, outcome);
    c.ticket = {};
}

void Server::reset(Connection &c)
{
    const linger hard{1, 0};
    setsockopt(c.socket, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(c);
}

void Server::close(Connection &c)
{
    if (c.closed)
        return;
    c.closed = true;
    ::close(c.socket);
    if (!c.controls)
        m_journal.connectionClosed();
    m_closed.push_back(std::move(m_connections[static_cast<std::size_t>(c.socket)]));
}

void Server::startTimer(Connection &c, unsigned delayMs)
{
    // Counted from when it was due, not from when it was noticed, so that streams keep their pace.
    c.dueNs += static_cast<std::int64_t>(delayMs) * 1'000'000;
    c.timer = ++m_timerSerial;
    m_timers.push({c.dueNs, c.socket, c.timer});
}

void Server::fireTimers()
{
    m_nowNs = steadyNs();
    while (!m_timers.empty() && m_timers.top().dueNs <= m_nowNs) {
        const Timer timer = m_timers.top();
        m_timers.pop();
        Connection *c = m_connections[static_cast<std::size_t>(timer.socket)].get();
        if (c && !c->closed && c->timer == timer.serial && c->state == Connection::State::Answering)
            allowSent(*c);
    }
}

int Server::waitMs() const
{
    if (m_timers.empty())
        return -1;
    const std::int64_t left = m_timers.top().dueNs - steadyNs();
    return left <= 0 ? 0 : static_cast<int>(left / 1'000'000 + 1);
}

void Server::watch(Connection &c, bool writable)
{
    if (c.watchesWritable == writable)
        return;
    c.watchesWritable = writable;
    epoll_event event{};
    event.events = EPOLLIN | (writable ? EPOLLOUT : 0U);
    event.data.fd = c.socket;
    epoll_ctl(m_epoll, EPOLL_CTL_MOD, c.socket, &event);
}

} // namespace mock
