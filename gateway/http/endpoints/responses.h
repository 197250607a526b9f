// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/endpoint.h"

namespace assistiv {

/// The routes of stored responses.
const QList<Route> &responseRoutes();

} // namespace assistiv
