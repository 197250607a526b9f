// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "console/moneyitems.h"
#include "fakeengine.h"
#include "models/overviewmodel.h"
#include "models/platformsmodel.h"
#include "models/servermodel.h"
#include "models/setupmodel.h"
#include "models/walletmodel.h"
#include "models/wording.h"
#include "scenes.h"

#include <QtTest/QSignalSpy>
#include <QtTest/QTest>

#include <cmath>

using namespace assistiv;
using namespace assistiv::console;

namespace {

/// Asks at most every millisecond, and less often the longer answers take.
class PausingModel : public PageModel
{
public:
    PausingModel() { setPauseMs(1); }

protected:
    void ask() override { engine()->readWallet(this, {}, answer<WalletState>([](const WalletState &) {})); }
    QString failureTitle() const override { return {}; }
    bool concerns(ConsoleEngine::Topic topic) const override { return topic == ConsoleEngine::Topic::Requests; }
};

} // namespace

class tst_ConsoleModels : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();

    void writesMoney_data();
    void writesMoney();
    void readsTypedMoney_data();
    void readsTypedMoney();
    void moneyInputKeepsItsLimits();
    void writesTimes();
    void proposesSlugs_data();
    void proposesSlugs();

    void showsWhatTheEngineSays();
    void anErrorIsShownAndGoesAway();
    void oldFiguresStayWhileNewOnesAreAwaited();
    void anAnswerToAnOlderQuestionIsDropped();
    void anotherPlatformForgetsTheFigures();
    void silenceIsAnErrorAndALateAnswerCounts();
    void nothingIsAskedTwiceAtATime();
    void whatIsLateIsNotAskedAgain();
    void manyRangesQueueOneQuestion();
    void anotherEngineIsAskedAtOnce();
    void anAnswerAfterTheModelIsGoneIsHarmless();
    void announcementsAskOnce();
    void announcementsDoNotStarveAnAnswer();
    void aSlowAnswerIsFollowedByALongPause();

    void stateIsNeverAssumed();
    void proposesAFreePort();

    void runwayIsInWords_data();
    void runwayIsInWords();
    void topsUpOnce();
    void anOlderBalanceIsNotShownAfterATopUp();
    void anUnclearTopUpIsSentAgainWithItsKey();
    void aChangedTopUpAsksFirst_data();
    void aChangedTopUpAsksFirst();
    void silenceLeavesATopUpUnclear();
    void aRefusedTopUpIsNotUnclear();
    void aReplayIsSaid();
    void aNewDialogHasANewKey();

    void wizardFollowsTheEngine();
    void wizardGoesOnOnlyWhenTheEngineSaysSo();
    void wizardShowsTheNewKeyOnce();
    void wizardTestsTheKeyThatIsTyped();
    void wizardSendsOnlyChangedModels();
    void wizardForgetsTheKeyAfterStoring();
    void wizardPutsARefusalAtItsField();
    void wizardTakesTheEchoModel();
    void wizardUserCreationKeepsItsKey();
    void wizardShowsTheFirstRequest();
    void wizardShowsAFailedRequestWithAFix();
    void snippetsHoldAddressKeyAndModel();

private:
    QString platform() const { return m_engine->platforms.first().id.toString(); }
    template <typename Model> void attach(Model &model)
    {
        model.setEngine(m_engine.get());
        model.setPlatform(platform());
    }

    std::unique_ptr<FakeEngine> m_engine;
};

void tst_ConsoleModels::init()
{
    QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
    m_engine = std::make_unique<FakeEngine>();
    furnish(*m_engine);
}

void tst_ConsoleModels::cleanup()
{
    m_engine.reset();
}

void tst_ConsoleModels::writesMoney_data()
{
    QTest::addColumn<qint64>("micros");
    QTest::addColumn<QString>("exact");
    QTest::addColumn<QString>("plain");
    QTest::addColumn<QString>("brief");
    const auto row = [](const char *name, qint64 micros, const char *exact, const char *plain, const char *brief) {
        QTest::newRow(name) << micros << QString::fromUtf8(exact) << QString::fromUtf8(plain)
                            << QString::fromUtf8(brief);
    };
    row("zero", 0, "$0.000000", "$0.00", "$0.00");
    row("a micro-dollar is not nothing", 1, "$0.000001", "$0.000001", "<$0.01");
    row("a debt of less than a cent", -1, "−$0.000001", "−$0.000001", "−<$0.01");
    row("cut, never rounded up", 9'999'999, "$9.999999", "$9.999999", "$9.99");
    row("a debt is cut towards zero", -2'149'999, "−$2.149999", "−$2.149999", "−$2.14");
    row("thousands are grouped", 1'234'567'500'000, "$1,234,567.500000", "$1,234,567.50", "$1,234,567.50");
    row("the least number", std::numeric_limits<qint64>::min(), "−$9,223,372,036,854.775808",
        "−$9,223,372,036,854.775808", "−$9,223,372,036,854.77");
}

void tst_ConsoleModels::writesMoney()
{
    QFETCH(qint64, micros);
    const Money amount = Money::fromMicros(micros);
    QTEST(exactMoney(amount), "exact");
    QTEST(plainMoney(amount), "plain");
    QTEST(briefMoney(amount), "brief");
    QCOMPARE(moneyParts(amount).cents + moneyParts(amount).rest, exactMoney(amount));
}

