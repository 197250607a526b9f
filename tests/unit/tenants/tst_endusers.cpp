// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "tenants/endusers.h"
#include "tenants/platforms.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_EndUsers : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();
    void createsWithAKey();
    void creatingAgainIsTheSameUser();
    void anInactiveUserStaysInactive();
    void opensTheDefaultBudget();
    void opensNoBudgetWithoutADefault();
    void patches();
    void externalIdsAreUnique();
    void searches_data();
    void searches();
    void pages();
    void removesWhatIsTheUsers();
    void keysOfAUser();
    void belongsToItsPlatform();

private:
    Result<CreatedEndUser> create(const QString &externalId, const QString &name = {});
    Result<EndUser> patch(const EndUserId &user, const EndUserChange &change);

    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<ApiKeys> m_keys;
    std::unique_ptr<Budgets> m_budgets;
    std::unique_ptr<EndUsers> m_users;
    PlatformId m_platform;
};

void tst_EndUsers::init()
{
    m_scratch.reset();
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_keys = std::make_unique<ApiKeys>(m_scratch->context());
    m_budgets = std::make_unique<Budgets>(m_scratch->context());
    m_users = std::make_unique<EndUsers>(m_scratch->context(), *m_keys, *m_budgets);
    m_platform = m_scratch->addPlatform();
}

Result<CreatedEndUser> tst_EndUsers::create(const QString &externalId, const QString &name)
{
    return m_scratch->attempt([&] { return m_users->create(m_platform, { .externalId = externalId, .displayName = name }); });
}

Result<EndUser> tst_EndUsers::patch(const EndUserId &user, const EndUserChange &change)
{
    return m_scratch->attempt([&] { return m_users->patch(m_platform, user, change); });
}

void tst_EndUsers::createsWithAKey()
{
    const auto created = m_users->create(m_platform, { u"user-123"_s, u"Jane Smith"_s, R"({"plan":"pro"})" });
    QVERIFY(created);
    QVERIFY(created->isNew);
    QVERIFY(created->key.rawKey.startsWith("sk-eu_"_L1));
    QCOMPARE(created->key.key.endUser, created->user.id);
    QCOMPARE(created->key.key.name, u"Default key"_s);
    QCOMPARE(created->key.key.scopes, QStringList(u"inference"_s));
    const auto user = m_users->get(m_platform, created->user.id);
    QCOMPARE(user->externalId, u"user-123"_s);
    QCOMPARE(user->displayName, u"Jane Smith"_s);
    QCOMPARE(user->metadata, QByteArray(R"({"plan":"pro"})"));
    QVERIFY(user->isActive);
    const EndUserState state = m_scratch->changes.endUsers.constLast();
    QVERIFY(state.exists && state.isActive);
    QCOMPARE(state.id, user->id);
    QCOMPARE(m_users->create(PlatformId::create(), { .externalId = u"x"_s }).error().code, ErrorCode::PlatformNotFound);
}

void tst_EndUsers::creatingAgainIsTheSameUser()
{
    const auto first = create(u"same"_s, u"First"_s);
    const auto again = create(u"same"_s, u"Second"_s);
    QVERIFY(again);
    QVERIFY(!again->isNew);
    QCOMPARE(again->user.id, first->user.id);
    QCOMPARE(again->user.displayName, u"First"_s);
    QVERIFY(again->key.rawKey != first->key.rawKey);
    // Both keys are good.
    QCOMPARE(m_users->keys(m_platform, first->user.id, 0, 20)->total, 2);
    QVERIFY2(create(u"Same"_s)->isNew, "capitals make another user");
}

void tst_EndUsers::anInactiveUserStaysInactive()
{
    const auto first = create(u"u"_s);
    QVERIFY(patch(first->user.id, { .isActive = false }));
    QVERIFY(!m_scratch->changes.endUsers.constLast().isActive);
    const auto again = create(u"u"_s);
    QVERIFY(!again->user.isActive);
    QVERIFY(!m_users->get(m_platform, first->user.id)->isActive);
}

