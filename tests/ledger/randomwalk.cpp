// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/randomwalk.h"

using namespace naive;

namespace {

constexpr size_t MostPlatforms = 4;
constexpr qsizetype MostRunning = 40;
constexpr qsizetype MostRepeatable = 60;
constexpr qint64 Dollar = 1'000'000;
constexpr qint64 SecondMs = 1000;
constexpr qint64 HourMs = 3'600'000;
constexpr qint64 DayMs = 24 * HourMs;

QByteArray shown(QByteArray text)
{
    text.replace('\n', "\\n");
    return text.size() > 300 ? text.first(300) + "… (" + QByteArray::number(text.size()) + " bytes)" : text;
}

QByteArray shown(const Request &request)
{
    QByteArray line = request.method + ' ' + request.path;
    if (!request.query.isEmpty())
        line += '?' + request.query;
    line += "  key " + (request.key.isEmpty() ? QByteArray("none") : request.key.first(qMin<qsizetype>(16, request.key.size())));
    if (request.idempotencyKey)
        line += "  once \"" + shown(*request.idempotencyKey) + '"';
    if (!request.body.isEmpty())
        line += "  " + shown(request.body);
    return line;
}

QByteArray shown(const Call &call)
{
    return "call " + call.log + " of platform " + call.platform + " user " + call.user + " budget " + call.budget
        + (call.isBillable ? " costs " + Json::ofMicros(call.cost).toText() : QByteArray(" costs nothing"));
}

} // namespace

QString Operation::text() const
{
    QByteArrayList lines;
    for (const Request &request : requests)
        lines.append(shown(request));
    for (const Call &call : calls)
        lines.append(shown(call));
    switch (kind) {
    case Kind::BeginCall: lines.append("a call begins with key " + key); break;
    case Kind::MoveClock: lines.append("the clock moves by " + QByteArray::number(ms) + " ms"); break;
    case Kind::KeepHouse: lines.append("the timer starts due periods"); break;
    case Kind::ForgetAccounts: lines.append("the gates forget all accounts"); break;
    default: break;
    }
    return QString::fromUtf8(lines.join("\n        "));
}

RandomWalk::RandomWalk(quint32 seed, Model &model, QByteArray adminKey)
    : m_random(seed), m_model(model), m_adminKey(std::move(adminKey))
{
}

// --- Calls --------------------------------------------------------------------------------------------------------

Operation RandomWalk::beginCall()
{
    Platform &platform = somePlatform();
    User *user = nullptr;
    (void)someUserId(platform, &user);
    QByteArrayList theirs;
    for (const Key &key : m_model.keys) {
        if (user ? key.user == user->id : key.platform == platform.id)
            theirs.append(m_model.names.real(key.raw));
    }
    QByteArray raw = chance(4) || theirs.isEmpty() ? keyFor(platform) : oneWord(theirs);
    if (raw == m_adminKey)
        raw = "sk-eu_unknown";
    return { .kind = Operation::Kind::BeginCall, .key = raw };
}

void RandomWalk::begin(const Verdict &verdict)
{
    m_running.append(verdict);
    if (m_running.size() > MostRunning)
        m_running.removeFirst();
}

