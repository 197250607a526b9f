// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/turns.h"

#include <QtCore/QSemaphore>
#include <QtCore/QThread>
#include <QtTest/QtTest>

#include <atomic>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

/// One who asks: notes what it is told, and holds its place until leave().
class Asker : public QObject
{
public:
    Asker(Turns &turns, const QString &name, QStringList &told, const QByteArray &what = "thread")
    {
        m_turn = turns.ask(what, this, [this, name, &told](bool isMyTurn) {
            told.append(isMyTurn ? name : u"not "_s + name);
            if (leavesAtOnce)
                leave();
        });
    }
    void leave() { m_turn = {}; }
    bool leavesAtOnce = false;

private:
    Turn m_turn;
};

/// Everything that is on its way has arrived.
void settleLetters()
{
    QTest::qWait(0);
    QCoreApplication::sendPostedEvents();
}

} // namespace

class tst_Turns : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void theFirstOneHasItsTurn();
    void theOthersFollowInTheirOrder();
    void otherThingsAreOtherLines();
    void whoLeavesWhileWaitingIsPassedOver();
    void whoVanishesOnItsTurnLetsTheNextOneIn();
    void whoLeavesBeforeItHearsOfItsTurnDoesNot();
    void aTurnMayEndInsideItsOwnCall();
    void aLineIsNoLongerThanThat();
    void nobodyWaitsForEver();
    void whoHasItsTurnMayTakeItsTime();
    void aTurnOutlivesTheLines();
    void aTurnThatIsGivenAwayIsStillHeld();
    void aWholeCrowdOfThreads();
};

void tst_Turns::theFirstOneHasItsTurn()
{
    Turns turns;
    QStringList told;
    Asker anna(turns, u"anna"_s, told);
    QVERIFY2(told.isEmpty(), "never inside the call");
    QTRY_COMPARE(told, QStringList { u"anna"_s });
}

void tst_Turns::theOthersFollowInTheirOrder()
{
    Turns turns;
    QStringList told;
    Asker anna(turns, u"anna"_s, told);
    Asker ben(turns, u"ben"_s, told);
    Asker carla(turns, u"carla"_s, told);
    QTRY_COMPARE(told, QStringList { u"anna"_s });
    settleLetters();
    QCOMPARE(told.size(), 1);
    anna.leave();
    QTRY_COMPARE(told, (QStringList { u"anna"_s, u"ben"_s }));
    settleLetters();
    QCOMPARE(told.size(), 2);
    ben.leave();
    QTRY_COMPARE(told, (QStringList { u"anna"_s, u"ben"_s, u"carla"_s }));
    carla.leave();
    Asker again(turns, u"again"_s, told);
    QTRY_COMPARE(told.last(), u"again"_s);
}

void tst_Turns::otherThingsAreOtherLines()
{
    Turns turns;
    QStringList told;
    Asker anna(turns, u"anna"_s, told, "one thread");
    Asker ben(turns, u"ben"_s, told, "another thread");
    QTRY_COMPARE(told, (QStringList { u"anna"_s, u"ben"_s }));
}

void tst_Turns::whoLeavesWhileWaitingIsPassedOver()
{
    Turns turns;
    QStringList told;
    Asker anna(turns, u"anna"_s, told);
    Asker ben(turns, u"ben"_s, told);
    auto carla = std::make_unique<Asker>(turns, u"carla"_s, told);
    Asker dora(turns, u"dora"_s, told);
    ben.leave();
    carla.reset();
    anna.leave();
    QTRY_VERIFY(told.contains(u"dora"_s));
    QVERIFY(!told.contains(u"ben"_s) && !told.contains(u"carla"_s));
}

void tst_Turns::whoVanishesOnItsTurnLetsTheNextOneIn()
{
    Turns turns;
    QStringList told;
    auto anna = std::make_unique<Asker>(turns, u"anna"_s, told);
    Asker ben(turns, u"ben"_s, told);
    QTRY_COMPARE(told.size(), 1);
    anna.reset();
    QTRY_COMPARE(told, (QStringList { u"anna"_s, u"ben"_s }));
}

void tst_Turns::whoLeavesBeforeItHearsOfItsTurnDoesNot()
{
    Turns turns;
    QStringList told;
    Asker anna(turns, u"anna"_s, told);
    anna.leave(); // its letter is on the way, and it is still there to read it
    Asker ben(turns, u"ben"_s, told);
    QTRY_COMPARE(told, QStringList { u"ben"_s });
}