void tst_EndUsers::opensTheDefaultBudget()
{
    QVERIFY(m_scratch->db().run(uR"(UPDATE platforms SET settings = '{"default_budget_usd":10.5}')"_s));
    const ApiKeyId actor = ApiKeyId::create();
    const auto created = m_users->create(m_platform, { .externalId = u"u"_s }, actor);
    const auto budget = m_budgets->get(m_platform, created->user.id);
    QVERIFY(budget);
    QCOMPARE(budget->max, Money::fromMicros(10'500'000));
    QCOMPARE(budget->period, BudgetPeriod::Monthly);
    QVERIFY(budget->isAutomatic && !budget->autoReplenish && !budget->lowBalanceThreshold && !budget->replenishAmount);
    const auto rows = m_budgets->rows(m_platform, created->user.id, {}, 0, 20);
    QCOMPARE(rows->total, 1);
    QCOMPARE(rows->rows.constFirst().reason, u"auto_budget"_s);
    QCOMPARE(rows->rows.constFirst().actorKey, actor);
    // Not once more for the same user.
    QVERIFY(m_budgets->deactivate(m_platform, created->user.id, {}));
    QVERIFY(create(u"u"_s));
    QVERIFY(!m_budgets->get(m_platform, created->user.id));
}

void tst_EndUsers::opensNoBudgetWithoutADefault()
{
    const auto created = create(u"u"_s);
    QCOMPARE(m_budgets->get(m_platform, created->user.id).error().code, ErrorCode::BudgetNotFound);
}

void tst_EndUsers::patches()
{
    const auto created = create(u"u"_s, u"Name"_s);
    m_scratch->clock.advanceMs(3);
    const EndUserId id = created->user.id;
    QCOMPARE(patch(id, { .externalId = u"v"_s })->externalId, u"v"_s);
    QCOMPARE(patch(id, { .metadata = R"({"b":2})" })->metadata, QByteArray(R"({"b":2})"));
    QCOMPARE(patch(id, {})->displayName, u"Name"_s);
    QVERIFY(patch(id, { .displayName = u""_s })->displayName.isEmpty());
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM end_users WHERE display_name IS NULL"_s), 1);
    QCOMPARE(m_users->get(m_platform, id)->updatedAt.ms() - created->user.createdAt.ms(), 3);
}

void tst_EndUsers::externalIdsAreUnique()
{
    QVERIFY(create(u"a"_s));
    const auto b = create(u"b"_s);
    const auto taken = patch(b->user.id, { .externalId = u"a"_s });
    QCOMPARE(taken.error().code, ErrorCode::ExternalIdTaken);
    QCOMPARE(taken.error().param, u"external_id"_s);
    QVERIFY(patch(b->user.id, { .externalId = u"b"_s }));
    // Another platform has its own.
    const PlatformId other = m_scratch->addPlatform(u"other"_s);
    QVERIFY(m_users->create(other, { .externalId = u"a"_s })->isNew);
}

void tst_EndUsers::searches_data()
{
    QTest::addColumn<QString>("externalId");
    QTest::addColumn<int>("isActive");
    QTest::addColumn<QString>("q");
    QTest::addColumn<QStringList>("found");
    const QString any = u"*"_s;
    QTest::newRow("everybody, newest first") << any << -1 << any << QStringList({ u"x%"_s, u"ann"_s, u"anna"_s, u"bob"_s });
    QTest::newRow("by external id") << u"ann"_s << -1 << any << QStringList({ u"ann"_s });
    QTest::newRow("the external id has its case") << u"Ann"_s << -1 << any << QStringList();
    QTest::newRow("no external id at all") << u""_s << -1 << any << QStringList();
    QTest::newRow("the active ones") << any << 1 << any << QStringList({ u"x%"_s, u"ann"_s, u"anna"_s });
    QTest::newRow("the others") << any << 0 << any << QStringList({ u"bob"_s });
    QTest::newRow("part of an external id, whatever the case") << any << -1 << u"NN"_s
                                                                   << QStringList({ u"x%"_s, u"ann"_s, u"anna"_s });
    QTest::newRow("part of a name") << any << -1 << u"the b"_s << QStringList({ u"bob"_s });
    QTest::newRow("the exact external id first") << any << -1 << u"anna"_s << QStringList({ u"anna"_s, u"x%"_s });
    QTest::newRow("wildcards mean themselves") << any << -1 << u"%"_s << QStringList({ u"x%"_s });
    QTest::newRow("and so does the escape") << any << -1 << u"!"_s << QStringList();
    QTest::newRow("an empty search finds everybody") << any << -1 << u""_s
                                                     << QStringList({ u"x%"_s, u"ann"_s, u"anna"_s, u"bob"_s });
}

