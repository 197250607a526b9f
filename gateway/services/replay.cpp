// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "services/replay.h"

#include "core/money.h"
#include "store/database.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>

#include <optional>
#include <utility>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

QString shown(Money amount)
{
    return QString::fromLatin1(amount.toFixed());
}

/// One wallet while its rows go by.
class WalletReplay
{
public:
    WalletReplay(Findings &findings, const QString &wallet, Money stored)
        : m_findings(findings), m_wallet(wallet), m_stored(stored)
    {
    }

    void take(const QString &row, QStringView type, Money amount, Money balanceAfter)
    {
        const Money expected = type.endsWith("_usage"_L1) ? m_balance - amount : m_balance + amount;
        if (expected != balanceAfter) {
            m_findings.add(u"each transaction continues the balance before it"_s, u"wallet_transactions"_s, row,
                           u"The balance was %1 before this %2 of %3, so it must be %4 after it; the row says %5. Its "
                           "amount or balance was changed, or a row before it was changed, removed or moved."_s
                               .arg(shown(m_balance), type, shown(amount), shown(expected), shown(balanceAfter)));
        }
        m_balance = balanceAfter; // one finding for each fault, not for every row behind it
    }

    void end()
    {
        if (m_balance != m_stored) {
            m_findings.add(u"a wallet's balance is the sum of its transactions"_s, u"wallets"_s, m_wallet,
                           u"The transactions lead to a balance of %1; the wallet says %2. The balance was changed, or "
                           "its last transactions were removed."_s.arg(shown(m_balance), shown(m_stored)));
        }
    }

private:
    Findings &m_findings;
    const QString m_wallet;
    const Money m_stored;
    Money m_balance;
};

/// One budget while its rows go by.
class BudgetReplay
{
public:
    struct Row
    {
        QString id;
        QString type;
        Money amount;
        Money maxAfter;
        Money usedAfter;
        QString reason;
        /// Of adjustments only.
        QString metadata;
    };
    /// What the budget itself says; the names are those of the changes in an adjustment's metadata.
    struct Stored
    {
        Money max;
        Money used;
        QJsonObject states;
    };

    BudgetReplay(Findings &findings, const QString &budget, Stored stored)
        : m_findings(findings), m_budget(budget), m_stored(std::move(stored))
    {
    }

    void take(const Row &row)
    {
        const bool isFirst = std::exchange(m_isFirst, false);
        Money max = m_max;
        Money used = m_used;
        if (row.type == "opening"_L1) {
            if (m_states.value("is_active"_L1).toBool())
                broken(u"only a budget that is closed can be opened"_s, row, u"This budget was open already."_s);
            max = row.amount;
            used = Money();
            m_states = { { u"is_active"_s, true }, { u"is_suspended"_s, false } };
        } else if (isFirst) {
            broken(u"a budget's ledger begins with its opening"_s, row,
                   u"The first row is a %1: the rows before it were removed or belong to another budget now."_s
                       .arg(row.type));
            return goOnFrom(row);
        } else if (row.type == "topup"_L1) {
            max += row.amount;
        } else if (row.type == "debit"_L1) {
            used += row.amount;
        } else if (row.type == "adjustment"_L1) {
            max += row.amount;
            if (row.reason == "period_reset"_L1)
                used = Money();
            takeChanges(row);
        }
        if (max != row.maxAfter || used != row.usedAfter) {
            broken(u"each ledger row continues the budget before it"_s, row,
                   u"After this %1 of %2 the limit must be %3 and the use %4; the row says %5 and %6. It was changed, "
                   "or a row before it was changed, removed or moved."_s
                       .arg(row.type, shown(row.amount), shown(max), shown(used), shown(row.maxAfter),
                            shown(row.usedAfter)));
        }
        goOnFrom(row); // one finding for each fault, not for every row behind it
    }

    void end()
    {
        if (m_max != m_stored.max || m_used != m_stored.used) {
            m_findings.add(u"a budget is the replay of its ledger"_s, u"budgets"_s, m_budget,
                           u"The ledger leads to a limit of %1 and a use of %2; the budget says %3 and %4. The budget "
                           "was changed, or its last ledger rows were removed."_s
                               .arg(shown(m_max), shown(m_used), shown(m_stored.max), shown(m_stored.used)));
        }
        for (auto state = m_states.constBegin(); state != m_states.constEnd(); ++state) {
            const QJsonValue stored = m_stored.states.value(state.key());
            if (stored != state.value()) {
                m_findings.add(u"a budget is the replay of its ledger"_s, u"budgets"_s, m_budget,
                               u"The ledger leads to %1 = %2; the budget says %3."_s
                                   .arg(state.key(), text(*state), text(stored)));
            }
        }
    }

private:
    void goOnFrom(const Row &row)
    {
        m_max = row.maxAfter;
        m_used = row.usedAfter;
    }

