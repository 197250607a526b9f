// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "tenants/ratelimits.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_RateLimits : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();
    void newOnesHaveNone();
    void defaultReachesTheUsers();
    void ownLimitsReplaceTheDefault();
    void clearsOwnLimits();
    void gatesHearOfChanges();
    void belongsToItsPlatform();
    void refusesNumbers_data();
    void refusesNumbers();
    void goesWithItsOwner();

private:
    EndUserRateLimit ofUser() { return valueOf(m_limits->ofEndUser(m_platform, m_user)); }
    EndUserRateLimit setOwn(const RateLimit &limit)
    {
        return valueOf(m_scratch->attempt([&] { return m_limits->setForEndUser(m_platform, m_user, limit); }));
    }
    void setPlatform(const RateLimit &each, const RateLimit &all = {})
    {
        mustSucceed(m_scratch->attempt([&] { return m_limits->setForPlatform({ m_platform, each, all }); }));
    }

    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<RateLimits> m_limits;
    PlatformId m_platform;
    EndUserId m_user;
};

void tst_RateLimits::init()
{
    m_limits.reset();
    m_scratch.reset();
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_limits = std::make_unique<RateLimits>(m_scratch->context());
    m_platform = m_scratch->addPlatform();
    m_user = m_scratch->addEndUser(m_platform);
}

void tst_RateLimits::newOnesHaveNone()
{
    QCOMPARE(ofUser().source, RateLimitSource::None);
    QCOMPARE(ofUser().limit, RateLimit());
    const PlatformLimitsState limits = valueOf(m_limits->ofPlatform(m_platform));
    QCOMPARE(limits.platform, m_platform);
    QVERIFY(!limits.endUserDefault.isAny() && !limits.wholePlatform.isAny());
}

void tst_RateLimits::defaultReachesTheUsers()
{
    setPlatform({ 60, {}, 10'000 }, { {}, 1'000'000'000, {} });
    QCOMPARE(ofUser().source, RateLimitSource::Default);
    QCOMPARE(ofUser().limit, (RateLimit { 60, {}, 10'000 }));
    QCOMPARE(ofUser().endUser, m_user);
    QCOMPARE(valueOf(m_limits->ofPlatform(m_platform)).wholePlatform, (RateLimit { {}, 1'000'000'000, {} }));
    setPlatform({}, { 1, {}, {} }); // as a whole: what is not named is gone
    QCOMPARE(ofUser().source, RateLimitSource::None);
    QCOMPARE(valueOf(m_limits->ofPlatform(m_platform)).wholePlatform, (RateLimit { 1, {}, {} }));
}

void tst_RateLimits::ownLimitsReplaceTheDefault()
{
    setPlatform({ 60, 60, 60 });
    const auto set = setOwn({ 300, {}, {} });
    QCOMPARE(set.source, RateLimitSource::Explicit);
    QCOMPARE(ofUser().limit, (RateLimit { 300, {}, {} })); // an empty number is no limit, not the default's
    (void)setOwn({});
    QCOMPARE(ofUser().source, RateLimitSource::Explicit);
    QCOMPARE(ofUser().limit, RateLimit());
}

void tst_RateLimits::clearsOwnLimits()
{
    setPlatform({ 60, {}, {} });
    const auto clear = [this] {
        return m_scratch->attempt([this] { return m_limits->clearForEndUser(m_platform, m_user); });
    };
    QCOMPARE(clear().error().code, ErrorCode::RateLimitNotFound);
    (void)setOwn({ 5, 5, 5 });
    QVERIFY(clear());
    QCOMPARE(ofUser().source, RateLimitSource::Default);
    QCOMPARE(clear().error().code, ErrorCode::RateLimitNotFound);
}

void tst_RateLimits::gatesHearOfChanges()
{
    setPlatform({ 60, {}, {} }, { 90, {}, {} });
    QCOMPARE(m_scratch->changes.platformLimits.size(), 1);
    QCOMPARE(m_scratch->changes.platformLimits[0].endUserDefault.requestsPerMinute, 60);
    QCOMPARE(m_scratch->changes.platformLimits[0].wholePlatform.requestsPerMinute, 90);
    (void)setOwn({ 5, {}, {} });
    mustSucceed(m_scratch->attempt([&] { return m_limits->clearForEndUser(m_platform, m_user); }));
    const QList<EndUserLimitsState> heard = m_scratch->changes.endUserLimits;
    QCOMPARE(heard.size(), 2);
    QCOMPARE(heard[0].endUser, m_user);
    QCOMPARE(heard[0].own, std::optional(RateLimit { 5, {}, {} }));
    QVERIFY(!heard[1].own);
}

void tst_RateLimits::belongsToItsPlatform()
{
    const PlatformId other = m_scratch->addPlatform(u"other"_s);
    QCOMPARE(m_limits->ofEndUser(other, m_user).error().code, ErrorCode::EndUserNotFound);
    QCOMPARE(m_limits->setForEndUser(other, m_user, { 1, {}, {} }).error().code, ErrorCode::EndUserNotFound);
    QCOMPARE(m_limits->clearForEndUser(other, m_user).error().code, ErrorCode::EndUserNotFound);
    QCOMPARE(m_limits->ofPlatform(PlatformId::create()).error().code, ErrorCode::PlatformNotFound);
    QCOMPARE(m_limits->setForPlatform({ .platform = PlatformId::create() }).error().code, ErrorCode::PlatformNotFound);
    setPlatform({ 60, {}, {} });
    QVERIFY(!valueOf(m_limits->ofPlatform(other)).endUserDefault.isAny());
}

void tst_RateLimits::refusesNumbers_data()
{
    QTest::addColumn<qint64>("number");
    QTest::addColumn<bool>("good");
    QTest::newRow("a limit of nothing") << qint64(0) << false;
    QTest::newRow("a negative one") << qint64(-1) << false;
    QTest::newRow("the smallest") << qint64(1) << true;
    QTest::newRow("the largest") << LargestRateLimit << true;
    QTest::newRow("one more") << LargestRateLimit + 1 << false;
}

void tst_RateLimits::refusesNumbers()
{
    QFETCH(qint64, number);
    QFETCH(bool, good);
    const std::pair<QString, RateLimit> places[] = { { u"rpm_limit"_s, { number, {}, {} } },
                                                     { u"tpm_limit"_s, { {}, number, {} } },
                                                     { u"rpd_limit"_s, { {}, {}, number } } };
    for (const auto &[name, limit] : places) {
        const auto own = m_limits->setForEndUser(m_platform, m_user, limit);
        const auto each = m_limits->setForPlatform({ m_platform, limit, {} });
        const auto all = m_limits->setForPlatform({ m_platform, {}, limit });
        QCOMPARE(own.ok(), good);
        QCOMPARE(each.ok(), good);
        QCOMPARE(all.ok(), good);
        if (good)
            continue;
        QCOMPARE(own.error().code, ErrorCode::ValidationError);
        QCOMPARE(own.error().param, name);
        QCOMPARE(each.error().param, u"end_user_default."_s + name);
        QCOMPARE(all.error().param, u"platform."_s + name);
    }
}

void tst_RateLimits::goesWithItsOwner()
{
    setPlatform({ 60, {}, {} });
    (void)setOwn({ 5, {}, {} });
    mustSucceed(EndUserStore(m_scratch->db()).remove(m_platform, m_user));
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM end_user_rate_limits"_s), 0);
    mustSucceed(PlatformStore(m_scratch->db()).remove(m_platform));
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM platform_rate_limits"_s), 0);
}

QTEST_GUILESS_MAIN(tst_RateLimits)
#include "tst_ratelimits.moc"
