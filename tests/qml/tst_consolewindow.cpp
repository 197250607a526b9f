// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/log.h"
#include "stage.h"

#include <QtCore/QElapsedTimer>
#include <QtCore/QSettings>
#include <QtGui/QAccessible>
#include <QtGui/QClipboard>
#include <QtTest/QSignalSpy>
#include <QtTest/QTest>

using namespace assistiv;
using namespace assistiv::console;

namespace {

QStringList warnings;
QtMessageHandler usualHandler = nullptr;

void collect(QtMsgType type, const QMessageLogContext &context, const QString &text)
{
    if (type == QtWarningMsg || type == QtCriticalMsg)
        warnings += text;
    usualHandler(type, context, text);
}

} // namespace

class tst_ConsoleWindow : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void init();
    void cleanup();

    void loadsWithoutWarnings_data();
    void loadsWithoutWarnings();
    void everyFocusableNodeHasAName_data();
    void everyFocusableNodeHasAName();
    void startsWithTheWizard();
    void skippingTheWizardIsKept();
    void walksThroughTheWizard();
    void topsUpByKeyboard();
    void askingStopsOnlyWithRunningCalls();
    void escapeAsksBeforeTypedTextIsLost();
    void copiesTheBaseUrl();
    void reloads();
    void themeIsKept();
    void f6GoesRoundTheRegions();
    void noSecretIsPrinted();
    void pagesLeaveTheGuiFree();

private:
    void press(int key, Qt::KeyboardModifiers modifiers = Qt::NoModifier)
    {
        QTest::keyClick(m_stage->window(), Qt::Key(key), modifiers);
    }
    void type(const char *text)
    {
        for (; *text; ++text)
            QTest::keyClick(m_stage->window(), *text);
    }
    QObject *setUp() const { return m_stage->model(QStringLiteral("wizard"), "setUp"); }
    QObject *wallet() const { return m_stage->model(QStringLiteral("overviewPage"), "wallet"); }
    void open();
    /// The step is shown and its first field has the keyboard.
    bool isAtStep(int step) const
    {
        const QQuickItem *focus = m_stage->window()->activeFocusItem();
        return setUp()->property("step").toInt() == step && focus && focus->property("text").isValid();
    }

    std::unique_ptr<Stage> m_stage;
};

void tst_ConsoleWindow::initTestCase()
{
    Stage::isolateSettings();
    usualHandler = qInstallMessageHandler(collect);
}

void tst_ConsoleWindow::init()
{
    warnings.clear();
    m_stage = std::make_unique<Stage>();
}

void tst_ConsoleWindow::cleanup()
{
    m_stage.reset();
}

void tst_ConsoleWindow::open()
{
    QVERIFY(m_stage->open());
    QVERIFY(QTest::qWaitForWindowActive(m_stage->window()));
    QTRY_VERIFY(m_stage->item(QStringLiteral("overviewPage")) || m_stage->item(QStringLiteral("wizard")));
}

void tst_ConsoleWindow::loadsWithoutWarnings_data()
{
    QTest::addColumn<bool>("empty");
    QTest::addColumn<bool>("failing");
    QTest::newRow("overview in use") << false << false;
    QTest::newRow("first start") << true << false;
    QTest::newRow("nothing can be read") << false << true;
}

void tst_ConsoleWindow::loadsWithoutWarnings()
{
    QFETCH(bool, empty);
    QFETCH(bool, failing);
    if (empty)
        emptyOut(m_stage->engine());
    if (failing) {
        for (const char *question : {"readServer", "readWallet", "readOverview", "readSetUp"})
            m_stage->engine().errors[QLatin1StringView(question)] = {ErrorCode::Internal};
    }
    open();
    QTest::qWait(100);
    QCOMPARE(warnings, QStringList());
}

