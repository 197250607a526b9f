// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/jsonwriter.h"
#include "providers/jsonread.h"
#include "providers/middle/request.h"

// What a provider wants back with a call goes through the client of either of OpenAI's protocols, at the place where
// Google's own compatible route has it, with whose it is: no other model takes it.
namespace assistiv::client {

/// The call's member `extra_content`; nothing without a signature.
void writeSignature(JsonWriter &json, const middle::ToolCall &call);
void readSignature(json::dom::element written, middle::ToolCall &call);

} // namespace assistiv::client
