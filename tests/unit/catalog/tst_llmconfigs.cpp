// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/catalog.h"
#include "catalog/llmconfigs.h"
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"

#include <QtCore/QFile>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_LlmConfigs : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }

    void keyIsSealedAtRest();
    void sealedKeyBelongsToItsRow();
    void firstKeyBecomesDefault();
    void defaultMovesInOneStep();
    void deletingTheDefaultPassesItOn();
    void deactivatingTheDefaultPassesItOn();
    void withoutDefaultTheOldestIsUsed();
    void inactiveKeysAreNotUsed();
    void sameKeyTwiceIsRefused();
    void keyRules_data();
    void keyRules();
    void replacingTheKey();
    void platformsDoNotSeeEachOther();
    void listsByPage();
    void changesAreNoted();
    void keysCanBeTriedOut();
    void keysCanBeTriedOutBeforeTheyAreStored();
};

namespace {

struct Rig
{
    ScratchDatabase scratch { ScratchDatabase::currentDialect() };
    Catalog catalog { scratch.context() };
    LlmConfigs configs { scratch.context() };
    PlatformId acme = scratch.addPlatform(u"acme"_s);

    Rig()
    {
        scratch.clock.set(*Timestamp::parse(u"2026-11-21T12:00:00Z"));
        mustSucceed(scratch.attempt([this] { return catalog.importStarter(); }));
    }

    LlmConfig add(const QString &key, const QString &provider = u"openai"_s, bool isDefault = false)
    {
        scratch.clock.advanceMs(1000);
        return valueOf(configs.create(acme, { provider, key, isDefault }));
    }
    LlmConfig get(const LlmConfig &config) { return valueOf(configs.get(acme, config.id)); }
    QByteArray usedKey()
    {
        const ProviderKeysState state = valueOf(configs.keysOf(acme));
        return state.keys->isEmpty() ? QByteArray() : state.keys->constFirst().secret;
    }
};

QByteArray bytesOnDisk(const DatabaseUrl &url)
{
    QByteArray all;
    for (const QString &name : { url.name, url.name + u"-wal"_s }) {
        QFile file(name);
        if (file.open(QIODevice::ReadOnly))
            all += file.readAll();
    }
    return all;
}

const QString KeyA = u"sk-first-key-AAAAAAAAAAAAAAAA-aaaa"_s;
const QString KeyB = u"sk-second-key-BBBBBBBBBBBBBBB-bbbb"_s;

} // namespace

void tst_LlmConfigs::keyIsSealedAtRest()
{
    Rig rig;
    const LlmConfig config = rig.add(KeyA);
    QCOMPARE(config.keyHint, u"aaaa"_s);
    QCOMPARE(config.providerSlug, u"openai"_s);
    QCOMPARE(rig.usedKey(), KeyA.toLatin1());
    if (rig.scratch.url().dialect != Dialect::Sqlite)
        QSKIP("only SQLite's files are at hand");
    const QByteArray bytes = bytesOnDisk(rig.scratch.url());
    QVERIFY(bytes.contains(config.id.toLatin1()));
    for (const QByteArray &form : { KeyA.toLatin1(), KeyA.toLatin1().toBase64(), KeyA.toLatin1().toHex(),
                                    KeyA.left(12).toLatin1(), KeyA.mid(5, 20).toLatin1() })
        QVERIFY(!bytes.contains(form));
    QCOMPARE(rig.usedKey(), KeyA.toLatin1());
}

void tst_LlmConfigs::sealedKeyBelongsToItsRow()
{
    Rig rig;
    (void)rig.add(KeyA);
    (void)rig.add(KeyB, u"xai"_s);
    // Whoever can write to the file cannot make one row's key serve another.
    mustSucceed(
        rig.scratch.db().run(u"UPDATE llm_configs SET sealed_key = (SELECT max(sealed_key) FROM llm_configs)"_s));
    QCOMPARE(valueOf(rig.configs.keysOf(rig.acme)).keys->size(), 1);
}

