// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/pricing.h"

#include "catalog/jsonfields.h"
#include "core/jsonwriter.h"

#include <QtCore/QJsonArray>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

struct PriceNames
{
    QLatin1StringView input;
    QLatin1StringView cachedInput;
    QLatin1StringView cacheWrite;
    QLatin1StringView cacheWrite1h;
    QLatin1StringView output;
    QLatin1StringView reasoning;
};

constexpr PriceNames StoredNames { "input"_L1,          "cached_input"_L1, "cache_write"_L1,
                                   "cache_write_1h"_L1, "output"_L1,       "reasoning"_L1 };
constexpr PriceNames MappingNames { "input_usd_per_mtok"_L1,       "cached_input_usd_per_mtok"_L1,
                                    "cache_write_usd_per_mtok"_L1, "cache_write_1h_usd_per_mtok"_L1,
                                    "output_usd_per_mtok"_L1,      "reasoning_usd_per_mtok"_L1 };
constexpr QLatin1StringView LongContextName = "long_context"_L1;
constexpr QLatin1StringView TiersName = "tiers"_L1;
constexpr QLatin1StringView AboveName = "above_input_tokens"_L1;
constexpr QLatin1StringView ChangesName = "price_changes"_L1;
constexpr QLatin1StringView FromName = "from"_L1;
constexpr int MostChanges = 20;
constexpr qint64 LargestThreshold = 1'000'000'000;

std::optional<Picos> optionalPrice(JsonFields &fields, QLatin1StringView name)
{
    const auto given = fields.money(name, Money(), LargestPrice);
    return given ? std::optional<Picos>(given->micros()) : std::nullopt;
}

Picos requiredPrice(JsonFields &fields, QLatin1StringView name)
{
    if (!fields.has(name) || fields.isNull(name))
        fields.refuse(name, u"%1 is required."_s.arg(name));
    return optionalPrice(fields, name).value_or(0);
}

Price readPrice(JsonFields &fields, const PriceNames &names)
{
    return { .input = requiredPrice(fields, names.input),
             .output = requiredPrice(fields, names.output),
             .cachedInput = optionalPrice(fields, names.cachedInput),
             .cacheWrite = optionalPrice(fields, names.cacheWrite),
             .cacheWrite1h = optionalPrice(fields, names.cacheWrite1h),
             .reasoning = optionalPrice(fields, names.reasoning) };
}

LongContext readLongContext(JsonFields &fields, const PriceNames &names)
{
    if (!fields.has(AboveName))
        fields.refuse(AboveName, u"%1 is required."_s.arg(AboveName));
    const LongContext tier { fields.integer(AboveName, 1, LargestThreshold).value_or(0), readPrice(fields, names) };
    fields.finish();
    return tier;
}

PriceTable readStoredTable(JsonFields &fields)
{
    PriceTable table { .base = readPrice(fields, StoredNames) };
    if (auto tier = fields.object(LongContextName))
        table.longContext = readLongContext(*tier, StoredNames);
    return table;
}

PriceTable readMappingTable(JsonFields &fields)
{
    PriceTable table { .base = readPrice(fields, MappingNames) };
    auto tiers = fields.objects(TiersName, 1);
    if (tiers && !tiers->isEmpty())
        table.longContext = readLongContext(tiers->first(), MappingNames);
    return table;
}

template<typename ReadTable>
QList<PriceChange> readChanges(JsonFields &fields, ReadTable readTable)
{
    QList<PriceChange> changes;
    auto entries = fields.objects(ChangesName, MostChanges).value_or(QList<JsonFields>());
    for (JsonFields &entry : entries) {
        if (!entry.has(FromName))
            entry.refuse(FromName, u"%1 is required."_s.arg(FromName));
        const Timestamp from = entry.date(FromName).value_or(Timestamp());
        changes.append({ from, readTable(entry) });
        entry.finish();
    }
    std::stable_sort(changes.begin(), changes.end(),
                     [](const PriceChange &a, const PriceChange &b) { return a.from < b.from; });
    return changes;
}

