// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/mailbox.h"
#include "http/direct.h"

#include <atomic>
#include <mutex>
#include <thread>

namespace assistiv {

/// Makes backups while the gateway works, one at a time, on a thread and connections of its own: however long one
/// takes, the writer and the readers stay with what they do. Backups lie in one folder, named by the moment they show.
class BackupThread final : public Backups
{
public:
    BackupThread(DatabaseUrl database, QString folder, const Clock &clock);
    ~BackupThread() override;

    QString nameOf(Timestamp moment) const override;
    void make(const QString &name, QObject *asker, std::function<void(Result<Backup>)> done) override;
    /// A backup in the making is given up and leaves nothing behind. None is begun any more.
    void stop();

private:
    struct Order
    {
        QString name;
        std::shared_ptr<Mailbox> mailbox;
        QPointer<QObject> asker;
        std::function<void(Result<Backup>)> done;
    };
    void run(const Order &order);
    Result<Backup> write(const QString &name) const;

    const DatabaseUrl m_database;
    const QString m_folder;
    const Clock &m_clock;
    std::atomic<bool> m_stopping = false;
    std::mutex m_mutex;
    bool m_isBusy = false;
    std::thread m_thread;
};

} // namespace assistiv
