// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/endpoint.h"

namespace assistiv {

/// What every read of a budget begins with: a reset that is due is written before it (docs/contract/budgets-and-ledger.md,
/// "Period resets").
Work inRunningPeriod(const PlatformId &platform, const EndUserId &user, Work read);

/// The routes of budgets and their ledger.
const QList<Route> &budgetRoutes();

} // namespace assistiv
