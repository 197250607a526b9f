// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/hashing.h"
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "ledger/accountbook.h"
#include "tenants/accountloader.h"
#include "tenants/endusers.h"
#include "tenants/platforms.h"
#include "tenants/ratelimits.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

/// What one key's load brings into the book and to the rate limiter.
class tst_AccountLoader : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();
    void bringsEverythingTheGatesAsk();
    void bringsTheLimits();
    void unknownKeysBringNothing();
    void countsTheDayBefore();
    void aRequestCountsOnce();
    void onlyInferenceCounts();
    void withoutADayLimitTheLogIsNotRead();
    void theLogIsReadOnce();

private:
    struct Call
    {
        qint64 agoMs = 0;
        bool byUser = true;
        const char *request = nullptr;
        const char *type = "chat.completion";
    };
    void log(const Call &call);
    AccountChanges load(const QByteArray &hash) { return valueOf(loadAccounts(m_scratch->context(), hash)); }
    void setLimits(const RateLimit &each, const RateLimit &all);
    /// How many requests of the day the limiter knows; -1: it does not know.
    qint64 counted(const EndUserId &user);

    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<RateLimiter> m_limiter;
    PlatformId m_platform;
    EndUserId m_user;
    QByteArray m_userKey;
    QByteArray m_platformKey;
};

void tst_AccountLoader::init()
{
    m_limiter.reset();
    m_scratch.reset();
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    ApiKeys keys(m_scratch->context());
    Wallets wallets(m_scratch->context());
    Budgets budgets(m_scratch->context());
    const auto platform = valueOf(m_scratch->attempt([&] {
        return Platforms(m_scratch->context(), keys, wallets).create({ .name = u"Acme"_s, .slug = u"acme"_s });
    }));
    EndUsers users(m_scratch->context(), keys, budgets);
    const auto user = valueOf(
        m_scratch->attempt([&] { return users.create(platform.platform.id, { .externalId = u"user-1"_s }); }));
    m_platform = platform.platform.id;
    m_user = user.user.id;
    m_platformKey = sha256(platform.key.rawKey.toLatin1());
    m_userKey = sha256(user.key.rawKey.toLatin1());
    m_limiter = std::make_unique<RateLimiter>(m_scratch->clock);
}

void tst_AccountLoader::log(const Call &call)
{
    Query query = m_scratch->db().prepare(
        u"INSERT INTO request_logs (id, platform_id, end_user_id, request_id, request_type, prompt_tokens, "
        "completion_tokens, latency_ms, cost, status, token_count_method, billing_status, metadata, created_at) "
        "VALUES (?, ?, ?, ?, ?, 25, 8, 10, 0, 'error', 'none', 'not_billable', '{}', ?)"_s);
    const LogRowId id = LogRowId::create();
    const QString request = call.request ? QString::fromLatin1(call.request) : id.toString();
    query.bind(id, m_platform, call.byUser ? m_user : EndUserId(), request,
               QString::fromLatin1(call.type), m_scratch->clock.now().plusMs(-call.agoMs));
    mustSucceed(query.exec());
}

void tst_AccountLoader::setLimits(const RateLimit &each, const RateLimit &all)
{
    mustSucceed(m_scratch->attempt([&] {
        return RateLimits(m_scratch->context()).setForPlatform({ m_platform, each, all });
    }));
}

qint64 tst_AccountLoader::counted(const EndUserId &user)
{
    if (!m_limiter->hasWholeDay(m_platform, user))
        return -1;
    for (qint64 most = 1; most < 100; ++most) {
        CallLimits limits;
        (user.isNull() ? limits.platform : limits.endUser).requestsPerDay = most;
        if (std::holds_alternative<RateLimiter::Admitted>(m_limiter->admit(m_platform, user, limits)))
            return most - 1;
    }
    return 100;
}

void tst_AccountLoader::bringsEverythingTheGatesAsk()
{
    for (const QByteArray &hash : { m_userKey, m_platformKey }) {
        AccountBook book;
        book.publishLoaded(load(hash), book.committed());
        const auto caller = book.authenticate(hash, m_scratch->clock.now());
        QVERIFY(std::holds_alternative<Caller>(caller));
        // Refused for its empty wallet: nothing is missing.
        const auto gate = book.admit(std::get<Caller>(caller), m_scratch->clock.now());
        QCOMPARE(std::get<Error>(gate).code, ErrorCode::WalletInsufficient);
    }
}

