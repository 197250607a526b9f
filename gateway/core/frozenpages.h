// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>

/// Pages of mapped files that can no longer be written, because the file or its disk has become read-only. The kernel ends
/// a process that writes to one (SIGBUS); here the page becomes the process's own instead, until it can be put back.
namespace assistiv::frozenpages {

/// From now on that holds for files whose names end so. The mappings must be shared with all other processes by locks,
/// not by order of writing: these do not see what is written to a page that has become our own.
void surviveIn(const char *suffix);

/// False as long as no page has become our own; costs nothing.
bool any();
/// Whether the page that begins there has become our own.
bool isOwn(const void *page);
/// What the file holds in the place of the page; false when it cannot be read.
bool readFile(const void *page, std::byte *bytes, size_t size);
/// Writes the page to the file and maps the file again; false when it still cannot be written. Nobody may write to the
/// page meanwhile.
bool putBack(void *page);

/// Size of a page.
size_t size();

} // namespace assistiv::frozenpages