void tst_EndUsers::searches()
{
    QFETCH(QString, externalId);
    QFETCH(int, isActive);
    QFETCH(QString, q);
    QFETCH(QStringList, found);
    const auto bob = create(u"bob"_s, u"Bob the Builder"_s);
    QVERIFY(patch(bob->user.id, { .isActive = false }));
    for (const auto &[id, name] : { std::pair(u"anna"_s, u""_s), std::pair(u"ann"_s, u""_s), std::pair(u"x%"_s, u"Friend of Anna"_s) }) {
        m_scratch->clock.advanceMs(1);
        QVERIFY(create(id, name));
    }
    EndUserFilter filter;
    if (externalId != u"*"_s)
        filter.externalId = externalId;
    if (isActive >= 0)
        filter.isActive = isActive == 1;
    if (q != u"*"_s)
        filter.q = q;
    const auto rows = m_users->list(m_platform, filter, 0, 20);
    QVERIFY(rows);
    QStringList ids;
    for (const EndUser &user : rows->rows)
        ids.append(user.externalId);
    QCOMPARE(ids, found);
    QCOMPARE(rows->total, found.size());
}

void tst_EndUsers::pages()
{
    for (int i = 0; i < 5; ++i)
        QVERIFY(create(QString::number(i)));
    QSet<QString> seen;
    for (int page = 0; page < 3; ++page) {
        const auto rows = m_users->list(m_platform, {}, page * 2, 2);
        QCOMPARE(rows->total, 5);
        for (const EndUser &user : rows->rows)
            seen.insert(user.externalId);
    }
    QCOMPARE(seen.size(), 5);
    QVERIFY(m_users->list(m_platform, {}, 10, 2)->rows.isEmpty());
}

