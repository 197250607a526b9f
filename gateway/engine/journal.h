// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "ledger/settlement.h"

#include <QtCore/QFile>
#include <QtCore/QList>

#include <atomic>
#include <mutex>

namespace assistiv {

/// The file that keeps settlements which the database did not take, one line of JSON each, synced to disk. They are replayed
/// when the database is back, or at the next start before anything is served. Thread-safe.
class Journal
{
public:
    explicit Journal(const QString &path);
    /// Where an installation's journal is.
    static QString pathIn(const QString &dataDir);

    /// False when not even the file could be written: it holds nothing of the settlement then.
    bool append(const Settlement &settlement);
    /// What an earlier run left behind; lines that cannot be read are reported and kept in a file beside.
    Result<QList<Settlement>> read();
    /// After everything else that read() returned was committed.
    void keepOnly(const QList<Settlement> &settlements);
    /// How many wait in it.
    qint64 waiting() const { return m_waiting.load(std::memory_order_relaxed); }

private:
    std::mutex m_mutex;
    QFile m_file;
    std::atomic<qint64> m_waiting = 0;
};

} // namespace assistiv
