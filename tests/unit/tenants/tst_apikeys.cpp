// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/hashing.h"
#include "fixtures/scratchdatabase.h"
#include "tenants/apikeys.h"

#include <QtCore/QRegularExpression>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_ApiKeys : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();
    void mints_data();
    void mints();
    void storesOnlyTheHash();
    void noTwoAreAlike();
    void expiryLiesInTheFuture();
    void patches();
    void revokes();
    void revokesOnlyKeysOfTheUser();
    void revokesByName();
    void belongsToItsPlatform();
    void lists();
    void notesUse();
    void adminKeys();

private:
    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<ApiKeys> m_keys;
    PlatformId m_platform;
    EndUserId m_user;
};

void tst_ApiKeys::init()
{
    m_keys.reset();
    m_scratch.reset();
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_keys = std::make_unique<ApiKeys>(m_scratch->context());
    m_platform = m_scratch->addPlatform();
    m_user = m_scratch->addEndUser(m_platform);
}

void tst_ApiKeys::mints_data()
{
    QTest::addColumn<int>("type");
    QTest::addColumn<QString>("prefix");
    QTest::newRow("a platform key") << int(KeyType::Platform) << u"sk-plat_"_s;
    QTest::newRow("an end-user key") << int(KeyType::EndUser) << u"sk-eu_"_s;
    QTest::newRow("an admin key") << int(KeyType::Admin) << u"sk-admin_"_s;
}

void tst_ApiKeys::mints()
{
    QFETCH(int, type);
    QFETCH(QString, prefix);
    const auto made = KeyType(type) == KeyType::Platform ? m_keys->createForPlatform(m_platform, {})
        : KeyType(type) == KeyType::EndUser             ? m_keys->createForEndUser(m_platform, m_user, {})
                                                        : m_keys->createAdminKey();
    QVERIFY(made);
    QVERIFY(QRegularExpression(u"\\A%1[0-9a-f]{64}\\z"_s.arg(prefix)).match(made->rawKey).hasMatch());
    QCOMPARE(made->key.prefix, made->rawKey.first(prefix.size() + 4));
    QCOMPARE(made->key.type, KeyType(type));
    QVERIFY(made->key.isActive && !made->key.expiresAt && !made->key.lastUsedAt);

    // The gates know it from the same commit on.
    const KeyState state = m_scratch->changes.keys.constLast();
    QCOMPARE(state.hash, sha256(made->rawKey.toLatin1()));
    QCOMPARE(state.id, made->key.id);
    QCOMPARE(state.type, KeyType(type));
    QVERIFY(state.isUsable);
}

void tst_ApiKeys::storesOnlyTheHash()
{
    const auto made = m_keys->createForPlatform(m_platform, {});
    Query query = m_scratch->db().prepare(u"SELECT key_hash, key_prefix, name, scopes FROM api_keys"_s);
    QVERIFY(query.exec());
    QVERIFY(query.next());
    QCOMPARE(query.text(0), QString::fromLatin1(sha256(made->rawKey.toLatin1()).toHex()));
    QCOMPARE(query.text(1).size(), 12);
    QCOMPARE(query.text(2), u"API key"_s);
    QCOMPARE(query.text(3), uR"(["inference"])"_s);
}

void tst_ApiKeys::noTwoAreAlike()
{
    QVERIFY(m_keys->createForPlatform(m_platform, {})->rawKey != m_keys->createForPlatform(m_platform, {})->rawKey);
}

void tst_ApiKeys::expiryLiesInTheFuture()
{
    const Timestamp now = m_scratch->clock.now();
    const auto expired = m_keys->createForPlatform(m_platform, { .expiresAt = now });
    QCOMPARE(expired.error().code, ErrorCode::ValidationError);
    QCOMPARE(expired.error().param, u"expires_at"_s);
    const auto made = m_keys->createForPlatform(m_platform, { .expiresAt = now.plusMs(1) });
    QVERIFY(made);
    QCOMPARE(made->key.expiresAt, now.plusMs(1));
    QCOMPARE(m_scratch->changes.keys.constLast().expiresAt, now.plusMs(1));
    QCOMPARE(m_keys->patch(m_platform, made->key.id, { .expiresAt = now.plusMs(-1) }).error().param, u"expires_at"_s);
    QVERIFY(!m_keys->patch(m_platform, made->key.id, { .expiresAt = std::optional<Timestamp>() })->expiresAt);
}

void tst_ApiKeys::patches()
{
    const auto made = m_keys->createForEndUser(m_platform, m_user, { .name = u"old"_s, .scopes = { u"a"_s, u"\"b\""_s } });
    const auto renamed = m_keys->patch(m_platform, made->key.id, { .name = u"new"_s });
    QCOMPARE(renamed->name, u"new"_s);
    QCOMPARE(renamed->scopes, QStringList({ u"a"_s, u"\"b\""_s }));
    QVERIFY(renamed->isActive);
    QVERIFY(!m_keys->patch(m_platform, made->key.id, { .isActive = false })->isActive);
    QVERIFY(!m_scratch->changes.keys.constLast().isUsable);
    QVERIFY(m_keys->patch(m_platform, made->key.id, { .isActive = true })->isActive);
    QVERIFY(m_scratch->changes.keys.constLast().isUsable);
    QCOMPARE(m_scratch->changes.keys.constLast().hash, sha256(made->rawKey.toLatin1()));
    QCOMPARE(m_keys->patch(m_platform, ApiKeyId::create(), {}).error().code, ErrorCode::ApiKeyNotFound);
}

