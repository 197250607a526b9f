// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/walindex.h"

#include "core/frozenpages.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace assistiv::walindex {

namespace {

// As https://sqlite.org/walformat.html, section 2, has it: part of the file format, the same in every version.
constexpr int RegionBytes = 32768;
constexpr int LockCount = 8;
constexpr int FirstReadLock = 3;
constexpr size_t ReadMarksAt = 100;
using ReadMarks = std::array<unsigned, 5>;

/// With these nobody, in whatever process, changes the index: writing, checkpoints and recovery are locked out, and a
/// read mark is only changed by who has its lock alone. Reading goes on.
class IndexLocks
{
public:
    explicit IndexLocks(sqlite3_file *file) : m_file(file)
    {
        m_isExclusive = lock(0, FirstReadLock, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);
        m_next = FirstReadLock;
        while (m_isExclusive && m_next < LockCount && lock(m_next, 1, SQLITE_SHM_LOCK | SQLITE_SHM_SHARED))
            ++m_next;
    }
    ~IndexLocks()
    {
        while (m_next > FirstReadLock)
            lock(--m_next, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED);
        if (m_isExclusive)
            lock(0, FirstReadLock, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
    }
    IndexLocks(const IndexLocks &) = delete;
    IndexLocks &operator=(const IndexLocks &) = delete;
    bool areHeld() const { return m_next == LockCount; }

private:
    bool lock(int first, int count, int how)
    {
        return m_file->pMethods->xShmLock(m_file, first, count, how) == SQLITE_OK;
    }

    sqlite3_file *m_file;
    bool m_isExclusive = false;
    int m_next = FirstReadLock;
};

sqlite3_file *fileOf(sqlite3 *connection)
{
    sqlite3_file *file = nullptr;
    sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    const bool hasIndex = file && file->pMethods && file->pMethods->iVersion >= 2 && file->pMethods->xShmMap;
    // Inside a transaction the connection has some of the locks already.
    return hasIndex && sqlite3_txn_state(connection, "main") == SQLITE_TXN_NONE ? file : nullptr;
}

std::vector<std::byte *> regionsOf(sqlite3_file *file)
{
    std::vector<std::byte *> regions;
    for (;;) {
        void volatile *start = nullptr;
        file->pMethods->xShmMap(file, int(regions.size()), RegionBytes, 0, &start);
        if (!start)
            return regions;
        regions.push_back(static_cast<std::byte *>(const_cast<void *>(start)));
    }
}

/// Readers in other processes have set marks that this one does not know: the lower one of two keeps everything that
/// either of them reads from being overwritten.
bool takeOverReadMarks(std::byte *header)
{
    std::array<std::byte, ReadMarksAt + sizeof(ReadMarks)> theirs;
    if (!frozenpages::readFile(header, theirs.data(), theirs.size()))
        return false;
    for (size_t at = ReadMarksAt; at < theirs.size(); at += sizeof(unsigned)) {
        unsigned mark = 0;
        memcpy(&mark, theirs.data() + at, sizeof mark);
        auto *ours = reinterpret_cast<unsigned *>(header + at);
        __atomic_store_n(ours, std::min(mark, __atomic_load_n(ours, __ATOMIC_RELAXED)), __ATOMIC_RELAXED);
    }
    return true;
}

} // namespace

void surviveReadOnlyDisks()
{
    [[maybe_unused]] static const bool once = (frozenpages::surviveIn("-shm"), true);
}

bool isShared(sqlite3 *connection)
{
    sqlite3_file *file = fileOf(connection);
    if (!file)
        return false;
    const auto regions = regionsOf(file);
    if (std::none_of(regions.begin(), regions.end(), &frozenpages::isOwn))
        return true; // another database's
    const IndexLocks locks(file);
    if (!locks.areHeld())
        return false;
    if (frozenpages::isOwn(regions.front()) && !takeOverReadMarks(regions.front()))
        return false;
    // The header last: it says how much of the others counts.
    return std::all_of(regions.rbegin(), regions.rend(), &frozenpages::putBack);
}

} // namespace assistiv::walindex
