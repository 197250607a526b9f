// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "consolerig.h"
#include "core/hashing.h"

using namespace assistiv;
using namespace Qt::StringLiterals;

/// What the console does: platforms, provider keys, money and end users.
class tst_ConsoleQuestions : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();

    void listsPlatformsByName();
    void createsAPlatform();
    void refusesAPlatform_data();
    void refusesAPlatform();

    void followsTheSetUp();
    void setUpLeavesOutWhatCannotBeCalled();
    void setUpOfAnUnknownPlatform();

    void listsProviders();
    void offersModelsThatWereFound();
    void addsAProviderKey();
    void refusesAProviderKey();
    void switchesTheEchoModelOnOnce();
    void refusesTheEchoModel();

    void topsUp();
    void repeatsATopUp();
    void refusesAnotherTopUpWithTheSameKey();
    void refusesATopUp_data();
    void refusesATopUp();
    void aRefusedTopUpDoesNotUseItsKeyUp();
    void booksNothingThatItCannotRemember();
    void findsTopUps();
    void theWalletAgreesWithItsRows();
    void tellsHowFastTheMoneyGoes();

    void createsAnEndUser_data();
    void createsAnEndUser();
    void replacesTheAutomaticBudget();
    void repeatsAnEndUser();
    void refusesAnEndUser();
    void createsOneMoreKey();
    void refusesOneMoreKey();

private:
    Result<console::AddedProviderKey> addKey(const console::NewProviderKey &key)
    {
        return m_rig->write([&](Services &s) { return ConsoleQuestions::addProviderKey(s, key); });
    }
    Result<console::AddedProviderKey> useEcho(const PlatformId &platform)
    {
        return m_rig->write([&](Services &s) { return ConsoleQuestions::useEchoModel(s, platform); });
    }
    Result<console::CreatedEndUser> renewKey(const PlatformId &platform, const EndUserId &user)
    {
        return m_rig->write([&](Services &s) { return ConsoleQuestions::createEndUserKey(s, platform, user); });
    }
    Result<std::optional<console::WalletBooking>> find(const PlatformId &platform, const QString &key)
    {
        return ConsoleQuestions::findTopUp(m_rig->services, platform, key);
    }
    console::SetUpProgress setUp(const PlatformId &platform)
    {
        return valueOf(ConsoleQuestions::setUp(m_rig->services, platform));
    }
    console::WalletState wallet(const PlatformId &platform)
    {
        return valueOf(ConsoleQuestions::wallet(m_rig->services, platform));
    }
    qint64 number(const QString &sql) { return m_rig->number(sql); }
    /// Readable in part, found by its hash, and not in the database.
    void checkRawKey(const QString &raw, const QString &prefix);

    std::unique_ptr<ConsoleRig> m_rig;
    PlatformId m_platform;
};

void tst_ConsoleQuestions::init()
{
    m_rig.reset();
    m_rig = std::make_unique<ConsoleRig>();
    m_platform = m_rig->addPlatform();
}

void tst_ConsoleQuestions::checkRawKey(const QString &raw, const QString &prefix)
{
    QVERIFY2(raw.startsWith(prefix), qPrintable(prefix));
    QCOMPARE(raw.size(), prefix.size() + 64);
    const QString hash = QString::fromLatin1(sha256(raw.toLatin1()).toHex());
    QCOMPARE(number(u"SELECT count(*) FROM api_keys WHERE key_prefix = '%1' AND key_hash = '%2' AND is_active"_s.arg(
                 raw.first(prefix.size() + 4), hash)),
             1);
    QVERIFY(!m_rig->isStored(raw));
    QVERIFY(m_rig->isStored(hash));
}

