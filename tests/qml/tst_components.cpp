// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "console/console.h"
#include "stage.h"

#include <QtQuickTest/quicktest.h>

using namespace assistiv::console;

/// Gives the QML tests beside this file what the console's QML needs.
class ComponentsSetUp : public QObject
{
    Q_OBJECT

public Q_SLOTS:
    void applicationAvailable() { Stage::isolateSettings(); }
    void qmlEngineAvailable(QQmlEngine *engine) { prepareConsole(*engine); }
};

int main(int argc, char *argv[])
{
    Stage::prepareProcess();
    ComponentsSetUp setUp;
    return quick_test_main_with_setup(argc, argv, "components", COMPONENT_TESTS, &setUp);
}

#include "tst_components.moc"
