// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/bookcheck.h"
#include "ledger/livegateway.h"
#include "ledger/randomwalk.h"

#include <QtCore/QElapsedTimer>
#include <QtTest/QTest>

#include <random>

using namespace assistiv;
using namespace Qt::StringLiterals;
using naive::Json;

namespace {

constexpr int SqliteOperations = 20'000;
constexpr int PostgresOperations = 5'000;
constexpr int SqliteSeeds = 3;
/// The whole books are compared so many times in a run.
constexpr int Comparisons = 20;
constexpr qsizetype ShownOperations = 30;

std::optional<quint32> numberFrom(const char *variable)
{
    bool given = false;
    const quint32 number = qEnvironmentVariable(variable).toUInt(&given);
    return given ? std::optional(number) : std::nullopt;
}

/// One run: the gateway's own parts and the model side by side.
class Run
{
public:
    Run(Dialect dialect, quint32 seed)
        : m_gateway(dialect), m_walk(seed, m_model, m_gateway.adminKey()),
          m_check(m_gateway.db(), m_model, m_gateway.hasTable(u"webhook_messages"_s))
    {
        naive::Key admin;
        admin.id = m_gateway.adminKeyId();
        admin.raw = m_gateway.adminKey();
        admin.type = "admin";
        m_model.keys.push_back(admin);
    }

    /// False once something differed; problem() then says what.
    bool step();
    bool compareEverything();
    QByteArray problem() const { return m_problem; }
    QStringList lastOperations() const;
    /// How often something happened: answers by status and code, verdicts of the gates, events.
    const std::map<QByteArray, int> &counts() const { return m_model.counts; }

private:
    void send(const Operation &operation);
    void compareAnswer(const naive::Answer &expected, const LiveGateway::Reply &found);
    void compareError(const naive::Answer &expected, const Json &found);
    void compareRawKey(const Json &expected);
    void beginCall(const QByteArray &key);
    void compareGate(const QByteArray &key, const naive::Verdict &expected, const LiveGateway::Gate &found);
    Settlement settlementOf(const naive::Call &call);
    void moveClock(qint64 ms);
    void expect(bool condition, const QByteArray &problem);

