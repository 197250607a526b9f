// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "consoleaction.h"
#include "pagemodel.h"

namespace assistiv::console {

/// This machine's server as the pill and the server card show it. Read from the engine, never assumed.
class ServerModel : public assistiv::console::PageModel
{
    Q_OBJECT
    QML_ELEMENT
    /// stopped, starting, running, degraded, stopping, cannotStart; unknown before the first answer and after an error.
    Q_PROPERTY(QString serverState READ serverState NOTIFY changed)
    /// "Gateway running", for the pill.
    Q_PROPERTY(QString stateText READ stateText NOTIFY changed)
    /// "Gateway is running", for the card.
    Q_PROPERTY(QString sentence READ sentence NOTIFY changed)
    Q_PROPERTY(QString tone READ tone NOTIFY changed)
    Q_PROPERTY(QString reason READ reason NOTIFY changed)
    /// Answers calls now.
    Q_PROPERTY(bool serving READ isServing NOTIFY changed)
    Q_PROPERTY(QString baseUrl READ baseUrl NOTIFY changed)
    /// "127.0.0.1:8790"
    Q_PROPERTY(QString address READ address NOTIFY changed)
    Q_PROPERTY(QString bindText READ bindText NOTIFY changed)
    Q_PROPERTY(QString bindTone READ bindTone NOTIFY changed)
    /// A call with a placeholder for the key.
    Q_PROPERTY(QString curl READ curl NOTIFY changed)
    Q_PROPERTY(int callsInFlight READ callsInFlight NOTIFY changed)
    Q_PROPERTY(int freePort READ freePort NOTIFY changed)
    /// Label and value pairs of the server card; what is not known is not in it.
    Q_PROPERTY(QVariantList facts READ facts NOTIFY changed)
    /// Where provider keys are safe: "It is encrypted …"
    Q_PROPERTY(QString keySafety READ keySafety NOTIFY changed)
    Q_PROPERTY(assistiv::console::ConsoleAction *command READ command CONSTANT)

public:
    explicit ServerModel(QObject *parent = nullptr);

    QString serverState() const;
    QString stateText() const;
    QString sentence() const;
    QString tone() const;
    QString reason() const;
    bool isServing() const;
    QString baseUrl() const;
    QString address() const;
    QString bindText() const;
    QString bindTone() const;
    QString curl() const;
    int callsInFlight() const { return m_status.callsInFlight; }
    int freePort() const { return m_status.freePort; }
    QVariantList facts() const;
    QString keySafety() const;
    ConsoleAction *command() { return &m_command; }

    /// port 0: the configured one.
    Q_INVOKABLE void start(int port = 0);
    /// now: running calls are cut off.
    Q_INVOKABLE void stop(bool now = false);
    Q_INVOKABLE void restart();

protected:
    void ask() override;
    QString failureTitle() const override;
    bool concerns(ConsoleEngine::Topic topic) const override { return topic == ConsoleEngine::Topic::Server; }

private:
    bool isKnown() const { return m_known && !problem().isPresent(); }
    Done<void> commandDone();

    bool m_known = false;
    ServerStatus m_status;
    QTimer m_refresh;
    ConsoleAction m_command;
};

} // namespace assistiv::console
