// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/id.h"
#include "core/words.h"

#include <array>

namespace assistiv {

/// Where a money row comes from.
enum class LedgerSource { Api, Console, Inference, Mcp, System };

template<>
struct Words<LedgerSource>
{
    static constexpr std::array table { QLatin1StringView("api"), QLatin1StringView("console"), QLatin1StringView("inference"),
                                        QLatin1StringView("mcp"), QLatin1StringView("system") };
};

/// On whose behalf money is moved; every row keeps it.
struct Actor
{
    LedgerSource source = LedgerSource::Api;
    /// Null for the console and for the program itself.
    ApiKeyId key = {};
    /// Empty when none was given.
    QString idempotencyKey = {};
};

/// The program's own doing: automatic budgets, period resets.
inline Actor systemActor()
{
    return { .source = LedgerSource::System };
}

inline Actor consoleActor(const QString &idempotencyKey = {})
{
    return { .source = LedgerSource::Console, .key = {}, .idempotencyKey = idempotencyKey };
}

} // namespace assistiv
