// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QtGlobal>

namespace assistiv {

/// What one upstream call used, in tokens. Each token is in exactly one of the six counters
/// (docs/contract/providers-openai.md, "Usage").
struct Usage
{
    qint64 inFresh = 0;
    /// Read from the provider's cache.
    qint64 inCached = 0;
    /// Written to the provider's cache for minutes, and for an hour.
    qint64 inWrite = 0;
    qint64 inWriteLong = 0;
    qint64 outText = 0;
    qint64 outReasoning = 0;

    constexpr qint64 prompt() const { return inFresh + inCached + inWrite + inWriteLong; }
    constexpr qint64 completion() const { return outText + outReasoning; }
    constexpr qint64 total() const { return prompt() + completion(); }

    friend constexpr bool operator==(const Usage &, const Usage &) = default;
};

} // namespace assistiv
