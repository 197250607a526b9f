// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "answer.h"
#include "scenario.h"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace mock {

std::int64_t nowMs();

/// The parts of a call that the journal keeps.
struct CallStart
{
    std::string_view model; // as inside a JSON string, likewise user
    std::string_view user;
    std::string_view route; // a literal
    bool embeddings = false;
    bool stream = false;
    std::uint64_t connection = 0;
    std::string_view bearer;
};

/// Ticket of a running call; one of before a reset is ignored.
struct CallTicket
{
    std::uint64_t number = 0; // 0: not a call
    std::uint64_t epoch = 0;
};

/// What has been asked and how it ended. Thread-safe.
class Journal
{
public:
    enum class Outcome : std::uint8_t { Running, Completed, Aborted, Broken };

    /// What the journal knows about a model name; lives as long as the journal.
    struct Model
    {
        std::string name;
        Scenario scenario;
        std::map<std::pair<std::string_view, std::size_t>, AnswerPointer>
            answers; // guarded by the journal, see answer()
        std::uint64_t callsSinceReset = 0;
        std::uint64_t requests = 0, streams = 0, completed = 0, aborted = 0, broken = 0;
        std::int64_t prompt = 0, cached = 0, completion = 0, reasoning = 0;
        std::uint64_t lastNumber = 0;
        std::string lastHead;
        std::string lastBody;
        bool lastBodyKept = true;
    };

    struct Begun
    {
        CallTicket ticket;
        Model *model = nullptr;
        bool faulty = false; // the fault of the scenario applies to this call
    };
    Begun begin(const CallStart &start, std::string_view head, std::string_view body);
    /// The answer is known: what will be reported of it until the call ends.
    void answered(CallTicket ticket, const Answer &answer, bool faulty);
    void progress(CallTicket ticket, const Answer &answer, std::size_t sent, Outcome outcome);

    /// The cached answer in a slot of a model and a route, made by `make` the first time.
    template <typename Make> AnswerPointer answer(Model &model, std::string_view route, std::size_t slot, Make make)
    {
        const std::lock_guard lock(m_mutex);
        AnswerPointer &answer = model.answers[{route, slot}];
        if (!answer)
            answer = make();
        return answer;
    }

    void connectionOpened();
    void connectionClosed();
    /// A connection turned out to be one that controls; it is no longer counted.
    void connectionControls();
    void otherRequest();

    void reset();
    std::string stats();
    std::string calls(std::uint64_t since);
    /// Empty when there was no call.
    std::string last(std::string_view model);

private:
    struct Call
    {
        Model *model;
        std::string user;
        std::string_view route;
        std::uint64_t connection;
        std::int64_t startedMs;
        std::int64_t endedMs;
        std::uint64_t contentBytes;
        unsigned chunks;
        int status;
        std::array<char, 4> key;
        Outcome outcome;
        bool embeddings, stream, usage, usageSent, faulty;
    };

    Call *find(CallTicket ticket);
    Model &model(std::string_view name);

    std::mutex m_mutex;
    std::map<std::string, Model, std::less<>> m_models;
    Model *m_newest = nullptr;
    Model *m_cached = nullptr; // the model of the call before: mostly it is the same again
    std::deque<Call> m_calls;
    std::uint64_t m_firstNumber = 1;
    std::uint64_t m_epoch = 0;
    std::uint64_t m_connections = 0, m_openConnections = 0, m_other = 0;
};

} // namespace mock
