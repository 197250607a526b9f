// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/openapi.h"

#include "core/hashing.h"
#include "http/openapi.h"

#include <QtCore/QJsonDocument>

namespace assistiv {

namespace {

/// The document as it is sent; made once, since nothing in it changes while the program runs.
struct ServedDocument
{
    explicit ServedDocument(const RouteTable &table, const QString &version)
        : text(QJsonDocument(openApiDocument(table, version)).toJson(QJsonDocument::Compact)),
          tag('"' + sha256(text).first(16).toHex() + '"')
    {
    }

    QByteArray text;
    QByteArray tag;
};

const ServedDocument &servedDocument(const WorkerParts &worker)
{
    const auto version = [&worker] { return worker.status().version; };
    if (worker.testClock) {
        static const ServedDocument withTestClock(RouteTable::withTestClock(), version());
        return withTestClock;
    }
    static const ServedDocument usual(RouteTable::all(), version());
    return usual;
}

void describe(const DirectCall &call)
{
    const ServedDocument &document = servedDocument(call.worker);
    call.exchange.addHeader("etag", document.tag);
    call.exchange.addHeader("cache-control", "no-cache"); // may be kept, and is asked about each time
    const bool isKnown = call.exchange.request().header("if-none-match").contains(document.tag);
    call.exchange.reply(isKnown ? 304 : 200, isKnown ? QByteArray() : document.text);
}

} // namespace

QList<RouteTable::Entry> openApiRoutes()
{
    return { { HttpMethod::Get, "/openapi.json", RequiredKey::None, describe } };
}

} // namespace assistiv
