// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/routes.h"

namespace assistiv {

/// GET /openapi.json (docs/contract/headless-and-admin.md).
QList<RouteTable::Entry> openApiRoutes();

} // namespace assistiv
