// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"

#include <QtCore/QByteArray>
#include <QtCore/QByteArrayList>

namespace assistiv {

/// The value of webhook-signature (docs/contract/webhooks.md, Standard Webhooks 1.0.0): one "v1,<base64>" for each key, with
/// a single blank between them. Receivers exist that fail on any other token. keys: decoded secrets, newest first; seconds:
/// the value of webhook-timestamp.
QByteArray webhookSignature(const QByteArrayList &keys, const QByteArray &messageId, qint64 seconds, const QByteArray &body);

} // namespace assistiv
