// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"

#include <QtCore/QLockFile>

namespace assistiv {

/// Keeps a second gateway off the same data folder for as long as it lives.
class InstanceLock
{
public:
    explicit InstanceLock(const QString &dataDir);
    /// Conflict when another process holds it.
    Result<void> take();

private:
    QLockFile m_file;
};

} // namespace assistiv
