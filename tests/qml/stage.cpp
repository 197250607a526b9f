// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "stage.h"

#include <QtCore/QLocale>
#include <QtCore/QSettings>
#include <QtGui/QStyleHints>

namespace assistiv::console {

void Stage::prepareProcess()
{
    if (!qEnvironmentVariableIsSet("QT_QPA_PLATFORM"))
        qputenv("QT_QPA_PLATFORM", "offscreen");
    if (!qEnvironmentVariableIsSet("QT_QUICK_BACKEND"))
        qputenv("QT_QUICK_BACKEND", "software");
    qputenv("TZ", "UTC");
    QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
}

void Stage::isolateSettings()
{
    static QTemporaryDir folder;
    QCoreApplication::setOrganizationName(QStringLiteral("Assistiv"));
    QCoreApplication::setApplicationName(QStringLiteral("console-test"));
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, folder.path());
    QGuiApplication::styleHints()->setCursorFlashTime(0);
}

Stage::Stage(bool dark, QSize size) : m_dark(dark), m_size(size)
{
    furnish(m_engine);
}

Stage::~Stage() = default;

bool Stage::open()
{
    QSettings settings;
    settings.clear();
    settings.setValue(QStringLiteral("console/appearance"), m_dark ? QStringLiteral("dark") : QStringLiteral("light"));
    settings.setValue(QStringLiteral("console/reduceMotion"), true);

    m_qml = std::make_unique<QQmlApplicationEngine>();
    prepareConsole(*m_qml);
    if (!showConsole(*m_qml, m_engine,
                     {{QStringLiteral("width"), m_size.width()}, {QStringLiteral("height"), m_size.height()}}))
        return false;
    m_window = qobject_cast<QQuickWindow *>(m_qml->rootObjects().constFirst());
    return m_window != nullptr;
}

QQuickItem *Stage::item(const QString &objectName) const
{
    // Items made by loaders hang in the tree of items, not in that of objects.
    QList<QQuickItem *> open{m_window->contentItem()};
    while (!open.isEmpty()) {
        QQuickItem *next = open.takeFirst();
        if (next->objectName() == objectName)
            return next;
        open += next->childItems();
    }
    return nullptr;
}

QObject *Stage::model(const QString &objectName, const char *property) const
{
    const QQuickItem *owner = item(objectName);
    return owner ? owner->property(property).value<QObject *>() : nullptr;
}

} // namespace assistiv::console
