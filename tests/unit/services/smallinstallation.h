// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "ledger/settlementstore.h"
#include "ledger/storedresponse.h"
#include "services/installation.h"
#include "services/services.h"
#include "services/verify.h"

#include <QtTest/QTest>

namespace assistiv {

/// A database as a gateway leaves it: master key adopted, a platform with wallet and user, a few billed calls; what the last
/// of them answered is stored.
struct SmallInstallation
{
    ScratchDatabase scratch;
    Services services { scratch.context() };
    PlatformId platform;
    EndUserId user;
    BudgetId budget;

    explicit SmallInstallation(Dialect dialect, int calls = 20) : scratch(dialect)
    {
        using namespace Qt::StringLiterals;
        mustSucceed(Installation::adoptVault(scratch.db(), scratch.vault));
        platform = valueOf(scratch.attempt([this] {
                       return services.platforms.create({ u"Acme"_s, u"acme"_s });
                   })).platform.id;
        (void)valueOf(scratch.attempt([this] {
            return services.wallets.topUp(platform, Money::fromMicros(100'000'000), u"Invoice"_s, consoleActor());
        }));
        user = valueOf(scratch.attempt([this] { return services.endUsers.create(platform, { u"alice"_s }); })).user.id;
        budget = valueOf(scratch.attempt([this] {
                     const BudgetDraft draft { .max = Money::fromMicros(10'000'000) };
                     return services.budgets.create(platform, user, draft, consoleActor());
                 })).budget.id;
        makeCalls(calls);
    }

    Settlement settlement(Money cost) const
    {
        Settlement s;
        s.id = LogRowId::create();
        s.platform = platform;
        s.endUser = user;
        s.budget = budget;
        s.requestId = "request";
        s.requestType = "chat.completion";
        s.modelSlug = "a-model";
        s.providerModelId = "a-model";
        s.promptTokens = 3;
        s.completionTokens = 4;
        s.cost = cost;
        s.isBillable = true;
        s.countMethod = TokenCountMethod::Reported;
        s.metadata = R"({"model":"a-model"})";
        s.createdAt = scratch.clock.now();
        return s;
    }

    std::shared_ptr<const StoredResponse> response() const
    {
        StoredResponse made;
        made.id = newResponseId();
        made.threadId = "a thread";
        made.model = "a-model";
        made.input = { { {}, R"({"role":"user","content":"Hi"})" } };
        made.output = { { "msg_1", R"({"id":"msg_1","type":"message"})" } };
        made.body = R"({"object":"response"})";
        made.createdAt = scratch.clock.now();
        return std::make_shared<const StoredResponse>(made);
    }

    /// So many, which cost one, two, three … micro-dollars; the clock moves by so much before each.
    void makeCalls(int calls, int stepMs = 0)
    {
        Transaction transaction(scratch.db());
        for (int i = 0; i < calls; ++i) {
            scratch.clock.advanceMs(stepMs);
            Settlement call = settlement(Money::fromMicros(i + 1));
            if (i == calls - 1)
                call.response = response();
            settle(scratch.context(), call);
        }
        mustSucceed(transaction.commit());
    }

    /// In the open transaction.
    static void settle(const ServiceContext &context, const Settlement &settlement)
    {
        Budgets budgets(context);
        mustSucceed(SettlementStore(context, budgets).apply({ &settlement }));
    }

    void run(const QString &sql) { mustSucceed(scratch.db().run(sql)); }
};

inline std::unique_ptr<Database> openFile(const QString &path)
{
    return valueOf(Database::open({ .name = path }, Database::Access::ReadOnly));
}

inline qint64 numberIn(Database &db, const QString &sql)
{
    Query query = db.prepare(sql);
    return query.exec() && query.next() ? query.integer(0) : -1;
}

} // namespace assistiv
