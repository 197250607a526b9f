// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/routes.h"

namespace assistiv {

/// GET /metrics (docs/contract/headless-and-admin.md).
QList<RouteTable::Entry> metricsRoutes();

} // namespace assistiv
