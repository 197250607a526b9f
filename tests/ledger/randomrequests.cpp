// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/randomwalk.h"

#include <algorithm>

using namespace naive;

namespace {

constexpr size_t MostUsers = 9;
constexpr qint64 Dollar = 1'000'000;
constexpr qint64 SecondMs = 1000;
constexpr qint64 HourMs = 3'600'000;
constexpr qint64 DayMs = 24 * HourMs;

} // namespace

// --- Pieces of requests -------------------------------------------------------------------------------------------

QByteArray RandomWalk::amountText(qint64 micros)
{
    const QByteArray plain = Json::ofMicros(micros).toText();
    switch (pick(0, 5)) {
    case 0: return QByteArray::number(micros) + "e-6";
    case 1: return plain.contains('.') ? plain : plain + ".00";
    case 2: return plain.contains('.') ? plain : plain + "E0";
    default: return plain;
    }
}

qint64 RandomWalk::someAmount()
{
    switch (pick(0, 19)) {
    case 0: return 1;
    case 1: return pick(2, 99);
    case 2: return 1'000'000 * Dollar;
    case 3: return pick(1, 900'000) * Dollar;
    case 4:
    case 5:
    case 6:
    case 7: return pick(1, 5 * Dollar);
    case 8: return pick(1, 100) * Dollar;
    default: return pick(1, 24) * Dollar / 4;
    }
}

QByteArray RandomWalk::brokenAmount()
{
    return oneWord({ "0", "0.00", "-0", "-1", "-0.000001", "1000000.000001", "1000001", "0.0000001", "1.0000001", "1e-7", "1e7",
                     "1e300", "99999999999999999999999", "\"5\"", "\"\"", "true", "[]", "[5]", "{}", "null" });
}

QByteArray RandomWalk::moment(qint64 ms)
{
    if (chance(20)) {
        QByteArray text = isoText(ms + 2 * HourMs + HourMs / 2);
        text.chop(1);
        return text + "+02:30";
    }
    return isoText(ms);
}

QByteArray RandomWalk::someText()
{
    return oneWord({ "Invoice in_1042", "", "x", "Zahlung f\xc3\xbcr M\xc3\xa4rz", "\xf0\x9f\x98\x80", R"(say \"no\")", R"(a\\b)",
                     R"(\u00e9t\u00e9)", R"(line\nline)", QByteArray(500, 'r'), QByteArray(501, 'r') });
}

QByteArray RandomWalk::someMetadata()
{
    return oneWord({ "{}", R"({"invoice":"in_1042"})", R"({ "n": 1.50, "deep": { "list": [1, 2.0, null, true, "x"] } })",
                     R"({"b":1,"a":2})", R"({"a":[],"c":{}})", R"({"x":")" + QByteArray(16 * 1024 - 8, 'm') + "\"}",
                     R"({"x":")" + QByteArray(16 * 1024 - 7, 'm') + "\"}", "[]", "\"text\"", "5", "null" });
}

/// The members in any order, with blanks here and there; now and then it is no such body at all.
QByteArray RandomWalk::body(QByteArrayList members)
{
    if (chance(1)) {
        return oneWord({ "{", "{\"a\":1,}", "nonsense", "{} x", "[1]", "\"text\"", "5", "null", "{'a':1}",
                         "{\"a\":01}", "" });
    }
    if (chance(5))
        members.append(oneWord({ "\"unknown\":1", "\"note\":\"x\"", "\"flag\":null" }));
    for (qsizetype i = members.size() - 1; i > 0; --i)
        members.swapItemsAt(i, pick(0, i));
    const QByteArray blank = chance(15) ? " \n" : "";
    if (members.isEmpty() && chance(50))
        return {};
    return '{' + blank + members.join(',' + blank) + blank + '}';
}

