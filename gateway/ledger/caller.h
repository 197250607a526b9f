// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "store/accountstate.h"

namespace assistiv {

/// Whose key a request carries, once it was found valid.
struct Caller
{
    ApiKeyId key;
    KeyType type = KeyType::Platform;
    /// Null for admin keys.
    PlatformId platform;
    /// Null for platform and admin keys.
    EndUserId endUser;
};

} // namespace assistiv