void tst_AccountLoader::bringsTheLimits()
{
    setLimits({ 60, {}, {} }, { {}, 90, {} });
    AccountBook book;
    book.publishLoaded(load(m_userKey), book.committed());
    const Caller caller { {}, KeyType::EndUser, m_platform, m_user };
    CallLimits limits;
    (void)book.admit(caller, m_scratch->clock.now(), &limits);
    QCOMPARE(limits.endUser, (RateLimit { 60, {}, {} }));
    QCOMPARE(limits.platform, (RateLimit { {}, 90, {} }));
    (void)valueOf(m_scratch->attempt([&] {
        return RateLimits(m_scratch->context()).setForEndUser(m_platform, m_user, { {}, {}, 7 });
    }));
    AccountBook another;
    another.publishLoaded(load(m_userKey), another.committed());
    (void)another.admit(caller, m_scratch->clock.now(), &limits);
    QCOMPARE(limits.endUser, (RateLimit { {}, {}, 7 }));
}

void tst_AccountLoader::unknownKeysBringNothing()
{
    QCOMPARE(loadAccounts(m_scratch->context(), QByteArray(32, 'x')).error().code, ErrorCode::Unauthorized);
}

void tst_AccountLoader::countsTheDayBefore()
{
    setLimits({ .requestsPerDay = 50 }, { .requestsPerDay = 50 });
    log({ .agoMs = RateLimiter::DayMs + 1 });
    log({ .agoMs = RateLimiter::DayMs - 60'000 });
    log({ .agoMs = 3'600'000 });
    log({ .agoMs = 3'600'000, .byUser = false });
    log({ .agoMs = 1 });
    log({ .agoMs = 0 }); // of this process: it was counted when it came
    log({ .agoMs = -5'000 });
    mustSucceed(loadCallsBefore(m_scratch->context(), load(m_userKey), *m_limiter));
    QCOMPARE(counted(m_user), 3);
    QCOMPARE(counted({}), 4 + 1); // and the one that was just let in
}

void tst_AccountLoader::aRequestCountsOnce()
{
    setLimits({ .requestsPerDay = 50 }, {});
    // Tried at three providers; the last of them ages latest.
    for (const qint64 ago : { RateLimiter::DayMs - 1'000, RateLimiter::DayMs - 120'000, RateLimiter::DayMs - 240'000 })
        log({ .agoMs = ago, .request = "one" });
    log({ .agoMs = 10, .request = "two" });
    mustSucceed(loadCallsBefore(m_scratch->context(), load(m_userKey), *m_limiter));
    m_scratch->clock.advanceMs(240'000 - 1);
    QCOMPARE(counted(m_user), 2);
    m_scratch->clock.advanceMs(1);
    QCOMPARE(counted(m_user), 1 + 1);
}

void tst_AccountLoader::onlyInferenceCounts()
{
    setLimits({ .requestsPerDay = 50 }, {});
    log({ .agoMs = 10, .type = "chat.completion" });
    log({ .agoMs = 10, .type = "response" });
    log({ .agoMs = 10, .type = "mcp_tool" });
    mustSucceed(loadCallsBefore(m_scratch->context(), load(m_userKey), *m_limiter));
    QCOMPARE(counted(m_user), 2);
}

void tst_AccountLoader::withoutADayLimitTheLogIsNotRead()
{
    setLimits({ 5, 5, {} }, { 5, 5, {} });
    mustSucceed(loadCallsBefore(m_scratch->context(), load(m_userKey), *m_limiter));
    QCOMPARE(counted(m_user), -1);
    QCOMPARE(counted({}), -1);
    setLimits({ .requestsPerDay = 5 }, { .requestsPerDay = 5 });
    // Own limits without a day's replace the default that has one; a platform key has no user.
    (void)valueOf(m_scratch->attempt([&] {
        return RateLimits(m_scratch->context()).setForEndUser(m_platform, m_user, { 5, {}, {} });
    }));
    mustSucceed(loadCallsBefore(m_scratch->context(), load(m_userKey), *m_limiter));
    QCOMPARE(counted(m_user), -1);
    QCOMPARE(counted({}), 0);
}

void tst_AccountLoader::theLogIsReadOnce()
{
    setLimits({ .requestsPerDay = 50 }, {});
    log({ .agoMs = 10 });
    const AccountChanges accounts = load(m_userKey);
    mustSucceed(loadCallsBefore(m_scratch->context(), accounts, *m_limiter));
    if (!m_scratch->db().run(u"DROP TABLE request_logs"_s))
        qFatal("cannot drop");
    mustSucceed(loadCallsBefore(m_scratch->context(), accounts, *m_limiter));
    QCOMPARE(counted(m_user), 1);
}

QTEST_GUILESS_MAIN(tst_AccountLoader)
#include "tst_accountloader.moc"