void addPrice(QJsonObject &object, const Price &price)
{
    const auto add = [&object](QLatin1StringView name, std::optional<Picos> given) {
        if (given)
            object.insert(name, QString::fromLatin1(Money::fromMicros(*given).toDecimal()));
    };
    add(StoredNames.input, price.input);
    add(StoredNames.cachedInput, price.cachedInput);
    add(StoredNames.cacheWrite, price.cacheWrite);
    add(StoredNames.cacheWrite1h, price.cacheWrite1h);
    add(StoredNames.output, price.output);
    add(StoredNames.reasoning, price.reasoning);
}

QJsonObject tableJson(const PriceTable &table)
{
    QJsonObject object;
    addPrice(object, table.base);
    if (table.longContext) {
        QJsonObject tier { { AboveName, table.longContext->aboveInputTokens } };
        addPrice(tier, table.longContext->price);
        object.insert(LongContextName, tier);
    }
    return object;
}

void writePrice(JsonWriter &json, const Price &price)
{
    const auto member = [&json](QLatin1StringView name, std::optional<Picos> given) {
        json.key(QByteArrayView(name.data(), name.size()));
        if (given)
            json.value(Money::fromMicros(*given));
        else
            json.null();
    };
    member(MappingNames.input, price.input);
    member(MappingNames.cachedInput, price.cachedInput.value_or(price.input));
    member(MappingNames.cacheWrite, price.cacheWrite);
    member(MappingNames.cacheWrite1h, price.cacheWrite1h);
    member(MappingNames.output, price.output);
    member(MappingNames.reasoning, price.reasoning);
}

void writeTable(JsonWriter &json, const PriceTable &table)
{
    writePrice(json, table.base);
    json.key("tiers").beginArray();
    if (table.longContext) {
        json.beginObject().member("above_input_tokens", table.longContext->aboveInputTokens);
        writePrice(json, table.longContext->price);
        json.endObject();
    }
    json.endArray();
}

} // namespace

const PriceTable &Pricing::at(Timestamp moment) const
{
    const PriceTable *valid = &table;
    for (const PriceChange &change : changes) {
        if (change.from <= moment)
            valid = &change.table;
    }
    return *valid;
}

Picos cost(const Usage &usage, const Pricing &pricing, Timestamp startedAt)
{
    // Wide, because the counts are a provider's word.
    const Int128 prompt = Int128(usage.inFresh) + usage.inCached + usage.inWrite + usage.inWriteLong;
    const qint64 promptTokens = qint64(std::clamp<Int128>(prompt, 0, std::numeric_limits<qint64>::max()));
    return pricing.at(startedAt).forPrompt(promptTokens).of(usage);
}

Pricing storedPricing(JsonFields &fields)
{
    Pricing pricing { .table = readStoredTable(fields) };
    pricing.changes = readChanges(fields, readStoredTable);
    return pricing;
}

QJsonObject storedJson(const Pricing &pricing)
{
    QJsonObject object = tableJson(pricing.table);
    QJsonArray changes;
    for (const PriceChange &change : pricing.changes) {
        QJsonObject entry = tableJson(change.table);
        entry.insert(FromName, QString::fromLatin1(change.from.toIso()));
        changes.append(entry);
    }
    if (!changes.isEmpty())
        object.insert(ChangesName, changes);
    return object;
}

std::optional<Pricing> mappingPricing(JsonFields &fields)
{
    bool isPriced = false;
    for (const QLatin1StringView name :
         { MappingNames.input, MappingNames.cachedInput, MappingNames.cacheWrite, MappingNames.cacheWrite1h,
           MappingNames.output, MappingNames.reasoning, TiersName, ChangesName })
        isPriced = fields.has(name) || isPriced;
    if (!isPriced)
        return {};
    Pricing pricing { .table = readMappingTable(fields) };
    pricing.changes = readChanges(fields, readMappingTable);
    return pricing;
}

void writeMappingPrices(JsonWriter &json, const Pricing &pricing, Timestamp moment)
{
    writeTable(json, pricing.at(moment));
    json.key("price_changes").beginArray();
    for (const PriceChange &change : pricing.changes) {
        if (change.from <= moment)
            continue;
        json.beginObject().member("from", change.from);
        writeTable(json, change.table);
        json.endObject();
    }
    json.endArray();
}

} // namespace assistiv
