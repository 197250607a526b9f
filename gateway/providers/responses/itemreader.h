// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "providers/jsonread.h"
#include "providers/middle/request.h"

namespace assistiv {

/// Makes turns of the items of a conversation (docs/contract/responses.md, "Items"), one after the other.
class ItemReader
{
public:
    /// Appends to the request's system texts and turns.
    explicit ItemReader(middle::Request &request) : m_request(request) { }

    /// place: where the client wrote it, "input[3]". ValidationError or UnsupportedParameter.
    Result<void> add(const QByteArray &place, QByteArrayView json);

private:
    void refuse(const QByteArray &param, const QString &message, ErrorCode code = ErrorCode::ValidationError);
    void item(const QByteArray &place, json::dom::element item);
    void message(const QByteArray &place, json::dom::element item);
    void instructions(const QByteArray &place, const QList<middle::Part> &parts);
    void call(const QByteArray &place, json::dom::element item);
    void callOutput(const QByteArray &place, json::dom::element item);
    void hostedCall(const QByteArray &place, json::dom::element item);
    void reasoning(json::dom::element item);
    QList<middle::Part> content(const QByteArray &place, std::optional<json::dom::element> value);
    /// False: refused.
    bool part(json::dom::element entry, middle::Part &out);
    void image(json::dom::element entry, middle::Part &out);
    void file(json::dom::element entry, middle::Part &out);

    middle::Turn &assistantTurn();
    void addCall(middle::Part call);
    void addResult(middle::Part result);

    middle::Request &m_request;
    std::optional<Error> m_error;
    /// The last items were hosted calls, which bring their results: a call right behind belongs to the same turn.
    bool m_afterHostedCall = false;
};

} // namespace assistiv
