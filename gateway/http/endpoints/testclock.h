// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/routes.h"

namespace assistiv {

/// What only a gateway with --test-clock has: its clock, to be read and moved (docs/contract/headless-and-admin.md).
QList<RouteTable::Entry> testClockRoutes();

} // namespace assistiv
