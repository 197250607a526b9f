// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/mailbox.h"

#include <QtCore/QSemaphore>
#include <QtCore/QThread>
#include <QtTest/QtTest>

#include <atomic>

using namespace assistiv;

namespace {

/// A thread with an event loop and a mailbox, and an object that lives there.
class Desk
{
public:
    Desk()
    {
        context = new QObject;
        context->moveToThread(&m_thread);
        m_thread.start();
        QSemaphore ready;
        QMetaObject::invokeMethod(context, [&] {
            mailbox = Mailbox::ofThisThread();
            ready.release();
        }, Qt::QueuedConnection);
        ready.acquire();
    }
    ~Desk() { end(); }

    void end()
    {
        m_thread.quit();
        m_thread.wait();
        delete std::exchange(context, nullptr); // its thread has ended, so any thread may
    }
    QThread *thread() { return &m_thread; }

    QObject *context = nullptr;
    std::shared_ptr<Mailbox> mailbox;

private:
    QThread m_thread;
};

} // namespace

class tst_Mailbox : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void runsOnItsOwnThread();
    void keepsTheOrder();
    void isOnePerThread();
    void dropsLettersOfADeletedContext();
    void aContextDeletedByAnEarlierLetterGetsNoMore();
    void postsFromWithinALetterRunLater();
    void postsToAThreadThatEndedAreDropped();
    void whatWasNotDeliveredIsReleased();
    void survivesAThreadThatEndsWhileOthersPost();
    void manyThreadsPostAtOnce();
};

void tst_Mailbox::runsOnItsOwnThread()
{
    Desk desk;
    std::atomic<QThread *> ranOn = nullptr;
    desk.mailbox->post(desk.context, [&] { ranOn = QThread::currentThread(); });
    QTRY_VERIFY(ranOn.load() != nullptr);
    QCOMPARE(ranOn.load(), desk.thread());
}

void tst_Mailbox::keepsTheOrder()
{
    QObject context;
    const auto mailbox = Mailbox::ofThisThread();
    QList<int> seen;
    mailbox->post(&context, [&] { seen << 1; });
    std::vector<Mailbox::Letter> letters;
    letters.push_back({ &context, [&] { seen << 2; } });
    letters.push_back({ &context, [&] { seen << 3; } });
    mailbox->post(std::move(letters));
    mailbox->post(&context, [&] { seen << 4; });
    QVERIFY2(seen.isEmpty(), "nothing runs inside post");
    QTRY_COMPARE(seen, QList<int>({ 1, 2, 3, 4 }));
}

void tst_Mailbox::isOnePerThread()
{
    Desk desk;
    QCOMPARE(Mailbox::ofThisThread(), Mailbox::ofThisThread());
    QVERIFY(desk.mailbox != Mailbox::ofThisThread());
}

void tst_Mailbox::dropsLettersOfADeletedContext()
{
    QObject survivor;
    auto *victim = new QObject;
    const auto mailbox = Mailbox::ofThisThread();
    bool ran = false;
    bool survived = false;
    mailbox->post(victim, [&] { ran = true; });
    mailbox->post(&survivor, [&] { survived = true; });
    delete victim;
    QTRY_VERIFY(survived);
    QVERIFY(!ran);
}

void tst_Mailbox::aContextDeletedByAnEarlierLetterGetsNoMore()
{
    QObject survivor;
    auto *victim = new QObject;
    const auto mailbox = Mailbox::ofThisThread();
    bool ran = false;
    bool survived = false;
    mailbox->post(&survivor, [&] { delete victim; });
    mailbox->post(victim, [&] { ran = true; });
    mailbox->post(&survivor, [&] { survived = true; });
    QTRY_VERIFY(survived);
    QVERIFY(!ran);
}

void tst_Mailbox::postsFromWithinALetterRunLater()
{
    QObject context;
    const auto mailbox = Mailbox::ofThisThread();
    QList<int> seen;
    mailbox->post(&context, [&] {
        mailbox->post(&context, [&] { seen << 3; });
        seen << 1;
    });
    mailbox->post(&context, [&] { seen << 2; });
    QTRY_COMPARE(seen, QList<int>({ 1, 2, 3 }));
}

void tst_Mailbox::postsToAThreadThatEndedAreDropped()
{
    QObject context;
    Desk desk;
    desk.end();
    auto token = std::make_shared<int>(1);
    bool ran = false;
    desk.mailbox->post(&context, [token, &ran] { ran = true; });
    QTRY_COMPARE(token.use_count(), 1L);
    QVERIFY(!ran);
}

void tst_Mailbox::whatWasNotDeliveredIsReleased()
{
    auto token = std::make_shared<int>(1);
    {
        Desk desk;
        QSemaphore busy;
        desk.mailbox->post(desk.context, [&busy, thread = desk.thread()] {
            thread->quit(); // the loop ends before it comes to the letters posted now
            busy.acquire();
        });
        desk.mailbox->post(desk.context, [token] {});
        busy.release();
        QVERIFY(desk.thread()->wait());
    }
    QTRY_COMPARE(token.use_count(), 1L);
}

void tst_Mailbox::survivesAThreadThatEndsWhileOthersPost()
{
    for (int round = 0; round < 50; ++round) {
        auto desk = std::make_unique<Desk>();
        const std::shared_ptr<Mailbox> mailbox = desk->mailbox;
        const QPointer<QObject> context = desk->context;
        std::atomic<bool> stop = false;
        const std::unique_ptr<QThread> poster(QThread::create([&] {
            while (!stop)
                mailbox->post(context, [] {});
        }));
        poster->start();
        desk->end();
        stop = true;
        poster->wait();
    }
}

void tst_Mailbox::manyThreadsPostAtOnce()
{
    QObject context;
    const auto mailbox = Mailbox::ofThisThread();
    constexpr int Threads = 4;
    constexpr int Each = 5000;
    std::vector<int> last(Threads, -1);
    int received = 0;
    bool ordered = true;
    std::vector<std::unique_ptr<QThread>> threads;
    for (int t = 0; t < Threads; ++t) {
        threads.emplace_back(QThread::create([&, t] {
            for (int i = 0; i < Each; ++i) {
                mailbox->post(&context, [&, t, i] {
                    ordered = ordered && last[size_t(t)] == i - 1;
                    last[size_t(t)] = i;
                    ++received;
                });
            }
        }));
        threads.back()->start();
    }
    QTRY_COMPARE_WITH_TIMEOUT(received, Threads * Each, 30'000);
    QVERIFY2(ordered, "the letters of one thread arrive in its order");
    for (const auto &thread : threads)
        thread->wait();
}

QTEST_GUILESS_MAIN(tst_Mailbox)
#include "tst_mailbox.moc"
