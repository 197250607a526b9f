// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/catalogsnapshot.h"
#include "providers/middle/request.h"

#include <QtCore/QSet>

/// What more than one provider's wire format needs to write a request (docs/contract/providers-middle-form.md).
namespace assistiv::middle {

/// A content block, system text or tool as the provider wants it: a JSON object.
struct Block
{
    QByteArray json;
    CacheLife cache = CacheLife::None;
};

/// What one side said until the other spoke.
struct Message
{
    bool isAssistant = false;
    QList<Block> blocks = {};
    /// Results stand before everything else.
    qsizetype results = 0;
    /// The calls that an assistant makes, or those that a user's results answer.
    QSet<QByteArray> callIds = {};

    /// Without text there is no block.
    void add(const QByteArray &json, CacheLife cache = CacheLife::None);
    void addCall(const QByteArray &id, const QByteArray &json, CacheLife cache = CacheLife::None);
    void addResult(const QByteArray &id, const QByteArray &json, CacheLife cache = CacheLife::None);
};

/// The conversation without its instructions: neighbours of one role are one message, and what would be empty is none.
/// addPart(part, message) adds the blocks of a part.
template<typename AddPart>
QList<Message> messagesOf(const QList<Turn> &turns, AddPart addPart)
{
    QList<Message> messages;
    for (const Turn &turn : turns) {
        if (turn.role == Role::Developer)
            continue;
        Message message { .isAssistant = turn.role == Role::Assistant };
        if (!messages.isEmpty() && messages.last().isAssistant == message.isAssistant)
            message = messages.takeLast();
        for (const Part &part : turn.parts)
            addPart(part, message);
        if (!message.blocks.isEmpty())
            messages.append(std::move(message));
    }
    return messages;
}

/// ValidationError when nothing is left of the conversation, or when a call has no result in the message behind it:
/// providers refuse both, and we say which call it is.
std::optional<Error> conversationProblem(const Request &request, const QList<Message> &messages);

/// All instructions with something in them, in order, also those from the middle of the conversation.
QList<SystemText> instructionsOf(const Request &request);
/// The tools that the model may call. Where there is no list of allowed ones, it is shown no others.
QList<Tool> toolsOf(const Request &request);

/// Whether the client wants another price than the usual one.
bool wantsOtherTier(const Request &request);
/// Whether the model lets the client choose temperature and the like.
bool takesSampling(const ModelQuirks &quirks, const Request &request);
/// The client's limit of the output, never above the model's own.
std::optional<qint64> outputLimit(const Request &request, std::optional<qint64> modelsLimit);
/// A format whose schema the provider can be given.
bool hasSchema(const Format &format);

/// Arguments as a JSON object, whatever the model or the client made of them.
QByteArray argumentsObject(const QByteArray &arguments);
/// The text itself when it is a JSON object.
std::optional<QByteArray> jsonObject(const QByteArray &text);
/// A schema that says it is an object's, as providers insist.
QByteArray objectSchema(const QByteArray &schema);
inline constexpr QByteArrayView EmptyObjectSchema = R"({"type":"object","properties":{}})";

/// "image/jpeg" for what some clients call "image/jpg".
QByteArray imageType(const Image &image);
/// Without a visible character.
bool isBlank(const QByteArray &text);
/// The shortest text that is this number.
QByteArray numberText(double number);

} // namespace assistiv::middle
