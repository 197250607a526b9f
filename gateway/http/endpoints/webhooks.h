// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/endpoint.h"

namespace assistiv {

/// Endpoints of webhooks, their secrets and deliveries (docs/contract/webhooks.md).
const QList<Route> &webhookRoutes();

} // namespace assistiv
