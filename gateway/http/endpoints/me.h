// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/routes.h"

namespace assistiv {

/// What end users may know about themselves.
QList<RouteTable::Entry> selfServiceRoutes();

} // namespace assistiv
