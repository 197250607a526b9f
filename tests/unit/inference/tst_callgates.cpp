// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/callgates.h"
#include "unit/http/recordingexchange.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

class NoConversations final : public ConversationDesk
{
public:
    void read(const ResponseOwner &, const ConversationWish &, QObject *, std::function<void(Result<Conversation>)>) override { }
};

class NoAccounts final : public AccountDesk
{
public:
    void load(const QByteArray &, QObject *, std::function<void(Result<void>)>) override {}
    void resetBudget(const EndUserId &, QObject *, std::function<void(Result<void>)>) override {}
};

class NoSettlements final : public Settlements
{
public:
    void settle(Settlement, QObject *, std::function<void(Result<void>)>) override {}
    void expect() override {}
    bool isFull() const override { return false; }
};

class NoNetwork final : public HttpClient
{
public:
    HttpReply *send(HttpCall, QObject *) override { return nullptr; }
};

} // namespace

/// The way of one request through gates 3 to 7, on a real book and a real limiter.
class tst_CallGates : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void countsOnceHoweverOftenItIsAsked();
    void limitComesBeforeTheBudget();
    void refusedAtALaterGateCountsAllTheSame();
    void missCountsNothing();
    void unknownDayIsAMiss();
    void resetCountsOnce();
    void changedLimitActsAtOnce();
    void headersTellTheHeadroom();
    void noHeadersWithoutALimit();
    void platformKeysHaveNoUserLimits();
    void tokensCount();

private:
    using Gate = std::variant<Admission, Error, AccountBook::Miss, AccountBook::ResetDue>;
    Gate pass(RecordingExchange *client = nullptr);
    QString passed(RecordingExchange *client = nullptr);
    void limit(const RateLimit &own) { publish(EndUserLimitsState { m_caller.platform, m_caller.endUser, own }); }
    template<typename State>
    void publish(const State &state)
    {
        AccountChanges changes;
        changes.add(state);
        m_book->publishCommit(changes, m_book->committed() + 1);
    }
    BudgetState budget() const;

    SettableClock m_clock { Timestamp::fromMs(1'775'644'200'000) };
    std::unique_ptr<AccountBook> m_book;
    std::unique_ptr<RateLimiter> m_limiter;
    NoAccounts m_accounts;
    NoConversations m_conversations;
    Turns m_turns;
    NoSettlements m_settlements;
    NoNetwork m_network;
    Refusals m_refusals;
    Cooldowns m_cooldowns { m_clock };
    Metrics m_metrics;
    std::atomic<int> m_inFlight = 0;
    std::optional<InferenceParts> m_parts;
    Caller m_caller;
};

void tst_CallGates::init()
{
    m_book = std::make_unique<AccountBook>();
    m_limiter = std::make_unique<RateLimiter>(m_clock);
    m_parts.emplace(InferenceParts { *m_book, *m_limiter, m_accounts, m_conversations, m_turns, m_settlements,
                                     m_refusals, m_cooldowns, m_network, m_clock,
                                     nullptr, nullptr, m_inFlight, m_metrics });
    m_caller = { ApiKeyId::create(), KeyType::EndUser, PlatformId::create(), EndUserId::create() };
    AccountChanges all;
    all.add(PlatformState { .id = m_caller.platform });
    all.add(WalletState { m_caller.platform, WalletId::create(), Money::fromMicros(10) });
    all.add(EndUserState { m_caller.platform, m_caller.endUser });
    all.add(budget());
    all.add(ProviderKeysState { m_caller.platform, std::make_shared<QList<ProviderKey>>() });
    all.add(PlatformLimitsState { .platform = m_caller.platform });
    all.add(EndUserLimitsState { .platform = m_caller.platform, .endUser = m_caller.endUser });
    m_book->publishCommit(all, m_book->committed() + 1);
}

BudgetState tst_CallGates::budget() const
{
    return { m_caller.platform, m_caller.endUser, BudgetId::create(), true, Money::fromMicros(10), Money(), false,
             m_clock.now().plusMs(3'600'000) };
}

tst_CallGates::Gate tst_CallGates::pass(RecordingExchange *client)
{
    RecordingExchange nobody;
    return CallGates(*m_parts, m_caller).pass(client ? *client : nobody);
}

QString tst_CallGates::passed(RecordingExchange *client)
{
    const Gate gate = pass(client);
    if (const auto *error = std::get_if<Error>(&gate))
        return error->deniedBy.isEmpty() ? QString(errorRow(error->code).word) : error->deniedBy;
    if (std::holds_alternative<AccountBook::Miss>(gate))
        return u"miss"_s;
    return std::holds_alternative<Admission>(gate) ? u"in"_s : u"reset due"_s;
}

void tst_CallGates::countsOnceHoweverOftenItIsAsked()
{
    limit({ .requestsPerMinute = 2 });
    RecordingExchange client;
    CallGates gates(*m_parts, m_caller);
    for (int i = 0; i < 5; ++i)
        QVERIFY(std::holds_alternative<Admission>(gates.pass(client)));
    QCOMPARE(client.headers.size(), 2); // told once
    QCOMPARE(passed(), u"in"_s);
    QCOMPARE(passed(), u"eu_rpm"_s);
    // Whoever was let in stays in: further rounds ask gates 4 to 7 only.
    QVERIFY(std::holds_alternative<Admission>(gates.pass(client)));
}

