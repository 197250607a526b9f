// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QString>

#include <functional>

/// What only the operating system can do. Porting the program means writing os.cpp anew.
namespace assistiv::os {

/// Flushes a file's contents to the disk itself.
bool syncToDisk(int fileDescriptor);

/// Creates the folder (and its parents) for the owner only.
bool makePrivateFolder(const QString &path);

/// Writes a new file that only the owner may read; fails when it exists.
bool writeNewPrivateFile(const QString &path, const QByteArray &contents);
/// Replaces or makes a file that only the owner may read: complete or not at all.
bool replacePrivateFile(const QString &path, const QByteArray &contents);
/// True when nobody but the owner may read the file.
bool isPrivateFile(const QString &path);

/// Resident memory of this process in bytes; 0 when unknown.
qint64 residentBytes();

/// Calls back on the application's main thread when the process is asked to end (SIGTERM, SIGINT). Call once, after the
/// application object was made.
void onTerminationRequest(std::function<void()> callback);

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