    naive::Model m_model;
    LiveGateway m_gateway;
    RandomWalk m_walk;
    BookCheck m_check;
    QList<Operation> m_last;
    int m_count = 0;
    QByteArray m_problem;
};

void Run::expect(bool condition, const QByteArray &problem)
{
    if (!condition && m_problem.isEmpty())
        m_problem = problem;
}

QStringList Run::lastOperations() const
{
    QStringList lines;
    int number = m_count - int(m_last.size());
    for (const Operation &operation : m_last)
        lines.append(u"%1: %2"_s.arg(++number).arg(operation.text()));
    return lines;
}

void Run::moveClock(qint64 ms)
{
    m_gateway.clock().advanceMs(ms);
    m_model.now = m_gateway.clock().now().ms();
}

bool Run::step()
{
    // Lists are in the order of creation: of two things made in one millisecond neither is the newer one.
    moveClock(1);
    const Operation operation = m_walk.next();
    m_last.append(operation);
    if (m_last.size() > ShownOperations)
        m_last.removeFirst();
    ++m_count;
    switch (operation.kind) {
    case Operation::Kind::Ask:
    case Operation::Kind::AskTogether:
    case Operation::Kind::EndCalls:
        send(operation);
        break;
    case Operation::Kind::BeginCall:
        beginCall(operation.key);
        break;
    case Operation::Kind::MoveClock:
        moveClock(operation.ms);
        break;
    case Operation::Kind::KeepHouse:
        m_gateway.keepHouse();
        m_model.startDuePeriods();
        break;
    case Operation::Kind::ForgetAccounts:
        m_gateway.forgetAccounts();
        break;
    }
    return m_problem.isEmpty();
}

void Run::send(const Operation &operation)
{
    QList<Settlement> calls;
    for (const naive::Call &call : operation.calls)
        calls.append(settlementOf(call));
    const QList<LiveGateway::Reply> replies = m_gateway.send(operation.requests, calls);

    // All of them pass the front door before the first one is carried out.
    QList<naive::Model::Access> accesses;
    for (const naive::Request &request : operation.requests)
        accesses.append(m_model.authorise(request));
    for (qsizetype i = 0; i < operation.requests.size(); ++i) {
        const naive::Request &request = operation.requests[i];
        const naive::Answer expected
            = accesses[i].refusal ? *accesses[i].refusal : m_model.perform(request, accesses[i].key);
        compareAnswer(expected, replies[i]);
        m_walk.answered(request, expected);
    }
    m_model.settle(operation.calls);
}

void Run::compareAnswer(const naive::Answer &expected, const LiveGateway::Reply &found)
{
    const auto header = [&](const QByteArray &name) {
        for (const auto &[known, value] : found.headers) {
            if (known.toLower() == name)
                return value;
        }
        return QByteArray();
    };
    ++m_model.counts["answer " + QByteArray::number(expected.status) + ' ' + expected.code];
    if (expected.mayBeNotFound && expected.status == 422 && found.status == 404)
        return;
    expect(found.status == expected.status,
           "status: expected " + QByteArray::number(expected.status) + ' ' + expected.code + ", found "
               + QByteArray::number(found.status) + ' ' + found.body);
    expect(header("idempotent-replayed") == (expected.isReplay ? "true" : ""),
           expected.isReplay ? "expected to be marked as repeated" : "marked as repeated, but it is not");
    expect((header("www-authenticate") == "Bearer") == (expected.status == 401), "header www-authenticate");
    expect((header("x-should-retry") == "false") == (expected.code == "idempotency_conflict"), "header x-should-retry");
    if (!m_problem.isEmpty())
        return;
    if (expected.status == 204)
        return expect(found.body.isEmpty(), "a body where none belongs: " + found.body);
    if (expected.isReplay) {
        ++m_model.counts["replay"];
        return expect(found.body == *expected.text, "not the same bytes again: " + found.body + " was " + *expected.text);
    }
    const auto body = Json::parse(found.body);
    if (!body)
        return expect(false, "no JSON: " + found.body);
    if (expected.status >= 400)
        return compareError(expected, *body);
    const QByteArray difference = naive::difference(expected.body, *body, m_model.names);
    expect(difference.isEmpty(), difference);
    compareRawKey(expected.body);
    if (expected.text)
        *expected.text = found.body;
}

void Run::compareError(const naive::Answer &expected, const Json &found)
{
    const Json *error = found.find("error");
    if (found.members.size() != 1 || !error || error->members.size() != 4)
        return expect(false, "no error envelope: " + found.toText());
    for (const auto &[name, value] : expected.body.members) {
        const Json *other = error->find(name);
        expect(other && *other == value, "error." + name + ": expected " + value.toText() + ", found " + found.toText());
    }
    const Json *message = error->find("message");
    expect(message && message->kind == Json::Kind::Text && !message->text.isEmpty(), "no message: " + found.toText());
    const Json *param = error->find("param");
    expect(param && (param->kind == Json::Kind::Null || param->kind == Json::Kind::Text), "no param: " + found.toText());
    if (!expected.params.isEmpty())
        expect(param && expected.params.contains(param->text),
               "param: expected one of " + expected.params.join(", ") + ", found " + found.toText());
}

/// A raw key begins with what stays readable of it, and that with what says its type.
void Run::compareRawKey(const Json &expected)
{
    const Json *inner = expected.find("api_key");
    const Json *token = (inner ? *inner : expected).find("raw_key");
    if (!token || !m_problem.isEmpty())
        return;
    for (const naive::Key &key : m_model.keys) {
        if (key.raw != token->text)
            continue;
        const QByteArray start = key.type == "platform" ? "sk-plat_" : "sk-eu_";
        const QByteArray prefix = m_model.names.real(key.prefix);
        expect(prefix.startsWith(start) && m_model.names.real(key.raw).startsWith(prefix),
               "key_prefix " + prefix + " of a key of type " + key.type);
    }
}

Settlement Run::settlementOf(const naive::Call &call)
{
    const auto real = [&](const QByteArray &name) { return QString::fromLatin1(m_model.names.real(name)); };
    const Money cost = Money::fromPicos(call.picos, int(call.markupBasisPoints));
    expect(cost.micros() == call.cost,
           "a cost of " + QByteArray::number(call.picos) + " with markup " + QByteArray::number(call.markupBasisPoints)
               + ": expected " + QByteArray::number(call.cost) + ", found " + QByteArray::number(cost.micros()));
    Settlement s;
    s.id = LogRowId::fromStored(QString::fromLatin1(call.log));
    s.platform = PlatformId::fromStored(real(call.platform));
    s.endUser = EndUserId::fromStored(real(call.user));
    s.budget = BudgetId::fromStored(real(call.budget));
    s.key = ApiKeyId::fromStored(real(call.key));
    s.requestId = call.request;
    s.requestType = "chat.completion";
    s.provider = ProviderId::fromStored(QString::fromLatin1(call.provider));
    s.model = ModelId::fromStored(QString::fromLatin1(call.modelId));
    s.modelSlug = call.model;
    s.providerModelId = call.providerModel;
    s.promptTokens = call.promptTokens;
    s.completionTokens = call.completionTokens;
    s.latencyMs = call.latency;
    s.cost = cost;
    s.isBillable = call.isBillable;
    s.status = call.status == "success" ? CallStatus::Success
        : call.status == "error"        ? CallStatus::Error
                                        : CallStatus::Cancelled;
    s.countMethod = call.countMethod == "reported" ? TokenCountMethod::Reported
        : call.countMethod == "estimated"          ? TokenCountMethod::Estimated
                                                   : TokenCountMethod::None;
    s.errorMessage = call.error;
    s.metadata = call.metadata;
    s.createdAt = m_gateway.clock().now();
    return s;
}

void Run::beginCall(const QByteArray &key)
{
    const LiveGateway::Gate found = m_gateway.gate(key);
    const naive::Verdict expected = m_model.gate(key);
    ++m_model.counts["gate " + expected.code];
    compareGate(key, expected, found);
    if (expected.code.isEmpty())
        m_walk.begin(expected);
}

void Run::compareGate(const QByteArray &key, const naive::Verdict &expected, const LiveGateway::Gate &found)
{
    const QByteArray who = "gate of key " + key.first(qMin<qsizetype>(16, key.size())) + ": ";
    const auto *error = std::get_if<Error>(&found);
    const QByteArray code = error ? QByteArray(errorRow(error->code).word.data()) : QByteArray();
    expect(code == expected.code, who + "expected \"" + expected.code + "\", found \"" + code + '"');
    const auto *admission = std::get_if<Admission>(&found);
    if (!admission || !m_problem.isEmpty())
        return;
    // What no answer has shown yet is seen here first.
    const QByteArray budget = admission->budget.isNull() ? QByteArray() : admission->budget.toLatin1();
    expect(m_model.names.matches(expected.budget, budget), who + "budget " + budget);
    expect(m_model.names.matches(expected.wallet, admission->wallet.toLatin1()), who + "wallet");
    expect(admission->markupBasisPoints == expected.markupBasisPoints, who + "markup");
}

bool Run::compareEverything()
{
    QByteArrayList keys;
    for (const naive::Key &key : m_model.keys) {
        if (key.type != "admin")
            keys.append(m_model.names.real(key.raw));
    }
    for (const QByteArray &key : keys) {
        const LiveGateway::Gate found = m_gateway.gate(key);
        compareGate(key, m_model.gate(key), found);
        compareGate(key, m_model.gate(key), m_gateway.gateAfterRestart(key));
    }
    const QByteArray difference = m_check.run();
    expect(difference.isEmpty(), difference);
    return m_problem.isEmpty();
}

/// What has to happen often enough in a run for its success to mean something.
constexpr const char *Interesting[] = {
    "gate ", "gate budget_exhausted", "gate budget_suspended", "gate wallet_insufficient", "gate unauthorized",
    "gate end_user_inactive", "gate platform_inactive", "event budget.topped_up", "event budget.low_balance",
    "event budget.suspended", "event budget.unsuspended", "period_reset", "late call", "replay", "answer 200 ", "answer 201 ",
    "answer 204 ", "answer 400 invalid_json", "answer 401 unauthorized", "answer 403 forbidden",
    "answer 404 budget_not_found", "answer 404 end_user_not_found", "answer 409 budget_exists",
    "answer 409 idempotency_conflict", "answer 422 validation_error",
};

} // namespace