void tst_LlmConfigs::firstKeyBecomesDefault()
{
    Rig rig;
    const LlmConfig first = rig.add(KeyA);
    QVERIFY(first.isDefault && first.isActive);
    QVERIFY(!rig.add(KeyB).isDefault);
    QVERIFY(rig.add(KeyB, u"xai"_s).isDefault);
    QCOMPARE(rig.usedKey().isEmpty(), false);
    QCOMPARE(valueOf(rig.configs.keysOf(rig.acme)).keys->size(), 2);
}

void tst_LlmConfigs::defaultMovesInOneStep()
{
    Rig rig;
    const LlmConfig first = rig.add(KeyA);
    const LlmConfig other = rig.add(KeyA, u"xai"_s);
    const LlmConfig second = rig.add(KeyB, u"openai"_s, true);
    QVERIFY(second.isDefault);
    QVERIFY(!rig.get(first).isDefault);
    QVERIFY(rig.get(other).isDefault);
    (void)valueOf(rig.configs.update(rig.acme, first.id, { .isDefault = true }));
    QVERIFY(rig.get(first).isDefault);
    QVERIFY(!rig.get(second).isDefault);
}

void tst_LlmConfigs::deletingTheDefaultPassesItOn()
{
    Rig rig;
    const LlmConfig first = rig.add(KeyA);
    const LlmConfig second = rig.add(KeyB);
    const LlmConfig third = rig.add(u"sk-third-key"_s);
    (void)valueOf(rig.configs.update(rig.acme, second.id, { .isActive = false }));
    mustSucceed(rig.configs.remove(rig.acme, first.id));
    QVERIFY(!rig.get(second).isDefault);
    QVERIFY(rig.get(third).isDefault);
    QCOMPARE(rig.configs.get(rig.acme, first.id).error().code, ErrorCode::LlmConfigNotFound);
    QCOMPARE(rig.configs.remove(rig.acme, first.id).error().code, ErrorCode::LlmConfigNotFound);
    mustSucceed(rig.configs.remove(rig.acme, third.id));
    QCOMPARE(rig.usedKey(), QByteArray());
}

void tst_LlmConfigs::deactivatingTheDefaultPassesItOn()
{
    Rig rig;
    const LlmConfig first = rig.add(KeyA);
    const LlmConfig second = rig.add(KeyB);
    QVERIFY(!valueOf(rig.configs.update(rig.acme, first.id, { .isActive = false })).isDefault);
    QVERIFY(rig.get(second).isDefault);
    QCOMPARE(rig.configs.update(rig.acme, first.id, { .isDefault = true }).error().param, u"is_default"_s);
    (void)valueOf(rig.configs.update(rig.acme, second.id, { .isActive = false }));
    // The first active key of a provider becomes default.
    QVERIFY(valueOf(rig.configs.update(rig.acme, first.id, { .isActive = true })).isDefault);
}

void tst_LlmConfigs::withoutDefaultTheOldestIsUsed()
{
    Rig rig;
    const LlmConfig first = rig.add(KeyA);
    const LlmConfig second = rig.add(KeyB, u"openai"_s, true);
    QCOMPARE(rig.usedKey(), KeyB.toLatin1());
    QVERIFY(!valueOf(rig.configs.update(rig.acme, second.id, { .isDefault = false })).isDefault);
    QVERIFY(!rig.get(first).isDefault);
    QCOMPARE(rig.usedKey(), KeyA.toLatin1());
}

void tst_LlmConfigs::inactiveKeysAreNotUsed()
{
    Rig rig;
    const LlmConfig only = rig.add(KeyA);
    (void)valueOf(rig.configs.update(rig.acme, only.id, { .isActive = false }));
    QCOMPARE(rig.usedKey(), QByteArray());
}

