// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/frozenpages.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

// All of this but surviveIn() also runs inside a signal handler: system calls, memory that is there already, a spin
// lock. The lock is held by nobody who could run into SIGBUS himself: its holder writes to what is the process's own
// only.

namespace assistiv::frozenpages {

namespace {

struct OwnMapping
{
    char *start = nullptr;
    size_t size = 0;
    /// The file's pages, mapped a second time: the way back, since a file that is frozen cannot be opened for writing.
    /// Not for writing either until then, which tells it from what is still to become our own.
    char *file = nullptr;
    int descriptor = -1;
    off_t offset = 0;

    bool contains(const void *address) const { return size_t(static_cast<const char *>(address) - start) < size; }
    off_t offsetOf(const void *address) const { return offset + (static_cast<const char *>(address) - start); }
};

/// A file whose mappings have become our own. Never closed: whoever closes any descriptor of a file loses all locks the
/// process has on it, and SQLite's are among them.
struct FrozenFile
{
    ino_t inode = 0;
    int descriptor = -1;
};

/// A line of the kernel's table of mappings.
struct MapsLine
{
    char *start = nullptr;
    size_t size = 0;
    off_t offset = 0;
    ino_t inode = 0;
    bool isShared = false;
    const char *path = nullptr;
};

std::array<OwnMapping, 256> ownMappings;
std::array<FrozenFile, 8> frozenFiles;
std::atomic<int> ownMappingCount = 0;
std::atomic_flag ownMappingsLock;
const char *frozenSuffix = nullptr;
size_t pageBytes = 0;
struct sigaction handlerBefore;
char mapsText[16 * 1024];

class Locked
{
public:
    Locked()
    {
        while (ownMappingsLock.test_and_set(std::memory_order_acquire)) { }
    }
    ~Locked() { ownMappingsLock.clear(std::memory_order_release); }
    Locked(const Locked &) = delete;
    Locked &operator=(const Locked &) = delete;
};

uintptr_t number(const char *&at, unsigned base)
{
    uintptr_t value = 0;
    for (;; ++at) {
        const char digit = *at;
        if (digit >= '0' && digit <= '9')
            value = value * base + uintptr_t(digit - '0');
        else if (base == 16 && digit >= 'a' && digit <= 'f')
            value = value * base + uintptr_t(digit - 'a' + 10);
        else
            return value;
    }
}

/// "7f0c2a000000-7f0c2a008000 rw-s 00000000 fe:00 1234   /folder/file"
MapsLine parsed(const char *line)
{
    MapsLine mapping;
    const char *at = line;
    const uintptr_t start = number(at, 16);
    const uintptr_t end = number(++at, 16);
    mapping.start = reinterpret_cast<char *>(start);
    mapping.size = end - start;
    mapping.isShared = strncmp(at, " rw-s ", 6) == 0;
    at += 6;
    mapping.offset = off_t(number(at, 16));
    number(++at, 16);
    number(++at, 16);
    mapping.inode = number(++at, 10);
    while (*at == ' ')
        ++at;
    mapping.path = at;
    return mapping;
}

bool endsWith(const char *text, const char *ending)
{
    const size_t length = strlen(text);
    const size_t wanted = strlen(ending);
    return length >= wanted && strcmp(text + length - wanted, ending) == 0;
}

/// The first mapping of a file of ours that is the wanted one; its path is valid until the next call. No start: there
/// is none.
template <typename IsWanted> MapsLine findLine(IsWanted isWanted)
{
    const int maps = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (maps < 0)
        return {};
    MapsLine found;
    size_t held = 0;
    while (!found.start) {
        const ssize_t got = ::read(maps, mapsText + held, sizeof mapsText - held);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        held += size_t(got);
        char *line = mapsText;
        while (char *end = static_cast<char *>(memchr(line, '\n', held - size_t(line - mapsText)))) {
            *end = '\0';
            const MapsLine mapping = parsed(line);
            if (endsWith(mapping.path, frozenSuffix) && isWanted(mapping)) {
                found = mapping;
                break;
            }
            line = end + 1;
        }
        if (found.start)
            break;
        held -= size_t(line - mapsText);
        memmove(mapsText, line, held);
    }
    ::close(maps);
    return found;
}

MapsLine lineAround(const void *address)
{
    return findLine([address](const MapsLine &line) {
        return size_t(static_cast<const char *>(address) - line.start) < line.size;
    });
}

void forget(OwnMapping &own)
{
    if (own.file)
        ::munmap(own.file, own.size);
    own = {};
    --ownMappingCount;
}

/// What has become our own around the address; forgotten when its mapping has ended meanwhile.
OwnMapping *findOwn(const void *address)
{
    for (OwnMapping &own : ownMappings) {
        if (!own.contains(address))
            continue;
        const MapsLine line = lineAround(address);
        if (line.start && !line.isShared)
            return &own;
        forget(own);
    }
    return nullptr;
}

OwnMapping *findFree()
{
    for (int round = 0; round < 2; ++round) {
        for (OwnMapping &own : ownMappings) {
            if (own.size == 0 || (round == 1 && !findOwn(own.start)))
                return &own;
        }
    }
    return nullptr;
}

int descriptorOf(const MapsLine &mapping)
{
    for (FrozenFile &known : frozenFiles) {
        if (known.descriptor >= 0 && known.inode == mapping.inode)
            return known.descriptor;
        if (known.descriptor >= 0)
            continue;
        const int descriptor = ::open(mapping.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        struct stat info = {};
        if (descriptor < 0 || ::fstat(descriptor, &info) != 0 || info.st_ino != mapping.inode) {
            // Not the file that is mapped: there are no locks on it to be lost.
            if (descriptor >= 0)
                ::close(descriptor);
            return -1;
        }
        known = {mapping.inode, descriptor};
        return descriptor;
    }
    return -1;
}

bool isInFile(int descriptor, off_t offset)
{
    char byte = 0;
    return ::pread(descriptor, &byte, 1, offset) == 1;
}

bool makeOwn(const MapsLine &mapping, int descriptor)
{
    for (OwnMapping &own : ownMappings) {
        if (own.size > 0 && own.start < mapping.start + mapping.size && mapping.start < own.start + own.size)
            forget(own); // it has ended, as there is another one now
    }
    OwnMapping *own = findFree();
    if (!own)
        return false;
    // A size of 0 stands for a second mapping of the same.
    void *file = ::mremap(mapping.start, 0, mapping.size, MREMAP_MAYMOVE);
    if (file == MAP_FAILED)
        return false;
    // Nothing is copied here that another thread could be writing to: it writes to the file's page before this, and to
    // our own after it.
    const int flags = MAP_PRIVATE | MAP_FIXED;
    if (::mprotect(file, mapping.size, PROT_READ) != 0
        || ::mmap(mapping.start, mapping.size, PROT_READ | PROT_WRITE, flags, descriptor, mapping.offset)
            == MAP_FAILED) {
        ::munmap(file, mapping.size);
        return false;
    }
    *own = {mapping.start, mapping.size, static_cast<char *>(file), descriptor, mapping.offset};
    ++ownMappingCount;
    for (char *page = own->start; own->contains(page); page += pageBytes) {
        if (!isInFile(descriptor, own->offsetOf(page)))
            continue;
        // A write, though it changes nothing: from now on the page does not depend on the file.
        unsigned char same = __atomic_load_n(page, __ATOMIC_RELAXED);
        __atomic_compare_exchange_n(reinterpret_cast<unsigned char *>(page), &same, same, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED);
    }
    return true;
}

/// False when it is no file of ours, or the address is behind its end.
bool makeFileOwn(const char *address)
{
    const Locked lock;
    const MapsLine faulting = lineAround(address);
    if (!faulting.start)
        return false;
    const int descriptor = descriptorOf(faulting);
    if (descriptor < 0 || !isInFile(descriptor, faulting.offset + (address - faulting.start)))
        return false;
    if (!faulting.isShared)
        return findOwn(address); // another thread was faster
    // All of the file, though some of its pages may still be written: others must not see one change without another.
    // Its beginning first, where a file says how much of the rest counts.
    const auto isShared = [&](const MapsLine &line) { return line.isShared && line.inode == faulting.inode; };
    MapsLine next = findLine([&](const MapsLine &line) { return isShared(line) && line.offset == 0; });
    if (!next.start)
        next = findLine(isShared);
    while (next.start && makeOwn(next, descriptor))
        next = findLine(isShared);
    return !next.start;
}

void onBusError(int, siginfo_t *info, void *)
{
    const int interrupted = errno;
    const auto *address = static_cast<const char *>(info->si_addr);
    if (info->si_code != BUS_ADRERR || !makeFileOwn(address)) {
        // Whoever was there before takes over: the same happens again at once.
        ::sigaction(SIGBUS, &handlerBefore, nullptr);
        if (info->si_code <= 0)
            ::raise(SIGBUS);
    }
    errno = interrupted;
}

} // namespace

void surviveIn(const char *suffix)
{
    pageBytes = size_t(::sysconf(_SC_PAGESIZE));
    frozenSuffix = suffix;
    struct sigaction action = {};
    action.sa_sigaction = onBusError;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    ::sigaction(SIGBUS, &action, &handlerBefore);
}

bool any()
{
    return ownMappingCount.load(std::memory_order_acquire) > 0;
}

bool isOwn(const void *address)
{
    const Locked lock;
    return findOwn(address);
}

bool readFile(const void *address, std::byte *bytes, size_t size)
{
    const Locked lock;
    const OwnMapping *own = findOwn(address);
    return own && ::pread(own->descriptor, bytes, size, own->offsetOf(address)) == ssize_t(size);
}

bool putBack(void *address)
{
    const Locked lock;
    OwnMapping *own = findOwn(address);
    if (!own)
        return true;
    bool isBack = ::mprotect(own->file, own->size, PROT_READ | PROT_WRITE) == 0;
    for (size_t at = own->size; at > 0 && isBack; at -= pageBytes) {
        // This way a page that cannot be written is an error and no signal.
        const iovec from{own->start + at - pageBytes, pageBytes};
        const iovec to{own->file + at - pageBytes, pageBytes};
        isBack = ::process_vm_writev(::getpid(), &from, 1, &to, 1, 0) == ssize_t(pageBytes);
    }
    isBack =
        isBack && ::mremap(own->file, own->size, own->size, MREMAP_MAYMOVE | MREMAP_FIXED, own->start) != MAP_FAILED;
    if (!isBack) {
        ::mprotect(own->file, own->size, PROT_READ);
        return false;
    }
    own->file = nullptr;
    forget(*own);
    return true;
}

} // namespace assistiv::frozenpages
