// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/routes.h"

namespace assistiv {

/// Health, status and verification of the installation (docs/contract/headless-and-admin.md).
QList<RouteTable::Entry> statusRoutes();

/// The status as /v1/admin/status shows it.
QByteArray statusJson(const EngineStatus &status);

} // namespace assistiv
