// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/options.h"

namespace assistiv {

// The commands that work on the data instead of serving; each returns the process's exit code.

/// Recomputes the books: 0 when every rule holds, 1 with the first broken row otherwise.
int runVerify(const Options &options);
/// Makes an admin key and prints it once.
int runAdminKey(const Options &options);
/// Copies everything into a new SQLite file.
int runBackup(const Options &options);
/// Puts a backup in the place of the installation's data.
int runRestore(const Options &options);
/// Moves the installation from SQLite to PostgreSQL.
int runMigrate(const Options &options);
/// Writes a platform's rows to standard output.
int runExport(const Options &options);

} // namespace assistiv
