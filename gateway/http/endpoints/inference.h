// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/routes.h"

namespace assistiv {

/// Chat completions, messages, embeddings and model lists (docs/contract/inference.md, messages.md, embeddings.md,
/// llm-configs-and-models.md).
QList<RouteTable::Entry> inferenceRoutes();

} // namespace assistiv
