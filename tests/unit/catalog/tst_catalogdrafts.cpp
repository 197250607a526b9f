// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/catalogdrafts.h"

#include <QtCore/QJsonDocument>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_CatalogDrafts : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void provider();
    void model();
    void whatIsNotGivenStaysOpen();
    void unknownMembersAreIgnoredUnlessStrict();
    void refusals_data();
    void refusals();
};

namespace {

template<typename Read>
auto readAs(const QByteArray &json, JsonProblem *problem, Read read)
{
    JsonFields fields(QJsonDocument::fromJson(json).object(), {}, problem);
    return read(fields);
}

} // namespace

void tst_CatalogDrafts::provider()
{
    JsonProblem problem { .isStrict = true };
    const ProviderDraft draft =
        readAs(R"({"slug":"local","kind":"openai","name":"Ollama","base_url":"http://127.0.0.1:11434/v1",
        "is_enabled":false,"allow_private_address":true,"drop_fields":["store"],"max_tokens_field":null,"first_byte_timeout_ms":300000})",
               &problem, readProviderDraft);
    QVERIFY(problem.check());
    QCOMPARE(draft.slug, u"local"_s);
    QVERIFY(draft.kind == ProviderKind::OpenAi);
    QCOMPARE(draft.name, u"Ollama"_s);
    QCOMPARE(draft.baseUrl, u"http://127.0.0.1:11434/v1"_s);
    QCOMPARE(draft.isEnabled, false);
    QCOMPARE(draft.options.size(), 4);
    QVERIFY(draft.options.value(u"max_tokens_field"_s).isNull());
}

void tst_CatalogDrafts::model()
{
    JsonProblem problem { .isStrict = true };
    const ModelDraft draft =
        readAs(R"({"slug":"gpt-4o-mini","display_name":"GPT-4o mini","context_window":128000,"max_output_tokens":null,
        "capabilities":["tools"],"mappings":[{"provider":"openai","provider_model_id":"gpt-4o-mini","priority":10,"upstream_api":"chat",
        "quirks":{"sampling":"never","efforts":["low","high"]},
        "input_usd_per_mtok":"0.15","cached_input_usd_per_mtok":"0.075","output_usd_per_mtok":"0.60"}]})",
               &problem, readModelDraft);
    QVERIFY(problem.check());
    QVERIFY(draft.contextWindow && *draft.contextWindow == 128'000);
    QVERIFY(draft.maxOutputTokens && !*draft.maxOutputTokens);
    QVERIFY(!draft.isEnabled);
    const MappingDraft mapping = draft.mappings->constFirst();
    QCOMPARE(mapping.provider, u"openai"_s);
    QCOMPARE(mapping.priority, 10);
    QVERIFY(mapping.upstreamApi == UpstreamApi::Chat);
    QVERIFY(mapping.quirks->sampling == Sampling::Never);
    QCOMPARE(mapping.quirks->efforts, QByteArrayList({ "low", "high" }));
    QCOMPARE(mapping.pricing->table.base.cachedInput, Picos(75'000));
}

void tst_CatalogDrafts::whatIsNotGivenStaysOpen()
{
    JsonProblem problem { .isStrict = true };
    const ModelDraft draft = readAs("{}", &problem, readModelDraft);
    QVERIFY(problem.check());
    QVERIFY(!draft.slug && !draft.displayName && !draft.contextWindow && !draft.capabilities && !draft.mappings);
    const ProviderDraft provider = readAs("{}", &problem, readProviderDraft);
    QVERIFY(!provider.slug && !provider.kind && !provider.baseUrl && provider.options.isEmpty());
}

void tst_CatalogDrafts::unknownMembersAreIgnoredUnlessStrict()
{
    JsonProblem lenient;
    (void)readAs(R"({"id":"x","slug":"a","created_at":"x"})", &lenient, readProviderDraft);
    QVERIFY(lenient.check());
    JsonProblem strict { .isStrict = true };
    (void)readAs(R"({"slug":"a","colour":"red"})", &strict, readProviderDraft);
    QCOMPARE(strict.first->param, u"colour"_s);
}

void tst_CatalogDrafts::refusals_data()
{
    QTest::addColumn<bool>("isModel");
    QTest::addColumn<QByteArray>("json");
    QTest::addColumn<QString>("param");
    QTest::newRow("provider slug with capitals") << false << R"({"slug":"OpenAI"})"_ba << u"slug"_s;
    QTest::newRow("provider slug with a line break behind it") << false << R"({"slug":"a\n"})"_ba << u"slug"_s;
    QTest::newRow("unknown kind") << false << R"({"kind":"azure"})"_ba << u"kind"_s;
    QTest::newRow("base URL of another scheme") << false << R"({"base_url":"file:///etc/passwd"})"_ba << u"base_url"_s;
    QTest::newRow("base URL with a password") << false << R"({"base_url":"https://u:p@host/v1"})"_ba << u"base_url"_s;
    QTest::newRow("base URL with a query") << false << R"({"base_url":"https://host/v1?key=1"})"_ba << u"base_url"_s;
    QTest::newRow("flag as text") << false << R"({"allow_private_address":"yes"})"_ba << u"allow_private_address"_s;
    QTest::newRow("own header") << false << R"({"extra_headers":{"Authorization":"Bearer x"}})"_ba
                                << u"extra_headers"_s;
    QTest::newRow("header with a line break")
        << false << R"({"extra_headers":{"x-a":"1\r\nx-b: 2"}})"_ba << u"extra_headers"_s;
    QTest::newRow("time limit too short") << false << R"({"first_byte_timeout_ms":1})"_ba << u"first_byte_timeout_ms"_s;
    QTest::newRow("model slug with a slash") << true << R"({"slug":"a/b"})"_ba << u"slug"_s;
    QTest::newRow("model slug empty") << true << R"({"slug":""})"_ba << u"slug"_s;
    QTest::newRow("fraction of a token") << true << R"({"context_window":1.5})"_ba << u"context_window"_s;
    QTest::newRow("mapping without provider")
        << true << R"({"mappings":[{"priority":1}]})"_ba << u"mappings[0].provider"_s;
    QTest::newRow("mapping that is no object") << true << R"({"mappings":[1]})"_ba << u"mappings[0]"_s;
    QTest::newRow("two mappings for one provider")
        << true << R"({"mappings":[{"provider":"a"},{"provider":"a"}]})"_ba << u"mappings[1].provider"_s;
    QTest::newRow("unknown wire format") << true << R"({"mappings":[{"provider":"a","upstream_api":"soap"}]})"_ba
                                         << u"mappings[0].upstream_api"_s;
    QTest::newRow("unknown quirk value") << true
                                         << R"({"mappings":[{"provider":"a","quirks":{"sampling":"maybe"}}]})"_ba
                                         << u"mappings[0].quirks.sampling"_s;
    QTest::newRow("half a price") << true << R"({"mappings":[{"provider":"a","output_usd_per_mtok":1}]})"_ba
                                  << u"mappings[0].input_usd_per_mtok"_s;
}

void tst_CatalogDrafts::refusals()
{
    QFETCH(const bool, isModel);
    QFETCH(const QByteArray, json);
    JsonProblem problem;
    if (isModel)
        (void)readAs(json, &problem, readModelDraft);
    else
        (void)readAs(json, &problem, readProviderDraft);
    QVERIFY(problem.first);
    QCOMPARE(problem.first->code, ErrorCode::ValidationError);
    QTEST(problem.first->param, "param");
}

QTEST_APPLESS_MAIN(tst_CatalogDrafts)
#include "tst_catalogdrafts.moc"