void tst_Turns::aTurnMayEndInsideItsOwnCall()
{
    Turns turns;
    QStringList told;
    Asker anna(turns, u"anna"_s, told);
    Asker ben(turns, u"ben"_s, told);
    anna.leavesAtOnce = true;
    ben.leavesAtOnce = true;
    QTRY_COMPARE(told, (QStringList { u"anna"_s, u"ben"_s }));
}

void tst_Turns::aLineIsNoLongerThanThat()
{
    Turns turns;
    QStringList told;
    std::vector<std::unique_ptr<Asker>> askers;
    for (int i = 0; i <= Turns::MostWaiting; ++i)
        askers.push_back(std::make_unique<Asker>(turns, QString::number(i), told));
    Asker tooMany(turns, u"one too many"_s, told);
    QTRY_COMPARE(told, (QStringList { u"0"_s, u"not one too many"_s }));
    askers[3].reset(); // whoever leaves makes room
    Asker inTime(turns, u"in time"_s, told);
    for (auto &asker : askers)
        asker.reset();
    QTRY_COMPARE(told.last(), u"in time"_s);
}

void tst_Turns::nobodyWaitsForEver()
{
    Turns turns(20);
    QStringList told;
    Asker anna(turns, u"anna"_s, told);
    Asker ben(turns, u"ben"_s, told);
    QTRY_COMPARE(told, (QStringList { u"anna"_s, u"not ben"_s }));
    anna.leave();
    ben.leave();
    Asker carla(turns, u"carla"_s, told);
    QTRY_COMPARE(told.last(), u"carla"_s);
}

void tst_Turns::whoHasItsTurnMayTakeItsTime()
{
    Turns turns(20);
    QStringList told;
    Asker anna(turns, u"anna"_s, told);
    Asker ben(turns, u"ben"_s, told);
    anna.leave();
    QTRY_COMPARE(told, QStringList { u"ben"_s });
    Asker carla(turns, u"carla"_s, told); // her time ends after ben's would have
    QTRY_VERIFY(told.contains(u"not carla"_s));
    QVERIFY(!told.contains(u"not ben"_s));
    Asker dora(turns, u"dora"_s, told);
    ben.leave();
    QTRY_COMPARE(told.last(), u"dora"_s);
}

void tst_Turns::aTurnOutlivesTheLines()
{
    auto turns = std::make_unique<Turns>();
    QStringList told;
    Asker anna(*turns, u"anna"_s, told);
    Asker ben(*turns, u"ben"_s, told);
    turns.reset();
    anna.leave();
    QTRY_COMPARE(told, QStringList { u"ben"_s });
}

void tst_Turns::aTurnThatIsGivenAwayIsStillHeld()
{
    Turns turns;
    QObject asker;
    QStringList told;
    const auto tells = [&told](const QString &name) {
        return [&told, name](bool) { told.append(name); };
    };
    Turn first = turns.ask("thread", &asker, tells(u"first"_s));
    Turn second = turns.ask("thread", &asker, tells(u"second"_s));
    Turn kept = std::move(first);
    first = {};
    settleLetters();
    QCOMPARE(told, QStringList { u"first"_s });
    kept = std::move(second); // what it held before has ended
    QTRY_COMPARE(told, (QStringList { u"first"_s, u"second"_s }));
}

void tst_Turns::aWholeCrowdOfThreads()
{
    constexpr int Threads = 4;
    constexpr int Rounds = 200;
    Turns turns;
    std::atomic<int> inside = 0;
    std::atomic<int> most = 0;
    std::atomic<int> done = 0;
    std::vector<std::unique_ptr<QThread>> threads;
    for (int i = 0; i < Threads; ++i) {
        threads.emplace_back(QThread::create([&] {
            QEventLoop loop;
            QObject asker;
            Turn turn;
            int left = Rounds;
            std::function<void()> ask = [&] {
                turn = turns.ask("thread", &asker, [&](bool isMyTurn) {
                    if (!isMyTurn)
                        qFatal("nobody waits long here");
                    most = std::max(most.load(), ++inside);
                    --inside;
                    ++done;
                    turn = {};
                    if (--left > 0)
                        ask();
                    else
                        loop.quit();
                });
            };
            ask();
            loop.exec();
        }));
        threads.back()->start();
    }
    for (auto &thread : threads)
        QVERIFY(thread->wait(30'000));
    QCOMPARE(done.load(), Threads * Rounds);
    QCOMPARE(most.load(), 1);
}

QTEST_GUILESS_MAIN(tst_Turns)
#include "tst_turns.moc"
