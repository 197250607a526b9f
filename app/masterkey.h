// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/options.h"
#include "core/result.h"

#include <QtCore/QObject>

#include <functional>

namespace assistiv {

/// Finds the key that all stored secrets are sealed with, and makes one where none is yet.
namespace MasterKey {

/// Calls back once, from the event loop or at once, with 32 bytes or with a message for the operator. knownKeyId is what the
/// database says it was sealed with; when it is not empty, a missing key is an error and never replaced: a locked keychain
/// looks exactly like an empty one.
void obtain(KeySource source, const QString &dataDir, const QString &knownKeyId, QObject *context,
            std::function<void(Result<QByteArray>)> done);

} // namespace MasterKey
} // namespace assistiv
