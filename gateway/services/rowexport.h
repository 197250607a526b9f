// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/id.h"
#include "core/result.h"
#include "core/words.h"

#include <array>
#include <functional>

namespace assistiv {

class Database;

enum class ExportKind { Ledger, Logs, Wallet };

template<>
struct Words<ExportKind>
{
    static constexpr std::array table { QLatin1StringView("ledger"), QLatin1StringView("logs"),
                                        QLatin1StringView("wallet") };
};

enum class ExportFormat { Csv, JsonLines };

template<>
struct Words<ExportFormat>
{
    static constexpr std::array table { QLatin1StringView("csv"), QLatin1StringView("jsonl") };
};

/// Takes the next piece of text; false: nothing more is wanted.
using ExportSink = std::function<bool(const QByteArray &text)>;

/// Writes one platform's rows, oldest first, with the members that the API shows and amounts with six places. They
/// are read in portions, each in a moment of its own: a sink may take its time without holding up a gateway that
/// works on the same data. What is booked while it runs is left for the next export. Returns the number of rows that
/// were given out.
Result<qint64> exportRows(Database &db, ExportKind kind, const PlatformId &platform, Timestamp since,
                          ExportFormat format, const ExportSink &sink);

/// By its id or its slug. PlatformNotFound.
Result<PlatformId> platformNamed(Database &db, const QString &name);

} // namespace assistiv
