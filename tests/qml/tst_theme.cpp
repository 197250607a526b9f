// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "console/console.h"
#include "stage.h"

#include <QtQml/QQmlComponent>
#include <QtTest/QTest>

#include <cmath>

using namespace assistiv::console;

/// A changed colour that is too pale to read fails the build.
class tst_Theme : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void contrast_data();
    void contrast();

private:
    QQmlApplicationEngine m_qml;
    QObject *m_theme = nullptr;
};

namespace {

double channel(double value)
{
    return value <= 0.03928 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}

double luminance(const QColor &color)
{
    return 0.2126 * channel(color.redF()) + 0.7152 * channel(color.greenF()) + 0.0722 * channel(color.blueF());
}

double ratio(const QColor &a, const QColor &b)
{
    const auto [dark, light] = std::minmax({luminance(a), luminance(b)});
    return (light + 0.05) / (dark + 0.05);
}

} // namespace

void tst_Theme::initTestCase()
{
    Stage::isolateSettings();
    prepareConsole(m_qml);
    const int type = qmlTypeId("Assistiv.Theme", 1, 0, "Theme");
    if (type < 0) {
        // The type is known once a document has imported it.
        QQmlComponent importer(&m_qml);
        importer.setData("import QtQml\nimport Assistiv.Theme\nQtObject { property QtObject theme: Theme }", QUrl());
        std::unique_ptr<QObject> holder(importer.create());
        QVERIFY2(holder, qPrintable(importer.errorString()));
        m_theme = holder->property("theme").value<QObject *>();
    } else {
        m_theme = m_qml.singletonInstance<QObject *>(type);
    }
    QVERIFY(m_theme);
}

void tst_Theme::contrast_data()
{
    QTest::addColumn<QString>("front");
    QTest::addColumn<QString>("back");
    QTest::addColumn<double>("least");
    const auto text = [](const char *front, const char *back) {
        QTest::addRow("%s on %s", front, back) << QString::fromLatin1(front) << QString::fromLatin1(back) << 4.5;
    };
    for (const char *back : {"surface", "canvas", "sidebar", "raised", "sunken", "hover", "selected", "neutralBg"}) {
        text("text", back);
        text("text2", back);
    }
    for (const char *back : {"surface", "canvas", "sidebar", "raised", "sunken", "selected"})
        text("text3", back);
    for (const char *tone : {"success", "warning", "danger", "info"}) {
        text(tone, "surface");
        text(tone, qPrintable(QString::fromLatin1(tone) + QStringLiteral("Bg")));
    }
    text("accent", "surface");
    text("accent", "canvas");
    text("accent", "selected");
    text("accentText", "accentFill");
    text("accentText", "dangerFill");
    text("tipText", "tip");
    // Borders of fields have to be seen, not read.
    QTest::newRow("control on surface") << "control"
                                        << "surface" << 3.0;
}

void tst_Theme::contrast()
{
    QFETCH(QString, front);
    QFETCH(QString, back);
    QFETCH(double, least);
    for (const bool dark : {false, true}) {
        m_theme->setProperty("dark", dark);
        const QColor frontColor = m_theme->property(front.toLatin1().constData()).value<QColor>();
        const QColor backColor = m_theme->property(back.toLatin1().constData()).value<QColor>();
        QVERIFY(frontColor.isValid() && backColor.isValid());
        const double found = ratio(frontColor, backColor);
        QVERIFY2(found >= least,
                 qPrintable(QStringLiteral("%1 in the %2 theme").arg(found).arg(dark ? u"dark" : u"light")));
    }
}

int main(int argc, char *argv[])
{
    Stage::prepareProcess();
    QGuiApplication application(argc, argv);
    tst_Theme test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_theme.moc"
