// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/middle/request.h"

#include "core/hashing.h"
#include "providers/middle/event.h"

#include <QtCore/QString>

#include <algorithm>

namespace assistiv::middle {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype MostNames = 50;
constexpr qint64 BytesPerToken = 4;
constexpr qint64 TokensPerAttachment = 1000;

// Unknown members have whatever name a client made up, and the header is a line.
bool fitsHeader(QByteArrayView name)
{
    return !name.isEmpty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'
            || c == '.' || c == '[' || c == ']';
    });
}

/// Counts what the parts of a prompt hold.
struct PromptSize
{
    void operator()(const Text &text) { bytes += text.text.size(); }
    void operator()(const Refusal &refusal) { bytes += refusal.text.size(); }
    void operator()(const Reasoning &) {}
    void operator()(const Image &) { ++attachments; }
    void operator()(const File &) { ++attachments; }
    void operator()(const ToolCall &call) { bytes += call.name.size() + call.arguments.size(); }
    void operator()(const ToolResult &result)
    {
        for (const auto &piece : result.content)
            std::visit(*this, piece);
    }
    void operator()(const Opaque &) {}

    qint64 bytes = 0;
    qint64 attachments = 0;
};

} // namespace

qint64 estimatedPromptTokens(const Request &request)
{
    PromptSize size;
    for (const SystemText &text : request.system)
        size.bytes += text.text.size();
    for (const Turn &turn : request.turns) {
        for (const Part &part : turn.parts)
            std::visit(size, part.content);
    }
    for (const Tool &tool : request.tools)
        size.bytes += tool.name.size() + tool.description.size() + tool.parameters.size();
    return (size.bytes + BytesPerToken - 1) / BytesPerToken + TokensPerAttachment * size.attachments;
}

void removeState(Request &request)
{
    for (Turn &turn : request.turns) {
        turn.parts.removeIf([](const Part &part) { return std::holds_alternative<Opaque>(part.content); });
        for (Part &part : turn.parts) {
            if (auto *call = std::get_if<ToolCall>(&part.content))
                call->signature.clear();
        }
    }
}

QByteArrayList namesOf(const Request &request, const QList<Field> &fields)
{
    QByteArrayList names;
    for (const auto &[field, name] : request.given) {
        if (names.size() < MostNames && fields.contains(field) && fitsHeader(name) && !names.contains(name))
            names.append(name);
    }
    return names;
}

Error unsupported(const Request &request, Field field)
{
    const QString name = QString::fromUtf8(request.nameOf(field));
    return { .code = ErrorCode::UnsupportedParameter,
             .message = u"\"%1\" is not supported by model %2; remove it or choose another model."_s.arg(
                 name, QString::fromUtf8(request.model)),
             .param = name };
}

Error unsupported(const Part &part, const QString &why)
{
    return { .code = ErrorCode::UnsupportedParameter, .message = why, .param = QString::fromUtf8(part.place) };
}

QByteArray madeCallId(QByteArrayView answerId, int call)
{
    return "call_" + sha256(answerId.toByteArray() + ':' + QByteArray::number(call)).toHex().first(24);
}

} // namespace assistiv::middle
