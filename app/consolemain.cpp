// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/consolemain.h"

#include "app/console/console.h"
#include "app/consoleadapter.h"
#include "app/options.h"
#include "core/log.h"
#include "core/os.h"

#include <QtWidgets/QApplication>

#include <cstdio>

namespace assistiv {

using namespace Qt::StringLiterals;

int runWithConsole(int argc, char *argv[])
{
    // Widgets are needed for the tray icon only.
    QApplication application(argc, argv);
    QApplication::setOrganizationName(u"Assistiv"_s);
    QApplication::setApplicationDisplayName(u"Assistiv Gateway"_s);
    const auto options = Options::read(QCoreApplication::arguments());
    if (!options) {
        std::fprintf(stderr, "assistiv-gateway: %s\n", qUtf8Printable(options.error().message));
        return 2;
    }
    Log::install(options->logLevel, options->logFormat);
    ConsoleAdapter adapter(*options);
    os::onTerminationRequest([] { QCoreApplication::quit(); });
    return console::runConsole(application, adapter);
}

} // namespace assistiv
