// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/jsonread.h"
#include "providers/providercodec.h"

#include <QtCore/QHash>

namespace assistiv {

/// Reads one answer of the Responses API, streamed or whole.
class ResponsesDecoder final : public StreamDecoder
{
public:
    explicit ResponsesDecoder(const UpstreamTarget &target) : m_target(target) { }

    void onEvent(const SseEvent &event, middle::Events &out) override;
    /// A stream is complete with its terminal event and not before.
    void onEnd(middle::Events &) override { }

    /// A whole answer is a stream whose items come in one piece.
    middle::Events wholeAnswer(const QByteArray &body);

private:
    /// An item that is being written.
    struct Item
    {
        /// -1: no call.
        int call = -1;
        /// Pieces of it have come, so that what stands in the whole item is known.
        bool hasPieces = false;
    };

    void start(json::dom::element response, middle::Events &out);
    void itemAdded(qint64 index, json::dom::element described, middle::Events &out);
    void itemDone(qint64 index, json::dom::element described, middle::Events &out);
    void delta(QByteArrayView type, json::dom::element event, middle::Events &out);
    void message(json::dom::element described, middle::Events &out);
    void reasoning(json::dom::element described, bool hasPieces, middle::Events &out);
    void over(json::dom::element response, middle::Events &out);
    void failed(json::dom::element response, middle::Events &out);
    void usage(json::dom::element response, middle::Events &out);
    void ensureStart(middle::Events &out);

    const UpstreamTarget m_target;
    QHash<qint64, Item> m_items;
    QByteArray m_id;
    int m_calls = 0;
    int m_itemsSeen = 0;
    bool m_hasStarted = false;
    bool m_hasWarned = false;
};

} // namespace assistiv