void tst_EndUsers::removesWhatIsTheUsers()
{
    const auto kept = create(u"kept"_s);
    const auto gone = create(u"gone"_s);
    const EndUserId id = gone->user.id;
    for (const auto &user : { kept->user.id, id }) {
        QVERIFY(m_budgets->create(m_platform, user, { .max = Money::fromMicros(5) }, {}));
        const QString p = m_platform.toString();
        const QString u = user.toString();
        QVERIFY(m_scratch->db().run(
            u"INSERT INTO request_logs (id, platform_id, end_user_id, request_id, request_type, prompt_tokens, completion_tokens, "
            "latency_ms, cost, status, token_count_method, billing_status, metadata, created_at) "
            "VALUES ('l', '%1', '%2', 'r', 't', 0, 0, 0, 7, 's', 'n', 'b', '{}', 1)"_s.arg(p, u)));
        QVERIFY(m_scratch->db().run(
            uR"(INSERT INTO wallet_transactions (id, wallet_id, platform_id, end_user_id, type, amount, balance_after, description,
            metadata, created_at) VALUES ('w', 'w', '%1', '%2', 'llm_usage', 7, 0, 'd', '{"end_user_id":"%2","model":"m"}', 1))"_s
                .arg(p, u)));
        QVERIFY(m_scratch->db().run(u"INSERT INTO idempotency_records (platform_id, idempotency_key, end_user_id, "
                                    "request_fingerprint, status, body, created_at) VALUES ('%1', '%2', '%2', 'f', 200, '', 1)"_s
                                        .arg(p, u)));
        QVERIFY(m_scratch->db().run(u"INSERT INTO responses (id, platform_id, owner_id, status, model, item_bytes, created_at, "
                                    "expires_at, body) VALUES ('r%2', '%1', '%2', 'completed', 'm', 2, 1, 2, '{}')"_s.arg(p, u)));
        QVERIFY(m_scratch->db().run(u"INSERT INTO response_items (response_id, place, owner_id, direction, item) "
                                    "VALUES ('r%1', 0, '%1', 'input', '{}')"_s.arg(u)));
    }
    m_scratch->changes = {};
    QVERIFY(m_users->remove(m_platform, id));
    QVERIFY(!m_scratch->changes.endUsers.constLast().exists);
    QVERIFY(!m_scratch->changes.budgets.constLast().isActive);

    QCOMPARE(m_users->remove(m_platform, id).error().code, ErrorCode::EndUserNotFound);
    for (const char *table : { "end_users", "api_keys", "budgets", "budget_transactions", "idempotency_records", "responses",
                               "response_items" }) {
        const QString sql = u"SELECT count(*) FROM %1"_s.arg(QLatin1StringView(table));
        QVERIFY2(m_scratch->number(sql) == 1, table);
    }
    // The platform's books go on matching: rows stay, nobody's.
    QCOMPARE(m_scratch->number(u"SELECT CAST(sum(cost) AS BIGINT) FROM request_logs"_s), 14);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM request_logs WHERE end_user_id IS NULL"_s), 1);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM wallet_transactions WHERE end_user_id IS NULL AND metadata = "
                               "'{\"end_user_id\":null,\"model\":\"m\"}'"_s), 1);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM wallet_transactions WHERE metadata LIKE '%-%'"_s), 1);
    QVERIFY2(create(u"gone"_s)->isNew, "the external id is free again");
}

void tst_EndUsers::keysOfAUser()
{
    const auto user = create(u"u"_s);
    const auto other = create(u"o"_s);
    const auto key = m_users->createKey(m_platform, user->user.id, { .name = u"phone"_s });
    QVERIFY(key);
    QCOMPARE(m_users->keys(m_platform, user->user.id, 0, 20)->total, 2);
    QCOMPARE(m_users->revokeKey(m_platform, other->user.id, key->key.id).error().code, ErrorCode::ApiKeyNotFound);
    QVERIFY(m_users->revokeKey(m_platform, user->user.id, key->key.id));
    QVERIFY(m_users->revokeKey(m_platform, user->user.id, key->key.id));
    QVERIFY(!m_scratch->changes.keys.constLast().isUsable);
}

void tst_EndUsers::belongsToItsPlatform()
{
    const PlatformId other = m_scratch->addPlatform(u"other"_s);
    const auto user = create(u"u"_s);
    const EndUserId id = user->user.id;
    const auto code = ErrorCode::EndUserNotFound;
    QCOMPARE(m_users->get(other, id).error().code, code);
    QCOMPARE(m_users->patch(other, id, {}).error().code, code);
    QCOMPARE(m_users->remove(other, id).error().code, code);
    QCOMPARE(m_users->createKey(other, id, {}).error().code, code);
    QCOMPARE(m_users->keys(other, id, 0, 20).error().code, code);
    QCOMPARE(m_users->revokeKey(other, id, user->key.key.id).error().code, code);
    QCOMPARE(m_users->list(other, {}, 0, 20)->total, 0);
    QVERIFY(!*m_users->findByExternalId(other, u"u"_s));
    QVERIFY(*m_users->findByExternalId(m_platform, u"u"_s));
}

QTEST_GUILESS_MAIN(tst_EndUsers)
#include "tst_endusers.moc"
