// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "services/verify.h"

#include "core/jsonwriter.h"

#include <QtCore/QHash>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// More findings than anybody reads; the books are broken either way.
constexpr qsizetype MostFindings = 100;

Money signedAmount(const QString &type, Money amount)
{
    return type == "llm_usage"_L1 || type == "mcp_usage"_L1 || type == "agent_usage"_L1 ? -amount : amount;
}

class Verifier
{
public:
    explicit Verifier(Database &db) : m_db(db) {}

    Result<VerifyReport> run()
    {
        for (const auto step : { &Verifier::wallets, &Verifier::budgets, &Verifier::legsOfCalls, &Verifier::idempotency }) {
            if (const auto done = (this->*step)(); !done)
                return done.error();
        }
        return m_report;
    }

private:
    void broken(const QString &rule, const QString &table, const QString &row, const QString &detail)
    {
        if (m_report.broken.size() < MostFindings)
            m_report.broken.append({ rule, table, row, detail });
    }

    static QString amounts(Money expected, Money found)
    {
        return u"expected %1, found %2"_s.arg(QString::fromLatin1(expected.toFixed()), QString::fromLatin1(found.toFixed()));
    }

    // Balance of a wallet = sum of its transactions, and each row says the balance after it.
    Result<void> wallets()
    {
        QHash<QString, Money> running;
        Query rows = m_db.prepare(u"SELECT id, wallet_id, type, amount, balance_after FROM wallet_transactions ORDER BY seq"_s);
        if (const auto read = rows.exec(); !read)
            return read.error();
        while (rows.next()) {
            ++m_report.rows;
            Money &balance = running[rows.text(1)];
            balance += signedAmount(rows.text(2), rows.money(3));
            if (balance != rows.money(4)) {
                broken(u"balance_after follows from the rows before"_s, u"wallet_transactions"_s, rows.text(0),
                       amounts(balance, rows.money(4)));
                balance = rows.money(4); // one finding for each fault, not for every row behind it
            }
        }
        Query wallets = m_db.prepare(u"SELECT id, balance FROM wallets ORDER BY id"_s);
        if (const auto read = wallets.exec(); !read)
            return read.error();
        while (wallets.next()) {
            ++m_report.wallets;
            const Money expected = running.take(wallets.text(0));
            if (expected != wallets.money(1))
                broken(u"the balance is the sum of the transactions"_s, u"wallets"_s, wallets.text(0),
                       amounts(expected, wallets.money(1)));
        }
        for (auto orphan = running.cbegin(); orphan != running.cend(); ++orphan)
            broken(u"every transaction belongs to a wallet"_s, u"wallet_transactions"_s, orphan.key(), u"no such wallet"_s);
        return {};
    }

    // used and max of a budget = replay of its ledger rows.
    Result<void> budgets()
    {
        struct State
        {
            Money max;
            Money used;
        };
        QHash<QString, State> running;
        Query rows = m_db.prepare(u"SELECT id, budget_id, type, amount, max_after, used_after, reason "
                                  "FROM budget_transactions ORDER BY seq"_s);
        if (const auto read = rows.exec(); !read)
            return read.error();
        while (rows.next()) {
            ++m_report.rows;
            State &state = running[rows.text(1)];
            const QString type = rows.text(2);
            const Money amount = rows.money(3);
            if (type == "opening"_L1)
                state = { amount, Money() };
            else if (type == "topup"_L1)
                state.max += amount;
            else if (type == "debit"_L1)
                state.used += amount;
            else if (type == "adjustment"_L1)
                state.max += amount;
            // A new period, or the replacement of an automatic budget, forgives what was used.
            const QString reason = rows.text(6);
            if (reason == "period_reset"_L1)
                state.used = Money();
            if (state.max != rows.money(4) || state.used != rows.money(5)) {
                broken(u"max_after and used_after follow from the rows before"_s, u"budget_transactions"_s, rows.text(0),
                       u"limit: %1; used: %2"_s.arg(amounts(state.max, rows.money(4)), amounts(state.used, rows.money(5))));
                state = { rows.money(4), rows.money(5) };
            }
        }
        Query budgets = m_db.prepare(u"SELECT id, max_usd, used_usd FROM budgets ORDER BY id"_s);
        if (const auto read = budgets.exec(); !read)
            return read.error();
        while (budgets.next()) {
            ++m_report.budgets;
            const State expected = running.take(budgets.text(0));
            if (expected.max != budgets.money(1) || expected.used != budgets.money(2))
                broken(u"limit and use are the replay of the ledger"_s, u"budgets"_s, budgets.text(0),
                       u"limit: %1; used: %2"_s.arg(amounts(expected.max, budgets.money(1)),
                                                  amounts(expected.used, budgets.money(2))));
        }
        for (auto orphan = running.cbegin(); orphan != running.cend(); ++orphan)
            broken(u"every ledger row belongs to a budget"_s, u"budget_transactions"_s, orphan.key(), u"no such budget"_s);
        return {};
    }

