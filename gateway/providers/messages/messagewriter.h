// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/jsonwriter.h"
#include "providers/clientprotocol.h"

namespace assistiv {

/// Writes one message of the Messages API (docs/contract/messages.md), as a stream or in one piece. Blocks are told one
/// after the other, each closed before the next is opened; what arrives for a later one waits.
class MessageWriter final : public AnswerEncoder
{
public:
    MessageWriter(const AnswerIdentity &identity, bool streams) : m_identity(identity), m_streams(streams) {}

    QByteArray write(const middle::Event &event) override;
    bool isTooLarge() const override { return m_isTooLarge; }
    QByteArray end(const Ending &ending) override;
    QByteArray fail(const Error &error, const QByteArray &envelope, const Ending &ending) override;

private:
    enum class Kind { Text, Thinking, Redacted, Call };
    struct Block
    {
        Kind kind = Kind::Text;
        /// Of a call, without its arguments.
        QByteArray id = {};
        QByteArray name = {};
        /// The text, the thinking, the arguments or the redacted state so far.
        QByteArray content = {};
        /// Sealed, behind thinking.
        QByteArray signature = {};
        qsizetype told = 0;
        bool isOpen = false;
        bool hasEnded = false;
    };

    void take(const middle::Event &event);
    void append(Kind kind, const QByteArray &text);
    void state(const middle::Opaque &opaque);
    Block &begin(Kind kind);
    /// Of what is no call nothing more comes.
    void endWords();
    Block *calledBlock(int call);

    void tell();
    void open(const Block &block);
    void tellDelta(Block &block);
    QByteArray messageStart() const;
    QByteArray blockJson(const Block &block) const;
    QByteArrayView stopReason() const;
    template<typename Write>
    void event(QByteArrayView type, Write write);

    const AnswerIdentity m_identity;
    const bool m_streams;
    QList<Block> m_blocks;
    /// The first that is not closed: the one that the client is being told.
    qsizetype m_live = 0;
    /// Where in m_blocks the calls are.
    QList<qsizetype> m_calls;
    /// Of the prompt, as far as it is known when the stream begins.
    Usage m_reported;
    middle::FinishReason m_finish = middle::FinishReason::Stop;
    /// A thought has ended, and the next one may go into the same block.
    bool m_hasPause = false;
    bool m_hasRefused = false;
    bool m_hasBegun = false;
    bool m_isTooLarge = false;
    qsizetype m_bytes = 0;
    QByteArray m_out;
};

/// The counters as this API names them.
QByteArray messagesUsageJson(const Usage &usage);

} // namespace assistiv
