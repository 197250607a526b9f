// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "webhooks/outbox.h"

#include "core/hashing.h"
#include "store/database.h"

#include <QtCore/QtEndian>

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 KsuidEpochSeconds = 1'400'000'000;
constexpr int KsuidLength = 27;
constexpr QByteArrayView Base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The bytes as one number, most significant first, in base 62.
QByteArray toBase62(QByteArray bytes, int length)
{
    QByteArray text(length, '0');
    for (qsizetype at = length - 1; at >= 0; --at) {
        int remainder = 0;
        for (char &byte : bytes) {
            const int value = remainder * 256 + static_cast<unsigned char>(byte);
            byte = char(value / 62);
            remainder = value % 62;
        }
        text[at] = Base62[remainder];
    }
    return text;
}

} // namespace

QByteArray Outbox::newMessageId(Timestamp now)
{
    QByteArray bytes(4, Qt::Uninitialized);
    qToBigEndian(quint32(now.ms() / 1000 - KsuidEpochSeconds), bytes.data());
    return "msg_" + toBase62(bytes + randomBytes(16), KsuidLength);
}

Result<void> Outbox::append(const WebhookMessage &message)
{
    Query insert = m_db.prepare(
        u"INSERT INTO webhook_messages (id, platform_id, end_user_id, event_type, event_id, payload, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)"_s);
    insert.bind(newMessageId(message.createdAt), message.platform, message.endUser, message.eventType, message.eventId,
                message.payload, message.createdAt);
    return insert.exec();
}

} // namespace assistiv
