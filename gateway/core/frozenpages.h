// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>

/// Files that are mapped, shared with other processes, and can no longer be written, because they or their disk have
/// become read-only. The kernel ends a process that writes to such a mapping (SIGBUS); here all of the file's mappings
/// become the process's own instead, until they can be put back.
namespace assistiv::frozenpages {

/// From now on that holds for files whose names end so.
void surviveIn(const char *suffix);

/// False as long as nothing has become our own; costs nothing.
bool any();
/// Whether the mapping with the address has become our own.
bool isOwn(const void *address);
/// What the file holds in the place of the address; false when it cannot be read.
bool readFile(const void *address, std::byte *bytes, size_t size);
/// Writes the mapping with the address to the file, from its end to its beginning, and maps the file again; false when
/// it still cannot be written. Nobody may write to the mapping meanwhile.
bool putBack(void *address);

} // namespace assistiv::frozenpages
