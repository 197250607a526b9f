// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "core/vault.h"
#include "store/database.h"

namespace assistiv {

/// What an installation knows about itself, kept in the database beside its data.
namespace Installation {

/// Id of the master key that this database's secrets are sealed with; empty when none was sealed yet. Asked before a key
/// is made: a keychain that is locked looks like an empty one, and a new key would make every stored secret unreadable.
Result<QString> masterKeyId(Database &db);

/// Checks that the vault opens what this database holds; on the first run it leaves the check value. Conflict when the key is
/// another one. Must run inside a transaction.
Result<void> adoptVault(Database &db, const Vault &vault);

Result<std::optional<QString>> setting(Database &db, const QString &name);
Result<void> setSetting(Database &db, const QString &name, const QString &value);

} // namespace Installation
} // namespace assistiv
