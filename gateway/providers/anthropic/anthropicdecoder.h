// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/jsonread.h"
#include "providers/providercodec.h"

#include <QtCore/QHash>

namespace assistiv {

/// Counts tokens as Anthropic reports them: bit by bit, and a member that is missing or null keeps its value.
class AnthropicUsage
{
public:
    void merge(json::dom::element reported);
    /// Empty when a count made no sense.
    std::optional<Usage> usage() const;

private:
    bool m_isCredible = true;
    qint64 m_fresh = 0;
    qint64 m_cacheRead = 0;
    qint64 m_cacheWrite = 0;
    /// The same tokens by how long they are kept; the second report often lacks them.
    qint64 m_minutesWrite = 0;
    qint64 m_hourWrite = 0;
    qint64 m_output = 0;
    qint64 m_thinking = 0;
};

/// Reads one answer of the Messages API, streamed or whole.
class AnthropicDecoder final : public StreamDecoder
{
public:
    explicit AnthropicDecoder(const UpstreamTarget &target) : m_target(target) {}

    void onEvent(const SseEvent &event, middle::Events &out) override;
    /// A stream is complete with its message_stop and not before.
    void onEnd(middle::Events &) override {}

    /// A whole answer is a stream whose blocks come in one piece.
    middle::Events wholeAnswer(const QByteArray &body);

private:
    enum class BlockKind { Text, Call, Thinking, Redacted, Ignored };
    struct Block
    {
        BlockKind kind = BlockKind::Ignored;
        int call = 0;
        /// What a call has if no piece of it comes, the thinking so far, or the redacted data.
        QByteArray content = {};
        QByteArray signature = {};
        bool hasPieces = false;
    };

    void messageStart(json::dom::element message, middle::Events &out);
    void blockStart(qint64 index, json::dom::element described, middle::Events &out);
    void blockDelta(qint64 index, json::dom::element delta, middle::Events &out);
    void blockStop(qint64 index, middle::Events &out);
    void messageDelta(json::dom::element delta, std::optional<json::dom::element> usage, middle::Events &out);
    void messageStop(middle::Events &out);
    void usage(std::optional<json::dom::element> reported, middle::Events &out);
    void thinking(Block &block, QByteArrayView text, middle::Events &out);
    void ensureStart(middle::Events &out);
    /// False: more blocks or more thinking than any answer has.
    bool isBounded(middle::Events &out);

    const UpstreamTarget m_target;
    QHash<qint64, Block> m_blocks;
    AnthropicUsage m_usage;
    std::optional<middle::FinishReason> m_finish;
    QByteArray m_id;
    int m_calls = 0;
    int m_blocksSeen = 0;
    qsizetype m_kept = 0;
    bool m_hasStarted = false;
};

} // namespace assistiv