void tst_ConsoleQuestions::listsPlatformsByName()
{
    ConsoleRig empty;
    QVERIFY(valueOf(ConsoleQuestions::platforms(empty.services)).isEmpty());
    const PlatformId zebra = m_rig->createPlatform(u"Zebra"_s, u"a-zebra"_s).platform.id;
    const PlatformId apple = m_rig->createPlatform(u"Äpfel"_s, u"z-apple"_s).platform.id;
    QVERIFY(m_rig->write([&](Services &s) { return s.platforms.patch(zebra, { .isActive = false }); }));
    const auto found = valueOf(ConsoleQuestions::platforms(m_rig->services));
    QCOMPARE(found.size(), 3);
    QVERIFY(std::is_sorted(found.begin(), found.end(),
                           [](const auto &a, const auto &b) { return a.name.localeAwareCompare(b.name) < 0; }));
    QSet<PlatformId> ids;
    for (const console::PlatformSummary &platform : found) {
        ids.insert(platform.id);
        QCOMPARE(platform.active, platform.id != zebra);
        if (platform.id == apple) {
            QCOMPARE(platform.name, u"Äpfel"_s);
            QCOMPARE(platform.slug, u"z-apple"_s);
        }
    }
    QCOMPARE(ids, (QSet<PlatformId> { m_platform, zebra, apple }));
}

void tst_ConsoleQuestions::createsAPlatform()
{
    const auto created = m_rig->createPlatform(u"Beta, Inc."_s, u"beta"_s);
    QCOMPARE(created.platform.name, u"Beta, Inc."_s);
    QCOMPARE(created.platform.slug, u"beta"_s);
    QVERIFY(created.platform.active);
    checkRawKey(created.rawKey, u"sk-plat_"_s);
    QCOMPARE(wallet(created.platform.id).balance, Money());
    QCOMPARE(number(u"SELECT count(*) FROM wallets WHERE platform_id = '%1'"_s.arg(created.platform.id.toString())), 1);
    QCOMPARE(m_rig->audited(), (QStringList { u"platform.create"_s, u"platform.create"_s }));
    QCOMPARE(valueOf(m_rig->services.audit.list(0, 1)).rows.constFirst().target, created.platform.id.toString());
}

void tst_ConsoleQuestions::refusesAPlatform_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("slug");
    QTest::addColumn<int>("code");
    QTest::addColumn<QString>("param");
    QTest::newRow("a slug that is taken") << u"Acme again"_s << u"acme"_s << int(ErrorCode::SlugTaken) << u"slug"_s;
    QTest::newRow("a slug with capitals") << u"Beta"_s << u"Beta"_s << int(ErrorCode::ValidationError) << u"slug"_s;
    QTest::newRow("no slug") << u"Beta"_s << QString() << int(ErrorCode::ValidationError) << u"slug"_s;
    QTest::newRow("no name") << QString() << u"beta"_s << int(ErrorCode::ValidationError) << u"name"_s;
}

void tst_ConsoleQuestions::refusesAPlatform()
{
    QFETCH(QString, name);
    QFETCH(QString, slug);
    QFETCH(int, code);
    QFETCH(QString, param);
    const qint64 before = m_rig->allRows();
    const auto refused = m_rig->write([&](Services &s) { return ConsoleQuestions::createPlatform(s, { name, slug }); });
    QVERIFY(!refused);
    QCOMPARE(int(refused.error().code), code);
    QCOMPARE(refused.error().param, param);
    QCOMPARE(m_rig->allRows(), before);
}

void tst_ConsoleQuestions::followsTheSetUp()
{
    // What happens elsewhere does not count.
    const PlatformId other = m_rig->addPlatform(u"other"_s);
    QVERIFY(useEcho(other));
    QVERIFY(m_rig->topUp(other, usd("1"), u"k"_s));
    m_rig->call(other, { .user = m_rig->addUser(other, u"bob"_s, "1") });

    console::SetUpProgress progress = setUp(m_platform);
    QVERIFY(!progress.hasProvider && progress.model.isEmpty());
    QVERIFY(!progress.walletFunded && !progress.endUser && !progress.requestSeen);
    QCOMPARE(progress.walletBalance, Money());

    QVERIFY(useEcho(m_platform));
    progress = setUp(m_platform);
    QVERIFY(progress.hasProvider);
    QCOMPARE(progress.model, u"sandbox-echo"_s);

    QVERIFY(m_rig->topUp(m_platform, usd("50"), u"k"_s));
    progress = setUp(m_platform);
    QVERIFY(progress.walletFunded);
    QCOMPARE(progress.walletBalance, usd("50"));

    const EndUserId first = m_rig->addUser(m_platform, u"alice"_s, "10");
    m_rig->scratch.clock.advanceMs(1);
    const EndUserId second = m_rig->addUser(m_platform, u"aaron"_s, "20");
    progress = setUp(m_platform);
    QCOMPARE(progress.endUser, std::optional(first));
    QCOMPARE(progress.endUserExternalId, u"alice"_s);
    QCOMPARE(progress.endUserBudget, usd("10"));
    QVERIFY(m_rig->write([&](Services &s) { return s.endUsers.patch(m_platform, first, { .isActive = false }); }));
    QCOMPARE(setUp(m_platform).endUser, std::optional(second));

    m_rig->call(m_platform, { .status = CallStatus::Error, .user = second, .error = "boom" });
    QVERIFY(!setUp(m_platform).requestSeen);
    m_rig->call(m_platform, { .costMicros = 50'000'000, .user = second });
    progress = setUp(m_platform);
    QVERIFY(progress.requestSeen);
    QVERIFY2(progress.walletFunded, "an empty wallet was topped up once all the same");
    QCOMPARE(progress.walletBalance, Money());
}

