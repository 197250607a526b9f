// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/endpoint.h"

namespace assistiv {

/// Providers and models of the installation: readable with platform keys, kept by administrators
/// (docs/contract/llm-configs-and-models.md, headless-and-admin.md).
const QList<Route> &catalogueRoutes();

} // namespace assistiv