void tst_ConsoleWindow::everyFocusableNodeHasAName_data()
{
    QTest::addColumn<QString>("scene");
    for (const char *scene : {"overview", "first request", "wizard 1", "wizard 2", "wizard 3", "wizard 4", "wizard 5"})
        QTest::newRow(scene) << QString::fromLatin1(scene);
}

void tst_ConsoleWindow::everyFocusableNodeHasAName()
{
    QFETCH(QString, scene);
    FakeEngine &engine = m_stage->engine();
    if (scene == u"first request")
        readyForFirstRequest(engine);
    open();
    if (scene.startsWith(u"wizard")) {
        const int step = scene.last(1).toInt() - 1;
        QMetaObject::invokeMethod(m_stage->window(), "openSetUp",
                                  Q_ARG(QString, engine.platforms.first().id.toString()));
        QTRY_COMPARE(setUp()->property("step").toInt(), 4);
        QMetaObject::invokeMethod(setUp(), "goTo", Q_ARG(int, step));
    }
    QTest::qWait(50);

    QStringList nameless;
    int focusable = 0;
    QAccessible::setActive(true);
    const std::function<void(QAccessibleInterface *)> walk = [&](QAccessibleInterface *node) {
        if (!node || node->state().invisible)
            return;
        if (node->state().focusable) {
            ++focusable;
            // 6.4 hides the name of a password field as if it were its value.
            const QAccessible::Text spoken = node->state().passwordEdit ? QAccessible::Description : QAccessible::Name;
            if (node->text(spoken).isEmpty())
                nameless += QLatin1StringView(node->object() ? node->object()->metaObject()->className() : "?");
        }
        for (int i = 0; i < node->childCount(); ++i)
            walk(node->child(i));
    };
    walk(QAccessible::queryAccessibleInterface(m_stage->window()));
    QVERIFY2(nameless.isEmpty(), qPrintable(nameless.join(u' ')));
    QVERIFY(focusable > 4);
}

void tst_ConsoleWindow::startsWithTheWizard()
{
    emptyOut(m_stage->engine());
    open();
    QVERIFY(m_stage->item(QStringLiteral("wizard")));
    QVERIFY(!m_stage->item(QStringLiteral("overviewPage")));
}

void tst_ConsoleWindow::skippingTheWizardIsKept()
{
    emptyOut(m_stage->engine());
    open();
    QMetaObject::invokeMethod(m_stage->item(QStringLiteral("wizard")), "closed", Q_ARG(bool, true));
    QTRY_VERIFY(m_stage->item(QStringLiteral("overviewPage")));
    QVERIFY(QSettings().value(QStringLiteral("console/setUpSkipped")).toBool());
}

