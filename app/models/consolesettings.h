// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QObject>
#include <QtCore/QRect>
#include <QtCore/QSettings>
#include <QtQml/qqmlregistration.h>

namespace assistiv::console {

/// What the console remembers between two starts: how it looks, where its window was, what was open.
class ConsoleSettings : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    /// system, light or dark.
    Q_PROPERTY(QString appearance READ appearance WRITE setAppearance NOTIFY appearanceChanged)
    /// The outcome: chosen, or the desktop's.
    Q_PROPERTY(bool dark READ isDark NOTIFY appearanceChanged)
    Q_PROPERTY(bool reduceMotion READ reduceMotion WRITE setReduceMotion NOTIFY reduceMotionChanged)
    /// Empty until a window was closed once.
    Q_PROPERTY(QRect window READ window WRITE setWindow NOTIFY windowChanged)
    Q_PROPERTY(QString platform READ platform WRITE setPlatform NOTIFY platformChanged)
    Q_PROPERTY(QString page READ page WRITE setPage NOTIFY pageChanged)
    /// The user chose to go on without finishing the set-up.
    Q_PROPERTY(bool setUpSkipped READ isSetUpSkipped WRITE setSetUpSkipped NOTIFY setUpSkippedChanged)

public:
    explicit ConsoleSettings(QObject *parent = nullptr);

    QString appearance() const;
    void setAppearance(const QString &appearance);
    bool isDark() const;
    bool reduceMotion() const;
    void setReduceMotion(bool reduce);
    QRect window() const;
    void setWindow(const QRect &window);
    QString platform() const;
    void setPlatform(const QString &id);
    QString page() const;
    void setPage(const QString &page);
    bool isSetUpSkipped() const;
    void setSetUpSkipped(bool skipped);

    /// The kept window if it still lies on a screen, else an empty one.
    Q_INVOKABLE QRect reachableWindow() const;

Q_SIGNALS:
    void appearanceChanged();
    void reduceMotionChanged();
    void windowChanged();
    void platformChanged();
    void pageChanged();
    void setUpSkippedChanged();

protected:
    bool eventFilter(QObject *watched, QEvent *event) override;

private:
    /// Stores a value that differs; false when it is the same.
    bool store(const QString &key, const QVariant &value);

    QSettings m_settings;
};

} // namespace assistiv::console