QByteArray RandomWalk::query(const QByteArrayList &parameters)
{
    QByteArrayList chosen;
    for (const QByteArray &parameter : parameters) {
        if (chance(25))
            chosen.append(parameter);
    }
    if (chance(30))
        chosen.append("limit=" + oneWord({ "1", "2", "5", "20", "100", "101", "200", "201", "0", "-1", "x", "1.5", "" }));
    if (chance(20))
        chosen.append("page=" + oneWord({ "1", "2", "3", "50", "0", "-2", "two" }));
    QByteArray text = chosen.join('&');
    text.replace("+", "%2B");
    return text;
}

std::optional<QByteArray> RandomWalk::someIdempotencyKey(const Platform &platform)
{
    if (chance(1))
        return oneWord({ "", "two words", QByteArray(256, 'k'), "caf\xc3\xa9", "tab\there" });
    if (chance(3) && !platform.remembered.empty()) {
        auto entry = platform.remembered.begin();
        std::advance(entry, pick(0, qint64(platform.remembered.size()) - 1));
        return entry->first;
    }
    if (chance(40))
        return "once-" + QByteArray::number(++m_made) + (chance(2) ? QByteArray(240, '~') : QByteArray());
    return {};
}

// --- Whom a request is about --------------------------------------------------------------------------------------

QByteArray RandomWalk::someUserId(Platform &platform, User **user)
{
    *user = nullptr;
    if (chance(1))
        return oneWord({ "nobody", "0d3b8a4e-6b9f-4f0e-9a77-0c0a4c1f2b11", "0d3b8a4e-6b9f-4f0e-9a77" });
    if (chance(1) && !m_goneUsers.isEmpty())
        return oneWord(m_goneUsers);
    Platform &where = chance(1) ? somePlatform() : platform;
    if (where.users.empty())
        return "0d3b8a4e-6b9f-4f0e-9a77-0c0a4c1f2b11";
    // Two users of each platform get most of the traffic, so that something happens to them.
    const auto last = qint64(where.users.size()) - 1;
    User &chosen = where.users[size_t(pick(0, chance(60) ? qMin<qint64>(1, last) : last))];
    if (&where == &platform)
        *user = &chosen;
    return m_model.names.real(chosen.id);
}

QByteArray RandomWalk::keyFor(const Platform &platform)
{
    if (chance(1))
        return oneWord({ "", "sk-plat_unknown", m_adminKey, "sk-eu_" + QByteArray(64, '0') });
    if (chance(1) && !m_goneKeys.isEmpty())
        return oneWord(m_goneKeys);
    if (chance(2))
        return m_model.names.real(oneOf(m_model.keys).raw);
    QByteArrayList fitting;
    QByteArrayList revoked;
    for (const Key &key : m_model.keys) {
        if (key.platform != platform.id || key.type != "platform")
            continue;
        const bool isUsable = key.isActive && (!key.expiresAt || *key.expiresAt > m_model.now);
        (isUsable ? fitting : revoked).append(m_model.names.real(key.raw));
    }
    if (fitting.isEmpty() || (chance(1) && !revoked.isEmpty()))
        return revoked.isEmpty() ? QByteArray() : oneWord(revoked);
    return oneWord(fitting);
}

Request RandomWalk::onPlatform(const QByteArray &method, const Platform &platform, const QByteArray &rest)
{
    return { .method = method, .path = "/v1/platforms/" + m_model.names.real(platform.id) + rest, .key = keyFor(platform) };
}

Request RandomWalk::admin(const QByteArray &method, const QByteArray &rest)
{
    return { .method = method,
             .path = "/v1/admin/platforms" + rest,
             .key = chance(2) && !m_model.platforms.empty() ? keyFor(somePlatform()) : m_adminKey };
}

// --- Requests -----------------------------------------------------------------------------------------------------

