// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

struct sqlite3;

/// The index of SQLite's write-ahead log (DATABASE-shm): a file that every process with a connection maps, and that all
/// connections of one process share. Without care, a disk that becomes read-only ends the process at the next write to
/// it.
namespace assistiv::walindex {

/// From now on the process outlives that, with an index of its own until the file can be written again. For the process
/// that writes to the database: only there nobody else's commits are missed meanwhile.
void surviveReadOnlyDisks();

/// False while other processes do not see what this one has in the index, and it cannot be put back: nothing may be
/// committed then. For the thread of the connection, outside of its transactions.
bool isShared(sqlite3 *connection);

} // namespace assistiv::walindex
