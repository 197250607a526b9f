// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "consoleaction.h"

#include <QtCore/QUuid>

namespace assistiv::console {

namespace {

/// After these answers nobody knows whether a write was committed.
bool leavesDoubt(ErrorCode code)
{
    return code == ErrorCode::DatabaseUnavailable || code == ErrorCode::RequestTimeout
        || code == ErrorCode::ShuttingDown;
}

} // namespace

ConsoleAction::ConsoleAction(Kind kind, const QString &title, QObject *parent)
    : QObject(parent)
    , m_kind(kind)
    , m_title(title)
    , m_key(makeKey())
{
    m_patience.setSingleShot(true);
    m_patience.setInterval(PatienceMs);
    connect(&m_patience, &QTimer::timeout, this, &ConsoleAction::onSilence);
}

QString ConsoleAction::makeKey()
{
    return QStringLiteral("console-") + QUuid::createUuid().toString(QUuid::WithoutBraces);
}

QString ConsoleAction::state() const
{
    switch (m_state) {
    case State::Idle:
        return QStringLiteral("idle");
    case State::Running:
        return QStringLiteral("running");
    case State::Done:
        return QStringLiteral("done");
    case State::Failed:
        return QStringLiteral("failed");
    case State::Unclear:
        return QStringLiteral("unclear");
    }
    return {};
}

void ConsoleAction::prepare()
{
    if (m_state != State::Running && m_state != State::Unclear)
        renew();
}

void ConsoleAction::renew()
{
    ++m_run;
    m_patience.stop();
    m_key = makeKey();
    setState(State::Idle);
}

void ConsoleAction::resolve()
{
    ++m_run;
    finish();
}

void ConsoleAction::refuse(const Problem &problem)
{
    setState(State::Failed, problem);
    Q_EMIT failed();
}

void ConsoleAction::start()
{
    ++m_run;
    m_patience.start();
    setState(State::Running);
}

void ConsoleAction::finish()
{
    m_patience.stop();
    setState(State::Done);
    Q_EMIT succeeded();
}

void ConsoleAction::fail(const Error &error)
{
    m_patience.stop();
    const bool doubtful = m_kind == Kind::Write && leavesDoubt(error.code);
    setState(doubtful ? State::Unclear : State::Failed, Problem::fromError(m_title, error));
    Q_EMIT failed();
}

void ConsoleAction::onSilence()
{
    setState(m_kind == Kind::Write ? State::Unclear : State::Failed,
             Problem::silence(m_title, m_patience.interval() / 1000));
    Q_EMIT failed();
}

void ConsoleAction::setState(State state, const Problem &problem)
{
    m_state = state;
    m_problem = problem;
    Q_EMIT changed();
}

} // namespace assistiv::console
