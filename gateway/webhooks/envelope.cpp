// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "webhooks/envelope.h"

#include "core/jsonwriter.h"

namespace assistiv {

namespace {

constexpr QByteArrayView ApiVersion = "2026-04-11";

} // namespace

QByteArray webhookBody(const QByteArray &eventType, const QByteArray &eventId, Timestamp createdAt, QByteArrayView data)
{
    JsonWriter json;
    json.beginObject().key("event_type").utf8(eventType).key("event_id").utf8(eventId);
    json.key("api_version").utf8(ApiVersion).member("created_at", createdAt).key("data").raw(data);
    return json.endObject().take();
}

} // namespace assistiv
