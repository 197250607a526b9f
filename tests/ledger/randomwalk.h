// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ledger/naivemodel.h"

#include <QtCore/QString>

#include <random>

/// One step of the walk.
struct Operation
{
    enum class Kind {
        Ask, ///< one request
        AskTogether, ///< writes that share a transaction, and behind them calls that end
        BeginCall, ///< a call asks the gates
        EndCalls,
        MoveClock,
        KeepHouse, ///< the timer
        ForgetAccounts, ///< what the gates know is gone
    };
    Kind kind = Kind::Ask;
    QList<naive::Request> requests = {};
    QByteArray key = {};
    QList<naive::Call> calls = {};
    qint64 ms = 0;

    QString text() const;
};

/// Chooses what happens next from one seed. It looks at the model to come near the edges: just exhausted, just at the
/// threshold, one micro-dollar beside it.
class RandomWalk
{
public:
    RandomWalk(quint32 seed, naive::Model &model, QByteArray adminKey);

    Operation next();
    /// A call was let in; it ends some time later.
    void begin(const naive::Verdict &verdict);
    /// What was answered: successful requests may be repeated.
    void answered(const naive::Request &request, const naive::Answer &answer);

private:
    qint64 pick(qint64 least, qint64 most) { return least + qint64(m_random() % quint64(most - least + 1)); }
    bool chance(int percent) { return pick(1, 100) <= percent; }
    template<typename List>
    auto &oneOf(List &list)
    {
        return list[size_t(pick(0, qint64(list.size()) - 1))];
    }
    QByteArray oneWord(const QByteArrayList &words) { return words[pick(0, words.size() - 1)]; }

    naive::Platform &somePlatform() { return oneOf(m_model.platforms); }
    /// Prefers users that exist; what else may stand in a path comes now and then.
    QByteArray someUserId(naive::Platform &platform, naive::User **user);
    QByteArray keyFor(const naive::Platform &platform);

    QByteArray amountText(qint64 micros);
    qint64 someAmount();
    QByteArray brokenAmount();
    QByteArray amountOrBroken(qint64 micros) { return chance(6) ? brokenAmount() : amountText(micros); }
    QByteArray moment(qint64 ms);
    QByteArray someText();
    QByteArray someMetadata();
    QByteArray body(QByteArrayList members);
    QByteArray query(const QByteArrayList &parameters);
    std::optional<QByteArray> someIdempotencyKey(const naive::Platform &platform);

    naive::Request onPlatform(const QByteArray &method, const naive::Platform &platform, const QByteArray &rest);
    naive::Request admin(const QByteArray &method, const QByteArray &rest);
    naive::Request topUpOrDebit();
    naive::Request patchBudget();
    naive::Request postBudget();
    naive::Request otherBudget();
    naive::Request lists();
    naive::Request repeated();
    naive::Request wallet();
    naive::Request users();
    naive::Request apiKeys();
    naive::Request platforms();
    naive::Request newPlatform();
    naive::Request someWrite(bool mayCreate);
    Operation beginCall();
    QList<naive::Call> endingCalls(qint64 most);
    naive::Call ended(const naive::Verdict &verdict);
    Operation moveClock();
    Operation somethingUsual();

    std::mt19937_64 m_random;
    naive::Model &m_model;
    const QByteArray m_adminKey;
    QList<naive::Verdict> m_running;
    QList<naive::Request> m_repeatable;
    QByteArrayList m_goneUsers;
    QByteArrayList m_goneKeys;
    int m_made = 0;
};
