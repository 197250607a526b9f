// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "scenario.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mock {

/// A whole answer as it will be on the wire, made once per kind of request and patched per call.
struct Answer
{
    enum class End {
        KeepAlive,
        FinWhenDone, // the answer is whole, then the connection is closed
        Fin, // the answer breaks off
        Reset, // the same, the hard way
        Never // nothing more comes
    };
    enum class Slot : std::uint8_t { Id, Created, Date, RequestId };

    /// Bytes up to `end` may be sent `delayMs` after the piece before.
    struct Piece
    {
        std::size_t end;
        unsigned delayMs;
    };
    /// What the client has got when the bytes up to `offset` are sent.
    struct Mark
    {
        std::size_t offset;
        std::size_t contentBytes;
        unsigned chunks;
    };
    struct Patch
    {
        std::size_t offset;
        Slot slot;
    };

    std::string bytes;
    std::vector<Piece> pieces;
    std::vector<Mark> marks;
    std::vector<Patch> patches;
    std::size_t usageEnd = 0; // offset behind the usage object; 0: there is none
    int status = 200;
    End end = End::KeepAlive;
};
using AnswerPointer = std::shared_ptr<const Answer>;

/// One function call, with name and arguments as they stand inside a JSON string.
struct FunctionCall
{
    std::string name;
    std::string arguments;
};

/// The parts of a request that its answer depends on.
struct Question
{
    std::string_view model; // as it stands inside a JSON string
    bool stream = false;
    bool includeUsage = false;
    std::vector<FunctionCall> calls; // what `tools` and `call` answer with
};

class WireFormat;
struct Complaint;

AnswerPointer answerTo(const WireFormat &format, const Scenario &scenario, const Question &question);
AnswerPointer embeddingsAnswer(const Scenario &scenario, std::string_view model, std::size_t inputs);
/// The list of models, or what the scenario has in its place; key and location are the ones of this request.
AnswerPointer modelsAnswer(const WireFormat &format, const Scenario &scenario, std::string_view key,
                           std::string_view location);
AnswerPointer jsonAnswer(int status, std::string_view body);
AnswerPointer errorAnswer(const WireFormat &format, const Complaint &complaint);
/// The answer of a `fault-<status>`; key and location are the ones of this request.
AnswerPointer statusFaultAnswer(const WireFormat &format, const Scenario &scenario, std::string_view key,
                                std::string_view location);

/// The two calls of `tools`.
std::vector<FunctionCall> twoCalls();

/// Fills the patches of a copy of the answer's bytes.
void patch(std::string &bytes, const Answer &answer, std::uint64_t serial, std::int64_t nowMs);

} // namespace mock