void tst_ConsoleModels::readsTypedMoney_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<qint64>("micros");
    QTest::newRow("cents") << "25.00" << 25'000'000LL;
    QTest::newRow("whole dollars") << "25" << 25'000'000LL;
    QTest::newRow("spaces around") << " 25.5 " << 25'500'000LL;
    QTest::newRow("no digit before the point") << ".5" << 500'000LL;
    QTest::newRow("no digit after the point") << "5." << 5'000'000LL;
    QTest::newRow("zeros in front") << "007.10" << 7'100'000LL;
    QTest::newRow("a micro-dollar") << "0.000001" << 1LL;
    for (const char *refused :
         {"", " ", ".", "1,5", "1.000,00", "1e3", "-5", "+5", "$5", "0.0000001", "1.2.3", "zwei", "99999999999999"})
        QTest::newRow(qPrintable(QStringLiteral("refused: '%1'").arg(QLatin1StringView(refused))))
            << QString::fromLatin1(refused) << -1LL;
}

void tst_ConsoleModels::readsTypedMoney()
{
    QFETCH(QString, text);
    QFETCH(qint64, micros);
    const std::optional<Money> amount = typedMoney(text);
    QCOMPARE(amount ? amount->micros() : -1, micros);
}

void tst_ConsoleModels::moneyInputKeepsItsLimits()
{
    MoneyInput input;
    QVERIFY(!input.isValid());
    input.setText(QStringLiteral("0"));
    QVERIFY(!input.isValid());
    QCOMPARE(input.micros(), 0);
    input.setText(QStringLiteral("1000000"));
    QVERIFY(input.isValid());
    QCOMPARE(input.message(), QString());
    input.setText(QStringLiteral("1000000.000001"));
    QVERIFY(!input.isValid());
    QCOMPARE(input.message(), QStringLiteral("The most is $1,000,000.00."));
    input.setMinimum(5'000'000);
    input.setText(QStringLiteral("4.999999"));
    QCOMPARE(input.message(), QStringLiteral("The least is $5.00."));
}