void tst_ConsoleQuestions::setUpLeavesOutWhatCannotBeCalled()
{
    QVERIFY(addKey({ m_platform, m_rig->provider(u"openai"_s), u"sk-secret-0001"_s, {} }));
    QCOMPARE(setUp(m_platform).model, u"cheap"_s);

    // A model that nobody has priced is no cheap one: users with a budget cannot call it.
    ModelDraft draft { .slug = u"unpriced"_s, .displayName = u"Unpriced"_s };
    draft.mappings = { { .provider = u"openai"_s, .pricing = Pricing() } };
    QVERIFY(m_rig->write([&](Services &s) { return s.catalog.createModel(draft); }));
    QCOMPARE(setUp(m_platform).model, u"cheap"_s);

    const ModelId cheap = m_rig->model(u"cheap"_s);
    QVERIFY(m_rig->write([&](Services &s) { return s.catalog.updateModel(cheap, { .isEnabled = false }); }));
    QCOMPARE(setUp(m_platform).model, u"dear"_s);

    const ProviderId openAi = m_rig->provider(u"openai"_s);
    QVERIFY(m_rig->write([&](Services &s) { return s.catalog.updateProvider(openAi, { .isEnabled = false }); }));
    QVERIFY(setUp(m_platform).model.isEmpty());
    QVERIFY(!setUp(m_platform).hasProvider);
}

void tst_ConsoleQuestions::setUpOfAnUnknownPlatform()
{
    const auto progress = ConsoleQuestions::setUp(m_rig->services, PlatformId::create());
    QVERIFY(!progress);
    QCOMPARE(progress.error().code, ErrorCode::PlatformNotFound);
}

void tst_ConsoleQuestions::listsProviders()
{
    const ProviderId google = m_rig->provider(u"google"_s);
    QVERIFY(m_rig->write([&](Services &s) { return s.catalog.updateProvider(google, { .isEnabled = false }); }));
    const ProviderId openAi = m_rig->provider(u"openai"_s);
    QVERIFY(addKey({ m_platform, openAi, u"sk-secret-0001"_s, {} }));
    QVERIFY(useEcho(m_platform));
    QHash<QString, bool> hasKey;
    for (const console::ProviderSummary &provider : valueOf(ConsoleQuestions::providers(m_rig->services, m_platform))) {
        QCOMPARE(provider.id, m_rig->provider(provider.slug));
        QVERIFY(!provider.name.isEmpty());
        hasKey.insert(provider.slug, provider.hasKey);
    }
    QCOMPARE(hasKey, (QHash<QString, bool> { { u"openai"_s, true }, { u"anthropic"_s, false }, { u"xai"_s, false } }));

    const PlatformId other = m_rig->addPlatform(u"other"_s);
    for (const console::ProviderSummary &provider : valueOf(ConsoleQuestions::providers(m_rig->services, other)))
        QVERIFY(!provider.hasKey);
}

