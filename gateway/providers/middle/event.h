// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/usage.h"
#include "providers/middle/request.h"
#include "providers/upstreamfailure.h"

namespace assistiv::middle {

/// The provider has begun to answer.
struct Start
{
    /// The provider's own, for the log.
    QByteArray id = {};
    QByteArray model = {};
    friend bool operator==(const Start &, const Start &) = default;
};

struct TextDelta
{
    QByteArray text = {};
    /// JSON array in the form that OpenAI's two APIs share; empty when there are none.
    QByteArray logprobs = {};
    friend bool operator==(const TextDelta &, const TextDelta &) = default;
};

struct RefusalDelta
{
    QByteArray text = {};
    friend bool operator==(const RefusalDelta &, const RefusalDelta &) = default;
};

struct ReasoningDelta
{
    QByteArray text = {};
    friend bool operator==(const ReasoningDelta &, const ReasoningDelta &) = default;
};

/// The text, refusal or reasoning that was being written is complete; what follows is another one.
struct ItemEnd
{
    friend bool operator==(const ItemEnd &, const ItemEnd &) = default;
};

/// Calls are numbered from 0 in the order in which they start; they may be interleaved.
struct CallStart
{
    int call = 0;
    /// Never empty; unique in the answer.
    QByteArray id = {};
    QByteArray name = {};
    /// As in ToolCall.
    QByteArray signature = {};
    friend bool operator==(const CallStart &, const CallStart &) = default;
};

struct CallArguments
{
    int call = 0;
    /// The pieces of a call make one JSON text; "{}" when the model gave none.
    QByteArray piece = {};
    friend bool operator==(const CallArguments &, const CallArguments &) = default;
};

struct CallEnd
{
    int call = 0;
    friend bool operator==(const CallEnd &, const CallEnd &) = default;
};

/// What the provider counted so far. Each report is complete and takes the place of the one before.
struct UsageReport
{
    /// Empty when its counts make no sense: then the call is estimated.
    std::optional<Usage> usage = {};
    friend bool operator==(const UsageReport &, const UsageReport &) = default;
};

enum class FinishReason { Stop, Length, ToolCalls, ContentFilter };

/// The answer is complete.
struct Finish
{
    FinishReason reason = FinishReason::Stop;
    friend bool operator==(const Finish &, const Finish &) = default;
};

/// There will be no (further) answer.
struct Fail
{
    UpstreamFailure failure = {};
};

/// What an answer is made of. Start comes first; exactly one Finish or Fail comes last.
using Event = std::variant<Start, TextDelta, RefusalDelta, ReasoningDelta, ItemEnd, CallStart, CallArguments, CallEnd,
                           Opaque, UsageReport, Finish, Fail>;
using Events = QList<Event>;

/// An id for a call to which the provider gave none; answerId is the provider's id of the answer.
QByteArray madeCallId(QByteArrayView answerId, int call);

inline bool isLast(const Event &event)
{
    return std::holds_alternative<Finish>(event) || std::holds_alternative<Fail>(event);
}

/// An answer that asks for calls was finished by them, whatever the provider calls it, unless it was cut off.
constexpr FinishReason finishReason(FinishReason reported, bool hasCalls)
{
    if (reported == FinishReason::Stop && hasCalls)
        return FinishReason::ToolCalls;
    return reported == FinishReason::ToolCalls && !hasCalls ? FinishReason::Stop : reported;
}

} // namespace assistiv::middle
