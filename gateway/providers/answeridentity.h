// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"

#include <QtCore/QByteArray>

namespace assistiv {

/// What the client sees instead of the provider's own.
struct AnswerIdentity
{
    /// "chatcmpl-…", "resp_…", "msg_…"
    QByteArray id;
    /// The slug the client asked for.
    QByteArray model;
    Timestamp created;
};

} // namespace assistiv