void tst_ConsoleQuestions::offersModelsThatWereFound()
{
    const ProviderId openAi = m_rig->provider(u"openai"_s);
    // Another provider has a model of the same name; what the catalogue does not know is left out.
    const QStringList found { u"cheap-1"_s, u"old-1"_s, u"unheard-of"_s };
    const auto offered = valueOf(ConsoleQuestions::offeredModels(m_rig->services, openAi, found));
    QCOMPARE(offered.size(), 2);
    for (const console::OfferedModel &model : offered) {
        const bool isCheap = model.slug == "cheap"_L1;
        QVERIFY(isCheap || model.slug == "old"_L1);
        QCOMPARE(model.id, m_rig->model(model.slug));
        QCOMPARE(model.inputPrice, usd(isCheap ? "0.1" : "0.05"));
        QCOMPARE(model.outputPrice, usd(isCheap ? "0.5" : "0.2"));
        QCOMPARE(model.enabled, isCheap);
    }
    QVERIFY(valueOf(ConsoleQuestions::offeredModels(m_rig->services, openAi, {})).isEmpty());
    QVERIFY(valueOf(ConsoleQuestions::offeredModels(m_rig->services, ProviderId::create(), found)).isEmpty());
}

void tst_ConsoleQuestions::addsAProviderKey()
{
    const ProviderId openAi = m_rig->provider(u"openai"_s);
    const QList<console::ModelSwitch> switches { { m_rig->model(u"cheap"_s), false },
                                                { m_rig->model(u"old"_s), true } };
    const auto added = valueOf(addKey({ m_platform, openAi, u"sk-secret-a9f2"_s, switches }));
    QCOMPARE(added.hint, u"a9f2"_s);
    QCOMPARE(added.model, u"old"_s);
    QVERIFY(!valueOf(m_rig->services.catalog.model(u"cheap"_s)).isEnabled);
    QVERIFY(valueOf(m_rig->services.catalog.model(u"dear"_s)).isEnabled);
    const LlmConfig config = valueOf(m_rig->services.llmConfigs.get(m_platform, added.id));
    QVERIFY(config.isActive && config.isDefault);
    QCOMPARE(valueOf(m_rig->services.llmConfigs.access(m_platform, added.id)).secret, QByteArray("sk-secret-a9f2"));
    QVERIFY(!m_rig->isStored(u"sk-secret"_s));
    QCOMPARE(m_rig->audited(), (QStringList { u"platform.create"_s, u"llm_config.create"_s, u"model.update"_s,
                                               u"model.update"_s }));

    // The newest key is the one that calls use.
    const auto newer = valueOf(addKey({ m_platform, openAi, u"sk-secret-0002"_s, {} }));
    QCOMPARE(valueOf(m_rig->services.llmConfigs.keysOf(m_platform)).keys->constFirst().id, newer.id);
    QCOMPARE(number(u"SELECT count(*) FROM llm_configs WHERE is_default"_s), 1);
}

void tst_ConsoleQuestions::refusesAProviderKey()
{
    const ProviderId openAi = m_rig->provider(u"openai"_s);
    const QString key = u"sk-secret-a9f2"_s;
    QVERIFY(addKey({ m_platform, openAi, key, {} }));
    const QList<console::ModelSwitch> unknown { { m_rig->model(u"cheap"_s), false }, { ModelId::create(), true } };
    const std::pair<console::NewProviderKey, ErrorCode> refusals[] = {
        { { m_platform, openAi, key, {} }, ErrorCode::LlmConfigExists },
        { { m_platform, openAi, u"short"_s, {} }, ErrorCode::ValidationError },
        { { m_platform, ProviderId::create(), u"sk-secret-0002"_s, {} }, ErrorCode::ProviderNotFound },
        { { PlatformId::create(), openAi, u"sk-secret-0002"_s, {} }, ErrorCode::PlatformNotFound },
        { { m_platform, openAi, u"sk-secret-0002"_s, unknown }, ErrorCode::ModelNotFound },
    };
    const qint64 before = m_rig->allRows();
    for (const auto &[wanted, code] : refusals) {
        const auto refused = addKey(wanted);
        QVERIFY(!refused);
        QCOMPARE(refused.error().code, code);
        QVERIFY2(!refused.error().message.contains(wanted.apiKey), "a key does not belong into a message");
        QCOMPARE(m_rig->allRows(), before);
    }
    QVERIFY2(valueOf(m_rig->services.catalog.model(u"cheap"_s)).isEnabled, "a switch of a refused key stayed");
}

