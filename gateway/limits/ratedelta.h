// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/id.h"

#include <QtCore/QByteArrayList>
#include <QtCore/QList>

#include <optional>

namespace assistiv {

/// What a node has counted for one end user, or for the platform keys of one platform, since it last told the others.
struct RateDelta
{
    PlatformId platform;
    /// Null: calls with a platform key.
    EndUserId endUser;
    /// An end user's requests and tokens are the platform's as well; they are told once.
    qint64 requests = 0;
    qint64 tokens = 0;

    friend bool operator==(const RateDelta &, const RateDelta &) = default;
};

/// Deltas as short lines of ASCII text, each at most so many bytes long, at least 128, and readable on its own. Deltas
/// of one platform should stand together: then its id is written once a line.
QByteArrayList encodeRateDeltas(const QList<RateDelta> &deltas, qsizetype mostBytes);
/// Empty when it is no such line.
std::optional<QList<RateDelta>> decodeRateDeltas(QByteArrayView line);

} // namespace assistiv