void tst_ConsoleModels::writesTimes()
{
    QCOMPARE(uptimeText(42'000), QStringLiteral("42 s"));
    QCOMPARE(uptimeText(6 * 86'400'000LL + 4 * 3'600'000 + 720'000), QStringLiteral("6 d 04:12"));
    QCOMPARE(durationText(0), QStringLiteral("<1 ms"));
    QCOMPARE(durationText(999), QStringLiteral("999 ms"));
    QCOMPARE(durationText(1490), QStringLiteral("1.49 s"));
    QCOMPARE(durationText(125'000), QStringLiteral("2 min 5 s"));
    QCOMPARE(agoText(0, 44'000), QStringLiteral("just now"));
    QCOMPARE(agoText(0, 50'000), QStringLiteral("1 min ago"));
    QCOMPARE(agoText(1000, 0), QStringLiteral("just now"));
    QCOMPARE(shareText(1, 100'000), QStringLiteral("<0.1 %"));
    QCOMPARE(shareText(17, 1000), QStringLiteral("1.7 %"));
    QCOMPARE(shareText(0, 0), QStringLiteral("0 %"));
}

void tst_ConsoleModels::proposesSlugs_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("slug");
    QTest::newRow("words") << "Northwind Copilot"
                           << "northwind-copilot";
    QTest::newRow("accents lose their marks") << QString::fromUtf8("Müller & Söhne") << "muller-sohne";
    QTest::newRow("no hyphen at the ends") << "  (Beta)  "
                                           << "beta";
    QTest::newRow("nothing to keep") << QString::fromUtf8("東京") << "";
    QTest::newRow("at most 63") << QString(62, u'a') + QStringLiteral(" bc") << QString(62, u'a');
}

void tst_ConsoleModels::proposesSlugs()
{
    QFETCH(QString, name);
    QTEST(SetUpModel::slugFrom(name), "slug");
    SetUpModel model;
    model.setName(name);
    QTEST(model.slug(), "slug");
    model.setSlug(QStringLiteral("own"));
    model.setName(QStringLiteral("Something else"));
    QCOMPARE(model.slug(), QStringLiteral("own"));
}

void tst_ConsoleModels::showsWhatTheEngineSays()
{
    WalletModel wallet;
    QCOMPARE(wallet.state(), QStringLiteral("idle"));
    attach(wallet);
    QTRY_COMPARE(wallet.state(), QStringLiteral("ready"));
    QCOMPARE(wallet.balance(), 41'268'417);
    QVERIFY(wallet.isLow());
    QCOMPARE(wallet.warning(), QStringLiteral("below $50.00 threshold"));

    OverviewModel overview;
    attach(overview);
    QTRY_COMPARE(overview.state(), QStringLiteral("ready"));
    QCOMPARE(overview.requests(), QStringLiteral("9,926"));
    QCOMPARE(overview.failedShare(), QStringLiteral("1.7 % errors"));
    QCOMPARE(overview.spendSeries().first().toList().size(), 24);
    QCOMPARE(overview.spendHints().size(), 24);
    QCOMPARE(overview.axisLabels().last(), QStringLiteral("now"));

    // The axis counts seconds as soon as one slice reaches one, else milliseconds.
    QCOMPARE(overview.latencyUnit(), QStringLiteral(" s"));
    QCOMPARE(overview.latencySeries().first().toList().first().toDouble(),
             double(*m_engine->figures.points.first().p95Ms) / 1000);
    for (OverviewPoint &point : m_engine->figures.points)
        point.p50Ms = point.p95Ms = 2;
    m_engine->figures.points.first().p95Ms.reset();
    overview.reload();
    QTRY_COMPARE(overview.latencyUnit(), QStringLiteral(" ms"));
    const QVariantList slow = overview.latencySeries().first().toList();
    QVERIFY(std::isnan(slow.first().toDouble()));
    QCOMPARE(slow.last().toDouble(), 2.0);

    PlatformsModel platforms;
    platforms.setEngine(m_engine.get());
    platforms.setCurrent(QStringLiteral("one that was deleted"));
    QTRY_COMPARE(platforms.state(), QStringLiteral("ready"));
    QCOMPARE(platforms.current(), platform());
    QCOMPARE(platforms.place(), QStringLiteral("1 of 4"));
}

void tst_ConsoleModels::anErrorIsShownAndGoesAway()
{
    m_engine->errors[QStringLiteral("readOverview")] = {ErrorCode::DatabaseUnavailable};
    OverviewModel overview;
    attach(overview);
    QTRY_COMPARE(overview.state(), QStringLiteral("error"));
    QCOMPARE(overview.problem().code, QStringLiteral("database_unavailable"));
    QVERIFY(overview.problem().retryable);
    // What is not known is a dash, never a zero.
    QCOMPARE(overview.spend(), QStringLiteral("–"));
    QCOMPARE(overview.requests(), QStringLiteral("–"));

    m_engine->errors.clear();
    overview.reload();
    QTRY_COMPARE(overview.state(), QStringLiteral("ready"));
    QVERIFY(!overview.problem().isPresent());
}

void tst_ConsoleModels::oldFiguresStayWhileNewOnesAreAwaited()
{
    OverviewModel overview;
    attach(overview);
    QTRY_COMPARE(overview.state(), QStringLiteral("ready"));
    const QString before = overview.spend();

    m_engine->usualManner = FakeEngine::Manner::Held;
    overview.setRange(QStringLiteral("7d"));
    QVERIFY(overview.isBusy());
    QCOMPARE(overview.state(), QStringLiteral("ready"));
    QCOMPARE(overview.spend(), before);
    QCOMPARE(m_engine->ranges.last(), OverviewRange::Week);
}

void tst_ConsoleModels::anAnswerToAnOlderQuestionIsDropped()
{
    m_engine->usualManner = FakeEngine::Manner::Held;
    OverviewModel overview;
    attach(overview);
    QTRY_COMPARE(m_engine->heldCount(), 1);

    m_engine->figures.requests = 7;
    overview.setRange(QStringLiteral("1h"));
    QCOMPARE(m_engine->heldCount(), 2);
    m_engine->release(1);
    QCOMPARE(overview.requests(), QStringLiteral("7"));
    m_engine->release(0);
    QCOMPARE(overview.requests(), QStringLiteral("7"));
}

void tst_ConsoleModels::anotherPlatformForgetsTheFigures()
{
    WalletModel wallet;
    attach(wallet);
    QTRY_VERIFY(wallet.isKnown());
    m_engine->usualManner = FakeEngine::Manner::Held;
    wallet.setPlatform(m_engine->platforms[1].id.toString());
    QVERIFY(!wallet.isKnown());
    QTRY_COMPARE(wallet.state(), QStringLiteral("loading"));
    // The answer about the first platform must not be shown as that of the second.
    QCOMPARE(wallet.balanceNow(), QStringLiteral("–"));
    m_engine->release();
    QVERIFY(wallet.isKnown());
}

void tst_ConsoleModels::silenceIsAnErrorAndALateAnswerCounts()
{
    m_engine->usualManner = FakeEngine::Manner::Held;
    WalletModel wallet;
    wallet.setPatienceMs(20);
    attach(wallet);
    QTRY_COMPARE(wallet.state(), QStringLiteral("error"));
    QCOMPARE(wallet.problem().code, QStringLiteral("no_answer"));
    QVERIFY(wallet.problem().retryable);
    m_engine->release();
    QCOMPARE(wallet.state(), QStringLiteral("ready"));
}

void tst_ConsoleModels::nothingIsAskedTwiceAtATime()
{
    m_engine->usualManner = FakeEngine::Manner::Held;
    WalletModel wallet;
    attach(wallet);
    QTRY_COMPARE(m_engine->heldCount(), 1);
    for (int i = 0; i < 3; ++i)
        wallet.reload();
    QCOMPARE(m_engine->heldCount(), 1);
    m_engine->release();
    QVERIFY(wallet.isKnown());
    // The answer may be older than the wish, so it is asked once more, and not three times.
    QTRY_COMPARE(m_engine->heldCount(), 1);
    QVERIFY(wallet.isBusy());
    m_engine->release();
    QTest::qWait(10);
    QCOMPARE(m_engine->countOf(QStringLiteral("readWallet")), 2);
    QVERIFY(!wallet.isBusy());

    // A question in two parts counts as one until its second part is answered.
    SetUpModel setUp;
    attach(setUp);
    QTRY_COMPARE(m_engine->heldCount(), 1);
    m_engine->release();
    setUp.reload();
    QCOMPARE(m_engine->heldCount(), 1);
    QCOMPARE(m_engine->countOf(QStringLiteral("readSetUp")), 1);
    m_engine->release();
    QCOMPARE(setUp.state(), QStringLiteral("ready"));
    QTRY_COMPARE(m_engine->countOf(QStringLiteral("readSetUp")), 2);
    // An error in the first part ends it.
    m_engine->release();
    m_engine->release();
    m_engine->errors[QStringLiteral("readSetUp")] = {ErrorCode::DatabaseUnavailable};
    setUp.reload();
    m_engine->release();
    QCOMPARE(setUp.state(), QStringLiteral("error"));
    m_engine->errors.clear();
    setUp.reload();
    QCOMPARE(m_engine->countOf(QStringLiteral("readSetUp")), 4);
}

void tst_ConsoleModels::whatIsLateIsNotAskedAgain()
{
    m_engine->usualManner = FakeEngine::Manner::Held;
    WalletModel wallet;
    wallet.setPatienceMs(20);
    attach(wallet);
    QTRY_COMPARE(wallet.state(), QStringLiteral("error"));
    QVERIFY(!wallet.isBusy());

    // Neither an announcement nor a person gets more than the promise that somebody waits again.
    Q_EMIT m_engine->changed(ConsoleEngine::Topic::Wallet);
    QTest::qWait(10);
    QCOMPARE(m_engine->heldCount(), 1);
    wallet.reload();
    QCOMPARE(m_engine->heldCount(), 1);
    QVERIFY(wallet.isBusy());
    QTRY_VERIFY(!wallet.isBusy());
    QCOMPARE(wallet.problem().code, QStringLiteral("no_answer"));

    m_engine->release();
    QCOMPARE(wallet.state(), QStringLiteral("ready"));
    QTRY_COMPARE(m_engine->heldCount(), 1);
    QCOMPARE(m_engine->countOf(QStringLiteral("readWallet")), 2);
}

void tst_ConsoleModels::manyRangesQueueOneQuestion()
{
    m_engine->usualManner = FakeEngine::Manner::Held;
    OverviewModel overview;
    attach(overview);
    QTRY_COMPARE(m_engine->heldCount(), 1);
    m_engine->figures.requests = 7;
    for (const char *range : {"1h", "7d", "1h", "30d"})
        overview.setRange(QLatin1StringView(range));
    // One that is not wanted any more keeps a reader of the engine busy, and one more may.
    QCOMPARE(m_engine->ranges, (QList{OverviewRange::Day, OverviewRange::Hour}));
    QVERIFY(overview.isBusy());

    m_engine->release();
    QCOMPARE(m_engine->ranges.last(), OverviewRange::Month);
    QCOMPARE(m_engine->heldCount(), 2);
    m_engine->release();
    QCOMPARE(m_engine->heldCount(), 1);
    QCOMPARE(overview.requests(), QStringLiteral("–"));
    QVERIFY(overview.isBusy());
    m_engine->release();
    QCOMPARE(overview.requests(), QStringLiteral("7"));
    QVERIFY(!overview.isBusy());
    QTest::qWait(10);
    QCOMPARE(m_engine->ranges.size(), 3);
}

void tst_ConsoleModels::anotherEngineIsAskedAtOnce()
{
    m_engine->usualManner = FakeEngine::Manner::Held;
    WalletModel wallet;
    attach(wallet);
    QTRY_COMPARE(m_engine->heldCount(), 1);
    FakeEngine other;
    furnish(other);
    other.wallet.balance = Money::fromMicros(5);
    for (ConsoleEngine *engine : {static_cast<ConsoleEngine *>(&other), static_cast<ConsoleEngine *>(m_engine.get()),
                                  static_cast<ConsoleEngine *>(&other)}) {
        wallet.setEngine(engine);
        QTest::qWait(0);
    }
    QTRY_COMPARE(wallet.balance(), 5);
    QCOMPARE(m_engine->heldCount(), 2);
    while (m_engine->heldCount() > 0)
        m_engine->release();
    QCOMPARE(wallet.balance(), 5);
}

void tst_ConsoleModels::anAnswerAfterTheModelIsGoneIsHarmless()
{
    m_engine->usualManner = FakeEngine::Manner::Held;
    {
        WalletModel wallet;
        attach(wallet);
        QTRY_COMPARE(m_engine->heldCount(), 1);
    }
    m_engine->release();
}

void tst_ConsoleModels::announcementsAskOnce()
{
    WalletModel wallet;
    attach(wallet);
    QTRY_VERIFY(wallet.isKnown());
    const int before = m_engine->countOf(QStringLiteral("readWallet"));
    Q_EMIT m_engine->changed(ConsoleEngine::Topic::Providers);
    QTest::qWait(10);
    QCOMPARE(m_engine->countOf(QStringLiteral("readWallet")), before);
    Q_EMIT m_engine->changed(ConsoleEngine::Topic::Wallet);
    Q_EMIT m_engine->changed(ConsoleEngine::Topic::Requests);
    QTRY_COMPARE(m_engine->countOf(QStringLiteral("readWallet")), before + 1);
    QTest::qWait(10);
    QCOMPARE(m_engine->countOf(QStringLiteral("readWallet")), before + 1);
}

void tst_ConsoleModels::announcementsDoNotStarveAnAnswer()
{
    m_engine->usualManner = FakeEngine::Manner::Held;
    WalletModel wallet;
    attach(wallet);
    QTRY_COMPARE(m_engine->heldCount(), 1);
    Q_EMIT m_engine->changed(ConsoleEngine::Topic::Wallet);
    QTest::qWait(10);
    QCOMPARE(m_engine->heldCount(), 1);
    m_engine->release();
    QVERIFY(wallet.isKnown());
    // The change came after the question, so it is asked once more.
    QTRY_COMPARE(m_engine->heldCount(), 1);
    m_engine->release();
    QTest::qWait(10);
    QCOMPARE(m_engine->countOf(QStringLiteral("readWallet")), 2);
}

void tst_ConsoleModels::aSlowAnswerIsFollowedByALongPause()
{
    m_engine->usualManner = FakeEngine::Manner::Held;
    PausingModel figures;
    figures.setEngine(m_engine.get());
    QTRY_COMPARE(m_engine->heldCount(), 1);
    const auto answerAfter = [this](int ms) {
        QTest::qWait(ms);
        Q_EMIT m_engine->changed(ConsoleEngine::Topic::Requests);
        m_engine->release();
        QCOMPARE(m_engine->heldCount(), 0);
    };
    // It took 60 ms at the least: the next question comes ten times as long after the answer.
    answerAfter(60);
    QElapsedTimer sinceAnswer;
    sinceAnswer.start();
    QTRY_COMPARE_WITH_TIMEOUT(m_engine->heldCount(), 1, 30'000);
    QVERIFY2(sinceAnswer.elapsed() >= 500, qPrintable(QString::number(sinceAnswer.elapsed())));

    // A person who asks does not wait, and an answer that comes at once ends the long pauses.
    answerAfter(300);
    figures.reload();
    QCOMPARE(m_engine->heldCount(), 1);
    answerAfter(0);
    sinceAnswer.start();
    QTRY_COMPARE_WITH_TIMEOUT(m_engine->heldCount(), 1, 30'000);
    QVERIFY2(sinceAnswer.elapsed() < 3000, qPrintable(QString::number(sinceAnswer.elapsed())));

    // Neither does an error, however late it came, hold up the next question: what was wrong may be over.
    m_engine->release();
    m_engine->errors[QStringLiteral("readWallet")] = {ErrorCode::DatabaseUnavailable};
    figures.reload();
    QCOMPARE(m_engine->heldCount(), 1);
    answerAfter(300);
    sinceAnswer.start();
    QTRY_COMPARE_WITH_TIMEOUT(m_engine->heldCount(), 1, 30'000);
    QVERIFY2(sinceAnswer.elapsed() < 3000, qPrintable(QString::number(sinceAnswer.elapsed())));
}

void tst_ConsoleModels::stateIsNeverAssumed()
{
    ServerModel server;
    server.setEngine(m_engine.get());
    QCOMPARE(server.serverState(), QStringLiteral("unknown"));
    QTRY_COMPARE(server.serverState(), QStringLiteral("running"));
    QCOMPARE(server.baseUrl(), QStringLiteral("http://127.0.0.1:8790/v1"));
    QCOMPARE(server.address(), QStringLiteral("127.0.0.1:8790"));
    QVERIFY(server.isServing());

    // The command was taken up, but the engine does not say that it stopped.
    server.stop();
    QTRY_COMPARE(server.command()->state(), QStringLiteral("done"));
    QCOMPARE(server.serverState(), QStringLiteral("running"));

    m_engine->server.state = ServerState::Stopping;
    Q_EMIT m_engine->changed(ConsoleEngine::Topic::Server);
    QTRY_COMPARE(server.serverState(), QStringLiteral("stopping"));
    QVERIFY(!server.isServing());

    m_engine->errors[QStringLiteral("readServer")] = {ErrorCode::Internal};
    server.reload();
    QTRY_COMPARE(server.serverState(), QStringLiteral("unknown"));
    QVERIFY(server.facts().isEmpty());

    // Webhooks are shown only where the engine knows them.
    m_engine->errors.clear();
    m_engine->server.state = ServerState::Running;
    m_engine->server.webhooksPending.reset();
    server.reload();
    QTRY_COMPARE(server.serverState(), QStringLiteral("running"));
    QCOMPARE(server.facts().size(), 4);
}

void tst_ConsoleModels::proposesAFreePort()
{
    m_engine->server.state = ServerState::CannotStart;
    m_engine->server.reason = QStringLiteral("Port 8790 is used by another program");
    m_engine->server.freePort = 8791;
    ServerModel server;
    server.setEngine(m_engine.get());
    QTRY_COMPARE(server.serverState(), QStringLiteral("cannotStart"));
    QCOMPARE(server.freePort(), 8791);
    server.start(server.freePort());
    QCOMPARE(m_engine->startPorts, QList<quint16>{8791});
}

void tst_ConsoleModels::runwayIsInWords_data()
{
    QTest::addColumn<QString>("balance");
    QTest::addColumn<QString>("perHour");
    QTest::addColumn<QString>("begin");
    QTest::newRow("hours") << "41.268417"
                           << "4.38"
                           << "About 9 ";
    QTest::newRow("days") << "410"
                          << "4.00"
                          << "About 4 ";
    QTest::newRow("nearly gone") << "1"
                                 << "4.00"
                                 << "Less than an hour";
    QTest::newRow("no end in sight") << "100000"
                                     << "0.01"
                                     << "More than a year";
    QTest::newRow("no spend") << "5"
                              << ""
                              << "Nothing was spent";
    QTest::newRow("empty") << "0"
                           << "4.00"
                           << "No call runs";
    QTest::newRow("in debt") << "-0.000002"
                             << "4.00"
                             << "No call runs";
}

void tst_ConsoleModels::runwayIsInWords()
{
    QFETCH(QString, balance);
    QFETCH(QString, perHour);
    QFETCH(QString, begin);
    m_engine->wallet = {};
    m_engine->wallet.balance = *Money::parse(balance.toLatin1());
    if (!perHour.isEmpty())
        m_engine->wallet.spendPerHour = Money::parse(perHour.toLatin1());
    WalletModel wallet;
    attach(wallet);
    QTRY_VERIFY(wallet.isKnown());
    QVERIFY2(wallet.runway().startsWith(begin), qPrintable(wallet.runway()));
}

void tst_ConsoleModels::topsUpOnce()
{
    WalletModel wallet;
    attach(wallet);
    QTRY_VERIFY(wallet.isKnown());
    wallet.topUp()->prepare();
    wallet.setAmount(25'000'000);
    QCOMPARE(wallet.verb(), QStringLiteral("Top up $25.00"));
    QCOMPARE(wallet.balanceAfter(), QStringLiteral("$66.268417"));
    m_engine->wallet.balance = m_engine->booking.balanceAfter;
    wallet.book();
    wallet.book();
    QVERIFY(wallet.isBooking());
    QTRY_COMPARE(wallet.topUp()->state(), QStringLiteral("done"));
    QCOMPARE(m_engine->topUps.size(), 1);
    QCOMPARE(m_engine->topUps.first().amount.micros(), 25'000'000);
    QCOMPARE(wallet.balance(), 66'268'417);
    QCOMPARE(wallet.result(), QStringLiteral("$25.00 booked"));
}

void tst_ConsoleModels::anOlderBalanceIsNotShownAfterATopUp()
{
    WalletModel wallet;
    attach(wallet);
    QTRY_VERIFY(wallet.isKnown());
    m_engine->manners[QStringLiteral("readWallet")] = FakeEngine::Manner::Held;
    wallet.reload();
    m_engine->booking.balanceAfter = m_engine->wallet.balance + Money::fromMicros(25'000'000);
    wallet.setAmount(25'000'000);
    wallet.book();
    QTRY_COMPARE(m_engine->heldCount(), 2);
    QCOMPARE(wallet.balance(), m_engine->booking.balanceAfter.micros());
    m_engine->release();
    QCOMPARE(wallet.balance(), m_engine->booking.balanceAfter.micros());
}

void tst_ConsoleModels::anUnclearTopUpIsSentAgainWithItsKey()
{
    m_engine->errors[QStringLiteral("topUpWallet")] = {ErrorCode::DatabaseUnavailable};
    WalletModel wallet;
    attach(wallet);
    wallet.topUp()->prepare();
    wallet.setAmount(25'000'000);
    wallet.book();
    QTRY_VERIFY(wallet.topUp()->isUnclear());

    // Closing and opening the dialog changes nothing: a new key could book twice.
    wallet.topUp()->prepare();
    QVERIFY(wallet.topUp()->isUnclear());

    m_engine->errors.clear();
    wallet.book();
    QTRY_COMPARE(wallet.topUp()->state(), QStringLiteral("done"));
    QCOMPARE(m_engine->topUps.size(), 2);
    QCOMPARE(m_engine->topUps[0].idempotencyKey, m_engine->topUps[1].idempotencyKey);
    QCOMPARE(m_engine->countOf(QStringLiteral("findTopUp")), 0);
}

void tst_ConsoleModels::aChangedTopUpAsksFirst_data()
{
    QTest::addColumn<bool>("wasBooked");
    QTest::newRow("the first one was booked: no second one") << true;
    QTest::newRow("the first one was not booked: the changed one gets a new key") << false;
}

void tst_ConsoleModels::aChangedTopUpAsksFirst()
{
    QFETCH(bool, wasBooked);
    m_engine->errors[QStringLiteral("topUpWallet")] = {ErrorCode::DatabaseUnavailable};
    WalletModel wallet;
    attach(wallet);
    wallet.topUp()->prepare();
    wallet.setAmount(25'000'000);
    wallet.book();
    QTRY_VERIFY(wallet.topUp()->isUnclear());

    m_engine->errors.clear();
    if (wasBooked)
        m_engine->foundTopUp = m_engine->booking;
    wallet.setAmount(30'000'000);
    wallet.book();
    QTRY_COMPARE(wallet.topUp()->state(), QStringLiteral("done"));
    QCOMPARE(m_engine->countOf(QStringLiteral("findTopUp")), 1);
    QCOMPARE(m_engine->topUps.size(), wasBooked ? 1 : 2);
    if (wasBooked) {
        QVERIFY(wallet.result().startsWith(QStringLiteral("$25.00 was already booked")));
    } else {
        QVERIFY(m_engine->topUps[0].idempotencyKey != m_engine->topUps[1].idempotencyKey);
        QCOMPARE(m_engine->topUps[1].amount.micros(), 30'000'000);
    }
}

void tst_ConsoleModels::silenceLeavesATopUpUnclear()
{
    m_engine->manners[QStringLiteral("topUpWallet")] = FakeEngine::Manner::Held;
    WalletModel wallet;
    attach(wallet);
    wallet.topUp()->setPatienceMs(20);
    wallet.setAmount(25'000'000);
    wallet.book();
    QTRY_VERIFY(wallet.topUp()->isUnclear());
    // The answer comes after all.
    m_engine->release();
    QCOMPARE(wallet.topUp()->state(), QStringLiteral("done"));
}

void tst_ConsoleModels::aRefusedTopUpIsNotUnclear()
{
    m_engine->errors[QStringLiteral("topUpWallet")] = {ErrorCode::IdempotencyConflict};
    WalletModel wallet;
    attach(wallet);
    wallet.setAmount(25'000'000);
    wallet.book();
    QTRY_COMPARE(wallet.topUp()->state(), QStringLiteral("failed"));
    QVERIFY(wallet.topUp()->problem().isPresent());
}

void tst_ConsoleModels::aReplayIsSaid()
{
    m_engine->booking.replayed = true;
    WalletModel wallet;
    attach(wallet);
    wallet.setAmount(25'000'000);
    wallet.book();
    QTRY_COMPARE(wallet.topUp()->state(), QStringLiteral("done"));
    QVERIFY2(wallet.result().startsWith(QStringLiteral("$25.00 was already booked at ")), qPrintable(wallet.result()));
}

void tst_ConsoleModels::aNewDialogHasANewKey()
{
    WalletModel wallet;
    attach(wallet);
    wallet.topUp()->prepare();
    const QString first = wallet.topUp()->key();
    wallet.topUp()->prepare();
    QVERIFY(wallet.topUp()->key() != first);
    QVERIFY(!first.isEmpty());
}

void tst_ConsoleModels::wizardFollowsTheEngine()
{
    m_engine->progress = {};
    m_engine->progress.hasProvider = true;
    SetUpModel model;
    model.setEngine(m_engine.get());
    QCOMPARE(model.step(), int(SetUpModel::PlatformStep));
    model.setPlatform(platform());
    QTRY_COMPARE(model.step(), int(SetUpModel::WalletStep));
    QCOMPARE(model.done(), (QVariantList{true, true, false, false, false}));
    model.goTo(SetUpModel::EndUserStep);
    QCOMPARE(model.step(), int(SetUpModel::WalletStep));
    model.goTo(SetUpModel::ProviderStep);
    QCOMPARE(model.step(), int(SetUpModel::ProviderStep));
}

void tst_ConsoleModels::wizardGoesOnOnlyWhenTheEngineSaysSo()
{
    m_engine->progress = {};
    SetUpModel model;
    attach(model);
    QTRY_COMPARE(model.step(), int(SetUpModel::ProviderStep));
    model.useEchoModel();
    QTRY_COMPARE(model.keyStorage()->state(), QStringLiteral("done"));
    QTRY_VERIFY(!model.isBusy());
    // The engine took the order but does not say that there is a provider.
    QCOMPARE(model.step(), int(SetUpModel::ProviderStep));
    m_engine->progress.hasProvider = true;
    Q_EMIT m_engine->changed(ConsoleEngine::Topic::Providers);
    QTRY_COMPARE(model.step(), int(SetUpModel::WalletStep));
}

void tst_ConsoleModels::wizardShowsTheNewKeyOnce()
{
    m_engine->progress = {};
    SetUpModel model;
    model.setEngine(m_engine.get());
    model.setName(QStringLiteral("Northwind Copilot"));
    model.createPlatform();
    QTRY_VERIFY(!model.platformKey().isEmpty());
    QCOMPARE(m_engine->newPlatforms.first().slug, QStringLiteral("northwind-copilot"));
    QCOMPARE(model.platform(), platform());
    QTRY_COMPARE(model.state(), QStringLiteral("ready"));
    // The key has to be stored first: the step is left by hand.
    QCOMPARE(model.step(), int(SetUpModel::PlatformStep));
    model.goTo(SetUpModel::ProviderStep);
    QCOMPARE(model.platformKey(), QString());
}

void tst_ConsoleModels::wizardTestsTheKeyThatIsTyped()
{
    m_engine->progress = {};
    m_engine->manners[QStringLiteral("testProviderKey")] = FakeEngine::Manner::Held;
    SetUpModel model;
    attach(model);
    QTRY_VERIFY(!model.provider().isEmpty());
    model.testKey();
    QCOMPARE(m_engine->countOf(QStringLiteral("testProviderKey")), 0);
    model.setApiKey(QStringLiteral("sk-ant-first"));
    model.testKey();
    model.setApiKey(QStringLiteral("sk-ant-second"));
    m_engine->release();
    // The first key works; nothing is known of the second.
    QCOMPARE(model.testResult(), QString());
    model.testKey();
    m_engine->release();
    QCOMPARE(model.testResult(), QStringLiteral("Key works. 7 model(s) found in 410 ms."));
    QCOMPARE(model.models().size(), 3);
}

void tst_ConsoleModels::wizardSendsOnlyChangedModels()
{
    m_engine->progress = {};
    SetUpModel model;
    attach(model);
    QTRY_VERIFY(!model.provider().isEmpty());
    model.setApiKey(QStringLiteral("sk-ant-first"));
    model.testKey();
    QTRY_VERIFY(!model.testResult().isEmpty());
    model.setModelEnabled(2, true);
    model.setModelEnabled(0, false);
    model.setModelEnabled(0, true);
    model.storeKey();
    QTRY_COMPARE(m_engine->newKeys.size(), 1);
    QCOMPARE(m_engine->newKeys.first().apiKey, QStringLiteral("sk-ant-first"));
    QCOMPARE(m_engine->newKeys.first().switches.size(), 1);
    QCOMPARE(m_engine->newKeys.first().switches.first().id, m_engine->keyTest.models[2].id);
}

void tst_ConsoleModels::wizardForgetsTheKeyAfterStoring()
{
    m_engine->progress = {};
    SetUpModel model;
    attach(model);
    QTRY_VERIFY(!model.provider().isEmpty());
    model.setApiKey(QStringLiteral("sk-ant-first"));
    model.storeKey();
    QTRY_COMPARE(model.keyStorage()->state(), QStringLiteral("done"));
    QCOMPARE(model.apiKey(), QString());
}

void tst_ConsoleModels::wizardPutsARefusalAtItsField()
{
    m_engine->errors[QStringLiteral("createPlatform")] = {ErrorCode::SlugTaken};
    SetUpModel model;
    model.setEngine(m_engine.get());
    model.setName(QStringLiteral("Northwind"));
    model.createPlatform();
    QTRY_COMPARE(model.platformCreation()->state(), QStringLiteral("failed"));
    QCOMPARE(model.platformCreation()->problem().field, QStringLiteral("slug"));
    // The next letter takes the message away.
    model.setSlug(QStringLiteral("northwind-2"));
    QVERIFY(!model.platformCreation()->problem().isPresent());

    m_engine->errors[QStringLiteral("testProviderKey")] = {ErrorCode::ProviderAuthFailed};
    attach(model);
    QTRY_VERIFY(!model.provider().isEmpty());
    model.setApiKey(QStringLiteral("sk-ant-wrong"));
    model.testKey();
    QTRY_COMPARE(model.keyTest()->problem().field, QStringLiteral("apiKey"));
    QVERIFY(!model.keyTest()->problem().retryable);
}

void tst_ConsoleModels::wizardTakesTheEchoModel()
{
    m_engine->progress = {};
    m_engine->addedKey.model = QStringLiteral("sandbox-echo");
    SetUpModel model;
    attach(model);
    QTRY_COMPARE(model.step(), int(SetUpModel::ProviderStep));
    m_engine->progress.hasProvider = true;
    model.useEchoModel();
    QTRY_COMPARE(model.step(), int(SetUpModel::WalletStep));
    QVERIFY(model.snippets().first().contains(QStringLiteral("sandbox-echo")));
}

void tst_ConsoleModels::wizardUserCreationKeepsItsKey()
{
    m_engine->progress = {};
    m_engine->errors[QStringLiteral("createEndUser")] = {ErrorCode::RequestTimeout};
    SetUpModel model;
    attach(model);
    QTRY_COMPARE(model.state(), QStringLiteral("ready"));
    model.createEndUser();
    QVERIFY(m_engine->newEndUsers.isEmpty());
    model.setExternalId(QStringLiteral("demo"));
    model.setBudget(5'000'000);
    model.createEndUser();
    QTRY_VERIFY(model.endUserCreation()->isUnclear());
    m_engine->errors.clear();
    model.createEndUser();
    QTRY_COMPARE(model.endUserCreation()->state(), QStringLiteral("done"));
    QCOMPARE(m_engine->newEndUsers.size(), 2);
    QCOMPARE(m_engine->newEndUsers[0].idempotencyKey, m_engine->newEndUsers[1].idempotencyKey);
    QVERIFY(model.isKeyKnown());
}

void tst_ConsoleModels::wizardShowsTheFirstRequest()
{
    readyForFirstRequest(*m_engine);
    SetUpModel model;
    attach(model);
    QTRY_COMPARE(model.step(), int(SetUpModel::RequestStep));
    QVERIFY(!model.isComplete());
    model.setWatching(true);
    QTest::qWait(20);
    QVERIFY(model.firstRequest().isEmpty());

    m_engine->latest = goodRequest(*m_engine);
    m_engine->progress.requestSeen = true;
    Q_EMIT m_engine->changed(ConsoleEngine::Topic::Requests);
    QTRY_VERIFY(!model.firstRequest().isEmpty());
    QVERIFY(model.firstRequest().value(QStringLiteral("good")).toBool());
    QTRY_VERIFY(model.isComplete());
    model.setWatching(false);
    const int before = m_engine->countOf(QStringLiteral("latestRequest"));
    Q_EMIT m_engine->changed(ConsoleEngine::Topic::Requests);
    QTest::qWait(20);
    QCOMPARE(m_engine->countOf(QStringLiteral("latestRequest")), before);
}

void tst_ConsoleModels::wizardShowsAFailedRequestWithAFix()
{
    readyForFirstRequest(*m_engine);
    m_engine->latest = failedRequest(*m_engine);
    SetUpModel model;
    attach(model);
    model.setWatching(true);
    QTRY_VERIFY(!model.firstRequest().isEmpty());
    QVERIFY(!model.firstRequest().value(QStringLiteral("good")).toBool());
    const auto problem = model.firstRequest().value(QStringLiteral("problem")).value<Problem>();
    QCOMPARE(problem.fixAction, QStringLiteral("topUpWallet"));
    QVERIFY(!model.isComplete());
}

void tst_ConsoleModels::snippetsHoldAddressKeyAndModel()
{
    SetUpModel model;
    attach(model);
    model.setBaseUrl(QStringLiteral("http://127.0.0.1:8790/v1"));
    QTRY_COMPARE(model.state(), QStringLiteral("ready"));
    QVERIFY(!model.isKeyKnown());
    model.renewKey();
    QTRY_VERIFY(model.isKeyKnown());
    const QStringList snippets = model.snippets();
    QCOMPARE(snippets.size(), 4);
    for (const QString &snippet : snippets) {
        QVERIFY(snippet.contains(QStringLiteral("http://127.0.0.1:8790/v1")));
        QVERIFY(snippet.contains(QStringLiteral("sk-eu_7Kq2dM0vTzR9sXbA4f1d")));
        QVERIFY(snippet.contains(QStringLiteral("claude-3-5-haiku")));
    }
}

QTEST_GUILESS_MAIN(tst_ConsoleModels)
#include "tst_consolemodels.moc"