void tst_ConsoleQuestions::switchesTheEchoModelOnOnce()
{
    const auto first = valueOf(useEcho(m_platform));
    QCOMPARE(first.model, u"sandbox-echo"_s);
    QVERIFY(m_rig->services.catalog.model(first.model));
    const qint64 before = m_rig->allRows();
    QCOMPARE(valueOf(useEcho(m_platform)).id, first.id);
    QCOMPARE(m_rig->allRows(), before);

    QVERIFY(m_rig->write([&](Services &s) {
        return s.llmConfigs.update(m_platform, first.id, { .isActive = false });
    }));
    QVERIFY(!setUp(m_platform).hasProvider);
    QCOMPARE(valueOf(useEcho(m_platform)).id, first.id);
    QVERIFY(setUp(m_platform).hasProvider);
    QCOMPARE(m_rig->rowsOf(u"llm_configs"_s), 1);
    QCOMPARE(m_rig->audited(), (QStringList { u"platform.create"_s, u"llm_config.create"_s, u"llm_config.update"_s }));
}

void tst_ConsoleQuestions::refusesTheEchoModel()
{
    const qint64 before = m_rig->allRows();
    const auto refused = useEcho(PlatformId::create());
    QVERIFY(!refused);
    QCOMPARE(refused.error().code, ErrorCode::PlatformNotFound);
    QCOMPARE(m_rig->allRows(), before);
}

void tst_ConsoleQuestions::topsUp()
{
    const auto booked = valueOf(m_rig->topUp(m_platform, usd("12.345678"), u"key-1"_s));
    QCOMPARE(booked.amount, usd("12.345678"));
    QCOMPARE(booked.balanceAfter, usd("12.345678"));
    QCOMPARE(booked.bookedAtMs, m_rig->scratch.clock.now().ms());
    QVERIFY(!booked.replayed);
    QCOMPARE(valueOf(m_rig->topUp(m_platform, usd("1"), u"key-2"_s)).balanceAfter, usd("13.345678"));
    QCOMPARE(wallet(m_platform).balance, usd("13.345678"));
    const WalletFilter filter { .type = WalletRowType::TopUp };
    const auto rows = valueOf(m_rig->services.wallets.rows(m_platform, filter, 0, AllRows)).rows;
    QCOMPARE(rows.size(), 2);
    QCOMPARE(rows.constLast().amount, usd("12.345678"));
    QCOMPARE(rows.constLast().description, u"Invoice"_s);
    QVERIFY(rows.constLast().actorKey.isNull());
    QCOMPARE(m_rig->audited(), (QStringList { u"platform.create"_s, u"wallet.top_up"_s, u"wallet.top_up"_s }));
}

