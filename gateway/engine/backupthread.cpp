// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/backupthread.h"

#include "core/log.h"
#include "core/os.h"

#include <QtCore/QDir>

namespace assistiv {

using namespace Qt::StringLiterals;

BackupThread::BackupThread(DatabaseUrl database, QString folder, const Clock &clock)
    : m_database(std::move(database)), m_folder(std::move(folder)), m_clock(clock)
{
}

BackupThread::~BackupThread()
{
    stop();
}

QString BackupThread::nameOf(Timestamp moment) const
{
    return fileStamp(moment) + u".db"_s;
}

void BackupThread::make(const QString &name, QObject *asker, std::function<void(Result<Backup>)> done)
{
    Order order { name, Mailbox::ofThisThread(), asker, std::move(done) };
    {
        const std::scoped_lock lock(m_mutex);
        if (!m_isBusy && !m_stopping) {
            m_isBusy = true;
            // The thread before has done its work: this does not wait for a backup.
            if (m_thread.joinable())
                m_thread.join();
            m_thread = std::thread([this, order = std::move(order)] { run(order); });
            return;
        }
    }
    order.done(m_stopping ? Error { ErrorCode::ShuttingDown, u"The gateway is about to end."_s }
                          : Error { ErrorCode::Conflict, u"Another backup is being made."_s });
}

void BackupThread::stop()
{
    m_stopping = true;
    std::thread last;
    {
        const std::scoped_lock lock(m_mutex);
        last.swap(m_thread);
    }
    if (last.joinable())
        last.join();
}

void BackupThread::run(const Order &order)
{
    const auto backup = write(order.name);
    {
        const std::scoped_lock lock(m_mutex);
        m_isBusy = false;
    }
    order.mailbox->post(order.asker, [done = order.done, backup] { done(backup); });
}

Result<Backup> BackupThread::write(const QString &name) const
{
    const QDir folder(m_folder);
    if (os::makePrivateFolder(m_folder)) {
        // What a process left that was ended in the middle: nobody else writes here.
        for (const QString &leftover : folder.entryList({ unfinishedName(u"*.db"_s) + u'*' }, QDir::Files))
            QFile::remove(folder.filePath(leftover));
    }
    const auto backup = writeBackup(m_database, folder.filePath(name), m_clock, [this] { return !m_stopping; });
    if (backup) {
        Log::info("backup", u"%1 written: %2 rows, %3 bytes"_s.arg(backup->file).arg(backup->rows).arg(backup->bytes));
        return backup;
    }
    // Paths are for the operator, not for clients.
    Log::error("backup", backup.error().message);
    const ErrorCode code = backup.error().code;
    if (code == ErrorCode::ShuttingDown)
        return Error { code, u"The gateway is about to end."_s };
    if (code == ErrorCode::DatabaseUnavailable)
        return Error { code, u"The database or the disk did not let it be made; the gateway's log says more."_s };
    return Error { ErrorCode::Internal, u"The backup was not made; the gateway's log says why."_s };
}

} // namespace assistiv
