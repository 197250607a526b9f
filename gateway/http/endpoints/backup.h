// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/routes.h"

namespace assistiv {

/// The admin route that makes a backup of the running program (docs/contract/headless-and-admin.md, "Backup").
QList<RouteTable::Entry> backupRoutes();

} // namespace assistiv
