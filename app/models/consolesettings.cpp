// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "consolesettings.h"

#include <QtGui/QGuiApplication>
#include <QtGui/QPalette>
#include <QtGui/QScreen>

#include <QtCore/QEvent>

namespace assistiv::console {

namespace {

const QString AppearanceKey = QStringLiteral("console/appearance");
const QString ReduceMotionKey = QStringLiteral("console/reduceMotion");
const QString WindowKey = QStringLiteral("console/window");
const QString PlatformKey = QStringLiteral("console/platform");
const QString PageKey = QStringLiteral("console/page");
const QString SetUpSkippedKey = QStringLiteral("console/setUpSkipped");

/// 6.4 does not tell the desktop's colour scheme; a dark window colour does.
bool desktopIsDark()
{
    return QGuiApplication::palette().color(QPalette::Window).lightness() < 128;
}

} // namespace

ConsoleSettings::ConsoleSettings(QObject *parent) : QObject(parent)
{
    qGuiApp->installEventFilter(this);
}

bool ConsoleSettings::eventFilter(QObject *watched, QEvent *event)
{
    if (event->type() == QEvent::ApplicationPaletteChange)
        Q_EMIT appearanceChanged();
    return QObject::eventFilter(watched, event);
}

bool ConsoleSettings::store(const QString &key, const QVariant &value)
{
    if (m_settings.value(key) == value)
        return false;
    m_settings.setValue(key, value);
    return true;
}

QString ConsoleSettings::appearance() const
{
    return m_settings.value(AppearanceKey, QStringLiteral("system")).toString();
}

void ConsoleSettings::setAppearance(const QString &appearance)
{
    if (store(AppearanceKey, appearance))
        Q_EMIT appearanceChanged();
}

bool ConsoleSettings::isDark() const
{
    const QString chosen = appearance();
    return chosen == u"dark" || (chosen != u"light" && desktopIsDark());
}

bool ConsoleSettings::reduceMotion() const
{
    return m_settings.value(ReduceMotionKey, false).toBool();
}

void ConsoleSettings::setReduceMotion(bool reduce)
{
    if (store(ReduceMotionKey, reduce))
        Q_EMIT reduceMotionChanged();
}

QRect ConsoleSettings::window() const
{
    return m_settings.value(WindowKey).toRect();
}

void ConsoleSettings::setWindow(const QRect &window)
{
    if (store(WindowKey, window))
        Q_EMIT windowChanged();
}

QRect ConsoleSettings::reachableWindow() const
{
    const QRect kept = window();
    const QList<QScreen *> screens = QGuiApplication::screens();
    for (const QScreen *screen : screens) {
        if (!kept.isEmpty() && screen->availableGeometry().contains(kept.center()))
            return kept;
    }
    return {};
}

QString ConsoleSettings::platform() const
{
    return m_settings.value(PlatformKey).toString();
}

void ConsoleSettings::setPlatform(const QString &id)
{
    if (store(PlatformKey, id))
        Q_EMIT platformChanged();
}

QString ConsoleSettings::page() const
{
    return m_settings.value(PageKey).toString();
}

void ConsoleSettings::setPage(const QString &page)
{
    if (store(PageKey, page))
        Q_EMIT pageChanged();
}

bool ConsoleSettings::isSetUpSkipped() const
{
    return m_settings.value(SetUpSkippedKey, false).toBool();
}

void ConsoleSettings::setSetUpSkipped(bool skipped)
{
    if (store(SetUpSkippedKey, skipped))
        Q_EMIT setUpSkippedChanged();
}

} // namespace assistiv::console
