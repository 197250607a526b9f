// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/endpoint.h"
#include "store/accountstate.h"

namespace assistiv {

class JsonWriter;

/// Limits of a platform and its end users, and their place in the admin API.
const QList<Route> &rateLimitRoutes();

/// rpm_limit, tpm_limit and rpd_limit, without the braces.
void writeRateLimit(JsonWriter &json, const RateLimit &limit);

} // namespace assistiv
