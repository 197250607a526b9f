// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/frozenpages.h"
#include "core/os.h"
#include "fixtures/frozenfile.h"

#include <QtCore/QScopeGuard>
#include <QtCore/QTemporaryDir>
#include <QtTest/QTest>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <vector>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_FrozenPages : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { frozenpages::surviveIn("-map"); }
    void init();
    void cleanup();
    void writingGoesOn();
    void allOfTheFileBecomesOwn();
    void cannotBePutBackWhileFrozen();
    void isPutBack();
    void freezesAgain();
    void nothingOfOtherThreadsIsLost();
    void knowsWhatTheFileHolds();
    void endedMappingsAreForgotten();
    void othersEndAsEver_data();
    void othersEndAsEver();

private:
    static constexpr int Pages = 8;
    QByteArray onDisk() const;
    std::byte *map(const QString &name);

    std::unique_ptr<QTemporaryDir> m_folder;
    QFile m_file;
    std::byte *m_mapped = nullptr;
    size_t m_page = 0;
};

#define FREEZE(frozen, path)                                                                                           \
    FrozenFile frozen(path);                                                                                           \
    if (!frozen.isFrozen())                                                                                            \
    QSKIP("takes root, and a disk that knows immutable files")

void tst_FrozenPages::init()
{
    m_page = size_t(::sysconf(_SC_PAGESIZE));
    m_folder = std::make_unique<QTemporaryDir>();
    m_mapped = map(u"some-map"_s);
    QVERIFY(m_mapped);
}

void tst_FrozenPages::cleanup()
{
    for (size_t page = 0; page < Pages; ++page)
        frozenpages::putBack(m_mapped + page * m_page);
    QVERIFY(!frozenpages::any());
    ::munmap(m_mapped, Pages * m_page);
    m_file.close();
    m_folder.reset();
}

std::byte *tst_FrozenPages::map(const QString &name)
{
    m_file.setFileName(m_folder->filePath(name));
    if (!m_file.open(QIODevice::ReadWrite) || m_file.write(QByteArray(qsizetype(Pages * m_page), 'a')) < 0
        || !m_file.flush())
        return nullptr;
    void *mapped = ::mmap(nullptr, Pages * m_page, PROT_READ | PROT_WRITE, MAP_SHARED, m_file.handle(), 0);
    return mapped == MAP_FAILED ? nullptr : static_cast<std::byte *>(mapped);
}

