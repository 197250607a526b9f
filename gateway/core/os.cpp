// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/os.h"

#include <QtCore/QCoreApplication>
#include <QtCore/QDir>
#include <QtCore/QFile>
#include <QtCore/QSocketNotifier>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace assistiv::os {

using namespace Qt::StringLiterals;

namespace {

int signalPipe[2] = { -1, -1 };
std::atomic<bool> terminationAsked = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

void onSignal(int)
{
    // Only async-signal-safe calls here; the event loop does the rest.
    const int interrupted = errno;
    const char one = 1;
    [[maybe_unused]] const auto written = ::write(signalPipe[0], &one, 1);
    errno = interrupted;
}

bool writeAll(int descriptor, const QByteArray &contents)
{
    qsizetype at = 0;
    while (at < contents.size()) {
        const auto written = ::write(descriptor, contents.constData() + at, size_t(contents.size() - at));
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
    }
    return true;
}

} // namespace

bool syncToDisk(int fileDescriptor)
{
    return ::fdatasync(fileDescriptor) == 0;
}

bool syncToDisk(const QString &path)
{
    const int descriptor = ::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    const bool synced = ::fsync(descriptor) == 0;
    ::close(descriptor);
    return synced;
}

bool lengthen(const QString &path, qint64 bytes, qint64 spareBytes)
{
    const int descriptor = ::open(QFile::encodeName(path).constData(), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    struct stat info = {};
    struct statvfs disk = {};
    bool isLong = ::fstat(descriptor, &info) == 0;
    if (isLong && info.st_size < bytes) {
        const qint64 missing = bytes - info.st_size;
        const bool hasRoom = ::fstatvfs(descriptor, &disk) == 0
            && qint64(disk.f_bavail) * qint64(disk.f_frsize) - missing >= spareBytes;
        const QByteArray zeros(1024 * 1024, '\0');
        isLong = hasRoom;
        for (qint64 left = missing; isLong && left > 0; left -= zeros.size())
            isLong = writeAll(descriptor, QByteArray::fromRawData(zeros.constData(), qMin(left, zeros.size())));
        isLong = isLong && syncToDisk(descriptor);
        if (hasRoom && !isLong && ::ftruncate(descriptor, info.st_size) != 0)
            qWarning("a file could not be shortened again");
    }
    ::close(descriptor);
    return isLong;
}

bool makePrivateFolder(const QString &path)
{
    if (QDir(path).exists())
        return true;
    const QString parent = QDir(path).absoluteFilePath(u".."_s);
    if (!QDir().mkpath(QDir::cleanPath(parent)))
        return false;
    return ::mkdir(QFile::encodeName(QDir::cleanPath(path)).constData(), 0700) == 0;
}

bool writeNewPrivateFile(const QString &path, const QByteArray &contents)
{
    const QByteArray name = QFile::encodeName(path);
    const int descriptor = ::open(name.constData(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return false;
    const bool written = writeAll(descriptor, contents) && syncToDisk(descriptor);
    ::close(descriptor);
    if (!written)
        ::unlink(name.constData());
    return written;
}

bool replacePrivateFile(const QString &path, const QByteArray &contents)
{
    const QString temporary = path + u".new"_s;
    ::unlink(QFile::encodeName(temporary).constData());
    return writeNewPrivateFile(temporary, contents) && moveOver(temporary, path);
}

bool isPrivateFile(const QString &path)
{
    struct stat info = {};
    return ::stat(QFile::encodeName(path).constData(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

bool moveToNewName(const QString &from, const QString &to)
{
    const QByteArray source = QFile::encodeName(from);
    const QByteArray target = QFile::encodeName(to);
    if (::renameat2(AT_FDCWD, source.constData(), AT_FDCWD, target.constData(), RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    // A file system that does not know the flag (NFS, for one). Where it has no second names either, look first.
    if (::link(source.constData(), target.constData()) == 0)
        return ::unlink(source.constData()) == 0;
    return errno != EEXIST && !QFile::exists(to) && ::rename(source.constData(), target.constData()) == 0;
}

bool moveOver(const QString &from, const QString &to)
{
    return ::rename(QFile::encodeName(from).constData(), QFile::encodeName(to).constData()) == 0;
}

bool addName(const QString &path, const QString &name)
{
    return ::link(QFile::encodeName(path).constData(), QFile::encodeName(name).constData()) == 0;
}

Output writeToOutput(const QByteArray &text)
{
    // Otherwise a reader that has left ends the process before it can clean up.
    std::signal(SIGPIPE, SIG_IGN);
    if (writeAll(STDOUT_FILENO, text))
        return Output::Written;
    return errno == EPIPE ? Output::ReaderGone : Output::Failed;
}

qint64 residentBytes()
{
    QFile file(u"/proc/self/statm"_s);
    if (!file.open(QIODevice::ReadOnly))
        return 0;
    const QByteArrayList fields = file.readAll().split(' ');
    return fields.size() > 1 ? fields[1].toLongLong() * ::sysconf(_SC_PAGESIZE) : 0;
}

void onTerminationRequest(std::function<void()> callback)
{
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, signalPipe) != 0)
        return;
    auto *notifier = new QSocketNotifier(signalPipe[1], QSocketNotifier::Read, QCoreApplication::instance());
    QObject::connect(notifier, &QSocketNotifier::activated, notifier, [callback = std::move(callback)] {
        char bytes[16];
        [[maybe_unused]] const auto taken = ::read(signalPipe[1], bytes, sizeof bytes);
        callback();
    });
    struct sigaction action = {};
    action.sa_handler = onSignal;
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

const std::atomic<bool> &terminationFlag()
{
    struct sigaction action = {};
    action.sa_handler = [](int) { terminationAsked.store(true); };
    action.sa_flags = SA_RESTART;
    for (const int number : { SIGTERM, SIGINT, SIGHUP })
        ::sigaction(number, &action, nullptr);
    // A limit to the size of files is an error of writing, to be cleaned up after like any other.
    std::signal(SIGXFSZ, SIG_IGN);
    return terminationAsked;
}

void keepFreedMemory()
{
    ::mallopt(M_TRIM_THRESHOLD, 256 * 1024 * 1024);
    ::mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
    ::mallopt(M_TOP_PAD, 1024 * 1024);
}

int raiseOpenFileLimit()
{
    struct rlimit limit = {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return int(qMin<rlim_t>(limit.rlim_cur, 1'000'000));
}

void sayAndClose(int socket, const QByteArray &text)
{
    if (!text.isEmpty()) {
        [[maybe_unused]] const auto sent
            = ::send(socket, text.constData(), size_t(text.size()), MSG_DONTWAIT | MSG_NOSIGNAL);
        ::shutdown(socket, SHUT_WR);
    }
    ::close(socket);
}

void endSending(qintptr socket)
{
    ::shutdown(int(socket), SHUT_WR);
}

bool hasDisplay()
{
    return qEnvironmentVariableIsSet("DISPLAY") || qEnvironmentVariableIsSet("WAYLAND_DISPLAY")
        || qEnvironmentVariableIsSet("QT_QPA_PLATFORM");
}

} // namespace assistiv::os
