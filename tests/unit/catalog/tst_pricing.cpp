// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/jsonfields.h"
#include "catalog/pricing.h"
#include "core/jsonwriter.h"

#include <QtCore/QJsonDocument>
#include <QtCore/QRandomGenerator>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

Q_DECLARE_METATYPE(assistiv::Usage)

class tst_Pricing : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void cost_data();
    void cost();
    void longContextRepricesTheWholeCall_data();
    void longContextRepricesTheWholeCall();
    void changesTakeEffectByDate_data();
    void changesTakeEffectByDate();
    void nothingUsedIsFree();
    void absurdCountsAreCutOff();
    void agreesWithWideArithmetic();
    void storedFormComesBackUnchanged();
    void mappingFormIsRead();
    void mappingFormIsWrittenWithThePricesOfTheMoment();
    void pricesAreExact_data();
    void pricesAreExact();
    void refusals_data();
    void refusals();
};

namespace {

Pricing read(const QByteArray &json, JsonProblem *problem)
{
    JsonFields fields(QJsonDocument::fromJson(json).object(), {}, problem);
    return storedPricing(fields);
}

Pricing stored(const QByteArray &json)
{
    JsonProblem problem;
    const Pricing pricing = read(json, &problem);
    if (problem.first)
        qFatal("%s: %s", qPrintable(problem.first->param), qPrintable(problem.first->message));
    return pricing;
}

std::optional<Pricing> mapping(const QByteArray &json, JsonProblem *problem)
{
    JsonFields fields(QJsonDocument::fromJson(json).object(), {}, problem);
    auto pricing = mappingPricing(fields);
    fields.finish();
    return pricing;
}

Timestamp at(QStringView text)
{
    return *Timestamp::parse(text);
}

const Timestamp Today = at(u"2026-11-21T12:00:00Z");
const QByteArray SonnetLike =
    R"({"input":"3","cached_input":"0.3","cache_write":"3.75","cache_write_1h":"6","output":"15"})";

} // namespace