void tst_ApiKeys::revokes()
{
    const auto made = m_keys->createForPlatform(m_platform, {});
    QVERIFY(m_keys->revoke(m_platform, made->key.id));
    QVERIFY(!m_scratch->changes.keys.constLast().isUsable);
    QVERIFY2(m_keys->revoke(m_platform, made->key.id), "repeating it is no error");
    QVERIFY(!m_keys->list(m_platform, {}, 0, 20)->rows.constFirst().isActive);
    QCOMPARE(m_keys->revoke(m_platform, ApiKeyId::create()).error().code, ErrorCode::ApiKeyNotFound);
}

void tst_ApiKeys::revokesOnlyKeysOfTheUser()
{
    const EndUserId other = m_scratch->addEndUser(m_platform, u"other"_s);
    const auto made = m_keys->createForEndUser(m_platform, m_user, {});
    const auto platformKey = m_keys->createForPlatform(m_platform, {});
    QCOMPARE(m_keys->revokeOfEndUser(m_platform, other, made->key.id).error().code, ErrorCode::ApiKeyNotFound);
    QCOMPARE(m_keys->revokeOfEndUser(m_platform, m_user, platformKey->key.id).error().code, ErrorCode::ApiKeyNotFound);
    QVERIFY(m_keys->revokeOfEndUser(m_platform, m_user, made->key.id));
}

void tst_ApiKeys::revokesByName()
{
    const EndUserId other = m_scratch->addEndUser(m_platform, u"other"_s);
    for (const QString &name : { u"demo"_s, u"demo"_s, u"Demo"_s })
        QVERIFY(m_keys->createForEndUser(m_platform, m_user, { .name = name }));
    QVERIFY(m_keys->createForEndUser(m_platform, other, { .name = u"demo"_s }));
    QVERIFY(m_keys->createForPlatform(m_platform, { .name = u"demo"_s }));
    m_scratch->changes = {};
    QVERIFY(m_keys->revokeNamed(m_platform, m_user, u"demo"_s));
    QCOMPARE(m_scratch->changes.keys.size(), 2);
    QVERIFY(!m_scratch->changes.keys.constFirst().isUsable);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM api_keys WHERE is_active"_s), 3);
    // Those that are revoked already are no news.
    QVERIFY(m_keys->revokeNamed(m_platform, m_user, u"demo"_s));
    QCOMPARE(m_scratch->changes.keys.size(), 2);
    QVERIFY(m_keys->revokeNamed(m_scratch->addPlatform(u"other"_s), m_user, u"Demo"_s));
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM api_keys WHERE is_active"_s), 3);
}

void tst_ApiKeys::belongsToItsPlatform()
{
    const PlatformId other = m_scratch->addPlatform(u"other"_s);
    const auto made = m_keys->createForPlatform(m_platform, {});
    QCOMPARE(m_keys->patch(other, made->key.id, {}).error().code, ErrorCode::ApiKeyNotFound);
    QCOMPARE(m_keys->revoke(other, made->key.id).error().code, ErrorCode::ApiKeyNotFound);
    QCOMPARE(m_keys->list(other, {}, 0, 20)->total, 0);
    // An admin key belongs to no platform at all.
    const auto admin = m_keys->createAdminKey();
    QCOMPARE(m_keys->revoke(m_platform, admin->key.id).error().code, ErrorCode::ApiKeyNotFound);
}

void tst_ApiKeys::lists()
{
    const EndUserId other = m_scratch->addEndUser(m_platform, u"other"_s);
    for (int i = 0; i < 3; ++i) {
        QVERIFY(m_keys->createForPlatform(m_platform, { .name = QString::number(i) }));
        m_scratch->clock.advanceMs(1);
    }
    QVERIFY(m_keys->createForEndUser(m_platform, m_user, {}));
    QVERIFY(m_keys->createForEndUser(m_platform, other, {}));
    const auto keys = m_keys->list(m_platform, {}, 0, 2);
    QCOMPARE(keys->total, 3);
    QCOMPARE(keys->rows.size(), 2);
    QCOMPARE(keys->rows.constFirst().name, u"2"_s);
    QCOMPARE(m_keys->list(m_platform, { .type = KeyType::EndUser }, 0, 20)->total, 2);
    const auto ofUser = m_keys->list(m_platform, { KeyType::EndUser, other }, 0, 20);
    QCOMPARE(ofUser->total, 1);
    QCOMPARE(ofUser->rows.constFirst().endUser, other);
}

void tst_ApiKeys::notesUse()
{
    const auto made = m_keys->createForPlatform(m_platform, {});
    const Timestamp later = m_scratch->clock.now().plusMs(1000);
    QVERIFY(m_keys->noteUsed({ { made->key.id, later }, { ApiKeyId::create(), later } }));
    QVERIFY(m_keys->noteUsed({ { made->key.id, later.plusMs(-500) } }));
    QCOMPARE(m_keys->list(m_platform, {}, 0, 20)->rows.constFirst().lastUsedAt, later);
    QVERIFY(m_keys->noteUsed({}));
}

void tst_ApiKeys::adminKeys()
{
    QCOMPARE(*m_keys->hasAdminKey(), false);
    QVERIFY(m_keys->createAdminKey());
    QVERIFY(m_keys->createAdminKey());
    QCOMPARE(*m_keys->hasAdminKey(), true);
    m_scratch->changes = {};
    QVERIFY(m_keys->revokeAdminKeys());
    QCOMPARE(*m_keys->hasAdminKey(), false);
    QCOMPARE(m_scratch->changes.keys.size(), 2);
}

QTEST_GUILESS_MAIN(tst_ApiKeys)
#include "tst_apikeys.moc"
