// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"

namespace assistiv {

/// The body of a message, around its data (a JSON object): what all events have in common.
QByteArray webhookBody(const QByteArray &eventType, const QByteArray &eventId, Timestamp createdAt,
                       QByteArrayView data);

} // namespace assistiv
