// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/gatheredlog.h"

#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace assistiv::gatheredlog {

namespace {

/// A transaction that adds more is written in several pieces. SQLite's VFS for Unix looks at 17 bits of a write's size only: its
/// own writes are a page at most.
constexpr size_t MostGathered = 0x1ffff;

sqlite3_vfs *systemVfs = nullptr;

/// A log's file. The system's own file object follows it in the same block of memory, which is SQLite's.
struct LogFile : sqlite3_file
{
    sqlite3_int64 start = 0; ///< Where the gathered bytes belong.
    std::vector<char> bytes;

    sqlite3_file *system() { return reinterpret_cast<sqlite3_file *>(this + 1); }
    sqlite3_int64 end() const { return start + sqlite3_int64(bytes.size()); }

    /// An SQLite result code. What could not be written is given up: SQLite rolls back and writes its place anew.
    int write()
    {
        if (bytes.empty())
            return SQLITE_OK;
        const int code = system()->pMethods->xWrite(system(), bytes.data(), int(bytes.size()), start);
        bytes.clear();
        return code;
    }
};

LogFile *logOf(sqlite3_file *file)
{
    return static_cast<LogFile *>(file);
}

int closeLog(sqlite3_file *file)
{
    LogFile *log = logOf(file);
    const int written = log->write();
    const int closed = log->system()->pMethods->xClose(log->system());
    std::destroy_at(log);
    return written == SQLITE_OK ? closed : written;
}

int gather(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    LogFile *log = logOf(file);
    const auto *first = static_cast<const char *>(data);
    if (offset != log->end() || log->bytes.size() + size_t(size) > MostGathered) {
        if (const int code = log->write(); code != SQLITE_OK)
            return code;
        log->start = offset;
    }
    log->bytes.insert(log->bytes.end(), first, first + size);
    return SQLITE_OK;
}

/// A method of the system's file, after what was gathered has been written.
template<auto Method, typename... Arguments>
int afterWriting(sqlite3_file *file, Arguments... arguments)
{
    LogFile *log = logOf(file);
    const int code = log->write();
    return code == SQLITE_OK ? (log->system()->pMethods->*Method)(log->system(), arguments...) : code;
}

/// A method of the system's file that has nothing to do with what the file holds.
template<auto Method, typename... Arguments>
int passOn(sqlite3_file *file, Arguments... arguments)
{
    sqlite3_file *system = logOf(file)->system();
    return (system->pMethods->*Method)(system, arguments...);
}

constexpr sqlite3_io_methods LogMethods = [] {
    using Methods = sqlite3_io_methods;
    Methods methods {};
    methods.iVersion = 1; // a log is not mapped, and the index is the database file's
    methods.xClose = closeLog;
    methods.xRead = afterWriting<&Methods::xRead, void *, int, sqlite3_int64>;
    methods.xWrite = gather;
    methods.xTruncate = afterWriting<&Methods::xTruncate, sqlite3_int64>;
    methods.xSync = afterWriting<&Methods::xSync, int>;
    methods.xFileSize = afterWriting<&Methods::xFileSize, sqlite3_int64 *>;
    methods.xLock = passOn<&Methods::xLock, int>;
    methods.xUnlock = passOn<&Methods::xUnlock, int>;
    methods.xCheckReservedLock = passOn<&Methods::xCheckReservedLock, int *>;
    methods.xFileControl = afterWriting<&Methods::xFileControl, int, void *>;
    methods.xSectorSize = passOn<&Methods::xSectorSize>;
    methods.xDeviceCharacteristics = passOn<&Methods::xDeviceCharacteristics>;
    return methods;
}();

int openFile(sqlite3_vfs *, sqlite3_filename name, sqlite3_file *file, int flags, int *flagsOfFile)
{
    if (!(flags & SQLITE_OPEN_WAL))
        return systemVfs->xOpen(systemVfs, name, file, flags, flagsOfFile);
    auto *log = new (file) LogFile {};
    const int code = systemVfs->xOpen(systemVfs, name, log->system(), flags, flagsOfFile);
    if (code == SQLITE_OK)
        log->pMethods = &LogMethods;
    else if (log->system()->pMethods)
        log->system()->pMethods->xClose(log->system());
    if (code != SQLITE_OK)
        std::destroy_at(log);
    return code;
}

bool registerVfs()
{
    static sqlite3_vfs own;
    systemVfs = sqlite3_vfs_find(nullptr);
    // All but opening is the system's.
    own = *systemVfs;
    own.zName = "assistiv-gathered-log";
    own.szOsFile = std::max<int>(systemVfs->szOsFile, int(sizeof(LogFile)) + systemVfs->szOsFile);
    own.xOpen = openFile;
    return sqlite3_vfs_register(&own, 0) == SQLITE_OK;
}

} // namespace

const char *vfs()
{
    [[maybe_unused]] static const bool once = registerVfs();
    return "assistiv-gathered-log";
}

} // namespace assistiv::gatheredlog