Call RandomWalk::ended(const Verdict &verdict)
{
    // Log rows come from the test, so their ids do, too.
    const auto uuid = [this] {
        QByteArray hex;
        for (int i = 0; i < 32; ++i)
            hex += "0123456789abcdef"[pick(0, 15)];
        hex[12] = '4';
        hex[16] = '8';
        return hex.mid(0, 8) + '-' + hex.mid(8, 4) + '-' + hex.mid(12, 4) + '-' + hex.mid(16, 4) + '-' + hex.mid(20);
    };
    Call call;
    call.log = uuid();
    call.request = uuid();
    call.provider = uuid();
    call.modelId = uuid();
    call.model = oneWord({ "gpt-4o-mini", "m-2" });
    call.providerModel = call.model + "-2024-08-06";
    call.platform = verdict.platform;
    call.user = verdict.user;
    call.budget = verdict.budget;
    call.key = verdict.key;
    call.markupBasisPoints = verdict.markupBasisPoints;
    call.latency = pick(0, 60'000);
    call.metadata = R"({"request_id":")" + call.request + R"(","model":")" + call.model + R"(","stream":false,"attempt":1})";
    if (chance(12)) {
        call.status = chance(70) ? "error" : "cancelled";
        call.countMethod = "none";
        call.error = "The provider said \"no\".";
        return call;
    }
    call.isBillable = true;
    call.status = oneWord({ "success", "success", "success", "cancelled", "error" });
    call.countMethod = chance(80) ? "reported" : "estimated";
    call.promptTokens = pick(1, 5000);
    call.completionTokens = pick(0, 2000);

    qint64 wanted = pick(1, 20'000);
    const Platform *platform = m_model.platformOf(verdict.platform);
    if (platform && chance(30))
        wanted = platform->wallet.balance + pick(-1, 1);
    for (const User &user : platform ? platform->users : std::vector<User>()) {
        if (user.id != verdict.user || !user.budget || !chance(60))
            continue;
        const qint64 remaining = user.budget->remaining();
        const qint64 threshold = user.budget->threshold.value_or(0);
        wanted = chance(40) ? remaining - threshold + pick(-1, 1) : chance(50) ? remaining + pick(-1, 1) : remaining / pick(2, 9);
    }
    if (wanted <= 0 || wanted > 200 * Dollar)
        wanted = pick(1, 2 * Dollar);
    // Before the markup, in pico-dollars: mostly what rounds to the wanted amount, sometimes next to nothing.
    __extension__ typedef __int128 Wide;
    call.picos = qint64(Wide(wanted) * 1'000'000 * 10'000 / (10'000 + call.markupBasisPoints));
    if (chance(10))
        call.picos = pick(1, 2'000'000);
    else if (chance(10))
        call.picos += 500'000;
    call.cost = Model::cost(call.picos, call.markupBasisPoints);
    return call;
}

QList<Call> RandomWalk::endingCalls(qint64 most)
{
    QList<Call> calls;
    for (qint64 count = pick(1, most); count > 0 && !m_running.isEmpty(); --count)
        calls.append(ended(m_running.takeAt(pick(0, m_running.size() - 1))));
    return calls;
}

Operation RandomWalk::moveClock()
{
    const qint64 kind = pick(0, 99);
    qint64 ms = pick(1, 90) * SecondMs;
    if (kind >= 99)
        ms = pick(28, 95) * DayMs;
    else if (kind >= 96)
        ms = pick(1, 12) * DayMs;
    else if (kind >= 85)
        ms = pick(1, 30) * HourMs;
    else if (kind >= 82) // to the edge of a day or a month, or one millisecond beside it
        ms = startOfDay(m_model.now) + DayMs - m_model.now + pick(-1, 1);
    else if (kind >= 80)
        ms = startOfMonth(startOfMonth(m_model.now) + 32 * DayMs) - m_model.now + pick(-1, 1);
    return { .kind = Operation::Kind::MoveClock, .ms = qMax<qint64>(1, ms) };
}

// --- The walk -----------------------------------------------------------------------------------------------------

void RandomWalk::answered(const Request &request, const Answer &answer)
{
    if (!request.idempotencyKey || answer.status >= 300 || answer.isReplay || !answer.text)
        return;
    m_repeatable.append(request);
    if (m_repeatable.size() > MostRepeatable)
        m_repeatable.removeAt(pick(0, MostRepeatable));
}

Operation RandomWalk::next()
{
    if (m_model.platforms.size() < 2)
        return { .requests = { newPlatform() } };
    if (m_model.platforms.size() < MostPlatforms && chance(2))
        return { .requests = { newPlatform() } };
    // What blocks everything is not left so for long.
    const Platform &platform = somePlatform();
    if (!platform.isActive && chance(5)) {
        Request request = admin("PATCH", '/' + m_model.names.real(platform.id));
        request.body = "{\"is_active\":true}";
        return { .requests = { request } };
    }
    if (keyFor(platform).isEmpty() && chance(30))
        return { .requests = { admin("POST", '/' + m_model.names.real(platform.id) + "/api-keys") } };
    if (platform.wallet.balance <= 0 && chance(10)) {
        Request request = onPlatform("POST", platform, "/wallet/topup");
        request.body = "{\"amount\":" + amountText(pick(1, 60) * Dollar - qMin<qint64>(0, platform.wallet.balance)) + '}';
        return { .requests = { request } };
    }
    if (platform.users.size() < 3 && chance(30)) {
        Request request = onPlatform("POST", platform, "/end-users");
        request.body = R"({"external_id":"user-)" + QByteArray::number(pick(1, 9)) + "\"}";
        return { .requests = { request } };
    }
    return somethingUsual();
}

Operation RandomWalk::somethingUsual()
{
    using Kind = Operation::Kind;
    const qint64 kind = pick(0, 999);
    if (kind < 270 || (kind < 330 && m_running.isEmpty()))
        return beginCall();
    if (kind < 310)
        return { .kind = Kind::EndCalls, .calls = endingCalls(1) };
    if (kind < 330)
        return { .kind = Kind::EndCalls, .calls = endingCalls(8) };
    if (kind < 380) {
        Operation together { .kind = Kind::AskTogether };
        for (qint64 count = pick(2, 6); count > 0; --count)
            together.requests.append(someWrite(together.requests.isEmpty()));
        if (chance(30))
            together.calls = endingCalls(4);
        return together;
    }
    if (kind < 440)
        return moveClock();
    if (kind < 446)
        return { .kind = Kind::KeepHouse };
    if (kind < 449)
        return { .kind = Kind::ForgetAccounts };
    if (kind < 600)
        return { .requests = { topUpOrDebit() } };
    if (kind < 700)
        return { .requests = { patchBudget() } };
    if (kind < 760)
        return { .requests = { postBudget() } };
    if (kind < 800)
        return { .requests = { otherBudget() } };
    if (kind < 840)
        return { .requests = { lists() } };
    if (kind < 890)
        return { .requests = { repeated() } };
    if (kind < 940)
        return { .requests = { wallet() } };
    if (kind < 970)
        return { .requests = { users() } };
    if (kind < 988)
        return { .requests = { apiKeys() } };
    return { .requests = { platforms() } };
}
