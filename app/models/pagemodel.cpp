// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "pagemodel.h"

#include <utility>

namespace assistiv::console {

namespace {

/// The engine rests so many times as long as it worked on an answer, but never longer than a person will wait.
constexpr qint64 RestFactor = 10;
constexpr qint64 MostRestMs = 60'000;
/// A question that is not wanted any more does not hold up the next one; several would take all readers of the engine.
constexpr qsizetype MostAwaited = 2;

} // namespace

PageModel::PageModel(QObject *parent) : QObject(parent)
{
    m_patience.setSingleShot(true);
    m_patience.setInterval(PatienceMs);
    connect(&m_patience, &QTimer::timeout, this, &PageModel::onSilence);
    m_soon.setSingleShot(true);
    m_soon.setInterval(0);
    connect(&m_soon, &QTimer::timeout, this, &PageModel::reload);
}

void PageModel::setEngine(ConsoleEngine *engine)
{
    if (m_engine == engine)
        return;
    if (m_engine)
        disconnect(m_engine, nullptr, this, nullptr);
    m_engine = engine;
    m_awaited.clear();
    if (m_engine)
        connect(m_engine, &ConsoleEngine::changed, this, &PageModel::onEngineChanged);
    forget();
    Q_EMIT engineChanged();
}

QString PageModel::state() const
{
    if (m_problem.isPresent())
        return QStringLiteral("error");
    if (m_hasAnswer)
        return isEmpty() ? QStringLiteral("empty") : QStringLiteral("ready");
    return m_busy ? QStringLiteral("loading") : QStringLiteral("idle");
}

void PageModel::reload()
{
    if (!m_engine || !canAsk())
        return;
    m_soon.stop();
    if (isUnderWay()) {
        m_askAgain = true;
        // Who asks again after the page gave up waiting waits once more for the same answer.
        if (!m_patience.isActive())
            m_patience.start();
        setBusy(true);
        return;
    }
    m_patience.start();
    m_isQueued = m_awaited.size() >= MostAwaited;
    if (m_isQueued) {
        setBusy(true);
        return;
    }
    m_awaited.insert(m_question);
    m_askAgain = false;
    m_sinceAsked.start();
    setBusy(true);
    ask();
}

void PageModel::reloadSoon()
{
    m_soon.start(0);
}

void PageModel::outdate()
{
    ++m_question;
    m_isQueued = false;
}

bool PageModel::arrived(quint64 question)
{
    if (!m_awaited.remove(question))
        return false; // asked of another engine
    if (question == m_question)
        return true;
    if (std::exchange(m_isQueued, false))
        reload();
    return false;
}

void PageModel::forget()
{
    outdate();
    m_hasAnswer = false;
    m_patience.stop();
    setBusy(false);
    setProblem({});
    Q_EMIT stateChanged();
    Q_EMIT changed();
    reloadSoon();
}

qint64 PageModel::nowMs() const
{
    return (m_engine ? m_engine->clock() : Clock::system()).now().ms();
}

void PageModel::setBusy(bool busy)
{
    if (m_busy == busy)
        return;
    m_busy = busy;
    Q_EMIT busyChanged();
    Q_EMIT stateChanged();
}

void PageModel::setProblem(const Problem &problem)
{
    if (m_problem == problem)
        return;
    m_problem = problem;
    Q_EMIT problemChanged();
    Q_EMIT stateChanged();
}

void PageModel::succeeded()
{
    m_patience.stop();
    m_tookMs = m_sinceAsked.elapsed();
    m_hasAnswer = true;
    setBusy(false);
    setProblem({});
    Q_EMIT stateChanged();
    Q_EMIT changed();
    follow();
}

void PageModel::failed(const Error &error)
{
    m_patience.stop();
    m_tookMs = 0;
    setBusy(false);
    setProblem(Problem::fromError(failureTitle(), error));
    follow();
}

void PageModel::onSilence()
{
    // The answer still counts when it comes. Asking again would only make the engine work on it twice.
    setBusy(false);
    setProblem(Problem::silence(failureTitle(), m_patience.interval() / 1000));
}

void PageModel::onEngineChanged(ConsoleEngine::Topic topic)
{
    if (!concerns(topic))
        return;
    m_askAgain = true;
    follow();
}

void PageModel::follow()
{
    // A question that is under way is not given up for a newer one: under load no answer would ever be taken.
    if (!m_askAgain || isUnderWay() || m_soon.isActive())
        return;
    m_soon.start(int(pauseLeftMs()));
}

qint64 PageModel::pauseLeftMs() const
{
    if (m_pauseMs == 0 || !m_sinceAsked.isValid())
        return 0;
    const qint64 rest = qMin(m_tookMs * RestFactor, MostRestMs);
    return qMax<qint64>(0, qMax<qint64>(m_pauseMs, m_tookMs + rest) - m_sinceAsked.elapsed());
}

} // namespace assistiv::console