Request RandomWalk::topUpOrDebit()
{
    Platform &platform = somePlatform();
    User *user = nullptr;
    const QByteArray id = someUserId(platform, &user);
    const bool isDebit = chance(50);
    qint64 amount = someAmount();
    if (user && user->budget && chance(55)) {
        // To the edges: nothing left, the threshold reached, and one micro-dollar on either side.
        const Budget &budget = *user->budget;
        const qint64 beside = pick(-1, 1);
        const qint64 threshold = budget.threshold.value_or(0);
        if (isDebit)
            amount = (chance(50) ? budget.remaining() - threshold : budget.remaining()) + beside;
        else
            amount = (chance(50) ? threshold - budget.remaining() : -budget.remaining()) + beside;
        if (amount <= 0 || amount > 1'000'000 * Dollar)
            amount = pick(1, 3 * Dollar);
    }
    Request request = onPlatform("POST", platform, "/end-users/" + id + "/budget/" + (isDebit ? "debit" : "topup"));
    request.idempotencyKey = someIdempotencyKey(platform);
    QByteArrayList members;
    if (!chance(1))
        members.append("\"amount_usd\":" + amountOrBroken(amount));
    if (chance(25))
        members.append("\"reason\":\"" + someText() + '"');
    if (chance(25))
        members.append("\"metadata\":" + someMetadata());
    request.body = body(members);
    return request;
}

Request RandomWalk::patchBudget()
{
    Platform &platform = somePlatform();
    User *user = nullptr;
    const QByteArray id = someUserId(platform, &user);
    Budget budget = user && user->budget ? *user->budget : Budget();
    QByteArrayList members;
    if (chance(30)) {
        const QList<qint64> edges { budget.used, budget.used + budget.threshold.value_or(0), budget.max };
        const qint64 max = chance(50) ? qMax<qint64>(1, oneOf(edges) + pick(-1, 1)) : someAmount();
        members.append("\"max_usd\":" + amountOrBroken(max));
    }
    if (chance(12))
        members.append("\"period\":" + oneWord({ "\"one_time\"", "\"daily\"", "\"monthly\"", "\"weekly\"", "null", "1" }));
    if (chance(12))
        members.append("\"auto_replenish\":" + oneWord({ "true", "true", "false", "false", "null", "\"yes\"" }));
    if (chance(12))
        members.append("\"replenish_amount\":" + (chance(15) ? "null" : amountOrBroken(someAmount())));
    if (chance(25)) {
        const qint64 threshold = chance(50) ? qMax<qint64>(0, budget.remaining() + pick(-1, 1)) : someAmount() / 2;
        members.append("\"low_balance_threshold\":"
                       + (chance(10)       ? "null"
                              : chance(10) ? "0"
                                           : amountOrBroken(qMin<qint64>(threshold, 1'000'000 * Dollar))));
    }
    if (chance(budget.isSuspended ? 60 : 12))
        members.append("\"is_suspended\":" + oneWord({ "false", "true", "false", budget.isSuspended ? "false" : "true", "null" }));
    if (chance(budget.isActive ? 4 : 40))
        members.append("\"is_active\":" + oneWord({ "true", "true", "true", "false", "0" }));
    Request request = onPlatform("PATCH", platform, "/end-users/" + id + "/budget");
    request.idempotencyKey = someIdempotencyKey(platform);
    request.body = body(members);
    return request;
}

