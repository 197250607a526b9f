// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "clipboard.h"

#include <QtGui/QClipboard>
#include <QtGui/QGuiApplication>

#include <QtCore/QTimer>

namespace assistiv::console {

namespace {

/// Outlives the item that copied, since a page may be left before the minute is over.
class SecretSweeper : public QObject
{
public:
    explicit SecretSweeper(QObject *application) : QObject(application)
    {
        m_timer.setSingleShot(true);
        m_timer.setInterval(Clipboard::SecretLifeMs);
        connect(&m_timer, &QTimer::timeout, this, &SecretSweeper::sweep);
        connect(qGuiApp, &QGuiApplication::aboutToQuit, this, &SecretSweeper::sweep);
    }

    void remember(const QString &secret)
    {
        m_secret = secret;
        m_timer.start();
    }

private:
    void sweep()
    {
        QClipboard *clipboard = QGuiApplication::clipboard();
        if (!m_secret.isEmpty() && clipboard->text() == m_secret)
            clipboard->clear();
        m_secret.clear();
    }

    QString m_secret;
    QTimer m_timer;
};

SecretSweeper *sweeper()
{
    static SecretSweeper *only = new SecretSweeper(qGuiApp);
    return only;
}

} // namespace

void Clipboard::copy(const QString &text)
{
    QGuiApplication::clipboard()->setText(text);
}

void Clipboard::copySecret(const QString &text)
{
    QGuiApplication::clipboard()->setText(text);
    sweeper()->remember(text);
}

} // namespace assistiv::console
