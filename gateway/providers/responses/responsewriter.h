// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/clientprotocol.h"

#include <QtCore/QHash>

namespace assistiv {

/// Writes one response of the Responses API (docs/contract/responses.md). It makes the list of output items of the events,
/// once: the stream, the response object and what is stored all come from it. Items are told one after the other, each
/// closed before the next is opened; what arrives for a later one waits.
class ResponseWriter final : public AnswerEncoder
{
public:
    ResponseWriter(const AnswerIdentity &identity, const middle::Request &request);
    ~ResponseWriter() override;

    /// A Finish closes the items that its upstream call has left open; a further call may follow.
    QByteArray write(const middle::Event &event) override;
    bool isTooLarge() const override { return m_bytes > MaximumBytes; }
    QByteArray end(const Ending &ending) override;
    QByteArray fail(const Error &error, const QByteArray &envelope, const Ending &ending) override;

    /// After end() or fail(): the response object, byte for byte as the client was told, for GET.
    const QByteArray &response() const { return m_response; }
    /// After end() or fail(): "completed", "incomplete" or "failed".
    QByteArrayView status() const { return m_status; }
    /// The output as it is stored and asked with again, each item a JSON object: with the reasoning state that the client
    /// may not want to see. Whole after a Finish and after fail().
    QByteArrayList storedItems() const;

private:
    static constexpr qsizetype MaximumBytes = middle::AnswerCollector::MaximumBytes;

    struct Part;
    struct Item;
};

} // namespace assistiv
