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

// All of this but surviveIn() also runs inside a signal handler: system calls, memory that is there already, a spin lock.
// The lock is held by nobody who could run into SIGBUS himself: its holder touches pages of the process's own only.

namespace assistiv::frozenpages {

namespace {

struct OwnPage
{
    char *page = nullptr;
    /// The file's page, mapped a second time: the way back, since a file that is frozen cannot be opened for writing.
    char *file = nullptr;
    int descriptor = -1;
    off_t offset = 0;
};

/// A file of which pages have become our own. Never closed: whoever closes any descriptor of a file loses all locks the
/// process has on it, and SQLite's are among them.
struct FrozenFile
{
    ino_t inode = 0;
    int descriptor = -1;
};

struct Mapping
{
    uintptr_t start = 0;
    uintptr_t end = 0;
    uintptr_t offset = 0;
    ino_t inode = 0;
    bool isShared = false;
    const char *path = nullptr;
};

std::array<OwnPage, 256> ownPages;
std::array<FrozenFile, 8> frozenFiles;
std::atomic<int> ownPageCount = 0;
std::atomic_flag ownPagesLock;
const char *frozenSuffix = nullptr;
size_t pageBytes = 0;
struct sigaction handlerBefore;
/// Of the table of mappings, as the kernel writes it.
char mapsText[16 * 1024];

class Locked
{
public:
    Locked()
    {
        while (ownPagesLock.test_and_set(std::memory_order_acquire)) { }
    }
    ~Locked() { ownPagesLock.clear(std::memory_order_release); }
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
Mapping mappingOf(const char *line)
{
    Mapping mapping;
    const char *at = line;
    mapping.start = number(at, 16);
    mapping.end = number(++at, 16);
    mapping.isShared = strncmp(at, " rw-s ", 6) == 0;
    at += 6;
    mapping.offset = number(at, 16);
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

/// The mapping of a file of ours around the address; its path is valid until the next call. No start: there is none.
Mapping mappingAround(const char *address)
{
    const int maps = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (maps < 0)
        return {};
    Mapping found;
    size_t held = 0;
    while (found.start == 0) {
        const ssize_t got = ::read(maps, mapsText + held, sizeof mapsText - held);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        held += size_t(got);
        char *line = mapsText;
        while (char *end = static_cast<char *>(memchr(line, '\n', held - size_t(line - mapsText)))) {
            *end = '\0';
            const Mapping mapping = mappingOf(line);
            if (uintptr_t(address) >= mapping.start && uintptr_t(address) < mapping.end) {
                found = mapping;
                break;
            }
            line = end + 1;
        }
        if (found.start != 0)
            break;
        held -= size_t(line - mapsText);
        memmove(mapsText, line, held);
    }
    ::close(maps);
    return found.start != 0 && endsWith(found.path, frozenSuffix) ? found : Mapping();
}

OwnPage *find(const char *page)
{
    for (OwnPage &own : ownPages) {
        if (own.page == page)
            return &own;
    }
    return nullptr;
}

void forget(OwnPage &own)
{
    if (own.file)
        ::munmap(own.file, pageBytes);
    own = {};
    --ownPageCount;
}

/// The page as it is known here; forgotten when its mapping has ended meanwhile.
OwnPage *findMapped(const char *page)
{
    OwnPage *own = find(page);
    if (!own)
        return nullptr;
    const Mapping mapping = mappingAround(page);
    if (mapping.start != 0 && !mapping.isShared)
        return own;
    forget(*own);
    return nullptr;
}

int descriptorOf(const Mapping &mapping)
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
        known = { mapping.inode, descriptor };
        return descriptor;
    }
    return -1;
}

/// False when it is no page of a file of ours, or one behind the end of the file.
bool makeOwn(char *page)
{
    const Locked lock;
    if (!find(nullptr)) {
        for (const OwnPage &own : ownPages)
            findMapped(own.page);
    }
    OwnPage *own = find(nullptr);
    const Mapping mapping = mappingAround(page);
    if (!own || mapping.start == 0)
        return false;
    if (!mapping.isShared)
        return find(page); // another thread was faster
    if (OwnPage *ended = find(page))
        forget(*ended);
    const int descriptor = descriptorOf(mapping);
    const off_t offset = off_t(mapping.offset + (uintptr_t(page) - mapping.start));
    char byte = 0;
    if (descriptor < 0 || ::pread(descriptor, &byte, 1, offset) != 1)
        return false;
    // A size of 0 stands for a second mapping of the same.
    void *file = ::mremap(page, 0, pageBytes, MREMAP_MAYMOVE);
    if (file == MAP_FAILED)
        return false;
    // Nothing is copied here that another thread could be writing to: it writes to the file's page before this, and to our
    // own after it.
    const int flags = MAP_PRIVATE | MAP_FIXED;
    if (::mmap(page, pageBytes, PROT_READ | PROT_WRITE, flags, descriptor, offset) == MAP_FAILED) {
        ::munmap(file, pageBytes);
        return false;
    }
    *own = { page, static_cast<char *>(file), descriptor, offset };
    ++ownPageCount;
    // A write, though it changes nothing: from now on the page does not depend on the file.
    auto *first = reinterpret_cast<unsigned char *>(page);
    unsigned char same = __atomic_load_n(first, __ATOMIC_RELAXED);
    __atomic_compare_exchange_n(first, &same, same, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return true;
}

void onBusError(int, siginfo_t *info, void *)
{
    const int interrupted = errno;
    auto *page = reinterpret_cast<char *>(uintptr_t(info->si_addr) & ~uintptr_t(pageBytes - 1));
    if (info->si_code != BUS_ADRERR || !makeOwn(page)) {
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
    return ownPageCount.load(std::memory_order_acquire) > 0;
}

bool isOwn(const void *page)
{
    const Locked lock;
    return findMapped(static_cast<const char *>(page));
}

bool readFile(const void *page, std::byte *bytes, size_t size)
{
    const Locked lock;
    const OwnPage *own = findMapped(static_cast<const char *>(page));
    return own && ::pread(own->descriptor, bytes, size, own->offset) == ssize_t(size);
}

bool putBack(void *page)
{
    const Locked lock;
    OwnPage *own = findMapped(static_cast<char *>(page));
    if (!own)
        return true;
    // This way a page that cannot be written is an error and no signal.
    const iovec from { page, pageBytes };
    const iovec to { own->file, pageBytes };
    if (::process_vm_writev(::getpid(), &from, 1, &to, 1, 0) != ssize_t(pageBytes))
        return false;
    if (::mremap(own->file, pageBytes, pageBytes, MREMAP_MAYMOVE | MREMAP_FIXED, page) == MAP_FAILED)
        return false;
    own->file = nullptr;
    forget(*own);
    return true;
}

size_t size()
{
    return size_t(::sysconf(_SC_PAGESIZE));
}

} // namespace assistiv::frozenpages