void tst_LlmConfigs::sameKeyTwiceIsRefused()
{
    Rig rig;
    (void)rig.add(KeyA);
    const LlmConfig second = rig.add(KeyB);
    QCOMPARE(rig.configs.create(rig.acme, { u"openai"_s, u"  "_s + KeyA + u" "_s }).error().code,
             ErrorCode::LlmConfigExists);
    QCOMPARE(rig.configs.update(rig.acme, second.id, { .apiKey = KeyA }).error().code, ErrorCode::LlmConfigExists);
    (void)valueOf(rig.configs.update(rig.acme, second.id, { .apiKey = KeyB })); // its own key
    (void)rig.add(KeyA, u"xai"_s); // another provider
    const PlatformId other = rig.scratch.addPlatform(u"other"_s);
    (void)valueOf(rig.configs.create(other, { u"openai"_s, KeyA }));
    QCOMPARE(valueOf(rig.configs.list(rig.acme)).total, 3);
}

void tst_LlmConfigs::keyRules_data()
{
    QTest::addColumn<QString>("key");
    QTest::addColumn<bool>("isGood");
    QTest::newRow("8 characters") << u"12345678"_s << true;
    QTest::newRow("7 characters") << u"1234567"_s << false;
    QTest::newRow("7 characters and blanks") << u" 1234567 "_s << false;
    QTest::newRow("blanks around it") << u"\t12345678\n"_s << true;
    QTest::newRow("1024 characters") << QString(1024, u'x') << true;
    QTest::newRow("1025 characters") << QString(1025, u'x') << false;
    QTest::newRow("blank inside") << u"sk-1234 5678"_s << false;
    QTest::newRow("line break inside") << u"sk-1234\r\nx: 5678"_s << false;
    QTest::newRow("not ASCII") << u"sk-12345678é"_s << false;
    QTest::newRow("empty") << u""_s << false;
    QTest::newRow("none, for servers without keys") << u"none"_s << true;
}

void tst_LlmConfigs::keyRules()
{
    QFETCH(const QString, key);
    Rig rig;
    const auto made = rig.configs.create(rig.acme, { u"openai"_s, key });
    QTEST(made.ok(), "isGood");
    if (made)
        return;
    QCOMPARE(made.error().code, ErrorCode::ValidationError);
    QCOMPARE(made.error().param, u"api_key"_s);
    QVERIFY(key.isEmpty() || !made.error().message.contains(key));
}

void tst_LlmConfigs::replacingTheKey()
{
    Rig rig;
    const LlmConfig config = rig.add(KeyA);
    rig.scratch.clock.advanceMs(5000);
    const LlmConfig after = valueOf(rig.configs.update(rig.acme, config.id, { .apiKey = KeyB }));
    QCOMPARE(after.keyHint, u"bbbb"_s);
    QCOMPARE(after.createdAt, config.createdAt);
    QVERIFY(after.updatedAt > config.updatedAt);
    QCOMPARE(rig.usedKey(), KeyB.toLatin1());
    (void)rig.add(KeyA); // free again
    QVERIFY(valueOf(rig.configs.find(rig.acme, u"openai"_s, KeyB)));
    QVERIFY(!valueOf(rig.configs.find(rig.acme, u"openai"_s, u"sk-unknown-key"_s)));
}

void tst_LlmConfigs::platformsDoNotSeeEachOther()
{
    Rig rig;
    const LlmConfig config = rig.add(KeyA);
    const PlatformId other = rig.scratch.addPlatform(u"other"_s);
    QCOMPARE(rig.configs.get(other, config.id).error().code, ErrorCode::LlmConfigNotFound);
    QCOMPARE(rig.configs.update(other, config.id, { .isActive = false }).error().code, ErrorCode::LlmConfigNotFound);
    QCOMPARE(rig.configs.remove(other, config.id).error().code, ErrorCode::LlmConfigNotFound);
    QCOMPARE(valueOf(rig.configs.list(other)).total, 0);
    QVERIFY(valueOf(rig.configs.keysOf(other)).keys->isEmpty());
    QCOMPARE(rig.usedKey(), KeyA.toLatin1());
}

