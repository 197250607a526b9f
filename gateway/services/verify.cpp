// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "services/verify.h"

#include "core/jsonwriter.h"
#include "services/pairing.h"
#include "services/replay.h"
#include "store/database.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// A question to the database of which every answer is a broken row.
struct Question
{
    QString rule;
    QString table;
    /// Selects the row's id and what stands for %1 in the sentence, the oldest row first.
    QString statement;
    QString sentence;
};

/// Rows whose owner is gone, or is another's: what a deletion left half done, and what would mix tenants.
const QList<Question> &ownership()
{
    static const QList<Question> questions {
        { u"every ledger row belongs to a budget, and both to one user"_s, u"budget_transactions"_s,
          u"SELECT t.id, t.budget_id FROM budget_transactions t LEFT JOIN budgets b ON b.id = t.budget_id "
          "AND b.end_user_id = t.end_user_id AND b.platform_id = t.platform_id WHERE b.id IS NULL "
          "ORDER BY t.seq LIMIT 100"_s,
          u"There is no budget %1 of this row's end user and platform: it is left over from a deleted user, or it was "
          "given to another one."_s },
        { u"every transaction belongs to its platform's wallet"_s, u"wallet_transactions"_s,
          u"SELECT t.id, t.wallet_id FROM wallet_transactions t LEFT JOIN wallets w ON w.id = t.wallet_id "
          "AND w.platform_id = t.platform_id "
          "LEFT JOIN end_users u ON u.id = t.end_user_id AND u.platform_id = t.platform_id "
          "WHERE w.id IS NULL OR (t.end_user_id IS NOT NULL AND u.id IS NULL) ORDER BY t.seq LIMIT 100"_s,
          u"Its wallet %1, its platform and its end user do not belong together, or one of them is gone."_s },
        { u"every log row belongs to a platform and its user"_s, u"request_logs"_s,
          u"SELECT l.id, COALESCE(l.end_user_id, l.platform_id) FROM request_logs l "
          "LEFT JOIN platforms p ON p.id = l.platform_id "
          "LEFT JOIN end_users u ON u.id = l.end_user_id AND u.platform_id = l.platform_id "
          "WHERE p.id IS NULL OR (l.end_user_id IS NOT NULL AND u.id IS NULL) ORDER BY l.seq LIMIT 100"_s,
          u"Its platform and its end user do not belong together, or one of them is gone (%1)."_s },
        { u"every platform has a wallet"_s, u"platforms"_s,
          u"SELECT p.id, p.slug FROM platforms p LEFT JOIN wallets w ON w.platform_id = p.id WHERE w.id IS NULL "
          "ORDER BY p.id LIMIT 100"_s,
          u"Platform %1 has no wallet."_s },
        { u"every wallet belongs to a platform"_s, u"wallets"_s,
          u"SELECT w.id, w.platform_id FROM wallets w LEFT JOIN platforms p ON p.id = w.platform_id WHERE p.id IS NULL "
          "ORDER BY w.id LIMIT 100"_s,
          u"There is no platform %1."_s },
        { u"every budget belongs to a user of its platform"_s, u"budgets"_s,
          u"SELECT b.id, b.end_user_id FROM budgets b LEFT JOIN end_users u ON u.id = b.end_user_id "
          "AND u.platform_id = b.platform_id WHERE u.id IS NULL ORDER BY b.id LIMIT 100"_s,
          u"There is no end user %1 on this budget's platform."_s },
        { u"every key opens its own platform only"_s, u"api_keys"_s,
          u"SELECT k.id, k.end_user_id FROM api_keys k LEFT JOIN end_users u ON u.id = k.end_user_id "
          "AND u.platform_id = k.platform_id WHERE k.end_user_id IS NOT NULL AND u.id IS NULL "
          "ORDER BY k.id LIMIT 100"_s,
          u"There is no end user %1 on this key's platform."_s },
        { u"every kept answer belongs to a user of its platform"_s, u"idempotency_records"_s,
          u"SELECT r.idempotency_key, r.end_user_id FROM idempotency_records r "
          "LEFT JOIN end_users u ON u.id = r.end_user_id AND u.platform_id = r.platform_id "
          "WHERE r.end_user_id IS NOT NULL AND u.id IS NULL ORDER BY r.created_at LIMIT 100"_s,
          u"There is no end user %1 on this answer's platform."_s },
        { u"every stored response belongs to a platform or a user of it"_s, u"responses"_s,
          u"SELECT r.id, r.owner_id FROM responses r LEFT JOIN platforms p ON p.id = r.platform_id "
          "LEFT JOIN end_users u ON u.id = r.owner_id AND u.platform_id = r.platform_id "
          "WHERE p.id IS NULL OR (u.id IS NULL AND r.owner_id <> r.platform_id) ORDER BY r.seq LIMIT 100"_s,
          u"Its owner %1 does not belong to its platform, or one of them is gone."_s },
        { u"every stored item belongs to the owner of its response"_s, u"response_items"_s,
          u"SELECT i.response_id, i.place FROM response_items i LEFT JOIN responses r ON r.id = i.response_id "
          "AND r.owner_id = i.owner_id WHERE r.id IS NULL ORDER BY i.response_id, i.place LIMIT 100"_s,
          u"Item %1 of this response belongs to somebody else, or the response is gone."_s },
    };
    return questions;
}

