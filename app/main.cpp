// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/commands.h"
#include "app/enginehost.h"
#include "app/options.h"
#include "core/os.h"

#ifdef ASSISTIV_WITH_CONSOLE
#include "app/consolemain.h"
#endif

#include <QtCore/QCoreApplication>

#include <cstdio>

namespace {

using namespace assistiv;
using namespace Qt::StringLiterals;

int leave(int code, const QString &message)
{
    std::fprintf(stderr, "assistiv-gateway: %s\n", qUtf8Printable(redacted(message)));
    return code;
}

int serveHeadless(const Options &options)
{
    EngineHost host(options);
    int code = 0;
    QObject::connect(&host, &EngineHost::failed, &host, [&](EngineHost::Failure failure, const QString &message) {
        code = leave(int(failure), message);
        QCoreApplication::quit();
    });
    QObject::connect(&host, &EngineHost::cannotListen, &host, [&](const QString &message) {
        code = leave(1, message);
        host.stop();
    });
    QObject::connect(&host, &EngineHost::stopped, &host, [] { QCoreApplication::quit(); });
    os::onTerminationRequest([&host] { host.stop(); });
    QMetaObject::invokeMethod(&host, &EngineHost::start, Qt::QueuedConnection);
    QCoreApplication::exec();
    return code;
}

int runHeadless(int argc, char *argv[])
{
    // Without a window Qt's own dispatcher costs a fifth less for each request than the one of GLib.
    qputenv("QT_NO_GLIB", "1");
    os::keepFreedMemory();
    const QCoreApplication application(argc, argv);
    const auto options = Options::read(QCoreApplication::arguments());
    if (!options)
        return leave(2, options.error().message);
    Log::install(options->logLevel, options->logFormat);
    switch (options->command) {
    case Options::Command::ShowText:
        std::fputs(qUtf8Printable(options->text), stdout);
        return 0;
    case Options::Command::Verify:
        return runVerify(*options);
    case Options::Command::AdminKey:
        return runAdminKey(*options);
    case Options::Command::Backup:
        return runBackup(*options);
    case Options::Command::Restore:
        return runRestore(*options);
    case Options::Command::Migrate:
        return runMigrate(*options);
    case Options::Command::Export:
        return runExport(*options);
    case Options::Command::Serve:
        break;
    }
    return serveHeadless(*options);
}

} // namespace

int main(int argc, char *argv[])
{
    QStringList arguments;
    for (int i = 0; i < argc; ++i)
        arguments.append(QString::fromLocal8Bit(argv[i]));
    QCoreApplication::setApplicationName(u"assistiv-gateway"_s);
    QCoreApplication::setApplicationVersion(QStringLiteral(ASSISTIV_VERSION));
    if (wantsHeadless(arguments))
        return runHeadless(argc, argv);
#ifdef ASSISTIV_WITH_CONSOLE
    // The desktop plug-ins end the process when there is no display: say it in words before.
    if (!os::hasDisplay())
        return leave(2, u"No display. Use --headless"_s);
    return runWithConsole(argc, argv);
#else
    return leave(2, u"This build has no console. Use --headless"_s);
#endif
}