void tst_LlmConfigs::listsByPage()
{
    Rig rig;
    for (int i = 0; i < 5; ++i)
        (void)rig.add(u"sk-upstream-key-%1"_s.arg(i));
    (void)rig.add(KeyA, u"xai"_s);
    const LlmConfigList page = valueOf(rig.configs.list(rig.acme, {}, 2, 2));
    QCOMPARE(page.total, 6);
    QCOMPARE(page.rows.size(), 2);
    QCOMPARE(page.rows.constFirst().keyHint, u"ey-3"_s);
    const ProviderId xai = valueOf(rig.catalog.provider(u"xai"_s)).id;
    QCOMPARE(valueOf(rig.configs.list(rig.acme, xai)).total, 1);
    QCOMPARE(valueOf(rig.configs.list(rig.acme, xai)).rows.constFirst().providerSlug, u"xai"_s);
    QCOMPARE(valueOf(rig.configs.list(rig.acme, ProviderId::create())).total, 0);
}

void tst_LlmConfigs::changesAreNoted()
{
    Rig rig;
    const LlmConfig config = rig.add(KeyA);
    QCOMPARE(rig.scratch.changes.providerKeys.constLast().platform, rig.acme);
    QCOMPARE(rig.scratch.changes.providerKeys.constLast().keys->constFirst().secret, KeyA.toLatin1());
    QCOMPARE(rig.scratch.changes.providerKeys.constLast().keys->constFirst().id, config.id);
    (void)valueOf(rig.configs.update(rig.acme, config.id, { .apiKey = KeyB }));
    QCOMPARE(rig.scratch.changes.providerKeys.constLast().keys->constFirst().secret, KeyB.toLatin1());
    mustSucceed(rig.configs.remove(rig.acme, config.id));
    QVERIFY(rig.scratch.changes.providerKeys.constLast().keys->isEmpty());
    QCOMPARE(rig.scratch.changes.providerKeys.size(), 3);
}

void tst_LlmConfigs::keysCanBeTriedOut()
{
    Rig rig;
    const LlmConfig config = rig.add(KeyA, u"anthropic"_s);
    (void)valueOf(rig.configs.update(rig.acme, config.id, { .isActive = false }));
    const ProviderAccess access = valueOf(rig.configs.access(rig.acme, config.id));
    QCOMPARE(access.kind, ProviderKind::Anthropic);
    QCOMPARE(access.provider, u"anthropic"_s);
    QCOMPARE(access.baseUrl, "https://api.anthropic.com"_ba);
    QCOMPARE(access.secret, KeyA.toLatin1());

    const PlatformId rival = rig.scratch.addPlatform(u"rival"_s);
    QCOMPARE(rig.configs.access(rival, config.id).error().code, ErrorCode::LlmConfigNotFound);
    QCOMPARE(rig.configs.access(rig.acme, LlmConfigId::create()).error().code, ErrorCode::LlmConfigNotFound);

    mustSucceed(rig.scratch.db().run(u"UPDATE llm_configs SET sealed_key = 'AAAA'"_s));
    QCOMPARE(rig.configs.access(rig.acme, config.id).error().code, ErrorCode::Internal);
}

void tst_LlmConfigs::keysCanBeTriedOutBeforeTheyAreStored()
{
    Rig rig;
    const ProviderAccess access = valueOf(rig.configs.access(u"google"_s, u' ' + KeyB + u' '));
    QCOMPARE(access.kind, ProviderKind::Google);
    QCOMPARE(access.secret, KeyB.toLatin1());
    QCOMPARE(rig.configs.access(u"nobody"_s, KeyB).error().code, ErrorCode::ProviderNotFound);
    QCOMPARE(rig.configs.access(u"google"_s, u"short"_s).error().code, ErrorCode::ValidationError);
    QCOMPARE(valueOf(rig.configs.list(rig.acme)).total, 0);
}

QTEST_GUILESS_MAIN(tst_LlmConfigs)
#include "tst_llmconfigs.moc"