Request RandomWalk::postBudget()
{
    Platform &platform = somePlatform();
    User *user = nullptr;
    const QByteArray id = someUserId(platform, &user);
    QByteArrayList members;
    if (user && user->budget && chance(25)) {
        // The same again: what the integration samples do when they run twice.
        const Budget &budget = *user->budget;
        members.append("\"max_usd\":" + amountText(qMax<qint64>(1, budget.max)));
        if (chance(50))
            members.append("\"period\":\"" + budget.period + '"');
        if (chance(30))
            members.append(QByteArray("\"auto_replenish\":") + (budget.autoReplenish ? "true" : "false"));
        if (budget.replenish && chance(60))
            members.append("\"replenish_amount\":" + amountText(*budget.replenish));
        if (budget.threshold && chance(50))
            members.append("\"low_balance_threshold\":" + amountText(*budget.threshold));
    } else {
        const qint64 max = someAmount();
        if (!chance(1))
            members.append("\"max_usd\":" + amountOrBroken(max));
        const bool isPeriodic = chance(65);
        if (isPeriodic || chance(40))
            members.append("\"period\":" + (chance(2) ? "\"weekly\"" : isPeriodic ? oneWord({ "\"daily\"", "\"monthly\"" })
                                                                                  : QByteArray("\"one_time\"")));
        const bool replenishes = chance(isPeriodic ? 50 : 4);
        if (replenishes || chance(15))
            members.append(QByteArray("\"auto_replenish\":") + (replenishes ? "true" : oneWord({ "false", "null", "1" })));
        if (replenishes ? !chance(4) : chance(8))
            members.append("\"replenish_amount\":" + amountOrBroken(someAmount()));
        if (chance(60))
            members.append("\"low_balance_threshold\":" + amountOrBroken(chance(15) ? max + pick(-1, 1) : pick(0, max)));
    }
    Request request = onPlatform("POST", platform, "/end-users/" + id + "/budget");
    if (chance(5))
        request.idempotencyKey = "ignored-here"; // this route does not know the header
    request.body = body(members);
    return request;
}

Request RandomWalk::otherBudget()
{
    Platform &platform = somePlatform();
    User *user = nullptr;
    const QByteArray id = someUserId(platform, &user);
    return onPlatform(chance(75) ? "GET" : "DELETE", platform, "/end-users/" + id + "/budget");
}

Request RandomWalk::lists()
{
    Platform &platform = somePlatform();
    User *user = nullptr;
    const QByteArray id = someUserId(platform, &user);
    const qint64 now = m_model.now;
    const QByteArray since = "since=" + moment(now - pick(0, 3) * pick(0, 3) * DayMs - pick(0, 3) * pick(0, 300) * SecondMs);
    const QByteArray until = "until=" + moment(now - pick(0, 2) * pick(0, 100) * SecondMs);
    const QByteArray anyUser = "end_user_id=" + id;
    Request request;
    switch (pick(0, 6)) {
    case 0:
    case 1:
    case 2:
        request = onPlatform("GET", platform, "/end-users/" + id + "/budget/transactions");
        request.query = query({ since, until, "type=" + oneWord({ "opening", "topup", "debit", "adjustment", "other" }),
                                "source=" + oneWord({ "api", "inference", "system", "console", "x" }),
                                "order=" + oneWord({ "asc", "desc", "up" }) });
        break;
    case 3:
        request = onPlatform("GET", platform, "/wallet/transactions");
        request.query = query({ since, until, anyUser,
                                "type=" + oneWord({ "top_up", "llm_usage", "refund", "adjustment", "mcp_usage", "x" }) });
        break;
    case 4:
        request = onPlatform("GET", platform, "/logs");
        request.query = query({ since, until, anyUser, "model=" + oneWord({ "gpt-4o-mini", "m-2", "none" }),
                                "status=" + oneWord({ "success", "error", "cancelled", "fine" }),
                                "request_type=" + oneWord({ "chat.completion", "response", "x" }) });
        break;
    case 5:
        request = onPlatform("GET", platform, "/end-users");
        request.query = query({ "external_id=" + oneWord({ "user-1", "User-2", "nobody" }),
                                "is_active=" + oneWord({ "true", "false", "maybe" }),
                                "q=" + oneWord({ "user", "USER-3", "user-1", "_", "%25", "jane", "" }) });
        break;
    default:
        if (chance(50)) {
            request = onPlatform("GET", platform, "/end-users/" + id + "/api-keys");
            request.query = query({});
        } else {
            request = onPlatform("GET", platform, "/api-keys");
            request.query = query({ "type=" + oneWord({ "platform", "end_user", "end_user", "admin" }), anyUser });
        }
    }
    return request;
}

