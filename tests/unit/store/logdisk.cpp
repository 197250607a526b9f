// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "logdisk.h"

#include <QtCore/QFile>

#include <sqlite3.h>

#include <algorithm>
#include <optional>

namespace assistiv::logdisk {

namespace {

struct Disk
{
    std::vector<Call> calls;
    std::optional<Fault> fault;
    std::function<void()> watcher;
    QByteArray synced;
    int openLogs = 0;
};

Disk disk;
sqlite3_vfs *systemVfs = nullptr;
const sqlite3_io_methods *systemMethods = nullptr;
/// Those of the system but for a few; the file objects are the system's.
sqlite3_io_methods logMethods;
sqlite3_io_methods databaseMethods;
QString newestLog;

void note(const Call &call)
{
    disk.calls.push_back(call);
    if (disk.watcher)
        disk.watcher();
}

int noted(int code)
{
    if (disk.watcher)
        disk.watcher();
    return code;
}

bool fails(Kind kind)
{
    return disk.fault && disk.fault->kind == kind && disk.fault->after-- <= 0;
}

int write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    note({Kind::Write, offset, size});
    if (!fails(Kind::Write))
        return noted(systemMethods->xWrite(file, bytes, size, offset));
    if (const int some = std::min(size, disk.fault->bytes); some > 0)
        systemMethods->xWrite(file, bytes, some, offset);
    return noted(disk.fault->code);
}

/// Nobody waits for a real disk.
int syncNothing(sqlite3_file *, int)
{
    return SQLITE_OK;
}

int sync(sqlite3_file *, int)
{
    note({Kind::Sync});
    if (fails(Kind::Sync))
        return noted(disk.fault->code);
    if (QFile log(newestLog); disk.watcher && log.open(QIODevice::ReadOnly))
        disk.synced = log.readAll();
    return noted(SQLITE_OK);
}

int truncate(sqlite3_file *file, sqlite3_int64 size)
{
    note({Kind::Truncate, 0, size});
    return noted(fails(Kind::Truncate) ? disk.fault->code : systemMethods->xTruncate(file, size));
}

int close(sqlite3_file *file)
{
    --disk.openLogs;
    return systemMethods->xClose(file);
}

int open(sqlite3_vfs *, sqlite3_filename name, sqlite3_file *file, int flags, int *flagsOfFile)
{
    const int code = systemVfs->xOpen(systemVfs, name, file, flags, flagsOfFile);
    if (code == SQLITE_OK && flags & SQLITE_OPEN_MAIN_DB) {
        databaseMethods = *file->pMethods;
        databaseMethods.xSync = syncNothing;
        file->pMethods = &databaseMethods;
    }
    if (code != SQLITE_OK || !(flags & SQLITE_OPEN_WAL))
        return code;
    systemMethods = file->pMethods;
    logMethods = *systemMethods;
    logMethods.xWrite = write;
    logMethods.xSync = sync;
    logMethods.xTruncate = truncate;
    logMethods.xClose = close;
    file->pMethods = &logMethods;
    newestLog = QFile::decodeName(name);
    ++disk.openLogs;
    disk.calls.push_back({Kind::Open});
    // A file with methods wants to be closed, also when it could not be opened.
    return fails(Kind::Open) ? disk.fault->code : SQLITE_OK;
}

} // namespace

void install()
{
    static sqlite3_vfs own;
    systemVfs = sqlite3_vfs_find("unix");
    own = *systemVfs;
    own.zName = "log-disk";
    own.xOpen = open;
    sqlite3_vfs_register(&own, 1);
}

void reset()
{
    disk.calls.clear();
    disk.fault.reset();
    disk.watcher = {};
    disk.synced.clear();
}

std::vector<Call> &calls()
{
    return disk.calls;
}

void fail(const Fault &fault)
{
    disk.fault = fault;
}

void repair()
{
    disk.fault.reset();
}

int openLogs()
{
    return disk.openLogs;
}

void watch(std::function<void()> watcher)
{
    disk.watcher = std::move(watcher);
}

QByteArray synced()
{
    return disk.synced;
}

} // namespace assistiv::logdisk
