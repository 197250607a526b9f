// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "services/accountloads.h"

#include "ledger/commitorder.h"
#include "services/services.h"
#include "tenants/accountloader.h"

namespace assistiv {

AccountLoads::AccountLoads(Doors &doors, AccountBook &book, RateLimiter &limiter, QObject *parent)
    : QObject(parent), m_doors(doors), m_book(book), m_limiter(limiter)
{
}

void AccountLoads::load(const QByteArray &keyHash, QObject *asker, std::function<void(Result<void>)> done)
{
    QList<Waiter> &waiting = m_waiting[keyHash];
    waiting.append({ asker, std::move(done) });
    if (waiting.size() > 1)
        return;
    m_doors.read(
        this,
        [&book = m_book, &limiter = m_limiter, keyHash](Services &services) -> Result<bool> {
            const auto number = CommitOrder(services.context.db, book).ofSnapshot();
            if (!number)
                return number.error();
            const auto states = loadAccounts(services.context, keyHash);
            if (!states)
                return states.error();
            if (const auto told = loadCallsBefore(services.context, *states, limiter); !told)
                return told.error();
            book.publishLoaded(*states, *number);
            return true;
        },
        [this, keyHash](const Result<bool> &loaded) {
            finish(keyHash, loaded ? Result<void>() : Result<void>(loaded.error()));
        });
}

void AccountLoads::finish(const QByteArray &keyHash, const Result<void> &loaded)
{
    const QList<Waiter> waiting = m_waiting.take(keyHash);
    for (const Waiter &waiter : waiting) {
        if (waiter.asker)
            waiter.done(loaded);
    }
}

void AccountLoads::resetBudget(const EndUserId &user, QObject *asker, std::function<void(Result<void>)> done)
{
    m_doors.write(
        asker,
        [user](Services &services) -> Result<bool> {
            const auto reset = services.budgets.resetIfDue(user);
            if (!reset)
                return reset.error();
            return true;
        },
        [done = std::move(done)](const Result<bool> &reset) {
            done(reset ? Result<void>() : Result<void>(reset.error()));
        });
}

} // namespace assistiv
