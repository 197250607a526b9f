// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/usage.h"
#include "providers/jsonread.h"

#include <optional>

// What OpenAI's two APIs report as used (docs/contract/providers-openai.md, "Usage"): six counters, each token in
// exactly one. Empty when the counts make no sense: then the call is estimated.
namespace assistiv::openai {

/// countsReasoningBeside: when nothing else tells, reasoning is not inside completion_tokens.
std::optional<Usage> chatUsage(json::dom::element reported, bool countsReasoningBeside);
std::optional<Usage> responsesUsage(json::dom::element reported);

} // namespace assistiv::openai
