// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "consoleengine.h"
#include "problem.h"

#include <QtCore/QElapsedTimer>
#include <QtCore/QPointer>
#include <QtCore/QSet>
#include <QtCore/QTimer>

namespace assistiv::console {

/// What every model behind a page has in common: it asks the engine one question again and again and knows whether the
/// answer has come. It never asks the same twice at a time: the engine would do the work twice, and with answers that
/// take long nobody would ever see one. What is shown stays until a newer answer is there.
/// Derived classes name this base in full: qmllint 6.4 does not look for a base in the namespace around it.
class PageModel : public QObject
{
    Q_OBJECT
    QML_ANONYMOUS
    Q_PROPERTY(assistiv::console::ConsoleEngine *engine READ engine WRITE setEngine NOTIFY engineChanged)
    /// idle, loading, ready, empty or error.
    Q_PROPERTY(QString state READ state NOTIFY stateChanged)
    /// A question is under way, also while older figures are shown.
    Q_PROPERTY(bool busy READ isBusy NOTIFY busyChanged)
    Q_PROPERTY(assistiv::console::Problem problem READ problem NOTIFY problemChanged)

public:
    /// After this long without an answer the page says so; a late answer is still taken.
    static constexpr int PatienceMs = 15'000;

    explicit PageModel(QObject *parent = nullptr);

    ConsoleEngine *engine() const { return m_engine; }
    void setEngine(ConsoleEngine *engine);
    QString state() const;
    bool isBusy() const { return m_busy; }
    const Problem &problem() const { return m_problem; }

    /// Asks now, or after the answer that is under way. What is shown stays until the answer is there.
    Q_INVOKABLE void reload();
    /// For tests.
    void setPatienceMs(int ms) { m_patience.setInterval(ms); }

Q_SIGNALS:
    void engineChanged();
    void stateChanged();
    void busyChanged();
    void problemChanged();
    /// The figures are other ones.
    void changed();

protected:
    /// It is known what to ask about.
    virtual bool canAsk() const { return true; }
    /// Puts the question, with answer(…) as what is called back.
    virtual void ask() = 0;
    /// What failed, when the answer is an error.
    virtual QString failureTitle() const = 0;
    /// A topic on which reload() follows.
    virtual bool concerns(ConsoleEngine::Topic topic) const = 0;
    /// The answer held nothing to show.
    virtual bool isEmpty() const { return false; }

    /// What the engine calls back: takes the value only if it is still wanted.
    template <typename T, typename Take> Done<T> answer(Take take)
    {
        return [this, question = m_question, take](const Result<T> &result) {
            if (!arrived(question))
                return;
            if (!result)
                return failed(result.error());
            take(*result);
            succeeded();
        };
    }
    /// The same for a question that another one follows: the page goes on waiting.
    template <typename T, typename Take> Done<T> partialAnswer(Take take)
    {
        return [this, question = m_question, take](const Result<T> &result) {
            if (result && question == m_question)
                take(*result);
            else if (arrived(question))
                failed(result.error());
        };
    }
    /// What was asked up to now is not wanted any more: it was about something else, or about what has changed since.
    /// Asking again is left to the caller.
    void outdate();
    /// Forgets what is shown, and asks anew: another platform.
    void forget();
    /// Asks in the next turn of the event loop, once for several reasons.
    void reloadSoon();
    /// Announcements are followed at most this often, and the less often the longer the answers take; for questions
    /// that cost the engine something.
    void setPauseMs(int ms) { m_pauseMs = ms; }
    qint64 nowMs() const;

private:
    bool isUnderWay() const { return m_isQueued || m_awaited.contains(m_question); }
    /// An answer, wanted or not: it makes room for the next question.
    bool arrived(quint64 question);
    void setBusy(bool busy);
    void setProblem(const Problem &problem);
    void succeeded();
    void failed(const Error &error);
    void onSilence();
    void onEngineChanged(ConsoleEngine::Topic topic);
    void follow();
    qint64 pauseLeftMs() const;

    QPointer<ConsoleEngine> m_engine;
    /// What is wanted; another number for another question.
    quint64 m_question = 0;
    /// Asked and not answered: what is wanted, and what was wanted before. The engine cannot be told to stop.
    QSet<quint64> m_awaited;
    /// To be asked when one of those has come.
    bool m_isQueued = false;
    bool m_busy = false;
    bool m_hasAnswer = false;
    Problem m_problem;
    QTimer m_patience;
    QTimer m_soon;
    int m_pauseMs = 0;
    QElapsedTimer m_sinceAsked;
    /// How long the engine worked on the newest answer; 0 after an error, which may be over soon.
    qint64 m_tookMs = 0;
    /// Something changed, or somebody asked, while an answer was awaited; that answer may be older.
    bool m_askAgain = false;
};

} // namespace assistiv::console
