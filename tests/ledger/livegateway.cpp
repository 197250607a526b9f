// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/livegateway.h"

#include "core/hashing.h"
#include "fixtures/valueof.h"
#include "http/errorbody.h"
#include "unit/http/recordingexchange.h"

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

/// More than the walk ever has due at once.
constexpr int MostResets = 100'000;
/// As often as an exchange asks the book again before it gives up.
constexpr int MostGateRounds = 5;

HttpMethod methodOf(const QByteArray &word)
{
    for (const HttpMethod method : { HttpMethod::Get, HttpMethod::Post, HttpMethod::Patch, HttpMethod::Delete }) {
        if (methodName(method) == word)
            return method;
    }
    qFatal("no method for %s", word.constData());
}

} // namespace

/// Nothing here calls a provider.
class LiveGateway::NoNetwork final : public HttpClient
{
public:
    HttpReply *send(HttpCall, QObject *) override { qFatal("a management request called out"); }
};

/// Calls are settled by name, not by exchanges.
class LiveGateway::NoSettlements final : public Settlements
{
public:
    void settle(Settlement, QObject *, std::function<void(Result<void>)>) override { qFatal("a management request settled"); }
    void expect() override {}
    bool isFull() const override { return false; }
};

/// Nothing here asks for a backup.
class LiveGateway::NoBackups final : public Backups
{
public:
    QString nameOf(Timestamp) const override { return {}; }
    void make(const QString &, QObject *, std::function<void(Result<Backup>)>) override { qFatal("a backup was made"); }
};

LiveGateway::LiveGateway(Dialect dialect)
    : m_scratch(dialect), m_services(m_scratch.context()), m_settlements(m_scratch.context(), m_services.budgets),
      m_order(m_scratch.db(), m_book), m_limiter(m_scratch.clock), m_loads(*this, m_book, m_limiter),
      m_cooldowns(m_scratch.clock), m_conversations(*this),
      m_noSettlements(std::make_unique<NoSettlements>()), m_noNetwork(std::make_unique<NoNetwork>()),
      m_noBackups(std::make_unique<NoBackups>()),
      m_inference { .book = m_book,
                    .limiter = m_limiter,
                    .accounts = m_loads,
                    .conversations = m_conversations,
                    .turns = m_turns,
                    .settlements = *m_noSettlements,
                    .refusals = m_refusals,
                    .cooldowns = m_cooldowns,
                    .network = *m_noNetwork,
                    .clock = m_scratch.clock,
                    .replyError = replyError,
                    .errorBody = errorBody,
                    .inFlight = m_inFlight,
                    .metrics = m_metrics },
      m_parts { .inference = m_inference, .doors = *this, .worker = m_worker, .status = {}, .noteVerify = {},
                .metrics = m_metrics, .keepHouse = {}, .backups = *m_noBackups },
      m_router(m_parts, {})
{
    // A crash of the test loses nothing that anybody wants.
    mustSucceed(db().run(dialect == Dialect::Sqlite ? u"PRAGMA synchronous=OFF"_s : u"SET synchronous_commit = off"_s));
    m_admin = valueOf(m_services.apiKeys.createAdminKey());
    m_book.publishCommit(std::exchange(m_scratch.changes, {}), numbered());
}

LiveGateway::~LiveGateway() = default;

bool LiveGateway::hasTable(const QString &name)
{
    const QString tables = db().dialect() == Dialect::Sqlite
        ? u"SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '%1'"_s
        : u"SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public' AND table_name = '%1'"_s;
    return m_scratch.number(tables.arg(name)) > 0;
}

