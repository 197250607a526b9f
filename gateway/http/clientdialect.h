// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArray>

namespace assistiv {

/// Whose clients a route is made for: it decides where a key may stand and how an error looks.
enum class ClientDialect { Usual, Anthropic };

/// docs/contract/messages.md: /v1/messages and everything below it. path as sent, without query.
inline ClientDialect dialectOf(QByteArrayView path)
{
    constexpr QByteArrayView Messages = "/v1/messages";
    const bool isWithin = path.startsWith(Messages) && (path.size() == Messages.size() || path[Messages.size()] == '/');
    return isWithin ? ClientDialect::Anthropic : ClientDialect::Usual;
}

} // namespace assistiv
