// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ledger/responses.h"

#include <functional>

namespace assistiv {

/// Reads what was said before a request. Per worker; answers come on the worker's thread, from the event loop, and only if
/// the asker still exists.
class ConversationDesk
{
public:
    virtual ~ConversationDesk() = default;

    /// As Responses::conversation().
    virtual void read(const ResponseOwner &owner, const ConversationWish &wish, QObject *asker,
                      std::function<void(Result<Conversation>)> done) = 0;
};

} // namespace assistiv
