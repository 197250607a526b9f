// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/instancelock.h"

#include <QtCore/QDir>

namespace assistiv {

using namespace Qt::StringLiterals;

InstanceLock::InstanceLock(const QString &dataDir)
    : m_file(QDir(dataDir).filePath(u"gateway.lock"_s))
{
    // Only the death of its owner frees a lock, never its age.
    m_file.setStaleLockTime(0);
}

Result<void> InstanceLock::take()
{
    if (m_file.tryLock(0))
        return {};
    if (m_file.error() != QLockFile::LockFailedError) {
        return Error { ErrorCode::Internal,
                       u"The data folder cannot be written to: %1 cannot be made. Is the disk full, or read-only?"_s
                           .arg(m_file.fileName()) };
    }
    qint64 pid = 0;
    QString host;
    QString program;
    m_file.getLockInfo(&pid, &host, &program);
    return Error { ErrorCode::Conflict, u"Another gateway (process %1) uses this data folder already."_s.arg(pid) };
}

} // namespace assistiv
