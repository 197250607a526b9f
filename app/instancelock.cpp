// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/instancelock.h"

#include <QtCore/QCoreApplication>
#include <QtCore/QDir>
#include <QtCore/QTemporaryFile>

#include <sys/file.h>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// A start that cannot write would only promise what it cannot keep.
bool hasRoom(const QString &lockFile)
{
    QTemporaryFile probe(lockFile + u".XXXXXX"_s);
    return probe.open() && probe.write(QByteArray(4096, '\0')) == 4096 && probe.flush();
}

Error notWritable(const QString &lockFile)
{
    return { ErrorCode::Internal,
             u"The data folder cannot be written to: %1 cannot be made. Is the disk full, or read-only?"_s.arg(lockFile) };
}

} // namespace

InstanceLock::InstanceLock(const QString &dataDir)
    : m_file(QDir(dataDir).filePath(u"gateway.lock"_s))
{
}

Result<void> InstanceLock::take()
{
    if (!m_file.open(QIODevice::ReadWrite))
        return notWritable(m_file.fileName());
    if (flock(m_file.handle(), LOCK_EX | LOCK_NB) != 0) {
        const QString pid = QString::fromLatin1(m_file.readLine(32).trimmed());
        m_file.close();
        return Error { ErrorCode::Conflict, u"Another gateway (process %1) uses this data folder already."_s.arg(pid) };
    }
    if (!hasRoom(m_file.fileName())) {
        m_file.close();
        return notWritable(m_file.fileName());
    }
    m_file.resize(0);
    m_file.write(QByteArray::number(QCoreApplication::applicationPid()) + '\n');
    m_file.flush();
    return {};
}

} // namespace assistiv