/// A request that went well, once more: as it was, spelled differently, changed, or for somebody else.
Request RandomWalk::repeated()
{
    if (m_repeatable.isEmpty())
        return topUpOrDebit();
    Request request = m_repeatable[pick(0, m_repeatable.size() - 1)];
    switch (pick(0, 9)) {
    case 0:
    case 1: request.body = ' ' + request.body + "\n"; break;
    case 2: // the same by value: the last member comes first, with blanks
        if (const qsizetype comma = request.body.lastIndexOf(','); comma > 0 && !request.body.contains('['))
            if (request.body.count('{') == 1)
                request.body = "{ " + request.body.mid(comma + 1).chopped(1) + " , " + request.body.mid(1, comma - 1) + " }";
        break;
    case 3: request.body.replace("5", "6"); break;
    case 4: request.body = body({ "\"amount_usd\":" + amountText(someAmount()) }); break;
    case 5: request.path.replace("/budget/topup", "/budget/debit"); break;
    case 6: {
        Platform &platform = somePlatform();
        User *user = nullptr;
        const QByteArray id = someUserId(platform, &user);
        QByteArrayList parts = request.path.split('/');
        if (parts.value(4) == "end-users") {
            parts[3] = m_model.names.real(platform.id);
            parts[5] = id;
            request.path = parts.join('/');
            request.key = keyFor(platform);
        }
        break;
    }
    case 7: {
        const QByteArray id = request.path.split('/').value(3);
        for (const Platform &platform : m_model.platforms) {
            if (m_model.names.real(platform.id) == id)
                request.key = keyFor(platform); // the same from another key is the same
        }
        break;
    }
    default: break;
    }
    return request;
}

Request RandomWalk::wallet()
{
    Platform &platform = somePlatform();
    if (chance(20))
        return onPlatform("GET", platform, "/wallet");
    const bool isAdmin = chance(45);
    const qint64 balance = platform.wallet.balance;
    const QByteArray type = isAdmin ? oneWord({ "top_up", "refund", "adjustment", "adjustment", "llm_usage" }) : "top_up";
    qint64 amount = chance(60) ? pick(1, 40) * Dollar : someAmount();
    if (type == "adjustment") {
        amount = chance(60) ? -amount : amount;
        if (chance(30))
            amount = -balance + pick(-1, 1); // to nothing, or one micro-dollar beside it
        if (chance(5))
            amount = (chance(50) ? 999'999'999'999 : -999'999'999'999) - balance + pick(-1, 1);
    }
    Request request = isAdmin
        ? admin("POST", '/' + (chance(2) ? oneWord({ "none", "0d3b8a4e-6b9f-4f0e-9a77-0c0a4c1f2b11" })
                                         : m_model.names.real(platform.id))
                    + "/wallet/transactions")
        : onPlatform("POST", platform, "/wallet/topup");
    request.idempotencyKey = someIdempotencyKey(platform);
    QByteArrayList members;
    if (!chance(1))
        members.append("\"amount\":" + amountOrBroken(amount));
    if (isAdmin && !chance(2))
        members.append("\"type\":\"" + type + '"');
    if (chance(30))
        members.append("\"description\":\"" + someText() + '"');
    request.body = body(members);
    return request;
}

