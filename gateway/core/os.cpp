// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/os.h"

#include <QtCore/QCoreApplication>
#include <QtCore/QDir>
#include <QtCore/QFile>
#include <QtCore/QSocketNotifier>

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace assistiv::os {

using namespace Qt::StringLiterals;

namespace {

int signalPipe[2] = { -1, -1 };

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
    return writeNewPrivateFile(temporary, contents)
        && ::rename(QFile::encodeName(temporary).constData(), QFile::encodeName(path).constData()) == 0;
}

bool isPrivateFile(const QString &path)
{
    struct stat info = {};
    return ::stat(QFile::encodeName(path).constData(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) == 0;
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