void tst_ConsoleWindow::walksThroughTheWizard()
{
    FakeEngine &engine = m_stage->engine();
    const CreatedPlatform created = engine.createdPlatform;
    emptyOut(engine);
    engine.createdPlatform = created;
    open();

    QTRY_VERIFY(isAtStep(0));

    // 1: the name proposes the short name; the key must be stored before it goes on.
    type("Acme");
    QCOMPARE(setUp()->property("slug").toString(), QStringLiteral("acme"));
    engine.platforms = {created.platform};
    press(Qt::Key_Return);
    QTRY_VERIFY(!setUp()->property("platformKey").toString().isEmpty());
    press(Qt::Key_Return, Qt::ControlModifier);
    QCOMPARE(setUp()->property("step").toInt(), 0);
    QMetaObject::invokeMethod(setUp(), "goTo", Q_ARG(int, 1));
    QTRY_VERIFY(isAtStep(1));
    QCOMPARE(engine.newPlatforms.first().name, QStringLiteral("Acme"));

    // 2: a key that is tested, then stored.
    QTRY_VERIFY(!setUp()->property("provider").toString().isEmpty());
    setUp()->setProperty("apiKey", QStringLiteral("sk-ant-api03-test"));
    press(Qt::Key_Return, Qt::ControlModifier);
    QTRY_VERIFY(!setUp()->property("testResult").toString().isEmpty());
    QVERIFY(engine.newKeys.isEmpty());
    engine.progress.hasProvider = true;
    engine.progress.model = QStringLiteral("claude-3-5-haiku");
    press(Qt::Key_Return, Qt::ControlModifier);
    QTRY_VERIFY(isAtStep(2));
    QCOMPARE(engine.newKeys.size(), 1);

    // 3: money.
    engine.progress.walletFunded = true;
    press(Qt::Key_Return, Qt::ControlModifier);
    QTRY_VERIFY(isAtStep(3));
    QCOMPARE(engine.topUps.size(), 1);
    QCOMPARE(engine.topUps.first().amount.micros(), 25'000'000);

    // 4: an end user.
    engine.progress.endUser = engine.createdEndUser.id;
    engine.progress.endUserExternalId = QStringLiteral("demo");
    engine.progress.endUserBudget = Money::fromMicros(5'000'000);
    press(Qt::Key_Return, Qt::ControlModifier);
    QTRY_VERIFY(isAtStep(4));
    QCOMPARE(engine.newEndUsers.first().budget.micros(), 5'000'000);
    QVERIFY(setUp()->property("snippets").toStringList().first().contains(engine.createdEndUser.rawKey));

    // 5: a request arrives.
    QVERIFY(setUp()->property("watching").toBool());
    engine.latest = goodRequest(engine);
    engine.progress.requestSeen = true;
    Q_EMIT engine.changed(ConsoleEngine::Topic::Requests);
    QTRY_VERIFY(setUp()->property("complete").toBool());
    const auto *when = m_stage->item(QStringLiteral("arrivedWhen"));
    QVERIFY(when);
    QCOMPARE(when->property("text").toString(), QStringLiteral("just now"));
    QTRY_VERIFY(when->width() >= when->implicitWidth());
    QCOMPARE(warnings, QStringList());
}

void tst_ConsoleWindow::topsUpByKeyboard()
{
    open();
    QTRY_VERIFY(wallet()->property("known").toBool());
    QMetaObject::invokeMethod(m_stage->item(QStringLiteral("overviewPage")), "openTopUp");
    QTest::qWait(50);
    press(Qt::Key_Return, Qt::ControlModifier);
    QTest::qWait(20);
    QCOMPARE(m_stage->engine().topUps.size(), 0);
    type("25.5");
    QCOMPARE(wallet()->property("verb").toString(), QStringLiteral("Top up $25.50"));
    press(Qt::Key_Return, Qt::ControlModifier);
    QTRY_COMPARE(m_stage->engine().topUps.size(), 1);
    QCOMPARE(m_stage->engine().topUps.first().amount.micros(), 25'500'000);
}

void tst_ConsoleWindow::askingStopsOnlyWithRunningCalls()
{
    open();
    QTRY_COMPARE(m_stage->window()->property("server").value<QObject *>()->property("callsInFlight").toInt(), 3);
    QMetaObject::invokeMethod(m_stage->window(), "askToStop");
    QTest::qWait(50);
    QCOMPARE(m_stage->engine().countOf(QStringLiteral("stopServer")), 0);
    press(Qt::Key_Escape);

    m_stage->engine().server.callsInFlight = 0;
    Q_EMIT m_stage->engine().changed(ConsoleEngine::Topic::Server);
    QTRY_COMPARE(m_stage->window()->property("server").value<QObject *>()->property("callsInFlight").toInt(), 0);
    QMetaObject::invokeMethod(m_stage->window(), "askToStop");
    QCOMPARE(m_stage->engine().countOf(QStringLiteral("stopServer")), 1);
}

void tst_ConsoleWindow::escapeAsksBeforeTypedTextIsLost()
{
    open();
    QMetaObject::invokeMethod(m_stage->item(QStringLiteral("overviewPage")), "openTopUp");
    QTest::qWait(50);
    QObject *dialog = m_stage->window()->findChild<QObject *>(QStringLiteral("topUpDialog"));
    QVERIFY(dialog);
    QVERIFY(dialog->property("visible").toBool());
    type("7");
    press(Qt::Key_Escape);
    QVERIFY(dialog->property("visible").toBool());
    press(Qt::Key_Escape);
    QTRY_VERIFY(!dialog->property("visible").toBool());
}

