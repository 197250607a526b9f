// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "limits/ratelimiter.h"
#include "store/accountstate.h"

namespace assistiv {

/// Everything the gates need to know behind one key, read in one go: the key itself, its platform with wallet and provider
/// keys, its end user with budget, the limits of both. Unauthorized when there is no such key. For a reader.
Result<AccountChanges> loadAccounts(const ServiceContext &context, const QByteArray &keyHash);

/// Tells the limiter what the call log knows of before its start, where one of these accounts has a day limit.
Result<void> loadCallsBefore(const ServiceContext &context, const AccountChanges &accounts, RateLimiter &limiter);

/// settings.markup_percentage of a platform in hundredths of a percent.
int markupBasisPoints(const QString &settingsJson);

} // namespace assistiv