// docs/contract/providers-openai.md: what each of the providers' reports becomes, and what it costs.
void tst_Pricing::cost_data()
{
    QTest::addColumn<Usage>("usage");
    QTest::addColumn<QByteArray>("prices");
    QTest::addColumn<qint64>("picos");
    QTest::addColumn<QByteArray>("billed");

    const QByteArray mini = R"({"input":"0.15","cached_input":"0.075","output":"0.60"})";
    QTest::newRow("25 in and 8 out at 0.15 and 0.60 are 8.55 micro-dollars, billed 9")
        << Usage { .inFresh = 25, .outText = 8 } << mini << qint64(8'550'000) << "0.000009"_ba;
    QTest::newRow("Messages: 25 fresh, 100 from the cache, 40 out")
        << Usage { .inFresh = 25, .inCached = 100, .outText = 40 } << SonnetLike
        << qint64(75'000'000 + 30'000'000 + 600'000'000) << "0.000705"_ba;
    QTest::newRow("Gemini: thoughts cost what output costs")
        << Usage { .inFresh = 30, .inCached = 20, .outText = 10, .outReasoning = 90 }
        << R"({"input":"2","cached_input":"0.1","cache_write":null,"output":"10"})"_ba
        << qint64(60'000'000 + 2'000'000 + 1'000'000'000) << "0.001062"_ba;
    QTest::newRow("xAI: reasoning beside the completion")
        << Usage { .inFresh = 26, .inCached = 6, .outText = 9, .outReasoning = 94 }
        << R"({"input":"3","cached_input":"0.75","output":"15"})"_ba << qint64(78'000'000 + 4'500'000 + 1'545'000'000)
        << "0.001628"_ba;
    QTest::newRow("Responses: a cache write has its own price")
        << Usage { .inFresh = 93, .inWrite = 3207, .outText = 15, .outReasoning = 5 }
        << R"({"input":"2","cached_input":"0.1","cache_write":"2.5","output":"10"})"_ba
        << qint64(186'000'000 + 8'017'500'000 + 200'000'000) << "0.008404"_ba;
    QTest::newRow("an hour in the cache costs more than minutes")
        << Usage { .inWrite = 1000, .inWriteLong = 1000 } << SonnetLike << qint64(3'750'000'000 + 6'000'000'000)
        << "0.009750"_ba;
    QTest::newRow("without prices of their own, cache reads and writes are input")
        << Usage { .inFresh = 1, .inCached = 1, .inWrite = 1, .inWriteLong = 1 } << R"({"input":"2","output":"8"})"_ba
        << qint64(8'000'000) << "0.000008"_ba;
    QTest::newRow("reasoning can have its own price")
        << Usage { .outText = 1, .outReasoning = 2 } << R"({"input":"1","output":"2","reasoning":"3"})"_ba
        << qint64(8'000'000) << "0.000008"_ba;
    QTest::newRow("the cheapest single token is one micro-dollar")
        << Usage { .inFresh = 1 } << R"({"input":"0.000001","output":"0"})"_ba << qint64(1) << "0.000001"_ba;
    QTest::newRow("nothing used costs nothing") << Usage {} << mini << qint64(0) << "0.000000"_ba;
    QTest::newRow("a price of zero is free") << Usage { .inFresh = 1000, .outText = 1000 }
                                             << R"({"input":"0","output":"0"})"_ba << qint64(0) << "0.000000"_ba;
}

void tst_Pricing::cost()
{
    QFETCH(const Usage, usage);
    QFETCH(const QByteArray, prices);
    QFETCH(const qint64, picos);
    const Picos raw = assistiv::cost(usage, stored(prices), Today);
    QCOMPARE(raw, picos);
    QTEST(Money::fromPicos(raw).toFixed(), "billed");
}

void tst_Pricing::longContextRepricesTheWholeCall_data()
{
    QTest::addColumn<Usage>("usage");
    QTest::addColumn<qint64>("picos");
    QTest::newRow("at the limit the base price holds")
        << Usage { .inFresh = 272'000, .outText = 10 } << qint64(272'000) * 2'000'000 + 10 * 10'000'000;
    QTest::newRow("one more token makes all of them dear")
        << Usage { .inFresh = 272'001, .outText = 10 } << qint64(272'001) * 4'000'000 + 10 * 15'000'000;
    QTest::newRow("cached and written tokens count for the limit")
        << Usage { .inFresh = 1, .inCached = 200'000, .inWrite = 72'000 }
        << qint64(4'000'000) + qint64(200'000) * 200'000 + qint64(72'000) * 5'000'000;
    QTest::newRow("output does not count") << Usage { .inFresh = 272'000, .outText = 300'000 }
                                           << qint64(272'000) * 2'000'000 + qint64(300'000) * 10'000'000;
}

void tst_Pricing::longContextRepricesTheWholeCall()
{
    const Pricing pricing = stored(R"({"input":"2","cached_input":"0.1","cache_write":"2.5","output":"10",
        "long_context":{"above_input_tokens":272000,"input":"4","cached_input":"0.2","cache_write":"5","output":"15"}})");
    QFETCH(const Usage, usage);
    QTEST(assistiv::cost(usage, pricing, Today), "picos");
}

void tst_Pricing::changesTakeEffectByDate_data()
{
    QTest::addColumn<QString>("startedAt");
    QTest::addColumn<qint64>("picos");
    QTest::newRow("before the day") << u"2026-11-30T23:59:59.999Z"_s << qint64(2'000'000);
    QTest::newRow("from midnight UTC") << u"2026-12-01T00:00:00Z"_s << qint64(4'000'000);
    QTest::newRow("until the next change") << u"2026-12-31T23:59:59Z"_s << qint64(4'000'000);
    QTest::newRow("the next change") << u"2027-01-01T00:00:00Z"_s << qint64(6'000'000);
}

void tst_Pricing::changesTakeEffectByDate()
{
    // Not in order, as a file may have them.
    const Pricing pricing = stored(R"({"input":"2","output":"10","price_changes":[
        {"from":"2027-01-01","input":"6","output":"30"},{"from":"2026-12-01","input":"4","output":"20"}]})");
    QFETCH(const QString, startedAt);
    QTEST(assistiv::cost({ .inFresh = 1 }, pricing, at(startedAt)), "picos");
}

void tst_Pricing::nothingUsedIsFree()
{
    const Pricing pricing = stored(R"({"input":"0.1","output":"0.1"})");
    for (qint64 tokens = 1; tokens < 50; ++tokens)
        QVERIFY(Money::fromPicos(assistiv::cost({ .inFresh = tokens }, pricing, Today)) >= Money::fromMicros(1));
}

void tst_Pricing::absurdCountsAreCutOff()
{
    const Pricing pricing = stored(R"({"input":"10","output":"100000",
        "long_context":{"above_input_tokens":1000,"input":"20","output":"100000"}})");
    constexpr qint64 Most = std::numeric_limits<qint64>::max();
    QCOMPARE(assistiv::cost({ .inFresh = Most, .inCached = Most, .inWrite = Most, .outText = Most }, pricing, Today),
             Picos(Most));
    QCOMPARE(assistiv::cost({ .inFresh = -1'000'000, .outText = 1 }, pricing, Today), Picos(100'000'000'000));
    QVERIFY(Money::fromPicos(Most, 100'000) > Money());
}

void tst_Pricing::agreesWithWideArithmetic()
{
    const quint32 seed = QRandomGenerator::global()->generate();
    qInfo("seed %u", seed);
    QRandomGenerator random(seed);
    const auto number = [&random](qint64 below) { return qint64(random.generate64() % quint64(below)); };
    for (int round = 0; round < 20'000; ++round) {
        const Usage usage { number(1'000'000), number(1'000'000), number(100'000),
                            number(100'000),   number(100'000),   number(100'000) };
        const Price price { .input = number(50'000'000),
                            .output = number(200'000'000),
                            .cachedInput = number(5'000'000),
                            .cacheWrite = number(60'000'000),
                            .cacheWrite1h = number(100'000'000) };
        const Int128 expected = Int128(usage.inFresh) * price.input + Int128(usage.inCached) * *price.cachedInput
            + Int128(usage.inWrite) * *price.cacheWrite + Int128(usage.inWriteLong) * *price.cacheWrite1h
            + Int128(usage.outText + usage.outReasoning) * price.output;
        const int markup = int(number(100'000));
        const Picos raw = assistiv::cost(usage, { .table = { .base = price } }, Today);
        QVERIFY(Int128(raw) == expected);
        const Int128 marked = expected * (10'000 + markup);
        const Int128 micros = (marked + Int128(5'000'000'000)) / Int128(10'000'000'000);
        QVERIFY(Int128(Money::fromPicos(raw, markup).micros()) == micros || (expected > 0 && micros == 0));
    }
}

void tst_Pricing::storedFormComesBackUnchanged()
{
    const Pricing pricing =
        stored(R"({"input":"2","cached_input":"0.000001","cache_write_1h":"7","output":"10","reasoning":"11.5",
        "long_context":{"above_input_tokens":200000,"input":"4","output":"15"},
        "price_changes":[{"from":"2026-12-01","input":"1","output":"5","long_context":{"above_input_tokens":1,"input":"9","output":"9"}}]})");
    QCOMPARE(pricing.changes.size(), 1);
    JsonProblem problem;
    JsonFields fields(storedJson(pricing), {}, &problem);
    QVERIFY(storedPricing(fields) == pricing);
    QVERIFY(problem.check());
}

void tst_Pricing::mappingFormIsRead()
{
    JsonProblem problem { .isStrict = true };
    const auto pricing =
        mapping(R"({"input_usd_per_mtok":"2","cached_input_usd_per_mtok":0.1,"cache_write_usd_per_mtok":null,
        "output_usd_per_mtok":10,"tiers":[{"above_input_tokens":200000,"input_usd_per_mtok":4,"output_usd_per_mtok":"15.00"}],
        "price_changes":[{"from":"2026-12-01","input_usd_per_mtok":1,"output_usd_per_mtok":5}]})",
                &problem);
    QVERIFY(problem.check());
    QVERIFY(pricing == stored(R"({"input":"2","cached_input":"0.1","output":"10",
        "long_context":{"above_input_tokens":200000,"input":"4","output":"15"},
        "price_changes":[{"from":"2026-12-01","input":"1","output":"5"}]})"));
    QVERIFY(!mapping(R"({})", &problem));
    QVERIFY(problem.check());
}

void tst_Pricing::mappingFormIsWrittenWithThePricesOfTheMoment()
{
    const Pricing pricing = stored(R"({"input":"0.15","output":"0.6","price_changes":[
        {"from":"2026-12-01","input":"0.3","output":"1.2"}]})");
    const auto shown = [&pricing](Timestamp moment) {
        JsonWriter json;
        json.beginObject();
        writeMappingPrices(json, pricing, moment);
        json.endObject();
        return json.take();
    };
    QCOMPARE(
        shown(Today),
        R"({"input_usd_per_mtok":0.15,"cached_input_usd_per_mtok":0.15,"cache_write_usd_per_mtok":null,)"
        R"("cache_write_1h_usd_per_mtok":null,"output_usd_per_mtok":0.60,"reasoning_usd_per_mtok":null,"tiers":[],)"
        R"("price_changes":[{"from":"2026-12-01T00:00:00.000Z","input_usd_per_mtok":0.30,"cached_input_usd_per_mtok":0.30,)"
        R"("cache_write_usd_per_mtok":null,"cache_write_1h_usd_per_mtok":null,"output_usd_per_mtok":1.20,)"
        R"("reasoning_usd_per_mtok":null,"tiers":[]}]})"_ba);
    QVERIFY(shown(at(u"2026-12-02T00:00:00Z")).startsWith(R"({"input_usd_per_mtok":0.30,)"));
    QVERIFY(shown(at(u"2026-12-02T00:00:00Z")).endsWith(R"("price_changes":[]})"));
}

void tst_Pricing::pricesAreExact_data()
{
    QTest::addColumn<QByteArray>("written");
    QTest::addColumn<qint64>("picosPerToken");
    QTest::newRow("a number") << "0.15"_ba << qint64(150'000);
    QTest::newRow("a number that binary fractions miss") << "0.000007"_ba << qint64(7);
    QTest::newRow("a number with seven digits") << "1234.567891"_ba << qint64(1'234'567'891);
    QTest::newRow("a whole number") << "15"_ba << qint64(15'000'000);
    QTest::newRow("text") << "\"0.075\""_ba << qint64(75'000);
    QTest::newRow("scientific") << "7.5e-2"_ba << qint64(75'000);
    QTest::newRow("the largest") << "100000"_ba << qint64(100'000'000'000);
}

void tst_Pricing::pricesAreExact()
{
    QFETCH(const QByteArray, written);
    JsonProblem problem;
    const Pricing pricing = read("{\"input\":" + written + ",\"output\":0}", &problem);
    QVERIFY(problem.check());
    QTEST(pricing.table.base.input, "picosPerToken");

    // All of them, as numbers, down to the last micro-dollar.
    for (qint64 micros = 1; micros < 3'000'000; micros += 997) {
        const QByteArray text = Money::fromMicros(micros).toDecimal();
        QCOMPARE(read("{\"input\":" + text + ",\"output\":0}", &problem).table.base.input, micros);
    }
}

void tst_Pricing::refusals_data()
{
    QTest::addColumn<QByteArray>("json");
    QTest::addColumn<QString>("param");
    QTest::newRow("output is missing") << R"({"input_usd_per_mtok":1})"_ba << u"output_usd_per_mtok"_s;
    QTest::newRow("input is null") << R"({"input_usd_per_mtok":null,"output_usd_per_mtok":1})"_ba
                                   << u"input_usd_per_mtok"_s;
    QTest::newRow("seven decimals") << R"({"input_usd_per_mtok":0.0000001,"output_usd_per_mtok":1})"_ba
                                    << u"input_usd_per_mtok"_s;
    QTest::newRow("negative") << R"({"input_usd_per_mtok":"-1","output_usd_per_mtok":1})"_ba << u"input_usd_per_mtok"_s;
    QTest::newRow("too large") << R"({"input_usd_per_mtok":100000.000001,"output_usd_per_mtok":1})"_ba
                               << u"input_usd_per_mtok"_s;
    QTest::newRow("no number") << R"({"input_usd_per_mtok":"free","output_usd_per_mtok":1})"_ba
                               << u"input_usd_per_mtok"_s;
    QTest::newRow("a list") << R"({"input_usd_per_mtok":[1],"output_usd_per_mtok":1})"_ba << u"input_usd_per_mtok"_s;
    QTest::newRow("tier without its limit")
        << R"({"input_usd_per_mtok":1,"output_usd_per_mtok":1,"tiers":[{"input_usd_per_mtok":1,"output_usd_per_mtok":1}]})"_ba
        << u"tiers[0].above_input_tokens"_s;
    QTest::newRow("two tiers") << R"({"input_usd_per_mtok":1,"output_usd_per_mtok":1,"tiers":[{},{}]})"_ba
                               << u"tiers"_s;
    QTest::newRow("change without a day")
        << R"({"input_usd_per_mtok":1,"output_usd_per_mtok":1,"price_changes":[{"input_usd_per_mtok":1,"output_usd_per_mtok":1}]})"_ba
        << u"price_changes[0].from"_s;
    QTest::newRow("a member that does not exist")
        << R"({"input_usd_per_mtok":1,"output_usd_per_mtok":1,"tiers":[{"above_input_tokens":1,"input_usd_per_mtok":1,"output_usd_per_mtok":1,"batch":1}]})"_ba
        << u"tiers[0].batch"_s;
}

void tst_Pricing::refusals()
{
    QFETCH(const QByteArray, json);
    JsonProblem problem { .isStrict = true };
    (void)mapping(json, &problem);
    QVERIFY(problem.first);
    QCOMPARE(problem.first->code, ErrorCode::ValidationError);
    QTEST(problem.first->param, "param");
}

QTEST_APPLESS_MAIN(tst_Pricing)
#include "tst_pricing.moc"
