// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/callsignature.h"

namespace assistiv::client {

void writeSignature(JsonWriter &json, const middle::ToolCall &call)
{
    if (call.signature.isEmpty())
        return;
    json.key("extra_content").beginObject().key("google").beginObject();
    json.key("thought_signature").utf8(call.signature);
    if (!call.signer.isEmpty())
        json.key("signed_by").utf8(call.signer);
    json.endObject().endObject();
}

void readSignature(json::dom::element written, middle::ToolCall &call)
{
    const auto extra = json::member(written, "extra_content");
    if (const auto google = extra ? json::member(*extra, "google") : std::nullopt) {
        call.signature = json::text(*google, "thought_signature").toByteArray();
        call.signer = json::text(*google, "signed_by").toByteArray();
    }
}

} // namespace assistiv::client