/// What single rows, or a row and its record, say about themselves.
const QList<Question> &states()
{
    static const QList<Question> questions {
        { u"one Idempotency-Key, one ledger row, one kept answer"_s, u"budget_transactions"_s,
          u"SELECT t.id, t.idempotency_key FROM budget_transactions t LEFT JOIN idempotency_records r "
          "ON r.platform_id = t.platform_id AND r.idempotency_key = t.idempotency_key "
          "AND r.end_user_id = t.end_user_id AND r.body LIKE '%' || t.id || '%' "
          "WHERE t.idempotency_key IS NOT NULL AND r.body IS NULL ORDER BY t.seq LIMIT 100"_s,
          u"The answer that is kept for key %1 is not about this row: the key was used for two rows, or its record was "
          "removed or changed."_s },
        { u"a wallet's balance is the sum of its transactions"_s, u"wallets"_s,
          u"SELECT w.id, w.platform_id FROM wallets w WHERE w.balance <> 0 AND NOT EXISTS "
          "(SELECT 1 FROM wallet_transactions t WHERE t.platform_id = w.platform_id) ORDER BY w.id LIMIT 100"_s,
          u"The wallet of platform %1 has a balance, but no transactions."_s },
        { u"a budget's ledger begins with its opening"_s, u"budgets"_s,
          u"SELECT b.id, b.end_user_id FROM budgets b WHERE NOT EXISTS (SELECT 1 FROM budget_transactions t "
          "WHERE t.budget_id = b.id) ORDER BY b.id LIMIT 100"_s,
          u"The budget of end user %1 has no ledger rows."_s },
        { u"the low-balance alarm is armed while more than the threshold remains"_s, u"budgets"_s,
          u"SELECT b.id, CASE WHEN b.is_armed THEN 'armed' ELSE 'not armed' END FROM budgets b "
          "WHERE b.is_armed <> COALESCE(b.max_usd - b.used_usd > b.low_balance_threshold, FALSE) "
          "ORDER BY b.id LIMIT 100"_s,
          u"The alarm of this budget is %1, which does not fit its remaining amount and its threshold."_s },
        { u"what was not billed costs nothing"_s, u"request_logs"_s,
          u"SELECT id, billing_status FROM request_logs WHERE billing_status <> 'billed' AND cost <> 0 "
          "ORDER BY seq LIMIT 100"_s,
          u"This call has a cost, but its billing status is %1."_s },
    };
    return questions;
}

/// What one event writes in two tables is in both. Each further table that comes with money rows (a message about each
/// top-up, say) gets its pairing here.
const QList<Pairing> &pairings()
{
    static const QString Charges
        = u"SELECT id, reference, amount, platform_id || COALESCE(end_user_id, '') FROM wallet_transactions "
          "WHERE type IN ('llm_usage', 'mcp_usage', 'agent_usage') ORDER BY seq"_s;
    static const QString Billed = u"SELECT id, id, cost, platform_id || COALESCE(end_user_id, '') FROM request_logs "
                                  "WHERE billing_status = 'billed' ORDER BY seq"_s;
    static const QString Logged
        = u"SELECT id, id, cost, platform_id || COALESCE(end_user_id, '') FROM request_logs ORDER BY seq"_s;
    static const QString Debits = u"SELECT id, metadata, amount, platform_id || end_user_id FROM budget_transactions "
                                  "WHERE source IN ('inference', 'mcp') ORDER BY seq"_s;
    static const QList<Pairing> pairs {
        { .rule = u"each billed call is charged to the wallet once"_s,
          .left = { u"request_logs"_s, u"log row"_s, Billed },
          .right = { u"wallet_transactions"_s, u"wallet transaction"_s, Charges } },
        // Calls of users without a budget have no ledger row.
        { .rule = u"each call is debited to the budget once at most"_s,
          .left = { u"request_logs"_s, u"log row"_s, Logged },
          .right = { u"budget_transactions"_s, u"ledger row"_s, Debits, "log_id"_L1 },
          .everyLeftHasRight = false },
    };
    return pairs;
}

class Verifier
{
public:
    explicit Verifier(Database &db) : m_db(db) {}

    Result<VerifyReport> run()
    {
        // Whose rows they are comes first: a row in the wrong account is also the reason why both replays fail.
        for (const auto step : { &Verifier::askOwnership, &Verifier::replay, &Verifier::pair, &Verifier::askStates,
                                 &Verifier::count }) {
            if (const auto done = (this->*step)(); !done)
                return done.error();
        }
        m_report.broken = m_findings.broken();
        return m_report;
    }

private:
    Result<void> askOwnership() { return ask(ownership()); }
    Result<void> askStates() { return ask(states()); }

    Result<void> ask(const QList<Question> &questions)
    {
        for (const Question &question : questions) {
            Query rows = m_db.prepare(question.statement);
            if (const auto read = rows.exec(); !read)
                return read;
            while (rows.next())
                m_findings.add(question.rule, question.table, rows.text(0), question.sentence.arg(rows.text(1)));
        }
        return {};
    }

    Result<void> replay()
    {
        for (const auto &replayed : { replayBudgets(m_db, m_findings), replayWallets(m_db, m_findings) }) {
            if (!replayed)
                return replayed.error();
            m_report.rows += *replayed;
        }
        return {};
    }

    Result<void> pair()
    {
        qint64 logRows = 0;
        for (const Pairing &pairing : pairings()) {
            const auto lefts = checkPairs(m_db, pairing, m_findings);
            if (!lefts)
                return lefts.error();
            logRows = qMax(logRows, *lefts);
        }
        m_report.rows += logRows;
        return {};
    }

    Result<void> count()
    {
        Query accounts = m_db.prepare(u"SELECT (SELECT count(*) FROM wallets), (SELECT count(*) FROM budgets)"_s);
        if (const auto read = accounts.exec(); !read)
            return read;
        if (accounts.next()) {
            m_report.wallets = accounts.integer(0);
            m_report.budgets = accounts.integer(1);
        }
        return {};
    }

    Database &m_db;
    Findings m_findings;
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
