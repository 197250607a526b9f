// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/middle/event.h"

#include <optional>

namespace assistiv::middle {

/// A whole answer: what a client gets that did not ask for a stream, and the assistant's turn of a further round.
struct Answer
{
    /// In order; neighbouring pieces of the same kind are one.
    QList<Part> parts = {};
    FinishReason finish = FinishReason::Stop;
    /// JSON array of all pieces; empty when there are none.
    QByteArray logprobs = {};
};

/// Puts the events of one answer together.
class AnswerCollector
{
public:
    /// What takes more memory than this is no answer any more.
    static constexpr qsizetype MaximumBytes = qsizetype(64) * 1024 * 1024;

    /// False: it has become too large. Usage and Fail are somebody else's business.
    bool add(const Event &event);
    const Answer &answer() const { return m_answer; }

private:
    template<typename T>
    void append(const QByteArray &text);
    ToolCall *call(int number);

    Answer m_answer;
    /// Where in the answer's parts the calls are.
    QList<qsizetype> m_calls;
    qsizetype m_bytes = 0;
    bool m_itemEnded = false;
};

/// What a call has used so far, as its events tell.
class Meter
{
public:
    void note(const Event &event);

    /// Whether the provider has counted all of it.
    bool isReported() const { return m_reported && !isBehind(); }
    /// Bytes of text, call names, arguments and visible reasoning.
    qint64 outputBytes() const { return m_outputBytes; }
    /// What to bill: as reported, or estimated without a report; of an answer that broke off at least what was seen.
    Usage usage(qint64 estimatedPromptTokens) const;

private:
    /// A count from the middle of an answer does not know what has been written since.
    bool isBehind() const;

    std::optional<Usage> m_reported;
    qint64 m_outputBytes = 0;
    bool m_isComplete = false;
};

} // namespace assistiv::middle