void tst_ConsoleQuestions::repeatsATopUp()
{
    const auto booked = valueOf(m_rig->topUp(m_platform, usd("5"), u"key-1"_s));
    QVERIFY(m_rig->topUp(m_platform, usd("2"), u"key-2"_s));
    m_rig->scratch.clock.advanceMs(60'000);
    const qint64 before = m_rig->allRows();
    const auto again = valueOf(m_rig->topUp(m_platform, usd("5.00"), u"key-1"_s));
    QVERIFY(again.replayed);
    QCOMPARE(again.amount, booked.amount);
    QCOMPARE(again.balanceAfter, booked.balanceAfter);
    QCOMPARE(again.bookedAtMs, booked.bookedAtMs);
    QCOMPARE(m_rig->allRows(), before);
    QCOMPARE(wallet(m_platform).balance, usd("7"));

    // Another platform's key is another key.
    const PlatformId other = m_rig->addPlatform(u"other"_s);
    QVERIFY(!valueOf(m_rig->topUp(other, usd("5"), u"key-1"_s)).replayed);
    QCOMPARE(wallet(other).balance, usd("5"));
}

void tst_ConsoleQuestions::refusesAnotherTopUpWithTheSameKey()
{
    QVERIFY(m_rig->topUp(m_platform, usd("5"), u"key-1"_s));
    const qint64 before = m_rig->allRows();
    const auto amount = m_rig->topUp(m_platform, usd("5.000001"), u"key-1"_s);
    QVERIFY(!amount);
    QCOMPARE(amount.error().code, ErrorCode::IdempotencyConflict);
    const auto description = m_rig->topUp(m_platform, usd("5"), u"key-1"_s, u"Another invoice"_s);
    QVERIFY(!description);
    QCOMPARE(description.error().code, ErrorCode::IdempotencyConflict);
    QCOMPARE(m_rig->allRows(), before);
    QCOMPARE(wallet(m_platform).balance, usd("5"));
}

void tst_ConsoleQuestions::refusesATopUp_data()
{
    QTest::addColumn<bool>("isKnown");
    QTest::addColumn<QByteArray>("amount");
    QTest::addColumn<int>("code");
    const int invalid = int(ErrorCode::ValidationError);
    QTest::newRow("nothing") << true << QByteArray("0") << invalid;
    QTest::newRow("less than nothing") << true << QByteArray("-1") << invalid;
    QTest::newRow("more than is accepted at once") << true << QByteArray("1000000.000001") << invalid;
    QTest::newRow("more than the wallet holds") << true << QByteArray("999999.999999") << invalid;
    QTest::newRow("a platform that is gone") << false << QByteArray("1") << int(ErrorCode::PlatformNotFound);
}

void tst_ConsoleQuestions::refusesATopUp()
{
    QFETCH(bool, isKnown);
    QFETCH(QByteArray, amount);
    QFETCH(int, code);
    QVERIFY(m_rig->topUp(m_platform, usd("1"), u"key-1"_s));
    const qint64 before = m_rig->allRows();
    const auto refused = m_rig->topUp(isKnown ? m_platform : PlatformId::create(), usd(amount), u"key-2"_s);
    QVERIFY(!refused);
    QCOMPARE(int(refused.error().code), code);
    QCOMPARE(m_rig->allRows(), before);
    QCOMPARE(wallet(m_platform).balance, usd("1"));
}

void tst_ConsoleQuestions::aRefusedTopUpDoesNotUseItsKeyUp()
{
    QVERIFY(!m_rig->topUp(m_platform, usd("0"), u"key-1"_s));
    QVERIFY(!valueOf(find(m_platform, u"key-1"_s)));
    QVERIFY(!valueOf(m_rig->topUp(m_platform, usd("3"), u"key-1"_s)).replayed);
    QCOMPARE(wallet(m_platform).balance, usd("3"));
}

void tst_ConsoleQuestions::booksNothingThatItCannotRemember()
{
    const qint64 before = m_rig->allRows();
    QVERIFY(!m_rig->topUp(m_platform, usd("3"), QString()));
    QCOMPARE(m_rig->allRows(), before);
    QCOMPARE(wallet(m_platform).balance, Money());
}

void tst_ConsoleQuestions::findsTopUps()
{
    QVERIFY(!valueOf(find(m_platform, u"key-1"_s)));
    const auto booked = valueOf(m_rig->topUp(m_platform, usd("999999.999999"), u"key-1"_s));
    const auto found = valueOf(find(m_platform, u"key-1"_s));
    QVERIFY(found);
    QCOMPARE(found->amount, booked.amount);
    QCOMPARE(found->balanceAfter, booked.balanceAfter);
    QCOMPARE(found->bookedAtMs, booked.bookedAtMs);
    QVERIFY(found->replayed);
    QVERIFY(!valueOf(find(m_platform, u"key-2"_s)));
    QVERIFY(!valueOf(find(m_rig->addPlatform(u"other"_s), u"key-1"_s)));

    // A key that a client sent over the API.
    const QString fingerprint = Idempotency::requestFingerprint("POST", "/v1/wallet/topup", R"({"amount":5})");
    QVERIFY(m_rig->write([&](Services &s) {
        return s.idempotency.store(m_platform, u"key-2"_s, {}, { fingerprint, 200, R"({"amount":5.00})" });
    }));
    QVERIFY(!valueOf(find(m_platform, u"key-2"_s)));
    const auto refused = m_rig->topUp(m_platform, usd("5"), u"key-2"_s);
    QVERIFY(!refused);
    QCOMPARE(refused.error().code, ErrorCode::IdempotencyConflict);
}

void tst_ConsoleQuestions::theWalletAgreesWithItsRows()
{
    QVERIFY(m_rig->topUp(m_platform, usd("10"), u"key-1"_s));
    QVERIFY(m_rig->topUp(m_platform, usd("0.000001"), u"key-2"_s));
    const EndUserId user = m_rig->addUser(m_platform, u"alice"_s, "5");
    m_rig->call(m_platform, { .costMicros = 1'234'567, .user = user });
    m_rig->call(m_platform, { .costMicros = 3 });
    const console::WalletState state = wallet(m_platform);
    QVERIFY(state.active);
    QVERIFY(!state.lowThreshold);
    QCOMPARE(state.balance, usd("8.765431"));
    QCOMPARE(state.balance.micros(),
             number(u"SELECT CAST(sum(CASE WHEN type = 'top_up' THEN amount ELSE -amount END) AS BIGINT) "
                    "FROM wallet_transactions"_s));
    QCOMPARE(state.balance.micros(),
             number(u"SELECT balance_after FROM wallet_transactions ORDER BY seq DESC LIMIT 1"_s));

    QVERIFY(m_rig->write([&](Services &s) { return s.wallets.setLowBalanceThreshold(m_platform, usd("9")); }));
    QCOMPARE(wallet(m_platform).lowThreshold, std::optional(usd("9")));

    const auto unknown = ConsoleQuestions::wallet(m_rig->services, PlatformId::create());
    QVERIFY(!unknown);
    QCOMPARE(unknown.error().code, ErrorCode::PlatformNotFound);
}

void tst_ConsoleQuestions::tellsHowFastTheMoneyGoes()
{
    constexpr qint64 HourMs = 3'600'000;
    const auto rate = [this] { return wallet(m_platform).spendPerHour; };
    m_rig->call(m_platform, { .status = CallStatus::Error, .error = "boom" });
    QVERIFY(!rate());
    m_rig->call(m_platform, { .costMicros = 2'400'000 });
    QCOMPARE(rate(), std::optional(usd("2.4")));
    m_rig->scratch.clock.advanceMs(4 * HourMs);
    QCOMPARE(rate(), std::optional(usd("0.6")));
    m_rig->scratch.clock.advanceMs(20 * HourMs);
    QCOMPARE(rate(), std::optional(usd("0.1")));
    m_rig->scratch.clock.advanceMs(1);
    QVERIFY(!rate());
    // Who has called before spends over the whole day, not in the last minute only.
    m_rig->call(m_platform, { .atMs = -60'000, .costMicros = 4'800'000 });
    QCOMPARE(rate(), std::optional(usd("0.2")));
}

void tst_ConsoleQuestions::createsAnEndUser_data()
{
    QTest::addColumn<int>("asked");
    QTest::addColumn<QString>("stored");
    QTest::newRow("once") << int(console::BudgetPeriod::OneTime) << u"one_time"_s;
    QTest::newRow("each day") << int(console::BudgetPeriod::Daily) << u"daily"_s;
    QTest::newRow("each month") << int(console::BudgetPeriod::Monthly) << u"monthly"_s;
}

void tst_ConsoleQuestions::createsAnEndUser()
{
    QFETCH(int, asked);
    QFETCH(QString, stored);
    const auto created = valueOf(m_rig->createUser(m_platform, u"alice"_s, usd("10.5"), console::BudgetPeriod(asked)));
    QCOMPARE(created.externalId, u"alice"_s);
    QCOMPARE(created.budget, usd("10.5"));
    checkRawKey(created.rawKey, u"sk-eu_"_s);
    const QString id = created.id.toString();
    QCOMPARE(number(u"SELECT count(*) FROM end_users WHERE id = '%1' AND platform_id = '%2' AND external_id = 'alice' "
                    "AND display_name = 'Alice'"_s.arg(id, m_platform.toString())), 1);
    QCOMPARE(number(u"SELECT count(*) FROM budgets WHERE end_user_id = '%1' AND max_usd = 10500000 AND used_usd = 0 "
                    "AND period = '%2' AND is_active"_s.arg(id, stored)), 1);
    QCOMPARE(number(u"SELECT count(*) FROM budget_transactions WHERE end_user_id = '%1' AND type = 'opening' "
                    "AND source = 'console' AND amount = 10500000"_s.arg(id)), 1);
    QCOMPARE(m_rig->rowsOf(u"budget_transactions"_s), 1);
    QCOMPARE(m_rig->audited(), (QStringList { u"platform.create"_s, u"end_user.create"_s }));
}

void tst_ConsoleQuestions::replacesTheAutomaticBudget()
{
    QVERIFY(m_rig->write([&](Services &s) {
        return s.platforms.patch(m_platform, { .settings = R"({"default_budget_usd":3})" });
    }));
    const auto created = valueOf(m_rig->createUser(m_platform, u"alice"_s, usd("10")));
    QCOMPARE(created.budget, usd("10"));
    QCOMPARE(valueOf(m_rig->services.budgets.get(m_platform, created.id)).max, usd("10"));
    QCOMPARE(number(u"SELECT CAST(sum(amount) AS BIGINT) FROM budget_transactions"_s), 10'000'000);
}

void tst_ConsoleQuestions::repeatsAnEndUser()
{
    const auto first = valueOf(m_rig->createUser(m_platform, u"alice"_s, usd("10")));
    m_rig->call(m_platform, { .costMicros = 1'000'000, .user = first.id });
    const auto again = valueOf(m_rig->createUser(m_platform, u"alice"_s, usd("10")));
    QCOMPARE(again.id, first.id);
    QCOMPARE(again.budget, usd("10"));
    QVERIFY(again.rawKey != first.rawKey);
    checkRawKey(again.rawKey, u"sk-eu_"_s);
    checkRawKey(first.rawKey, u"sk-eu_"_s);
    QCOMPARE(m_rig->rowsOf(u"end_users"_s), 1);
    QCOMPARE(m_rig->rowsOf(u"budgets"_s), 1);
    QCOMPARE(valueOf(m_rig->services.budgets.get(m_platform, first.id)).used, usd("1"));

    // The same name on another platform is somebody else.
    const PlatformId other = m_rig->addPlatform(u"other"_s);
    QVERIFY(valueOf(m_rig->createUser(other, u"alice"_s, usd("10"))).id != first.id);
}

void tst_ConsoleQuestions::refusesAnEndUser()
{
    QVERIFY(m_rig->createUser(m_platform, u"alice"_s, usd("10")));
    const qint64 before = m_rig->allRows();
    const auto otherBudget = m_rig->createUser(m_platform, u"alice"_s, usd("11"));
    QVERIFY(!otherBudget);
    QCOMPARE(otherBudget.error().code, ErrorCode::BudgetExists);
    const auto noBudget = m_rig->createUser(m_platform, u"bob"_s, Money());
    QVERIFY(!noBudget);
    QCOMPARE(noBudget.error().code, ErrorCode::ValidationError);
    QCOMPARE(noBudget.error().param, u"max_usd"_s);
    const auto nowhere = m_rig->createUser(PlatformId::create(), u"bob"_s, usd("1"));
    QVERIFY(!nowhere);
    QCOMPARE(nowhere.error().code, ErrorCode::PlatformNotFound);
    QCOMPARE(m_rig->allRows(), before);
}

void tst_ConsoleQuestions::createsOneMoreKey()
{
    const auto created = valueOf(m_rig->createUser(m_platform, u"alice"_s, usd("10")));
    const auto renewed = valueOf(renewKey(m_platform, created.id));
    QCOMPARE(renewed.id, created.id);
    QCOMPARE(renewed.externalId, u"alice"_s);
    QCOMPARE(renewed.budget, usd("10"));
    QVERIFY(renewed.rawKey != created.rawKey);
    checkRawKey(renewed.rawKey, u"sk-eu_"_s);
    checkRawKey(created.rawKey, u"sk-eu_"_s);
    QCOMPARE(valueOf(m_rig->services.endUsers.keys(m_platform, created.id, 0, AllRows)).total, 2);
    QCOMPARE(m_rig->audited(), (QStringList { u"platform.create"_s, u"end_user.create"_s, u"end_user.create_key"_s }));

    QVERIFY(m_rig->write([&](Services &s) { return s.budgets.deactivate(m_platform, created.id, consoleActor()); }));
    QCOMPARE(valueOf(renewKey(m_platform, created.id)).budget, Money());
}

void tst_ConsoleQuestions::refusesOneMoreKey()
{
    const EndUserId user = m_rig->addUser(m_platform, u"alice"_s, "10");
    const PlatformId other = m_rig->addPlatform(u"other"_s);
    const qint64 before = m_rig->allRows();
    const std::pair<PlatformId, EndUserId> unknown[] = { { m_platform, EndUserId::create() }, { other, user } };
    for (const auto &[platform, id] : unknown) {
        const auto refused = renewKey(platform, id);
        QVERIFY(!refused);
        QCOMPARE(refused.error().code, ErrorCode::EndUserNotFound);
    }
    QCOMPARE(m_rig->allRows(), before);
}

QTEST_GUILESS_MAIN(tst_ConsoleQuestions)
#include "tst_consolequestions.moc"
