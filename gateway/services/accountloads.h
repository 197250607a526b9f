// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ledger/accountbook.h"
#include "limits/ratelimiter.h"
#include "services/doors.h"
#include "tenants/accountdesk.h"

#include <QtCore/QHash>
#include <QtCore/QObject>

namespace assistiv {

/// The AccountDesk of one worker: single-flight loads through the read door, resets through the write door.
class AccountLoads final : public QObject, public AccountDesk
{
    Q_OBJECT

public:
    AccountLoads(Doors &doors, AccountBook &book, RateLimiter &limiter, QObject *parent = nullptr);

    void load(const QByteArray &keyHash, QObject *asker, std::function<void(Result<void>)> done) override;
    void resetBudget(const EndUserId &user, QObject *asker, std::function<void(Result<void>)> done) override;

private:
    struct Waiter
    {
        QPointer<QObject> asker;
        std::function<void(Result<void>)> done;
    };
    void finish(const QByteArray &keyHash, const Result<void> &loaded);

    Doors &m_doors;
    AccountBook &m_book;
    RateLimiter &m_limiter;
    QHash<QByteArray, QList<Waiter>> m_waiting;
};

} // namespace assistiv
