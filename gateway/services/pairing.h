// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "services/findings.h"

#include <QtCore/QLatin1StringView>

namespace assistiv {

class Database;

/// One kind of rows that have partners in another table.
struct PairSide
{
    QString table;
    /// What one of them is called, after "this" and "no".
    QString name;
    /// Selects, in the order of insertion: row id, key, amount, owner. Partners agree in all but the row id.
    QString statement;
    /// The key is this member of a JSON object; empty: the column is the key.
    QLatin1StringView keyMember = {};
};

/// The rule that each right row belongs to one left row, and no two to the same.
struct Pairing
{
    QString rule;
    PairSide left;
    PairSide right;
    /// Each left row has a right one as well.
    bool everyLeftHasRight = true;
};

/// Rows of one side that are remembered at a time, at 16 bytes each.
inline constexpr qint64 PairsPerRound = 4 * 1024 * 1024;

/// Compares both sides without an index that knows the keys, in bounded memory: of more rows than perRound it looks at
/// a share of the keys in each of several rounds. Returns how many left rows there are.
Result<qint64> checkPairs(Database &db, const Pairing &pairing, Findings &findings, qint64 perRound = PairsPerRound);

} // namespace assistiv
