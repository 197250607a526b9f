// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/gatheredlog.h"

#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace assistiv::gatheredlog {

namespace {

/// A transaction that adds more is written in several pieces. SQLite's VFS for Unix looks at 17 bits of a write's size
/// only: its own writes are a page at most.
constexpr size_t MostGathered = 0x1ffff;

sqlite3_vfs *systemVfs = nullptr;

/// A file as SQLite sees it. The system's own file object follows in the same block of memory, which is SQLite's.
struct File : sqlite3_file
{
    sqlite3_file *system = nullptr;
};

struct DatabaseFile : File
{
    static const sqlite3_io_methods Methods;

    struct LogFile *log = nullptr; ///< While it is open.
};

struct LogFile : File
{
    static const sqlite3_io_methods Methods;

    explicit LogFile(DatabaseFile *its) : database(its) { database->log = this; }
    ~LogFile() { database->log = nullptr; }

    DatabaseFile *database;
    sqlite3_int64 start = 0; ///< Where the gathered bytes belong.
    std::vector<char> bytes;

    sqlite3_int64 end() const { return start + sqlite3_int64(bytes.size()); }

    /// An SQLite result code. What could not be written stays gathered: SQLite may undo no more than the statement that
    /// was told so, and takes what came before it for written.
    int write()
    {
        if (bytes.empty())
            return SQLITE_OK;
        const int code = system->pMethods->xWrite(system, bytes.data(), int(bytes.size()), start);
        if (code == SQLITE_OK)
            bytes.clear();
        return code;
    }
};

LogFile *logOf(sqlite3_file *file)
{
    return static_cast<LogFile *>(file);
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

/// A method of the system's file.
template<auto Method, typename... Arguments>
auto passOn(sqlite3_file *file, Arguments... arguments)
{
    sqlite3_file *system = static_cast<File *>(file)->system;
    return (system->pMethods->*Method)(system, arguments...);
}

/// The same for a log, after what was gathered has been written.
template<auto Method, typename... Arguments>
int afterWriting(sqlite3_file *file, Arguments... arguments)
{
    const int code = logOf(file)->write();
    return code == SQLITE_OK ? passOn<Method>(file, arguments...) : code;
}

template<typename Own>
int closeFile(sqlite3_file *file)
{
    const int code = passOn<&sqlite3_io_methods::xClose>(file);
    std::destroy_at(static_cast<Own *>(file));
    return code;
}

/// The first lock of the index is the writer's (https://sqlite.org/walformat.html, section 2.3). Who gives it up has
/// synced what it committed. The rest was rolled back, and its place in the log is from now on somebody else's.
int lockIndex(sqlite3_file *file, int first, int count, int how)
{
    if (LogFile *log = static_cast<DatabaseFile *>(file)->log; log && first == 0 && (how & SQLITE_SHM_UNLOCK))
        log->bytes.clear();
    return passOn<&sqlite3_io_methods::xShmLock>(file, first, count, how);
}

/// Comes before others find a commit in the index. There is something to be written only where SQLite does not sync
/// each commit, or not all of it.
void tellOthers(sqlite3_file *file)
{
    if (LogFile *log = static_cast<DatabaseFile *>(file)->log)
        log->write();
    passOn<&sqlite3_io_methods::xShmBarrier>(file);
}

constexpr sqlite3_io_methods Passing = [] {
    using Methods = sqlite3_io_methods;
    Methods methods {};
    methods.xRead = passOn<&Methods::xRead, void *, int, sqlite3_int64>;
    methods.xWrite = passOn<&Methods::xWrite, const void *, int, sqlite3_int64>;
    methods.xTruncate = passOn<&Methods::xTruncate, sqlite3_int64>;
    methods.xSync = passOn<&Methods::xSync, int>;
    methods.xFileSize = passOn<&Methods::xFileSize, sqlite3_int64 *>;
    methods.xLock = passOn<&Methods::xLock, int>;
    methods.xUnlock = passOn<&Methods::xUnlock, int>;
    methods.xCheckReservedLock = passOn<&Methods::xCheckReservedLock, int *>;
    methods.xFileControl = passOn<&Methods::xFileControl, int, void *>;
    methods.xSectorSize = passOn<&Methods::xSectorSize>;
    methods.xDeviceCharacteristics = passOn<&Methods::xDeviceCharacteristics>;
    methods.xShmMap = passOn<&Methods::xShmMap, int, int, int, void volatile **>;
    methods.xShmUnmap = passOn<&Methods::xShmUnmap, int>;
    methods.xFetch = passOn<&Methods::xFetch, sqlite3_int64, int, void **>;
    methods.xUnfetch = passOn<&Methods::xUnfetch, sqlite3_int64, void *>;
    return methods;
}();

constexpr sqlite3_io_methods DatabaseFile::Methods = [] {
    sqlite3_io_methods methods = Passing;
    methods.iVersion = 3; // as the databases of SQLite's VFS for Unix and of that for Windows
    methods.xClose = closeFile<DatabaseFile>;
    methods.xShmLock = lockIndex;
    methods.xShmBarrier = tellOthers;
    return methods;
}();

constexpr sqlite3_io_methods LogFile::Methods = [] {
    using Methods = sqlite3_io_methods;
    Methods methods = Passing;
    methods.iVersion = 1; // a log is not mapped, and the index is the database file's
    methods.xClose = closeFile<LogFile>;
    methods.xRead = afterWriting<&Methods::xRead, void *, int, sqlite3_int64>;
    methods.xWrite = gather;
    methods.xTruncate = afterWriting<&Methods::xTruncate, sqlite3_int64>;
    methods.xSync = afterWriting<&Methods::xSync, int>;
    methods.xFileSize = afterWriting<&Methods::xFileSize, sqlite3_int64 *>;
    methods.xFileControl = afterWriting<&Methods::xFileControl, int, void *>;
    return methods;
}();

template<typename Own>
int open(Own *own, sqlite3_filename name, int flags, int *flagsOfFile)
{
    own->system = reinterpret_cast<sqlite3_file *>(own + 1);
    const int code = systemVfs->xOpen(systemVfs, name, own->system, flags, flagsOfFile);
    if (code == SQLITE_OK) {
        own->pMethods = &Own::Methods;
        return code;
    }
    if (own->system->pMethods)
        own->system->pMethods->xClose(own->system);
    std::destroy_at(own);
    static_cast<sqlite3_file *>(own)->pMethods = nullptr; // SQLite need not close it
    return code;
}

int openFile(sqlite3_vfs *, sqlite3_filename name, sqlite3_file *file, int flags, int *flagsOfFile)
{
    if (flags & SQLITE_OPEN_MAIN_DB)
        return open(new (file) DatabaseFile, name, flags, flagsOfFile);
    if (flags & SQLITE_OPEN_WAL) {
        auto *database = static_cast<DatabaseFile *>(sqlite3_database_file_object(name));
        return open(new (file) LogFile(database), name, flags, flagsOfFile);
    }
    return systemVfs->xOpen(systemVfs, name, file, flags, flagsOfFile);
}

bool registerVfs()
{
    static sqlite3_vfs own;
    systemVfs = sqlite3_vfs_find(nullptr);
    // All but opening is the system's.
    own = *systemVfs;
    own.zName = "assistiv-gathered-log";
    own.szOsFile = int(std::max(sizeof(DatabaseFile), sizeof(LogFile))) + systemVfs->szOsFile;
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
