// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/jsonwriter.h"
#include "providers/clientprotocol.h"

#include <QtCore/QHash>

namespace assistiv {

/// Writes one response of the Responses API (docs/contract/responses.md). It makes the list of output items of the
/// events, once: the stream, the response object and what is stored all come from it. Items are told one after the
/// other, each closed before the next is opened; what arrives for a later one waits.
class ResponseWriter final : public AnswerEncoder
{
public:
    ResponseWriter(const AnswerIdentity &identity, const middle::Request &request);

    /// A Finish closes the items that its upstream call has left open; a further call may follow.
    QByteArray write(const middle::Event &event) override;
    bool isTooLarge() const override;
    QByteArray end(const Ending &ending) override;
    QByteArray fail(const Error &error, const QByteArray &envelope, const Ending &ending) override;

    /// After end() or fail(): the response object, byte for byte as the client was told, for GET.
    const QByteArray &response() const { return m_response; }
    /// After end() or fail(): "completed", "incomplete" or "failed".
    QByteArrayView status() const { return m_status; }
    /// The output as it is stored and asked with again, each item a JSON object: with the reasoning state that the
    /// client may not want to see. Whole after a Finish and after fail().
    QByteArrayList storedItems() const;

private:
    enum class Kind { Message, Reasoning, FunctionCall };
    /// In which events a text is told, and how.
    struct Wording;
    static const Wording Text, Refusal, Summary, RawReasoning, Arguments;
    /// A text that grows, in the place it has in its item.
    struct Part
    {
        const Wording *wording = &Text;
        QByteArray text = {};
        /// JSON array or empty; those that were not told yet apart.
        QByteArray logprobs = {};
        QByteArray freshLogprobs = {};
        qsizetype told = 0;
        bool isOpen = false;
        bool hasEnded = false;
        bool isClosed = false;
    };

    struct Item
    {
        Kind kind = Kind::Message;
        QByteArray id = {};
        QList<Part> parts = {};
        /// Of a call, without its arguments.
        middle::ToolCall call = {};
        /// Sealed, empty when there is none.
        QByteArray state = {};
        bool isOpen = false;
        /// Nothing will be added to it.
        bool hasEnded = false;
        /// When it is closed: as JSON, for the client and for the store.
        QByteArray shown = {};
        QByteArray stored = {};
    };

    void take(const middle::Event &event);
    void text(Kind kind, const Wording &wording, const QByteArray &piece, const QByteArray &logprobs = {});
    void reasoning(const middle::ReasoningDelta &delta);
    void opaque(const middle::Opaque &opaque);
    void callStart(const middle::CallStart &started);
    void itemEnd();
    Item &begin(Kind kind);
    /// The item that is being written, null when it is none of this kind.
    Item *current(Kind kind);
    Item *calledItem(int call);

    /// The place of a part among those that are counted together.
    static int indexOf(const Part &part, const QList<Part> &parts);

    void tell();
    /// Closes everything. unendedStatus: of what was still being written.
    void tellRest(QByteArrayView unendedStatus);
    void open(Item &item);
    void tellPart(Item &item, Part &part, bool isOver);
    void close(Item &item, QByteArrayView status);
    void tellBegin();
    template <typename Write> void event(QByteArrayView type, Write write);

    static void writePart(JsonWriter &json, const Part &part);
    QByteArray itemJson(const Item &item, QByteArrayView status, bool withState) const;
    bool isCutOff() const;
    QByteArray object(QByteArrayView status, const Ending *ending, const Error *error) const;
    QByteArray lastFrame(QByteArrayView type);

    const AnswerIdentity m_identity;
    const bool m_streams;
    const bool m_wantsSummary;
    const bool m_showsState;
    const QByteArray m_echo;

    QList<Item> m_items;
    /// The first that is not closed: the one that the client is being told.
    qsizetype m_live = 0;
    /// Where in m_items the calls of the present upstream answer are.
    QList<qsizetype> m_calls;
    middle::FinishReason m_finish = middle::FinishReason::Stop;
    qsizetype m_bytes = 0;

    QByteArray m_out;
    qint64 m_sequence = 0;
    bool m_hasBegun = false;
    QByteArray m_response;
    QByteArrayView m_status;
};

} // namespace assistiv