QList<LiveGateway::Reply> LiveGateway::send(const QList<naive::Request> &requests, const QList<Settlement> &calls)
{
    m_collects = requests.size() > 1 || !calls.isEmpty();
    std::vector<std::unique_ptr<RecordingExchange>> exchanges;
    for (const naive::Request &request : requests) {
        HttpRequest http;
        http.method = methodOf(request.method);
        http.path = request.path;
        http.query = request.query;
        http.body = request.body;
        if (!request.key.isEmpty())
            http.headers.emplace_back("Authorization", "Bearer " + request.key);
        if (request.idempotencyKey)
            http.headers.emplace_back("Idempotency-Key", *request.idempotencyKey);
        http.peer = QHostAddress(++m_requests); // each from elsewhere: unknown keys make an address wait
        http.requestId = RequestId::create().toLatin1();
        exchanges.push_back(std::make_unique<RecordingExchange>(std::move(http)));
        m_router.handle(exchanges.back().get());
    }
    m_collects = false;
    if (!m_waiting.isEmpty() || !calls.isEmpty())
        commit(std::exchange(m_waiting, {}), calls);

    QList<Reply> replies;
    for (const auto &exchange : exchanges)
        replies.append({ exchange->status, exchange->body, exchange->headers });
    return replies;
}

void LiveGateway::enqueueRead(std::shared_ptr<Mailbox>, QPointer<QObject>, std::shared_ptr<DoorJob> job)
{
    (void)job->run(m_services);
    job->deliver();
}

void LiveGateway::enqueueWrite(std::shared_ptr<Mailbox>, QPointer<QObject>, std::shared_ptr<DoorJob> job)
{
    m_waiting.append(std::move(job));
    if (!m_collects)
        commit(std::exchange(m_waiting, {}), {});
}

quint64 LiveGateway::numbered()
{
    return valueOf(m_order.seal(m_scratch.changes, "live"));
}

void LiveGateway::commit(const Jobs &jobs, const QList<Settlement> &calls)
{
    AccountChanges &changes = m_scratch.changes;
    Transaction transaction(db());
    mustSucceed(transaction.started());
    for (const auto &job : jobs) {
        const AccountChanges before = changes;
        Savepoint savepoint(db());
        if (job->run(m_services))
            mustSucceed(savepoint.keep());
        else
            changes = before;
    }
    if (!calls.isEmpty()) {
        QList<const Settlement *> group;
        for (const Settlement &call : calls)
            group.append(&call);
        Savepoint savepoint(db());
        mustSucceed(m_settlements.apply(group));
        mustSucceed(savepoint.keep());
    }
    const quint64 number = numbered();
    mustSucceed(transaction.commit());
    m_book.publishCommit(std::exchange(changes, {}), number);
    for (const auto &job : jobs)
        job->deliver();
}

LiveGateway::Gate LiveGateway::gateOf(AccountBook &book, AccountLoads &loads, const QByteArray &rawKey)
{
    const QByteArray hash = sha256(rawKey);
    const Timestamp now = clock().now();
    std::optional<Error> failed;
    const auto note = [&](const Result<void> &done) {
        if (!done)
            failed = done.error();
    };
    for (int round = 1; round <= MostGateRounds && !failed; ++round) {
        const auto found = book.authenticate(hash, now);
        if (const auto *error = std::get_if<Error>(&found))
            return *error;
        const auto *caller = std::get_if<Caller>(&found);
        if (!caller) {
            loads.load(hash, &m_worker, note);
            continue;
        }
        const auto verdict = book.admit(*caller, now);
        if (const auto *admission = std::get_if<Admission>(&verdict))
            return *admission;
        if (const auto *error = std::get_if<Error>(&verdict))
            return *error;
        // As exchanges do: when the reset changed nothing in this book, it has to read the new period.
        if (std::holds_alternative<AccountBook::ResetDue>(verdict) && round % 2 == 1)
            loads.resetBudget(caller->endUser, &m_worker, note);
        else
            loads.load(hash, &m_worker, note);
    }
    return failed.value_or(Error { ErrorCode::Internal, u"the gate never opened nor closed"_s });
}

LiveGateway::Gate LiveGateway::gateAfterRestart(const QByteArray &rawKey)
{
    AccountBook book;
    RateLimiter limiter(m_scratch.clock);
    AccountLoads loads(*this, book, limiter);
    return gateOf(book, loads, rawKey);
}

void LiveGateway::keepHouse()
{
    const auto number = m_scratch.attempt([this]() -> Result<quint64> {
        (void)valueOf(m_services.budgets.resetDue(MostResets));
        return numbered();
    });
    m_book.publishCommit(std::exchange(m_scratch.changes, {}), valueOf(number));
}
