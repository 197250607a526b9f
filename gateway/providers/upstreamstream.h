// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/providercodec.h"

namespace assistiv {

/// Takes the bytes of one streamed answer and says what they mean. Whatever comes, exactly one Finish or Fail ends it,
/// and nothing follows.
class UpstreamStream
{
public:
    explicit UpstreamStream(std::unique_ptr<StreamDecoder> decoder) : m_decoder(std::move(decoder)) {}

    middle::Events feed(QByteArray bytes);
    /// The body has ended.
    middle::Events end();
    /// After a Finish or Fail.
    bool isOver() const { return m_isOver; }

private:
    void endAtLast(middle::Events &events);
    void fail(middle::Events &events, const UpstreamFailure &failure);

    std::unique_ptr<StreamDecoder> m_decoder;
    SseReader m_reader;
    bool m_isOver = false;
};

} // namespace assistiv
