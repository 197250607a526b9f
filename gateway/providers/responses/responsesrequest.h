// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "providers/middle/request.h"

#include <optional>

namespace assistiv {

/// A hosted MCP server whose tools the client wants the model to have (docs/contract/responses.md, "Hosted MCP tools").
/// Form is checked; whether the server and the key may be used is not known here.
struct McpServer
{
    /// "tools[2]", for the param of an error.
    QByteArray place = {};
    QByteArray label = {};
    QByteArray url = {};
    /// A secret: "Bearer sk-…" or the bare key; empty when the client gave none.
    QByteArray authorization = {};
    /// Empty: all tools.
    std::optional<QByteArrayList> allowedTools = {};
};

/// One thing of the conversation: a message, a call, a call's output, reasoning.
struct ResponseItem
{
    /// A JSON object, as it is stored. Null for a reference that nobody has looked up yet.
    QByteArray json;
    /// The id of an item of an earlier response that is meant; empty when the item itself was sent.
    QByteArray reference = {};
};

/// A request for a response as a client sent it (docs/contract/responses.md): proven to be of the right form.
struct ResponsesRequest
{
    /// All that is asked of the model, with the input as its turns unless there are references in it.
    middle::Request asked;
    QByteArray instructions;
    /// The input; a text is one message of the user.
    QList<ResponseItem> input;
    /// Empty when the client gave none.
    QByteArray previousResponseId;
    QByteArray threadId;
    bool store = true;
    QList<McpServer> mcpServers;

    bool hasReferences() const;
};

/// InvalidJson or one of the codes with status 422, with the offending field in param.
Result<ResponsesRequest> parseResponsesRequest(const QByteArray &body);

/// What is asked of the model in the course of a conversation: items stored by earlier responses stand before the
/// input, the output that this response has so far (a further round of a tool loop) behind it. All references must be
/// looked up by then; ResponseNotFound when one is not.
Result<middle::Request> askedWith(const ResponsesRequest &request, const QByteArrayList &before,
                                  const QByteArrayList &after = {});

} // namespace assistiv
