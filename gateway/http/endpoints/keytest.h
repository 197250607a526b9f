// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/routes.h"

namespace assistiv {

/// The route that tries a stored provider key out (docs/contract/llm-configs-and-models.md, "Testing a key").
QList<RouteTable::Entry> keyTestRoutes();

} // namespace assistiv
