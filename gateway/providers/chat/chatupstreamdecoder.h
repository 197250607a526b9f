// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/jsonread.h"
#include "providers/providercodec.h"

#include <QtCore/QHash>

namespace assistiv {

/// Reads one chat completion, streamed or whole, with all that compatible servers leave out or write differently.
class ChatUpstreamDecoder final : public StreamDecoder
{
public:
    explicit ChatUpstreamDecoder(ProviderKind kind) : m_kind(kind) { }

    void onEvent(const SseEvent &event, middle::Events &out) override;
    /// Without the farewell a stream is complete when its finish reason has come.
    void onEnd(middle::Events &out) override;

    /// A whole answer is a stream of one chunk.
    middle::Events wholeAnswer(const QByteArray &body);

private:
    void chunk(json::dom::element root, std::string_view messageName, middle::Events &out);
    void message(json::dom::element message, std::optional<json::dom::element> logprobs, middle::Events &out);
    void reasoning(json::dom::element message, middle::Events &out);
    void call(json::dom::element described, int place, middle::Events &out);
    void finish(middle::Events &out);

    const ProviderKind m_kind;
    /// The calls by the index they have in the stream, and whether pieces of their arguments have come.
    QHash<qint64, int> m_calls;
    QList<bool> m_hasArguments;
    std::optional<middle::FinishReason> m_finish;
    QByteArray m_id;
    QByteArray m_lastReasoning;
    bool m_hasStarted = false;
};

} // namespace assistiv
