// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "stage.h"

#include <QtCore/QDir>
#include <QtTest/QTest>

#include <cstdio>

// Opens each page with fixed figures, light and dark, and stores a picture of the window.
//
//   console_screenshots <folder> [<name> …]

using namespace assistiv;
using namespace assistiv::console;

namespace {

constexpr int SettleMs = 500;

struct Picture
{
    QString name;
    std::function<void(Stage &)> before = {};
    std::function<void(Stage &)> after = {};
    QSize size = {1440, 900};
    bool alsoDark = true;
};

void openSetUp(Stage &stage, const QString &platform)
{
    QMetaObject::invokeMethod(stage.window(), "openSetUp", Q_ARG(QString, platform));
    QTest::qWait(SettleMs);
}

void continueSetUp(Stage &stage)
{
    openSetUp(stage, stage.engine().platforms.first().id.toString());
}

void showStep(Stage &stage, int step)
{
    continueSetUp(stage);
    QMetaObject::invokeMethod(stage.model(QStringLiteral("wizard"), "setUp"), "goTo", Q_ARG(int, step));
}

void openTopUp(Stage &stage)
{
    QMetaObject::invokeMethod(stage.item(QStringLiteral("overviewPage")), "openTopUp");
    QTest::qWait(SettleMs);
    for (const char letter : {'2', '5', '.', '0', '0'})
        QTest::keyClick(stage.window(), letter);
}

void typeKey(Stage &stage)
{
    QObject *setUp = stage.model(QStringLiteral("wizard"), "setUp");
    setUp->setProperty("provider", stage.engine().providers[1].id.toString());
    setUp->setProperty("apiKey", QStringLiteral("sk-ant-api03-Zm9vYmFyYmF6cXV4a9f2"));
    QMetaObject::invokeMethod(setUp, "testKey");
}

QList<Picture> pictures()
{
    const QString unread = QStringLiteral("The database is locked by another program.");
    return {
        {QStringLiteral("overview")},
        {QStringLiteral("overview-small"), {}, {}, {1040, 640}},
        {QStringLiteral("overview-topup"), {}, openTopUp},
        {QStringLiteral("overview-topup-unclear"),
         [](Stage &stage) { stage.engine().errors[QStringLiteral("topUpWallet")] = {ErrorCode::DatabaseUnavailable}; },
         [](Stage &stage) {
             openTopUp(stage);
             QTest::keyClick(stage.window(), Qt::Key_Return, Qt::ControlModifier);
         }},
        {QStringLiteral("overview-switcher"),
         {},
         [](Stage &stage) { QTest::keyClick(stage.window(), Qt::Key_P, Qt::ControlModifier); }},
        {QStringLiteral("overview-stop"),
         {},
         [](Stage &stage) { QMetaObject::invokeMethod(stage.window(), "askToStop"); }},
        {QStringLiteral("overview-toast"),
         {},
         [](Stage &stage) { QTest::keyClick(stage.window(), Qt::Key_C, Qt::ControlModifier | Qt::ShiftModifier); }},
        {QStringLiteral("overview-loading"),
         [](Stage &stage) {
             for (const char *question : {"readServer", "readWallet", "readOverview"})
                 stage.engine().manners[QLatin1StringView(question)] = FakeEngine::Manner::Silent;
         }},
        {QStringLiteral("overview-error"),
         [unread](Stage &stage) {
             for (const char *question : {"readServer", "readWallet", "readOverview"})
                 stage.engine().errors[QLatin1StringView(question)] = {ErrorCode::Internal, unread};
         }},
        {QStringLiteral("overview-stopped"), [](Stage &stage) { stage.engine().server.state = ServerState::Stopped; }},
        {QStringLiteral("overview-cannot-start"),
         [](Stage &stage) {
             stage.engine().server.state = ServerState::CannotStart;
             stage.engine().server.reason = QStringLiteral("Port 8790 is used by another program");
             stage.engine().server.freePort = 8791;
         }},
        {QStringLiteral("overview-degraded"),
         [](Stage &stage) {
             stage.engine().server.state = ServerState::Degraded;
             stage.engine().server.reason = QStringLiteral("The database answers slowly");
         }},
        {QStringLiteral("overview-quiet"),
         [](Stage &stage) {
             OverviewFigures &figures = stage.engine().figures;
             for (OverviewPoint &point : figures.points)
                 point = {point.fromMs, {}, 0, 0, {}, {}};
             figures = {figures.fromMs, figures.toMs, figures.points, {}, 0, 0, {}, {}, {}, {}, {}, {}, true};
         }},
        {QStringLiteral("overview-first-request"), [](Stage &stage) { readyForFirstRequest(stage.engine()); }},
        {QStringLiteral("overview-no-platform"), [](Stage &stage) { emptyOut(stage.engine()); },
         [](Stage &stage) {
             QObject *wizard = stage.item(QStringLiteral("wizard"));
             QMetaObject::invokeMethod(wizard, "closed", Q_ARG(bool, true));
         }},
        {QStringLiteral("wizard-1-platform"), [](Stage &stage) { emptyOut(stage.engine()); },
         [](Stage &stage) { QTest::keyClick(stage.window(), 'N'); }},
        {QStringLiteral("wizard-1-created"),
         [](Stage &stage) {
             emptyOut(stage.engine());
             stage.engine().createdPlatform.platform.name = QStringLiteral("Northwind Copilot");
         },
         [](Stage &stage) {
             QObject *setUp = stage.model(QStringLiteral("wizard"), "setUp");
             setUp->setProperty("name", QStringLiteral("Northwind Copilot"));
             QMetaObject::invokeMethod(setUp, "createPlatform");
         }},
        {QStringLiteral("wizard-2-provider"), [](Stage &stage) { stage.engine().progress = {}; },
         [](Stage &stage) {
             continueSetUp(stage);
             typeKey(stage);
         }},
        {QStringLiteral("wizard-2-refused"),
         [](Stage &stage) {
             stage.engine().progress = {};
             stage.engine().errors[QStringLiteral("testProviderKey")] = {ErrorCode::ProviderAuthFailed};
         },
         [](Stage &stage) {
             continueSetUp(stage);
             typeKey(stage);
         }},
        {QStringLiteral("wizard-3-wallet"),
         [](Stage &stage) {
             stage.engine().progress = {};
             stage.engine().progress.hasProvider = true;
             stage.engine().wallet = {};
         },
         continueSetUp},
        {QStringLiteral("wizard-4-end-user"),
         [](Stage &stage) {
             stage.engine().progress = {};
             stage.engine().progress.hasProvider = true;
             stage.engine().progress.walletFunded = true;
         },
         continueSetUp},
        {QStringLiteral("wizard-5-waiting"), [](Stage &stage) { readyForFirstRequest(stage.engine()); },
         [](Stage &stage) {
             showStep(stage, 4);
             QMetaObject::invokeMethod(stage.model(QStringLiteral("wizard"), "setUp"), "renewKey");
         }},
        {QStringLiteral("wizard-5-arrived"),
         {},
         [](Stage &stage) {
             showStep(stage, 4);
             QMetaObject::invokeMethod(stage.model(QStringLiteral("wizard"), "setUp"), "renewKey");
         }},
        {QStringLiteral("wizard-5-failed"),
         [](Stage &stage) {
             readyForFirstRequest(stage.engine());
             stage.engine().latest = failedRequest(stage.engine());
         },
         [](Stage &stage) { showStep(stage, 4); }},
        {QStringLiteral("wizard-small"),
         [](Stage &stage) { stage.engine().progress = {}; },
         [](Stage &stage) {
             continueSetUp(stage);
             typeKey(stage);
         },
         {1040, 640}},
    };
}

bool take(const Picture &picture, bool dark, const QDir &folder)
{
    Stage stage(dark, picture.size);
    if (picture.before)
        picture.before(stage);
    if (!stage.open())
        return false;
    QTest::qWait(SettleMs);
    if (picture.after) {
        picture.after(stage);
        QTest::qWait(SettleMs);
    }
    const QString file = picture.name + (dark ? QStringLiteral("-dark.png") : QStringLiteral("-light.png"));
    const bool stored = stage.window()->grabWindow().save(folder.filePath(file));
    std::printf("%s %s\n", stored ? "stored" : "FAILED", qPrintable(file));
    return stored;
}

} // namespace

int main(int argc, char *argv[])
{
    Stage::prepareProcess();
    QGuiApplication application(argc, argv);
    Stage::isolateSettings();
    const QStringList arguments = application.arguments();
    if (arguments.size() < 2) {
        std::printf("usage: console_screenshots <folder> [<name> ...]\n");
        return 2;
    }
    QDir folder(arguments[1]);
    folder.mkpath(QStringLiteral("."));
    const QStringList wanted = arguments.mid(2);

    bool good = true;
    const QList<Picture> all = pictures();
    for (const Picture &picture : all) {
        if (!wanted.isEmpty() && !wanted.contains(picture.name))
            continue;
        good = take(picture, false, folder) && good;
        if (picture.alsoDark)
            good = take(picture, true, folder) && good;
    }
    return good ? 0 : 1;
}
