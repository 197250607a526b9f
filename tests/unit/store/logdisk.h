// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArray>

#include <functional>
#include <vector>

/// The disk below SQLite's write-ahead logs, as the default VFS of this process: notes what is asked of it, fails when
/// it is told to, and knows what a power cut would leave. It lies over the VFS for Unix.
namespace assistiv::logdisk {

enum class Kind { Open, Write, Sync, Truncate };

/// What was asked, whether or not it went well.
struct Call
{
    Kind kind;
    qint64 offset = 0;
    qint64 size = 0;
    qint64 end() const { return offset + size; }
    bool operator==(const Call &) const = default;
};

struct Fault
{
    Kind kind;
    int code;
    int after = 0; ///< So many calls go well before.
    int bytes = 0; ///< So many bytes of a write arrive nevertheless.
};

/// Before anything opens a database.
void install();

/// Nothing noted, no fault, nobody watching.
void reset();
std::vector<Call> &calls();
/// From now on, until repair().
void fail(const Fault &fault);
void repair();
/// Logs that are open at the moment.
int openLogs();
/// Called just before and just after each change of a log.
void watch(std::function<void()> watcher);
/// What the log that was synced most recently held then. Only while somebody watches.
QByteArray synced();

} // namespace assistiv::logdisk
