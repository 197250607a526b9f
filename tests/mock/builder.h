// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "answer.h"
#include "jsontext.h"
#include "scenario.h"

#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace mock {

constexpr std::string_view IdPlaceholder = "IIIIIIIIIIIIIIIIIIIIIIIIIIIII"; // 29, as in real ids
constexpr std::string_view CreatedPlaceholder = "1700000000";
constexpr std::string_view DatePlaceholder = "Thu, 01 Jan 1970 00:00:00 GMT";
constexpr std::string_view RequestIdPlaceholder = "RRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRR";

std::string httpDate(std::time_t when);

/// Puts an answer together and remembers where the patches are.
class Builder
{
public:
    Answer answer;

    Builder &text(std::string_view s)
    {
        answer.bytes += s;
        return *this;
    }
    Builder &slot(Answer::Slot slot, std::string_view placeholder)
    {
        answer.patches.push_back({answer.bytes.size(), slot});
        return text(placeholder);
    }
    Builder &id() { return slot(Answer::Slot::Id, IdPlaceholder); }
    Builder &created() { return slot(Answer::Slot::Created, CreatedPlaceholder); }

    Builder &requestId() { return slot(Answer::Slot::RequestId, RequestIdPlaceholder); }

    /// Head of an answer; `length` < 0 means chunked, `headers` are the ones of the real thing.
    Builder &head(int status, std::string_view contentType, long length, const Builder &headers,
                  std::string_view moreHeaders = {});

    /// Adds what another builder has made, as the body.
    Builder &append(const Builder &other)
    {
        const std::size_t offset = answer.bytes.size();
        for (const Answer::Patch &p : other.answer.patches)
            answer.patches.push_back({p.offset + offset, p.slot});
        if (other.answer.usageEnd > 0)
            answer.usageEnd = other.answer.usageEnd + offset;
        return text(other.answer.bytes);
    }

    /// Everything added since the last call may be sent `delayMs` after that.
    void endPiece(long delayMs)
    {
        const std::size_t begin = answer.pieces.empty() ? 0 : answer.pieces.back().end;
        const std::size_t end = answer.bytes.size();
        if (!answer.pieces.empty() && delayMs == 0)
            answer.pieces.back().end = end;
        else if (end > begin || delayMs > 0 || answer.pieces.empty())
            answer.pieces.push_back({end, static_cast<unsigned>(delayMs)});
    }

    /// Cuts the pieces into smaller ones, a millisecond apart.
    void splitPieces(std::size_t size)
    {
        if (size == 0)
            return;
        std::vector<Answer::Piece> small;
        std::size_t begin = 0;
        for (const Answer::Piece &piece : answer.pieces) {
            unsigned delayMs = piece.delayMs;
            do {
                begin = std::min(begin + size, piece.end);
                small.push_back({begin, delayMs});
                delayMs = 1;
            } while (begin < piece.end);
        }
        answer.pieces = std::move(small);
    }

    AnswerPointer finish() { return std::make_shared<const Answer>(std::move(answer)); }
};

/// What stands in a JSON string, to be cut between its characters.
struct Text
{
    std::string json; // as inside a JSON string
    std::vector<json::Character> characters;

    explicit Text(std::string raw) : json(std::move(raw)), characters(json::characters(json)) { }

    struct Part
    {
        std::string_view json;
        std::size_t bytes;
    };
    /// Part number `index` of `count` equal ones.
    Part part(std::size_t index, std::size_t count) const
    {
        const std::size_t from = index * characters.size() / count;
        const std::size_t to = (index + 1) * characters.size() / count;
        const std::size_t begin = from == 0 ? 0 : characters[from - 1].end;
        const std::size_t end = to == 0 ? 0 : characters[to - 1].end;
        std::size_t bytes = 0;
        for (std::size_t i = from; i < to; ++i)
            bytes += characters[i].utf8Bytes;
        return {std::string_view(json).substr(begin, end - begin), bytes};
    }
    std::size_t bytes() const { return part(0, 1).bytes; }
};

/// The sample text repeated and cut so that it has as many bytes as the scenario wants; for `json` an object.
Text content(const Scenario &scenario);

/// A stream writes the arguments of a call in so many pieces.
constexpr std::size_t CallFragments = 4;
std::string callId(std::string_view prefix, std::size_t index);

inline bool isRefusal(const Scenario &scenario)
{
    return scenario.kind == Scenario::Kind::Refusal;
}

} // namespace mock
