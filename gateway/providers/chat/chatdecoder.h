// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/chatrequest.h"
#include "providers/middle/request.h"

namespace assistiv {

/// What a chat completion request asks, in the middle form. Looks also at what parseChatRequest() leaves to servers that
/// get the bytes as they are, and refuses as that does.
Result<middle::Request> middleRequest(const ChatRequest &request);

} // namespace assistiv