void tst_CallGates::limitComesBeforeTheBudget()
{
    limit({ .requestsPerMinute = 1 });
    QCOMPARE(passed(), u"in"_s);
    BudgetState used = budget();
    used.used = used.max;
    publish(used);
    const Counter &counted = m_metrics.rateLimited[size_t(RateBucket::EndUserRpm)];
    const qint64 before = counted.value();
    QCOMPARE(passed(), u"eu_rpm"_s);
    m_clock.advanceMs(60'000);
    QCOMPARE(passed(), u"budget_exhausted"_s);
    QCOMPARE(counted.value() - before, 1);
}

void tst_CallGates::refusedAtALaterGateCountsAllTheSame()
{
    limit({ .requestsPerMinute = 1 });
    BudgetState suspended = budget();
    suspended.isSuspended = true;
    publish(suspended);
    RecordingExchange client;
    QCOMPARE(passed(&client), u"budget_suspended"_s);
    QCOMPARE(client.headers.size(), 2);
    QCOMPARE(passed(), u"eu_rpm"_s);
}

void tst_CallGates::missCountsNothing()
{
    limit({ .requestsPerMinute = 1 });
    m_book->drop(m_book->committed() + 1);
    QCOMPARE(passed(), u"miss"_s);
    QCOMPARE(m_limiter->size(), size_t(0));
}

void tst_CallGates::unknownDayIsAMiss()
{
    limit({ .requestsPerDay = 1 });
    RecordingExchange client;
    QCOMPARE(passed(&client), u"miss"_s);
    QVERIFY(client.headers.isEmpty());
    m_limiter->setCallsBefore(m_caller.platform, m_caller.endUser, {});
    QCOMPARE(passed(), u"in"_s);
    QCOMPARE(passed(), u"eu_rpd"_s);
}

void tst_CallGates::resetCountsOnce()
{
    limit({ .requestsPerMinute = 2 });
    m_clock.advanceMs(3'600'000);
    RecordingExchange client;
    CallGates gates(*m_parts, m_caller);
    QVERIFY(std::holds_alternative<AccountBook::ResetDue>(gates.pass(client)));
    publish(budget());
    QVERIFY(std::holds_alternative<Admission>(gates.pass(client)));
    QCOMPARE(passed(), u"in"_s);
    QCOMPARE(passed(), u"eu_rpm"_s);
}

void tst_CallGates::changedLimitActsAtOnce()
{
    QCOMPARE(passed(), u"in"_s);
    QCOMPARE(passed(), u"in"_s);
    publish(PlatformLimitsState { .platform = m_caller.platform, .endUserDefault = { .requestsPerMinute = 2 } });
    QCOMPARE(passed(), u"eu_rpm"_s);
    limit({ .requestsPerMinute = 3 }); // replaces the default
    QCOMPARE(passed(), u"in"_s);
    QCOMPARE(passed(), u"eu_rpm"_s);
    limit({}); // no limit, not the default
    QCOMPARE(passed(), u"in"_s);
    publish(EndUserLimitsState { .platform = m_caller.platform, .endUser = m_caller.endUser });
    QCOMPARE(passed(), u"eu_rpm"_s);
    publish(PlatformLimitsState { .platform = m_caller.platform, .wholePlatform = { .requestsPerMinute = 4 } });
    QCOMPARE(passed(), u"plat_rpm"_s);
}

void tst_CallGates::headersTellTheHeadroom()
{
    limit({ 10, 1'000, {} });
    m_limiter->addTokens(m_caller.platform, m_caller.endUser, 33);
    RecordingExchange client;
    QCOMPARE(passed(&client), u"in"_s);
    const HttpHeaders expected { { "x-ratelimit-limit-requests", "10" },
                                 { "x-ratelimit-remaining-requests", "9" },
                                 { "x-ratelimit-limit-tokens", "1000" },
                                 { "x-ratelimit-remaining-tokens", "967" } };
    QCOMPARE(client.headers, expected);
}

void tst_CallGates::noHeadersWithoutALimit()
{
    RecordingExchange client;
    QCOMPARE(passed(&client), u"in"_s);
    QVERIFY(client.headers.isEmpty());
    limit({ .requestsPerMinute = 1 });
    QCOMPARE(passed(&client), u"eu_rpm"_s);
    QVERIFY(client.headers.isEmpty());
}

void tst_CallGates::platformKeysHaveNoUserLimits()
{
    publish(PlatformLimitsState { m_caller.platform, { .requestsPerMinute = 1 }, { .requestsPerMinute = 3 } });
    QCOMPARE(passed(), u"in"_s);
    QCOMPARE(passed(), u"eu_rpm"_s);
    m_caller.type = KeyType::Platform;
    m_caller.endUser = {};
    QCOMPARE(passed(), u"in"_s);
    QCOMPARE(passed(), u"in"_s);
    QCOMPARE(passed(), u"plat_rpm"_s);
}

void tst_CallGates::tokensCount()
{
    limit({ .tokensPerMinute = 10 });
    QCOMPARE(passed(), u"in"_s);
    CallGates(*m_parts, m_caller).noteTokens(10);
    const Gate gate = pass();
    QCOMPARE(std::get<Error>(gate).deniedBy, u"eu_tpm"_s);
    QCOMPARE(std::get<Error>(gate).retryAfterSeconds, 60);
}

QTEST_GUILESS_MAIN(tst_CallGates)
#include "tst_callgates.moc"
