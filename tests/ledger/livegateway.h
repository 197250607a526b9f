// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "fixtures/scratchdatabase.h"
#include "http/router.h"
#include "ledger/naivemodel.h"
#include "ledger/settlementstore.h"
#include "services/accountloads.h"
#include "services/conversationreads.h"
#include "services/services.h"

/// The gateway's own parts on one thread and without sockets: requests go through the router into the services, calls
/// through the gates and the settlement. Every write commits by itself, unless several are sent together: then they share one
/// transaction, each in its savepoint, as on the writer.
class LiveGateway final : public assistiv::Doors
{
public:
    struct Reply
    {
        int status = 0;
        QByteArray body;
        assistiv::HttpHeaders headers;
    };
    using Gate = std::variant<assistiv::Admission, assistiv::Error>;

    explicit LiveGateway(assistiv::Dialect dialect);
    ~LiveGateway() override;

    assistiv::SettableClock &clock() { return m_scratch.clock; }
    assistiv::Database &db() { return m_scratch.db(); }
    /// Opens /v1/admin; made with the database.
    QByteArray adminKey() const { return m_admin.rawKey.toLatin1(); }
    QByteArray adminKeyId() const { return m_admin.key.id.toLatin1(); }
    bool hasTable(const QString &name);

    /// Answers in the order of the requests; then the calls settle, in one group.
    QList<Reply> send(const QList<naive::Request> &requests, const QList<assistiv::Settlement> &calls = {});
    /// What the gates say to a call with that key; loads what the book does not know and starts the period that is due.
    Gate gate(const QByteArray &rawKey) { return gateOf(m_book, m_loads, rawKey); }
    /// The same of a book that knows nothing but what it reads from the database now.
    Gate gateAfterRestart(const QByteArray &rawKey);
    /// What the timer does for budgets.
    void keepHouse();
    /// As after a lost connection: the book is empty.
    void forgetAccounts() { m_book.drop(); }

protected:
    void enqueueRead(std::shared_ptr<assistiv::Mailbox> mailbox, QPointer<QObject> asker,
                     std::shared_ptr<assistiv::DoorJob> job) override;
    void enqueueWrite(std::shared_ptr<assistiv::Mailbox> mailbox, QPointer<QObject> asker,
                      std::shared_ptr<assistiv::DoorJob> job) override;

private:
    class NoNetwork;
    class NoSettlements;
    class NoBackups;
    using Jobs = QList<std::shared_ptr<assistiv::DoorJob>>;

    void commit(const Jobs &jobs, const QList<assistiv::Settlement> &calls);
    Gate gateOf(assistiv::AccountBook &book, assistiv::AccountLoads &loads, const QByteArray &rawKey);

    assistiv::ScratchDatabase m_scratch;
    assistiv::Services m_services;
    assistiv::SettlementStore m_settlements;
    assistiv::AccountBook m_book;
    assistiv::RateLimiter m_limiter;
    assistiv::AccountLoads m_loads;
    assistiv::Refusals m_refusals;
    assistiv::Cooldowns m_cooldowns;
    assistiv::ConversationReads m_conversations;
    assistiv::Turns m_turns;
    std::atomic<int> m_inFlight = 0;
    assistiv::Metrics m_metrics;
    std::unique_ptr<NoSettlements> m_noSettlements;
    std::unique_ptr<NoNetwork> m_noNetwork;
    std::unique_ptr<NoBackups> m_noBackups;
    assistiv::InferenceParts m_inference;
    QObject m_worker;
    assistiv::WorkerParts m_parts;
    assistiv::Router m_router;
    assistiv::MintedKey m_admin;
    quint32 m_requests = 0;
    /// While several requests are sent together their writes wait here.
    bool m_collects = false;
    Jobs m_waiting;
};
