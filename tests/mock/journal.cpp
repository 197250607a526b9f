// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "journal.h"

#include <algorithm>
#include <ctime>

namespace mock {
namespace {

constexpr std::size_t MaxCalls = 200'000;
constexpr std::size_t MaxKeptBody = 8 << 20;

/// A small writer: names are literals, strings are as inside JSON already unless `text` is used.
class Json
{
public:
    Json &open(char c)
    {
        comma();
        m_text += c;
        m_first = true;
        return *this;
    }
    Json &close(char c)
    {
        m_text += c;
        m_first = false;
        return *this;
    }
    Json &name(std::string_view n)
    {
        raw(n);
        m_text += ':';
        m_first = true;
        return *this;
    }
    Json &raw(std::string_view s)
    {
        comma();
        m_text.append("\"").append(s).append("\"");
        return *this;
    }
    Json &text(std::string_view s)
    {
        comma();
        m_text += '"';
        for (const char c : s) {
            if (c == '"' || c == '\\') {
                m_text.append("\\").append(1, c);
            } else if (static_cast<unsigned char>(c) < 0x20) {
                constexpr std::string_view hex = "0123456789abcdef";
                m_text.append("\\u00").append(1, hex[static_cast<unsigned char>(c) >> 4]).append(1, hex[c & 15]);
            } else {
                m_text += c;
            }
        }
        m_text += '"';
        return *this;
    }
    template <typename Integer> Json &number(Integer n)
    {
        comma();
        m_text += std::to_string(n);
        return *this;
    }
    Json &word(std::string_view w)
    {
        comma();
        m_text += w;
        return *this;
    }
    Json &boolean(bool b) { return word(b ? "true" : "false"); }
    std::string take() { return std::move(m_text); }

private:
    void comma()
    {
        if (!m_first)
            m_text += ',';
        m_first = false;
    }
    std::string m_text;
    bool m_first = true;
};

std::string base64(std::string_view bytes)
{
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t left = std::min<std::size_t>(bytes.size() - i, 3);
        unsigned group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (k < left ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k)
            out += k <= left ? alphabet[group >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

std::string_view outcomeName(Journal::Outcome outcome)
{
    constexpr std::array names{"running", "completed", "aborted", "broken"};
    return names[static_cast<std::size_t>(outcome)];
}

} // namespace

std::int64_t nowMs()
{
    std::timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

Journal::Model &Journal::model(std::string_view name)
{
    if (m_cached && m_cached->name == name)
        return *m_cached;
    auto found = m_models.find(name);
    if (found == m_models.end()) {
        found = m_models.try_emplace(std::string(name)).first;
        found->second.name = name;
        found->second.scenario = Scenario::fromModel(name);
    }
    return *(m_cached = &found->second);
}

Journal::Call *Journal::find(CallTicket ticket)
{
    if (ticket.epoch != m_epoch || ticket.number < m_firstNumber || ticket.number >= m_firstNumber + m_calls.size())
        return nullptr;
    return &m_calls[ticket.number - m_firstNumber];
}

Journal::Begun Journal::begin(const CallStart &start, std::string_view head, std::string_view body)
{
    const std::int64_t now = nowMs();
    const std::lock_guard lock(m_mutex);
    Model &entry = model(start.model);
    ++entry.requests;
    entry.streams += start.stream ? 1 : 0;
    ++entry.callsSinceReset;
    const Scenario &scenario = entry.scenario;
    const auto first = static_cast<std::uint64_t>(scenario.firstCalls);
    const auto every = static_cast<std::uint64_t>(scenario.everyCall);
    const bool faulty = scenario.fault != Scenario::Fault::None && (first == 0 || entry.callsSinceReset <= first)
        && (every == 0 || entry.callsSinceReset % every == 0);

    if (m_calls.size() >= MaxCalls) {
        m_calls.pop_front();
        ++m_firstNumber;
    }
    const CallTicket ticket{m_firstNumber + m_calls.size(), m_epoch};
    std::array<char, 4> key{};
    const std::string_view tail =
        start.bearer.substr(start.bearer.size() - std::min<std::size_t>(start.bearer.size(), 4));
    std::copy(tail.begin(), tail.end(), key.begin());
    m_calls.push_back({&entry, std::string(start.user), start.route, start.connection, now, 0, 0, 0, 0, key,
                       Outcome::Running, start.embeddings, start.stream, false, false, faulty});

    entry.lastNumber = ticket.number;
    entry.lastHead = head;
    entry.lastBodyKept = body.size() <= MaxKeptBody;
    entry.lastBody = entry.lastBodyKept ? body : std::string_view();
    m_newest = &entry;
    return {ticket, &entry, faulty};
}

void Journal::answered(CallTicket ticket, const Answer &answer, bool faulty)
{
    const std::lock_guard lock(m_mutex);
    if (Call *call = find(ticket)) {
        call->status = answer.status;
        call->usage = answer.usageEnd > 0;
        call->faulty = faulty;
    }
}

void Journal::progress(CallTicket ticket, const Answer &answer, std::size_t sent, Outcome outcome)
{
    const std::lock_guard lock(m_mutex);
    Call *call = find(ticket);
    if (!call)
        return;
    const auto behind =
        std::upper_bound(answer.marks.begin(), answer.marks.end(), sent,
                         [](std::size_t offset, const Answer::Mark &mark) { return offset < mark.offset; });
    if (behind != answer.marks.begin()) {
        call->contentBytes = std::prev(behind)->contentBytes;
        call->chunks = std::prev(behind)->chunks;
    }
    Model &entry = *call->model;
    if (!call->usageSent && answer.usageEnd > 0 && sent >= answer.usageEnd) {
        call->usageSent = true;
        const Scenario &scenario = entry.scenario;
        entry.prompt += scenario.prompt;
        if (!call->embeddings) {
            entry.cached += scenario.cached;
            entry.completion += scenario.completion;
            entry.reasoning += scenario.reasoning;
        }
    }
    if (outcome == Outcome::Running)
        return;
    call->outcome = outcome;
    call->endedMs = nowMs();
    ++(outcome == Outcome::Completed ? entry.completed : outcome == Outcome::Aborted ? entry.aborted : entry.broken);
}

void Journal::connectionOpened()
{
    const std::lock_guard lock(m_mutex);
    ++m_connections;
    ++m_openConnections;
}

void Journal::connectionClosed()
{
    const std::lock_guard lock(m_mutex);
    --m_openConnections;
}

void Journal::connectionControls()
{
    const std::lock_guard lock(m_mutex);
    m_connections -= m_connections > 0 ? 1 : 0;
    --m_openConnections;
}

void Journal::otherRequest()
{
    const std::lock_guard lock(m_mutex);
    ++m_other;
}

void Journal::reset()
{
    const std::lock_guard lock(m_mutex);
    ++m_epoch;
    m_calls.clear();
    m_firstNumber = 1;
    m_connections = m_openConnections;
    m_other = 0;
    m_newest = nullptr;
    for (auto &[name, entry] : m_models) {
        entry.callsSinceReset = entry.requests = entry.streams = entry.completed = entry.aborted = entry.broken = 0;
        entry.prompt = entry.cached = entry.completion = entry.reasoning = 0;
        entry.lastNumber = 0;
    }
}

std::string Journal::stats()
{
    const std::lock_guard lock(m_mutex);
    std::uint64_t requests = 0;
    std::uint64_t streams = 0;
    std::uint64_t completed = 0;
    std::uint64_t aborted = 0;
    std::uint64_t broken = 0;
    Json models;
    models.open('{');
    for (const auto &[name, entry] : m_models) {
        if (entry.requests == 0)
            continue;
        requests += entry.requests;
        streams += entry.streams;
        completed += entry.completed;
        aborted += entry.aborted;
        broken += entry.broken;
        models.name(name).open('{');
        models.name("requests").number(entry.requests).name("streams").number(entry.streams);
        models.name("completed")
            .number(entry.completed)
            .name("aborted")
            .number(entry.aborted)
            .name("broken")
            .number(entry.broken);
        models.name("prompt").number(entry.prompt).name("cached").number(entry.cached);
        models.name("completion").number(entry.completion).name("reasoning").number(entry.reasoning).close('}');
    }
    models.close('}');
    Json out;
    out.open('{').name("requests").number(requests).name("streams").number(streams);
    out.name("completed").number(completed).name("aborted").number(aborted).name("broken").number(broken);
    out.name("running").number(requests - completed - aborted - broken);
    out.name("open_connections").number(m_openConnections).name("connections").number(m_connections);
    out.name("other").number(m_other).name("now_ms").number(nowMs()).name("by_model").word(models.take()).close('}');
    return out.take();
}

std::string Journal::calls(std::uint64_t since)
{
    const std::lock_guard lock(m_mutex);
    const std::int64_t now = nowMs();
    Json out;
    out.open('{').name("calls").open('[');
    const std::uint64_t next = m_firstNumber + m_calls.size();
    for (std::uint64_t n = std::max(since, m_firstNumber); n < next; ++n) {
        const Call &call = m_calls[n - m_firstNumber];
        const Scenario &scenario = call.model->scenario;
        const bool running = call.outcome == Outcome::Running;
        const auto tokens = [&call](long count, bool always = false) {
            return call.usage && (always || !call.embeddings) ? count : 0;
        };
        out.open('{').name("n").number(n).name("model").raw(call.model->name).name("user").raw(call.user);
        out.name("route").raw(call.route).name("stream").boolean(call.stream);
        out.name("status").number(call.status).name("outcome").raw(outcomeName(call.outcome));
        out.name("aborted").boolean(call.outcome == Outcome::Aborted);
        out.name("fault")
            .raw(call.faulty ? scenario.faultName : std::string())
            .name("usage_sent")
            .boolean(call.usageSent);
        out.name("prompt").number(tokens(scenario.prompt, true)).name("cached").number(tokens(scenario.cached));
        out.name("completion").number(tokens(scenario.completion)).name("reasoning").number(tokens(scenario.reasoning));
        out.name("content_bytes").number(call.contentBytes).name("chunks").number(call.chunks);
        out.name("connection").number(call.connection);
        out.name("key").text("…" + std::string(call.key.data(), call.key[3] != '\0' ? 4 : 0));
        out.name("started_ms").number(call.startedMs).name("ended_ms");
        running ? out.word("null") : out.number(call.endedMs);
        out.name("ms_open").number((running ? now : call.endedMs) - call.startedMs).close('}');
    }
    out.close(']').name("next").number(next).close('}');
    return out.take();
}

std::string Journal::last(std::string_view model)
{
    const std::lock_guard lock(m_mutex);
    const Model *entry = m_newest;
    if (!model.empty()) {
        const auto found = m_models.find(model);
        entry = found == m_models.end() ? nullptr : &found->second;
    }
    if (!entry || entry->lastNumber == 0)
        return {};

    std::string_view head = entry->lastHead;
    const auto line = [&head] {
        const std::size_t end = std::min(head.find("\r\n"), head.size());
        const std::string_view result = head.substr(0, end);
        head.remove_prefix(std::min(end + 2, head.size()));
        return result;
    };
    const std::string_view request = line();
    const std::size_t space = std::min(request.find(' '), request.size());
    const std::string_view target = request.substr(std::min(space + 1, request.size()));
    Json out;
    out.open('{').name("n").number(entry->lastNumber).name("method").text(request.substr(0, space));
    out.name("path").text(target.substr(0, target.find(' '))).name("headers").open('[');
    while (!head.empty()) {
        const std::string_view header = line();
        const std::size_t colon = std::min(header.find(':'), header.size());
        std::string_view value = header.substr(std::min(colon + 1, header.size()));
        value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
        out.open('[').text(header.substr(0, colon)).text(value).close(']');
    }
    out.close(']').name("body_base64");
    entry->lastBodyKept ? out.raw(base64(entry->lastBody)) : out.word("null");
    out.close('}');
    return out.take();
}

} // namespace mock
