// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/endpoint.h"

namespace assistiv {

/// The platforms' own keys for providers (docs/contract/llm-configs-and-models.md).
const QList<Route> &llmConfigRoutes();

} // namespace assistiv
