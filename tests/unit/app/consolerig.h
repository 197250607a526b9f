// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/consolequestions.h"
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "ledger/settlementstore.h"
#include "services/services.h"
#include "store/schema.h"

#include <QtTest/QTest>

namespace assistiv {

inline Money usd(const QByteArray &text)
{
    return *Money::parse(text);
}

/// Real services on a database of their own, with a catalogue that does not change with the market.
struct ConsoleRig
{
    /// Two models of one provider to choose from, one that is switched off, and another provider's with the same name
    /// there.
    static constexpr auto SmallCatalogue = R"({"schema_version":1,"models":[
        {"slug":"dear","display_name":"Dear","provider":"openai","provider_model_id":"dear-1","upstream_api":"chat",
         "status":"active","prices":{"input":"8","output":"40"}},
        {"slug":"cheap","display_name":"Cheap","provider":"openai","provider_model_id":"cheap-1","upstream_api":"chat",
         "status":"active","prices":{"input":"0.1","output":"0.5"}},
        {"slug":"old","display_name":"Old","provider":"openai","provider_model_id":"old-1","upstream_api":"chat",
         "status":"deprecated","prices":{"input":"0.05","output":"0.2"}},
        {"slug":"elsewhere","display_name":"Elsewhere","provider":"anthropic","provider_model_id":"cheap-1",
         "upstream_api":"messages","status":"active","prices":{"input":"2","output":"10"}}]})";

    ScratchDatabase scratch { ScratchDatabase::currentDialect() };
    Services services { scratch.context() };

    /// As the writer runs what the console asks for: all of it or nothing.
    template<typename Fn>
    auto write(Fn fn)
    {
        return scratch.attempt([&] { return fn(services); });
    }

    ConsoleRig()
    {
        mustSucceed(write([](Services &s) { return s.catalog.importCatalogue(SmallCatalogue); }));
    }

    console::CreatedPlatform createPlatform(const QString &name, const QString &slug)
    {
        return valueOf(write([&](Services &s) { return ConsoleQuestions::createPlatform(s, { name, slug }); }));
    }
    PlatformId addPlatform(const QString &slug = QStringLiteral("acme"))
    {
        return createPlatform(slug, slug).platform.id;
    }

    Result<console::CreatedEndUser> createUser(const PlatformId &platform, const QString &externalId, Money budget,
                                               console::BudgetPeriod period = console::BudgetPeriod::Monthly)
    {
        const console::NewEndUser wanted { platform, externalId, QStringLiteral("Alice"), budget, period, {} };
        return write([&](Services &s) { return ConsoleQuestions::createEndUser(s, wanted); });
    }
    EndUserId addUser(const PlatformId &platform, const QString &externalId, const QByteArray &budget)
    {
        return valueOf(createUser(platform, externalId, usd(budget))).id;
    }

    Result<console::WalletBooking> topUp(const PlatformId &platform, Money amount, const QString &key,
                                         const QString &description = QStringLiteral("Invoice"))
    {
        const console::WalletTopUp wanted { platform, amount, description, key };
        return write([&](Services &s) { return ConsoleQuestions::topUp(s, wanted); });
    }

    ProviderId provider(const QString &slug) { return valueOf(services.catalog.provider(slug)).id; }
    ModelId model(const QString &slug) { return valueOf(services.catalog.model(slug)).id; }

    struct Call
    {
        /// From now.
        qint64 atMs = 0;
        qint64 costMicros = 0;
        CallStatus status = CallStatus::Success;
        qint64 latencyMs = 10;
        EndUserId user = {};
        QByteArray request = {};
        QByteArray error = {};
    };
    /// A finished call, settled as the engine does it.
    void call(const PlatformId &platform, const Call &call)
    {
        Settlement s;
        s.id = LogRowId::create();
        s.platform = platform;
        s.endUser = call.user;
        if (const auto budget = services.budgets.get(platform, call.user))
            s.budget = budget->id;
        s.requestId = call.request.isEmpty() ? s.id.toLatin1() : call.request;
        s.requestType = "chat.completion";
        s.modelSlug = "cheap";
        s.providerModelId = "cheap-1";
        s.promptTokens = 25;
        s.completionTokens = 8;
        s.latencyMs = call.latencyMs;
        s.cost = Money::fromMicros(call.costMicros);
        s.isBillable = call.costMicros > 0;
        s.status = call.status;
        s.errorMessage = call.error;
        s.metadata = "{}";
        s.createdAt = scratch.clock.now().plusMs(call.atMs);
        mustSucceed(write([&](Services &its) { return SettlementStore(its.context, its.budgets).apply({ &s }); }));
    }

    qint64 number(const QString &sql) { return scratch.number(sql); }
    qint64 rowsOf(const QString &table) { return number(QStringLiteral("SELECT count(*) FROM ") + table); }
    /// Rows of all tables: a refusal must not change it.
    qint64 allRows()
    {
        qint64 sum = 0;
        for (const TableShape &table : valueOf(tablesOf(scratch.db())))
            sum += rowsOf(table.name);
        return sum;
    }
    /// In some text column of some table.
    bool isStored(const QString &text)
    {
        for (const TableShape &table : valueOf(tablesOf(scratch.db()))) {
            for (const ColumnShape &column : table.columns) {
                const QString sql = QStringLiteral("SELECT count(*) FROM %1 WHERE %2 LIKE '%%3%'");
                if (column.kind == ColumnKind::Text && number(sql.arg(table.name, column.name, text)) != 0)
                    return true;
            }
        }
        return false;
    }
    /// What the console noted of itself, oldest first: "platform.create", …
    QStringList audited()
    {
        QStringList actions;
        for (const AuditEntry &entry : valueOf(services.audit.list(0, AllRows)).rows)
            actions.prepend(entry.actor == QStringLiteral("console") ? entry.action : entry.actor);
        return actions;
    }
};

} // namespace assistiv