    void broken(const QString &rule, const Row &row, const QString &detail)
    {
        m_findings.add(rule, u"budget_transactions"_s, row.id, detail);
    }

    /// An adjustment names what it changed, from what, to what: {"changes":{"is_suspended":[false,true]}}. This finds a
    /// missing row that moved no money.
    void takeChanges(const Row &row)
    {
        const QJsonObject changes
            = QJsonDocument::fromJson(row.metadata.toUtf8()).object().value("changes"_L1).toObject();
        for (auto change = changes.constBegin(); change != changes.constEnd(); ++change) {
            if (!m_stored.states.contains(change.key()))
                continue; // an amount: those of the row itself are exact
            const QJsonArray fromTo = change->toArray();
            const auto known = m_states.constFind(change.key());
            if (known != m_states.constEnd() && *known != fromTo.at(0)) {
                broken(u"each ledger row continues the budget before it"_s, row,
                       u"This row changes %1 from %2, but it was %3: a row before it was removed or moved."_s
                           .arg(change.key(), text(fromTo.at(0)), text(*known)));
            }
            m_states.insert(change.key(), fromTo.at(1));
        }
    }

    static QString text(const QJsonValue &value)
    {
        return value.toVariant().toString();
    }

    Findings &m_findings;
    const QString m_budget;
    const Stored m_stored;
    Money m_max;
    Money m_used;
    /// What the ledger has told of the states so far.
    QJsonObject m_states;
    bool m_isFirst = true;
};

} // namespace

Result<qint64> replayWallets(Database &db, Findings &findings)
{
    // The index knows this order, so nothing is sorted; LEFT JOIN keeps SQLite from turning it round.
    Query rows = db.prepare(
        u"SELECT t.id, t.type, t.amount, t.balance_after, w.id, w.balance FROM wallet_transactions t "
        "LEFT JOIN wallets w ON w.platform_id = t.platform_id ORDER BY t.platform_id, t.seq"_s);
    if (const auto read = rows.exec(); !read)
        return read.error();
    qint64 count = 0;
    QString current;
    std::optional<WalletReplay> replay;
    while (!findings.isFull() && rows.next()) {
        ++count;
        if (rows.isNull(4))
            continue; // a row without an owner is a finding of its own
        const QString wallet = rows.text(4);
        if (wallet != current || !replay) {
            if (replay)
                replay->end();
            current = wallet;
            replay.emplace(findings, wallet, rows.money(5));
        }
        replay->take(rows.text(0), rows.text(1), rows.money(2), rows.money(3));
    }
    if (replay)
        replay->end();
    return count;
}

Result<qint64> replayBudgets(Database &db, Findings &findings)
{
    Query rows = db.prepare(
        u"SELECT t.id, t.type, t.amount, t.max_after, t.used_after, t.reason, t.budget_id, b.max_usd, b.used_usd, "
        "b.is_active, b.is_suspended, b.auto_replenish, b.period, CASE WHEN t.type = 'adjustment' THEN t.metadata END "
        "FROM budget_transactions t LEFT JOIN budgets b ON b.id = t.budget_id ORDER BY t.budget_id, t.seq"_s);
    if (const auto read = rows.exec(); !read)
        return read.error();
    qint64 count = 0;
    QString current;
    std::optional<BudgetReplay> replay;
    while (!findings.isFull() && rows.next()) {
        ++count;
        if (rows.isNull(7))
            continue;
        const QString budget = rows.text(6);
        if (budget != current || !replay) {
            if (replay)
                replay->end();
            current = budget;
            const QJsonObject states { { u"is_active"_s, rows.flag(9) },
                                       { u"is_suspended"_s, rows.flag(10) },
                                       { u"auto_replenish"_s, rows.flag(11) },
                                       { u"period"_s, rows.text(12) } };
            replay.emplace(findings, budget, BudgetReplay::Stored { rows.money(7), rows.money(8), states });
        }
        replay->take({ rows.text(0), rows.text(1), rows.money(2), rows.money(3), rows.money(4), rows.text(5),
                       rows.text(13) });
    }
    if (replay)
        replay->end();
    return count;
}

} // namespace assistiv
