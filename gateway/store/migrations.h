// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "store/database.h"

namespace assistiv {

/// Brings the database to this program's version: runs the numbered files that have not run yet, in order, each in
/// its own transaction. Conflict when the database was written by a newer program; nothing is changed then.
Result<void> migrate(Database &db);

/// Gives a database without tables those of one version. For a copy: the versions themselves are rows of the database
/// that is copied.
Result<void> makeSchema(Database &db, int version);

/// The version the database has; 0 when it is none of ours. Conflict when it was written by a newer program.
Result<int> knownSchemaVersion(Database &db);

/// The version this program writes.
int newestSchemaVersion();

} // namespace assistiv
