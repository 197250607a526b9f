// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QString>

#include <atomic>
#include <functional>

/// What only the operating system can do. Porting the program means writing os.cpp anew.
namespace assistiv::os {

/// Flushes a file's contents to the disk itself.
bool syncToDisk(int fileDescriptor);
/// The same for a file that is not open, or for the entries of a folder.
bool syncToDisk(const QString &path);

/// Lengthens a file with zeros that are on the disk already, so that what is written over them later changes neither the
/// file's length nor where it lies. Left as it was when that fails, or when less than spareBytes would stay free.
bool lengthen(const QString &path, qint64 bytes, qint64 spareBytes);

/// Creates the folder (and its parents) for the owner only.
bool makePrivateFolder(const QString &path);

/// Writes a new file that only the owner may read; fails when it exists.
bool writeNewPrivateFile(const QString &path, const QByteArray &contents);
/// Replaces or makes a file that only the owner may read: complete or not at all.
bool replacePrivateFile(const QString &path, const QByteArray &contents);
/// True when nobody but the owner may read the file.
bool isPrivateFile(const QString &path);

/// Gives a file another name in its folder, in one step, and never that of a file that exists.
bool moveToNewName(const QString &from, const QString &to);
/// Gives a file another name in its folder, in one step, in the place of a file that has it.
bool moveOver(const QString &from, const QString &to);
/// A second, new name for the same file; not every file system can.
bool addName(const QString &path, const QString &name);

enum class Output { Written, ReaderGone, Failed };
/// Writes all of it to standard output; ReaderGone when the other end of the pipe was closed.
Output writeToOutput(const QByteArray &text);

/// Resident memory of this process in bytes; 0 when unknown.
qint64 residentBytes();

/// Calls back on the application's main thread when the process is asked to end (SIGTERM, SIGINT). Call once, after the
/// application object was made.
void onTerminationRequest(std::function<void()> callback);
/// For commands, which work without an event loop: true once the process was asked to end (SIGTERM, SIGINT, SIGHUP).
const std::atomic<bool> &terminationFlag();

/// Lets the allocator keep what it has: giving memory back to the system after each large request costs more than it saves.
void keepFreedMemory();

/// The limit of open files is raised as far as it goes; returns what it is then.
int raiseOpenFileLimit();

/// Writes what fits into the socket's buffer, without waiting, and closes it.
void sayAndClose(int socket, const QByteArray &text);

/// Tells the other side that nothing more will be sent; reading goes on.
void endSending(qintptr socket);

/// True when a desktop can be shown.
bool hasDisplay();

} // namespace assistiv::os
