// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "console.h"

#include "core/log.h"
#include "iconprovider.h"
#include "models/consoleengine.h"

#include <QtCore/QDirIterator>
#include <QtCore/QLocale>
#include <QtCore/QTranslator>
#include <QtGui/QFontDatabase>
#include <QtGui/QGuiApplication>
#include <QtQml/QQmlApplicationEngine>
#include <QtQml/QQmlExtensionPlugin>
#include <QtQuick/QQuickWindow>
#include <QtQuickControls2/QQuickStyle>

Q_IMPORT_QML_PLUGIN(Assistiv_ThemePlugin)
Q_IMPORT_QML_PLUGIN(Assistiv_ComponentsPlugin)
Q_IMPORT_QML_PLUGIN(Assistiv_ModelsPlugin)
Q_IMPORT_QML_PLUGIN(Assistiv_PagesPlugin)

namespace assistiv::console {

namespace {

QtMessageHandler previousHandler = nullptr;

void redactingHandler(QtMsgType type, const QMessageLogContext &context, const QString &text)
{
    if (previousHandler)
        previousHandler(type, context, redacted(text));
}

/// Installed once, whoever prepares first.
void redactMessages()
{
    static const bool installed = [] {
        previousHandler = qInstallMessageHandler(redactingHandler);
        return true;
    }();
    Q_UNUSED(installed)
}

void loadFonts()
{
    static const bool loaded = [] {
        QDirIterator fonts(QStringLiteral(":/fonts"), {QStringLiteral("*.otf"), QStringLiteral("*.ttf")});
        while (fonts.hasNext())
            QFontDatabase::addApplicationFont(fonts.next());
        return true;
    }();
    Q_UNUSED(loaded)
}

/// The system's language where we speak it, else English with its plurals.
void loadTranslation()
{
    static const bool loaded = [] {
        auto *translator = new QTranslator(qGuiApp);
        const QString folder = QStringLiteral(":/i18n");
        const bool found = translator->load(QLocale(), QStringLiteral("console"), QStringLiteral("_"), folder)
            || translator->load(QStringLiteral("console_en"), folder);
        return found && QGuiApplication::installTranslator(translator);
    }();
    Q_UNUSED(loaded)
}

} // namespace

void prepareConsole(QQmlEngine &qml)
{
    redactMessages();
    loadFonts();
    loadTranslation();
    QQuickStyle::setStyle(QStringLiteral("Basic"));
    QFont font(QStringLiteral("Inter"));
    font.setPixelSize(13);
    QGuiApplication::setFont(font);
    qml.addImageProvider(QStringLiteral("icon"), new IconProvider);
    qml.addImageProvider(QStringLiteral("shadow"), new ShadowProvider);
    qml.addImportPath(QStringLiteral("qrc:/qt/qml"));
}

bool showConsole(QQmlApplicationEngine &qml, ConsoleEngine &engine, const QVariantMap &properties)
{
    QVariantMap initial = properties;
    initial.insert(QStringLiteral("engine"), QVariant::fromValue(&engine));
    qml.setInitialProperties(initial);
    qml.load(QUrl(QStringLiteral("qrc:/qt/qml/Assistiv/Pages/Main.qml")));
    return !qml.rootObjects().isEmpty();
}

int runConsole(QGuiApplication &application, ConsoleEngine &engine)
{
    QQmlApplicationEngine qml;
    prepareConsole(qml);
    if (!showConsole(qml, engine))
        return 1;
    return application.exec();
}

} // namespace assistiv::console
