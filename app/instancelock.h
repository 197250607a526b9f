// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"

#include <QtCore/QFile>

namespace assistiv {

/// Keeps a second gateway off the same data folder for as long as it lives. The lock is the kernel's (flock), so it ends with the
/// process, however that ends; a lock that is a file with a process id in it can be cut off while it is written, and then nobody
/// may start any more.
class InstanceLock
{
public:
    explicit InstanceLock(const QString &dataDir);
    /// Conflict when another process holds it.
    Result<void> take();

private:
    /// Stays when the lock ends; what it holds is only for people.
    QFile m_file;
};

} // namespace assistiv
