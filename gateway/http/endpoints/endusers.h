// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/endpoint.h"

namespace assistiv {

/// The routes of end users and their keys.
const QList<Route> &endUserRoutes();

} // namespace assistiv
