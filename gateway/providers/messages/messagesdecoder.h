// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/messages/messagesrequest.h"
#include "providers/middle/request.h"

namespace assistiv {

/// What a request of the Messages API asks, in the middle form. Looks also at what parseMessagesRequest() leaves to
/// Anthropic, and refuses as that does.
Result<middle::Request> middleRequest(const MessagesRequest &request);

} // namespace assistiv