    // Wallet leg, budget leg and log row of a call are all there or none is, with one amount.
    Result<void> legsOfCalls()
    {
        QHash<QString, Money> billed;
        Query logs = m_db.prepare(u"SELECT id, cost, billing_status FROM request_logs ORDER BY seq"_s);
        if (const auto read = logs.exec(); !read)
            return read.error();
        while (logs.next()) {
            ++m_report.rows;
            const QString id = logs.text(0);
            if (logs.text(2) == "billed"_L1) {
                if (billed.contains(id))
                    broken(u"a call is logged once"_s, u"request_logs"_s, id, u"the row is there twice"_s);
                billed.insert(id, logs.money(1));
            } else if (!logs.money(1).isZero()) {
                broken(u"what was not billed costs nothing"_s, u"request_logs"_s, id, amounts(Money(), logs.money(1)));
            }
        }

        Query debits = m_db.prepare(u"SELECT id, metadata, amount FROM budget_transactions WHERE source = 'inference'"_s);
        if (const auto read = debits.exec(); !read)
            return read.error();
        QHash<QString, int> debited;
        while (debits.next()) {
            const QString log = QJsonDocument::fromJson(debits.text(1).toUtf8()).object().value("log_id"_L1).toString();
            const auto cost = billed.constFind(log);
            if (cost == billed.constEnd())
                broken(u"a debit belongs to a billed call"_s, u"budget_transactions"_s, debits.text(0), u"no such log row"_s);
            else if (*cost != debits.money(2))
                broken(u"a debit is what the call cost"_s, u"budget_transactions"_s, debits.text(0),
                       amounts(*cost, debits.money(2)));
            if (++debited[log] > 1)
                broken(u"a call is debited once"_s, u"budget_transactions"_s, debits.text(0), u"second debit of one call"_s);
        }

        Query charges = m_db.prepare(u"SELECT id, reference, amount FROM wallet_transactions WHERE type = 'llm_usage'"_s);
        if (const auto read = charges.exec(); !read)
            return read.error();
        while (charges.next()) {
            const auto cost = billed.constFind(charges.text(1));
            if (cost == billed.constEnd()) {
                broken(u"a charge belongs to one billed call"_s, u"wallet_transactions"_s, charges.text(0), u"no such log row, or charged twice"_s);
                continue;
            }
            if (*cost != charges.money(2))
                broken(u"a charge is what the call cost"_s, u"wallet_transactions"_s, charges.text(0),
                       amounts(*cost, charges.money(2)));
            billed.erase(cost);
        }
        for (auto missing = billed.cbegin(); missing != billed.cend(); ++missing)
            broken(u"a billed call is charged to the wallet"_s, u"request_logs"_s, missing.key(), u"no wallet transaction"_s);
        return {};
    }

    // One key, one money row.
    Result<void> idempotency()
    {
        Query twins = m_db.prepare(u"SELECT platform_id, idempotency_key, count(*) FROM budget_transactions "
                                   "WHERE idempotency_key IS NOT NULL GROUP BY platform_id, idempotency_key "
                                   "HAVING count(*) > 1"_s);
        if (const auto read = twins.exec(); !read)
            return read.error();
        while (twins.next())
            broken(u"one idempotency key, one money row"_s, u"budget_transactions"_s, twins.text(1),
                   u"%1 rows"_s.arg(twins.integer(2)));
        return {};
    }

    Database &m_db;
    VerifyReport m_report;
};

} // namespace

QByteArray VerifyReport::toJson() const
{
    JsonWriter json;
    json.beginObject().member("ok", ok()).member("wallets", wallets).member("budgets", budgets).member("rows", rows);
    json.key("broken").beginArray();
    for (const BrokenRule &finding : broken) {
        json.beginObject().member("rule", finding.rule).member("table", finding.table).member("row", finding.row);
        json.member("detail", finding.detail).endObject();
    }
    json.endArray().endObject();
    return json.take();
}

Result<VerifyReport> verifyBooks(Database &db)
{
    return Verifier(db).run();
}

} // namespace assistiv
