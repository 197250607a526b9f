// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "store/accountstate.h"

#include <functional>

class QObject;

namespace assistiv {

/// Brings the AccountBook up to date when a gate found something missing. Per worker; answers come on the worker's thread,
/// from the event loop, and only if the asker still exists.
class AccountDesk
{
public:
    virtual ~AccountDesk() = default;

    /// Loads the key with that hash and the accounts behind it into the book. However many ask at once, the database is
    /// asked once. Unauthorized when there is no such key.
    virtual void load(const QByteArray &keyHash, QObject *asker, std::function<void(Result<void>)> done) = 0;
    /// Resets the user's budget if its period has ended.
    virtual void resetBudget(const EndUserId &user, QObject *asker, std::function<void(Result<void>)> done) = 0;
};

} // namespace assistiv