QByteArray tst_FrozenPages::onDisk() const
{
    QFile file(m_file.fileName());
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

void tst_FrozenPages::writingGoesOn()
{
    FREEZE(frozen, m_file.fileName());
    const QByteArray before = onDisk();
    m_mapped[m_page + 7] = std::byte('b');
    QCOMPARE(m_mapped[m_page + 7], std::byte('b'));
    QCOMPARE(m_mapped[m_page + 6], std::byte('a'));
    QVERIFY(frozenpages::any());
    QVERIFY(frozenpages::isOwn(m_mapped + m_page));
    QCOMPARE(onDisk(), before);
}

void tst_FrozenPages::allOfTheFileBecomesOwn()
{
    // Not yet on the disk, so it could still be written to.
    m_mapped[2 * m_page] = std::byte('b');
    auto *second = static_cast<std::byte *>(
        ::mmap(nullptr, m_page, PROT_READ | PROT_WRITE, MAP_SHARED, m_file.handle(), off_t(5 * m_page)));
    const auto unmap = qScopeGuard([&] { ::munmap(second, m_page); });
    FREEZE(frozen, m_file.fileName());
    m_mapped[3 * m_page] = std::byte('c');
    for (size_t page = 0; page < Pages; ++page)
        QVERIFY(frozenpages::isOwn(m_mapped + page * m_page));
    QVERIFY(frozenpages::isOwn(second));
    m_mapped[2 * m_page] = std::byte('d');
    *second = std::byte('e');
    QCOMPARE(onDisk().at(qsizetype(2 * m_page)), 'b');
    frozen.thaw();
    QVERIFY(frozenpages::putBack(m_mapped));
    QVERIFY(frozenpages::putBack(second));
    QVERIFY(!frozenpages::any());
    QCOMPARE(onDisk().at(qsizetype(2 * m_page)), 'd');
    QCOMPARE(onDisk().at(qsizetype(3 * m_page)), 'c');
    QCOMPARE(onDisk().at(qsizetype(5 * m_page)), 'e');
}

void tst_FrozenPages::cannotBePutBackWhileFrozen()
{
    FREEZE(frozen, m_file.fileName());
    m_mapped[0] = std::byte('b');
    QVERIFY(!frozenpages::putBack(m_mapped));
    QVERIFY(frozenpages::isOwn(m_mapped));
    QCOMPARE(m_mapped[0], std::byte('b'));
    QCOMPARE(onDisk().at(0), 'a');
}

void tst_FrozenPages::isPutBack()
{
    FREEZE(frozen, m_file.fileName());
    m_mapped[5] = std::byte('b');
    m_mapped[m_page] = std::byte('c');
    frozen.thaw();
    QVERIFY(frozenpages::putBack(m_mapped));
    QVERIFY(!frozenpages::isOwn(m_mapped));
    QVERIFY(!frozenpages::any());
    QVERIFY(frozenpages::putBack(m_mapped + m_page));
    QCOMPARE(onDisk().at(5), 'b');
    QCOMPARE(onDisk().at(qsizetype(m_page)), 'c');
    // Mapped again, in both directions.
    m_mapped[6] = std::byte('d');
    QCOMPARE(onDisk().at(6), 'd');
    QVERIFY(m_file.seek(7) && m_file.write("e") == 1 && m_file.flush());
    QCOMPARE(m_mapped[7], std::byte('e'));
}

void tst_FrozenPages::freezesAgain()
{
    for (int round = 0; round < 20; ++round) {
        FREEZE(frozen, m_file.fileName());
        m_mapped[round] = std::byte('0' + round);
        QVERIFY(frozenpages::isOwn(m_mapped));
        frozen.thaw();
        QVERIFY(frozenpages::putBack(m_mapped));
    }
    QCOMPARE(onDisk().left(20), QByteArray("0123456789:;<=>?@ABC"));
}

void tst_FrozenPages::nothingOfOtherThreadsIsLost()
{
    constexpr size_t Threads = 4;
    auto *counters = reinterpret_cast<std::atomic<quint64> *>(m_mapped);
    const size_t perPage = m_page / sizeof(quint64);
    for (int round = 0; round < 100; ++round) {
        std::fill_n(m_mapped, Pages * m_page, std::byte());
        std::atomic<bool> done = false;
        std::array<quint64, Threads> written = {};
        std::vector<std::thread> threads;
        const auto join = qScopeGuard([&] {
            done = true;
            for (std::thread &thread : threads)
                thread.join();
        });
        for (size_t t = 0; t < Threads; ++t) {
            threads.emplace_back([&, t] {
                while (!done) {
                    ++written[t];
                    for (size_t page = 0; page < Pages; ++page)
                        counters[page * perPage + t].store(written[t]);
                }
            });
        }
        // Thawed in the middle of all pages becoming our own.
        FREEZE(frozen, m_file.fileName());
        // What was written while the file froze may still be written to until it is on the disk.
        QTRY_VERIFY(os::syncToDisk(m_file.handle()) && frozenpages::any());
        frozen.thaw();
        done = true;
        for (std::thread &thread : threads)
            thread.join();
        threads.clear();
        for (size_t page = 0; page < Pages; ++page) {
            QVERIFY(frozenpages::putBack(m_mapped + page * m_page));
            for (size_t t = 0; t < Threads; ++t)
                QCOMPARE(counters[page * perPage + t].load(), written[t]);
        }
        QVERIFY(!frozenpages::any());
    }
}

void tst_FrozenPages::knowsWhatTheFileHolds()
{
    std::byte bytes[4] = {};
    QVERIFY(!frozenpages::readFile(m_mapped + m_page, bytes, sizeof bytes));
    FREEZE(frozen, m_file.fileName());
    m_mapped[m_page] = std::byte('b');
    frozen.thaw();
    QVERIFY(m_file.seek(qsizetype(m_page) + 1) && m_file.write("xyz") == 3 && m_file.flush());
    QVERIFY(frozenpages::readFile(m_mapped + m_page, bytes, sizeof bytes));
    QCOMPARE(QByteArray(reinterpret_cast<const char *>(bytes), sizeof bytes), QByteArray("axyz"));
    QCOMPARE(m_mapped[m_page + 1], std::byte('a'));
}

void tst_FrozenPages::endedMappingsAreForgotten()
{
    {
        FREEZE(frozen, m_file.fileName());
        m_mapped[0] = std::byte('b');
    }
    QVERIFY(frozenpages::isOwn(m_mapped));
    ::munmap(m_mapped, Pages * m_page);
    QVERIFY(!frozenpages::isOwn(m_mapped));
    QVERIFY(!frozenpages::any());
    // Another one in the same place.
    void *again = ::mmap(m_mapped, Pages * m_page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, m_file.handle(), 0);
    QCOMPARE(again, static_cast<void *>(m_mapped));
    QVERIFY(!frozenpages::isOwn(m_mapped));
    QCOMPARE(m_mapped[0], std::byte('a'));
}

void tst_FrozenPages::othersEndAsEver_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<bool>("isShortened");
    QTest::addColumn<bool>("isSent");
    QTest::newRow("a write behind the end of the file") << u"short-map"_s << true << false;
    QTest::newRow("a write behind the end of another file") << u"other"_s << true << false;
    QTest::newRow("a signal that somebody sent") << u"sent-map"_s << false << true;
}

void tst_FrozenPages::othersEndAsEver()
{
    QFETCH(QString, name);
    QFETCH(bool, isShortened);
    QFETCH(bool, isSent);
    ::munmap(m_mapped, Pages * m_page);
    m_file.close();
    m_mapped = map(name);
    QVERIFY(m_mapped);
    if (isShortened)
        QVERIFY(m_file.resize(0));
    const pid_t child = ::fork();
    QVERIFY(child >= 0);
    if (child == 0) {
        const rlimit noCore{};
        ::setrlimit(RLIMIT_CORE, &noCore);
        // Without what Qt's test library does on signals.
        std::signal(SIGBUS, SIG_DFL);
        frozenpages::surviveIn("-map");
        if (isSent)
            ::raise(SIGBUS);
        else
            m_mapped[0] = std::byte('b');
        ::_exit(0);
    }
    int ended = 0;
    QCOMPARE(::waitpid(child, &ended, 0), child);
    QVERIFY(WIFSIGNALED(ended));
    QCOMPARE(WTERMSIG(ended), SIGBUS);
}

QTEST_GUILESS_MAIN(tst_FrozenPages)
#include "tst_frozenpages.moc"