void tst_ConsoleWindow::copiesTheBaseUrl()
{
    open();
    QTRY_VERIFY(!m_stage->window()->property("server").value<QObject *>()->property("baseUrl").toString().isEmpty());
    QGuiApplication::clipboard()->clear();
    press(Qt::Key_C, Qt::ControlModifier | Qt::ShiftModifier);
    QCOMPARE(QGuiApplication::clipboard()->text(), QStringLiteral("http://127.0.0.1:8790/v1"));
}

void tst_ConsoleWindow::reloads()
{
    open();
    QTRY_VERIFY(wallet()->property("known").toBool());
    for (const auto &[key, modifier] :
         {std::pair(Qt::Key_F5, Qt::NoModifier), std::pair(Qt::Key_R, Qt::ControlModifier)}) {
        const int before = m_stage->engine().countOf(QStringLiteral("readOverview"));
        press(key, modifier);
        QCOMPARE(m_stage->engine().countOf(QStringLiteral("readOverview")), before + 1);
    }
}

void tst_ConsoleWindow::themeIsKept()
{
    open();
    QObject *settings = m_stage->window()->property("settings").value<QObject *>();
    QVERIFY(!settings->property("dark").toBool());
    settings->setProperty("appearance", QStringLiteral("dark"));
    QCOMPARE(m_stage->window()->property("color").value<QColor>(), QColor(0x0B, 0x0D, 0x12));
    QCOMPARE(QSettings().value(QStringLiteral("console/appearance")).toString(), QStringLiteral("dark"));
}

void tst_ConsoleWindow::f6GoesRoundTheRegions()
{
    open();
    QSet<QQuickItem *> seen;
    for (int i = 0; i < 3; ++i) {
        press(Qt::Key_F6);
        QVERIFY(m_stage->window()->activeFocusItem());
        seen += m_stage->window()->activeFocusItem();
    }
    QCOMPARE(seen.size(), 3);
    QQuickItem *last = m_stage->window()->activeFocusItem();
    for (int i = 0; i < 3; ++i)
        press(Qt::Key_F6);
    QCOMPARE(m_stage->window()->activeFocusItem(), last);
}

void tst_ConsoleWindow::noSecretIsPrinted()
{
    const char *const secrets[] = {"sk-plat_Yx83hfLwq0PzKd72mVbT5c1e", "sk-ant-api03-Zm9vYmFyYmF6",
                                   "whsec_abcdef123456", "Authorization: Bearer abcdef123456"};
    for (const char *secret : secrets) {
        const QString text = redacted(QStringLiteral("binding value %1 here").arg(QLatin1StringView(secret)));
        QVERIFY2(!text.contains(QLatin1StringView(secret).last(8)), qPrintable(text));
    }
    QCOMPARE(redacted(QStringLiteral("a task-list and a basket")), QStringLiteral("a task-list and a basket"));
}

void tst_ConsoleWindow::pagesLeaveTheGuiFree()
{
    open();
    // The longest the event loop was away while the page was reloaded and painted again and again.
    qint64 worst = 0;
    QElapsedTimer since;
    since.start();
    QTimer beat;
    connect(&beat, &QTimer::timeout, this, [&] { worst = std::max(worst, since.restart()); });
    beat.start(5);
    for (int i = 0; i < 10; ++i) {
        press(Qt::Key_F5);
        QTest::qWait(20);
    }
    QVERIFY2(worst < 500, qPrintable(QString::number(worst)));
}

int main(int argc, char *argv[])
{
    Stage::prepareProcess();
    QGuiApplication application(argc, argv);
    tst_ConsoleWindow test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_consolewindow.moc"
