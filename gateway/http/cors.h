// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "net/httpexchange.h"

namespace assistiv {

/// Which web pages may read our answers, as origins ("https://app.example"); "*" stands for every page.
struct CorsSettings
{
    QList<QByteArray> origins = {"*"};
    /// On /mcp, in addition to pages of this machine.
    QList<QByteArray> mcpOrigins = {};
};

enum class CorsVerdict {
    NotShared, ///< no business of web pages, or not a web page: no headers
    Allowed,
    Refused, ///< a page that may not even ask: 403
};

/// What the path of a request and its Origin header (empty when there is none) come to.
CorsVerdict corsVerdict(QByteArrayView path, QByteArrayView origin, const CorsSettings &settings);
/// True for paths on which OPTIONS is answered here, whoever asks.
bool isSharedPath(QByteArrayView path);
/// The headers that let the page of that origin read the answer; none unless the verdict is Allowed.
HttpHeaders corsHeaders(QByteArrayView path, QByteArrayView origin, const CorsSettings &settings);

/// Comes before authentication: adds the headers, and answers preflights and refused pages itself. True: it has
/// answered.
bool applyCors(HttpExchange &exchange, const CorsSettings &settings);

} // namespace assistiv
