// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "webhooks/signature.h"

#include "core/hashing.h"

namespace assistiv {

QByteArray webhookSignature(const QByteArrayList &keys, const QByteArray &messageId, qint64 seconds, const QByteArray &body)
{
    const QByteArray signedText = messageId + '.' + QByteArray::number(seconds) + '.' + body;
    QByteArrayList tokens;
    for (const QByteArray &key : keys)
        tokens.append("v1," + hmacSha256(key, signedText).toBase64());
    return tokens.join(' ');
}

} // namespace assistiv