/// Random operations through the management routes, the gates and the settlement, each compared with a naive model of the
/// contract, and now and then the whole books. One thread and one seed: SEED=n and OPERATIONS=n in the environment repeat a
/// run; COUNTS=1 tells what it consisted of.
class tst_RandomLedger : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void booksMatchTheModel();

private:
    static void walk(Dialect dialect, quint32 seed, int operations);
};

void tst_RandomLedger::booksMatchTheModel()
{
    const Dialect dialect = ScratchDatabase::currentDialect();
    const bool isSqlite = dialect == Dialect::Sqlite;
    const auto seed = numberFrom("SEED");
    const quint32 operations = numberFrom("OPERATIONS").value_or(isSqlite ? SqliteOperations : PostgresOperations);
    for (int run = 0; run < (isSqlite && !seed ? SqliteSeeds : 1); ++run) {
        walk(dialect, seed ? *seed : std::random_device()(), int(operations));
        if (QTest::currentTestFailed())
            return;
    }
}

void tst_RandomLedger::walk(Dialect dialect, quint32 seed, int operations)
{
    qInfo("SEED=%u OPERATIONS=%d", seed, operations);
    Run run(dialect, seed);
    const int interval = qMax(1, operations / Comparisons);
    QElapsedTimer timer;
    timer.start();
    for (int number = 1; number <= operations; ++number) {
        if (run.step() && (number % interval != 0 || run.compareEverything()))
            continue;
        qWarning("the last operations:\n%s", qUtf8Printable(run.lastOperations().join(u'\n')));
        QFAIL(qPrintable(u"SEED=%1 OPERATIONS=%2, operation %3: %4"_s.arg(seed).arg(operations).arg(number).arg(
            QString::fromUtf8(run.problem()))));
    }
    qInfo("%d operations in %lld ms", operations, timer.elapsed());
    if (qEnvironmentVariableIsSet("COUNTS")) {
        for (const auto &[what, count] : run.counts())
            qInfo("%7d  %s", count, what.constData());
    }

    QByteArrayList rare;
    for (const char *what : Interesting) {
        const auto found = run.counts().find(what);
        const int count = found == run.counts().end() ? 0 : found->second;
        if (count < operations / SqliteOperations)
            rare.append(what);
    }
    QVERIFY2(rare.isEmpty(), ("hardly ever happened: " + rare.join(", ")).constData());
}

QTEST_GUILESS_MAIN(tst_RandomLedger)
#include "tst_randomledger.moc"
