// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/google/googlenames.h"
#include "providers/jsonread.h"
#include "providers/providercodec.h"

#include <QtCore/QSet>

namespace assistiv {

/// Counts tokens as Google reports them: totals in each piece, and a member that is missing keeps its value.
class GoogleUsage
{
public:
    void merge(json::dom::element reported);
    /// Empty when a count made no sense.
    std::optional<Usage> usage() const;

private:
    bool m_isCredible = true;
    qint64 m_prompt = 0;
    qint64 m_cached = 0;
    qint64 m_toolUse = 0;
    qint64 m_candidates = 0;
    qint64 m_thoughts = 0;
    qint64 m_total = 0;
};

/// Reads one answer of generateContent, streamed or whole.
class GoogleDecoder final : public StreamDecoder
{
public:
    GoogleDecoder(const middle::Request &request, const UpstreamTarget &target);

    void onEvent(const SseEvent &event, middle::Events &out) override;
    /// There is no mark behind the last piece: the answer is complete when its body ends and it had a reason to.
    void onEnd(middle::Events &out) override;

    /// A whole answer is a stream of one piece.
    middle::Events wholeAnswer(const QByteArray &body);

private:
    enum class Open { Nothing, Text, Reasoning };

    void piece(QByteArrayView text, middle::Events &out);
    void candidate(json::dom::element candidate, middle::Events &out);
    void part(json::dom::element part, middle::Events &out);
    void text(Open kind, QByteArrayView text, middle::Events &out);
    void call(json::dom::element function, const QByteArray &signature, middle::Events &out);
    QByteArray callId(QByteArrayView given);
    void closeText(middle::Events &out);
    void keep(const QByteArray &signature, const QByteArray &callId, middle::Events &out);
    void finish(QByteArrayView reason);

    const UpstreamTarget m_target;
    const GoogleNames m_names;
    const bool m_onlyOneCall;
    GoogleUsage m_usage;
    QByteArray m_id;
    bool m_hasStarted = false;
    Open m_open = Open::Nothing;
    QSet<QByteArray> m_callIds;
    bool m_hasContent = false;
    std::optional<middle::FinishReason> m_finish;
    /// The model wrote calls that nobody can read.
    bool m_isBrokenCall = false;
};

} // namespace assistiv
