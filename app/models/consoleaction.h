// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "consoleengine.h"
#include "problem.h"

#include <QtCore/QTimer>

namespace assistiv::console {

/// Something a person started: runs once at a time, and its key makes a repeat harmless. Closing the dialog does not
/// end it. A late answer is taken even after the state became unclear.
class ConsoleAction : public QObject
{
    Q_OBJECT
    QML_ANONYMOUS
    /// idle, running, done, failed or unclear.
    Q_PROPERTY(QString state READ state NOTIFY changed)
    Q_PROPERTY(bool running READ isRunning NOTIFY changed)
    Q_PROPERTY(bool unclear READ isUnclear NOTIFY changed)
    /// Idempotency key of this action; the same one until prepare() makes a new one.
    Q_PROPERTY(QString key READ key NOTIFY changed)
    Q_PROPERTY(assistiv::console::Problem problem READ problem NOTIFY changed)

public:
    enum class State { Idle, Running, Done, Failed, Unclear };
    /// What silence and broken connections mean: a write may have been booked, a test simply failed.
    enum class Kind { Write, Look };

    static constexpr int PatienceMs = 20'000;

    /// title says what failed: "The platform could not be created".
    ConsoleAction(Kind kind, const QString &title, QObject *parent);

    QString state() const;
    bool isRunning() const { return m_state == State::Running; }
    bool isUnclear() const { return m_state == State::Unclear; }
    QString key() const { return m_key; }
    const Problem &problem() const { return m_problem; }

    /// A fresh start with a new key, when a dialog opens. While an action runs or its result is not known, nothing
    /// changes: a new key could then book twice.
    Q_INVOKABLE void prepare();
    /// A fresh start although the old result was unclear: the engine has been asked and nothing was booked.
    void renew();
    /// The engine has been asked, and what was unclear turned out to be done.
    void resolve();

    /// Starts; what it returns goes to the engine. `take` gets the value before the state becomes done.
    template <typename T, typename Take> Done<T> begin(Take take)
    {
        start();
        return [this, run = m_run, take](const Result<T> &result) {
            if (run != m_run || (m_state != State::Running && m_state != State::Unclear))
                return;
            if (!result)
                return fail(result.error());
            if constexpr (std::is_void_v<T>)
                take();
            else
                take(*result);
            finish();
        };
    }
    /// Refused before the engine was asked.
    void refuse(const Problem &problem);
    /// For tests.
    void setPatienceMs(int ms) { m_patience.setInterval(ms); }

Q_SIGNALS:
    void changed();
    void succeeded();
    void failed();

private:
    void start();
    void finish();
    void fail(const Error &error);
    void onSilence();
    void setState(State state, const Problem &problem = {});
    static QString makeKey();

    Kind m_kind;
    QString m_title;
    State m_state = State::Idle;
    QString m_key;
    Problem m_problem;
    quint64 m_run = 0;
    QTimer m_patience;
};

} // namespace assistiv::console
