// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

/// SQLite writes each page of a transaction into its write-ahead log with two calls of the system, a head and the page,
/// and the kernel then touches three of its own pages for them. Here all that a transaction adds is written with one
/// call, just before it is synced; between two calls of the system nothing may be half done that was not before.
namespace assistiv::gatheredlog {

/// The name of the VFS that does so, for the `vfs` parameter of a database's URI. Registers it over the default VFS at
/// the first call; may be called on any thread. For connections with `synchronous=FULL`: those sync what they commit
/// before they tell anyone of it, and a sync writes what was gathered. Of a write that fails, others would not hear.
const char *vfs();

} // namespace assistiv::gatheredlog