Request RandomWalk::users()
{
    Platform &platform = somePlatform();
    User *user = nullptr;
    const QByteArray id = someUserId(platform, &user);
    const QByteArray externalId
        = oneWord({ "user-1", "user-2", "User-2", "user-3", "user-4", "user_5", "user-6", "user%7", "u\xc3\xa9", "user-9" });
    const QByteArray external = "\"external_id\":" + (chance(3) ? oneWord({ "\"\"", "null", "7", '"' + QByteArray(256, 'e') + '"' })
                                                                : '"' + externalId + '"');
    QByteArrayList members;
    if (chance(30))
        members.append("\"display_name\":" + oneWord({ "\"Jane\"", "\"J\xc3\xb6rg\"", "null", "\"\"", "5" }));
    if (chance(30))
        members.append("\"metadata\":" + someMetadata());
    const bool isRoom = platform.users.size() < MostUsers;
    const qint64 kind = pick(0, 99);
    Request request;
    if (kind < 45 && (isRoom || chance(20))) {
        if (!chance(1))
            members.append(external);
        request = onPlatform("POST", platform, "/end-users");
        request.body = body(members);
    } else if (kind < 70) {
        if (chance(15))
            members.append(external);
        const bool isInactive = user && !user->isActive;
        if (chance(isInactive ? 70 : 25))
            members.append("\"is_active\":" + (isInactive ? "true" : oneWord({ "false", "false", "false", "true", "null", "0" })));
        request = onPlatform("PATCH", platform, "/end-users/" + id);
        request.body = body(members);
    } else if (kind < 82) {
        request = onPlatform("GET", platform, "/end-users/" + id);
    } else {
        // Often one whose calls are running.
        const Platform *where = &platform;
        QByteArray leaving = id;
        if (!m_running.isEmpty() && chance(60)) {
            const Verdict &verdict = oneOf(m_running);
            if (const Platform *its = m_model.platformOf(verdict.platform); its && !verdict.user.isEmpty()) {
                where = its;
                leaving = m_model.names.real(verdict.user);
            }
        }
        request = onPlatform("DELETE", *where, "/end-users/" + leaving);
        m_goneUsers.append(leaving);
        for (const Key &key : m_model.keys) {
            if (m_model.names.real(key.user) == leaving && chance(50))
                m_goneKeys.append(m_model.names.real(key.raw));
        }
    }
    while (m_goneUsers.size() > 20)
        m_goneUsers.removeFirst();
    while (m_goneKeys.size() > 20)
        m_goneKeys.removeFirst();
    return request;
}

Request RandomWalk::apiKeys()
{
    Platform &platform = somePlatform();
    User *user = nullptr;
    const QByteArray id = someUserId(platform, &user);
    QByteArrayList members;
    if (chance(30))
        members.append("\"name\":" + oneWord({ "\"CI key\"", "\"x\"", "\"\"", "7", '"' + QByteArray(101, 'n') + '"' }));
    if (chance(30)) {
        const qint64 at = m_model.now + oneWord({ "0", "1", "-1", "60000", "3600000", "86400000" }).toLongLong();
        members.append("\"expires_at\":" + (chance(10) ? oneWord({ "null", "\"soon\"", "5" }) : '"' + moment(at) + '"'));
    }
    QList<const Key *> theirs;
    for (const Key &key : m_model.keys) {
        if (key.platform == platform.id && (!user || key.user == user->id || chance(10)))
            theirs.append(&key);
    }
    const Key *key = theirs.isEmpty() ? nullptr : theirs[pick(0, theirs.size() - 1)];
    const QByteArray keyId = !key || chance(3) ? oneWord({ "none", "0d3b8a4e-6b9f-4f0e-9a77-0c0a4c1f2b11" })
                                               : m_model.names.real(key->id);
    const bool isOfUser = chance(60);
    Request request;
    switch (pick(0, 3)) {
    case 0:
    case 1:
        if (chance(30))
            members.append("\"scopes\":" + oneWord({ "[]", "[\"inference\",\"b\"]", "[\"\"]", "[1]", "\"x\"", "null" }));
        request = isOfUser ? onPlatform("POST", platform, "/end-users/" + id + "/api-keys")
            : chance(30)   ? admin("POST", '/' + m_model.names.real(platform.id) + "/api-keys")
                           : onPlatform("POST", platform, "/api-keys");
        request.body = body(members);
        break;
    case 2:
        if (chance(40))
            members.append("\"is_active\":" + oneWord({ "true", "true", "false", "null", "1" }));
        request = onPlatform("PATCH", platform, "/api-keys/" + keyId);
        request.body = body(members);
        break;
    default:
        request = isOfUser ? onPlatform("DELETE", platform, "/end-users/" + id + "/api-keys/" + keyId)
                           : onPlatform("DELETE", platform, "/api-keys/" + keyId);
    }
    return request;
}

