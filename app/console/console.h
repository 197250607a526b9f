// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QString>
#include <QtCore/QVariantMap>

class QGuiApplication;
class QQmlApplicationEngine;
class QQmlEngine;

namespace assistiv::console {

class ConsoleEngine;

/// Shows the console's window and runs until the user quits. The application must exist, and the engine must outlive
/// the call. Returns the exit code; 1 when the window cannot be shown.
int runConsole(QGuiApplication &application, ConsoleEngine &engine);

/// Fonts, style, icons, shadows and the import path: all that our QML needs before anything of it is loaded. Tests call
/// it too.
void prepareConsole(QQmlEngine &qml);

/// Loads the window into `qml`; false when it cannot be shown. `properties` are further initial properties of the
/// window.
bool showConsole(QQmlApplicationEngine &qml, ConsoleEngine &engine, const QVariantMap &properties = {});

} // namespace assistiv::console
