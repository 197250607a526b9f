// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/options.h"

#include <memory>

namespace assistiv {

// What the commands have in common.

/// Says it on standard error; returns the exit code of a command that failed.
int complain(const QString &message);

/// Where the installation's data is.
Result<DatabaseUrl> databaseOf(const Options &options);

/// The installation's database; a command never makes one where there is none.
Result<std::unique_ptr<Database>> openExisting(const Options &options, Database::Access access);

} // namespace assistiv
