// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "console/console.h"
#include "scenes.h"

#include <QtCore/QTemporaryDir>
#include <QtGui/QGuiApplication>
#include <QtQml/QQmlApplicationEngine>
#include <QtQuick/QQuickItem>
#include <QtQuick/QQuickWindow>

#include <memory>

namespace assistiv::console {

/// The console's window on a fake engine, with settings of its own that vanish with the program.
class Stage
{
public:
    /// Fixed language, time zone and look; call before the application exists.
    static void prepareProcess();
    /// The window's settings go here from now on; call when the application exists.
    static void isolateSettings();

    explicit Stage(bool dark = false, QSize size = {1440, 900});
    ~Stage();

    FakeEngine &engine() { return m_engine; }
    /// Shows the window. False when it does not load.
    bool open();
    QQuickWindow *window() const { return m_window; }
    /// The visual item of that name, in popups too.
    QQuickItem *item(const QString &objectName) const;
    /// The model that a page or the wizard owns under that property name.
    QObject *model(const QString &objectName, const char *property) const;

private:
    bool m_dark;
    QSize m_size;
    FakeEngine m_engine;
    std::unique_ptr<QQmlApplicationEngine> m_qml;
    QQuickWindow *m_window = nullptr;
};

} // namespace assistiv::console