Request RandomWalk::newPlatform()
{
    Request request = admin("POST", {});
    QByteArrayList members;
    if (!chance(3))
        members.append("\"name\":" + oneWord({ "\"Acme\"", "\"Zo\xc3\xab\"", "\"\"", "\"P\"" }));
    if (!chance(3))
        members.append("\"slug\":\"" + oneWord({ "acme", "p-1", "p-2", "p-3", "p-4", "p-5", "Bad", "-x", "x-", "" }) + '"');
    if (chance(60))
        members.append(R"("settings":{"default_budget_usd":)" + amountOrBroken(pick(1, 20) * Dollar / 2) + '}');
    request.body = body(members);
    return request;
}

Request RandomWalk::platforms()
{
    Platform &platform = somePlatform();
    const QByteArray id = m_model.names.real(platform.id);
    const bool isAdmin = chance(50);
    const auto ask = [&](const QByteArray &method) {
        return isAdmin ? admin(method, '/' + (chance(3) ? oneWord({ "none", "0d3b8a4e-6b9f-4f0e-9a77-0c0a4c1f2b11" }) : id))
                       : onPlatform(method, platform, {});
    };
    const qint64 kind = pick(0, 99);
    if (kind < 10)
        return newPlatform();
    if (kind < 25)
        return ask("GET");
    if (kind < 30) {
        Request request = admin("GET", {});
        request.query = query({});
        return request;
    }
    if (kind < 33 && m_model.platforms.size() > 2) {
        for (const Key &key : m_model.keys) {
            if (key.platform == platform.id && chance(10))
                m_goneKeys.append(m_model.names.real(key.raw));
        }
        return ask("DELETE");
    }
    QByteArrayList members;
    if (chance(20))
        members.append("\"name\":" + oneWord({ "\"New name\"", "\"\"", "null", "5" }));
    if (chance(15))
        members.append("\"slug\":" + oneWord({ "\"acme\"", "\"p-1\"", "\"p-6\"", "\"No\"", "null" }));
    if (chance(70)) {
        QByteArrayList settings;
        if (chance(40))
            settings.append("\"default_budget_usd\":" + (chance(30) ? "null" : amountOrBroken(pick(1, 20) * Dollar / 2)));
        if (chance(60))
            settings.append("\"markup_percentage\":"
                            + oneWord({ "0", "10", "12.5", "0.01", "33.33", "1000", "1000.01", "0.001", "-1", "\"5\"", "null" }));
        if (chance(20))
            settings.append("\"plan\":" + oneWord({ "\"pro\"", "null", "{\"a\":[1.50]}", "7" }));
        if (chance(5))
            settings.append("\"end_user_wallet\":" + oneWord({ "null", "{}", "5" }));
        members.append("\"settings\":" + (chance(3) ? oneWord({ "null", "[]", "5" }) : '{' + settings.join(',') + '}'));
    }
    if (isAdmin && chance(platform.isActive ? 50 : 80))
        members.append("\"is_active\":" + (platform.isActive ? oneWord({ "false", "false", "true", "null" }) : "true"));
    Request request = ask("PATCH");
    request.body = body(members);
    return request;
}

/// For a transaction of several: at most one of them makes a user or a key (see the test about lists).
Request RandomWalk::someWrite(bool mayCreate)
{
    if (pick(1, 500) == 1 && m_model.platforms.size() > 2)
        return onPlatform("DELETE", somePlatform(), {});
    for (;;) {
        const qint64 kind = pick(0, 99);
        Request request = kind < 50 ? topUpOrDebit()
            : kind < 65             ? patchBudget()
            : kind < 75             ? postBudget()
            : kind < 85             ? wallet()
            : kind < 92             ? users()
                                    : apiKeys();
        const bool creates = request.path.endsWith("/end-users") || request.path.endsWith("/api-keys");
        if (request.method != "GET" && (mayCreate || !creates))
            return request;
    }
}
