// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/usage.h"
#include "core/clock.h"
#include "core/money.h"
#include "core/result.h"

#include <QtCore/QJsonObject>
#include <QtCore/QList>

#include <algorithm>
#include <limits>
#include <optional>

namespace assistiv {

/// List prices of one token of each kind. Micro-dollars per million tokens are the same integer as pico-dollars per
/// token, so tokens times price is exact.
struct Price
{
    Picos input = 0;
    Picos output = 0;
    /// What is not priced costs what a fresh input token (for reasoning: an output token) costs.
    std::optional<Picos> cachedInput = {};
    std::optional<Picos> cacheWrite = {};
    std::optional<Picos> cacheWrite1h = {};
    std::optional<Picos> reasoning = {};

    /// The whole call before markup and rounding. What does not fit is cut off at the largest amount: a nonsensical
    /// count of a provider must not turn into a credit.
    constexpr Picos of(const Usage &usage) const
    {
        const Int128 sum = product(usage.inFresh, input) + product(usage.inCached, cachedInput.value_or(input))
            + product(usage.inWrite, cacheWrite.value_or(input))
            + product(usage.inWriteLong, cacheWrite1h.value_or(input)) + product(usage.outText, output)
            + product(usage.outReasoning, reasoning.value_or(output));
        return Picos(std::min(sum, Int128(std::numeric_limits<Picos>::max())));
    }

    friend constexpr bool operator==(const Price &, const Price &) = default;

private:
    static constexpr Int128 product(qint64 tokens, Picos price) { return Int128(std::max<qint64>(tokens, 0)) * price; }
};

/// Prices for calls with a long prompt; they hold for the whole call.
struct LongContext
{
    /// Largest prompt (all four input counters) that still costs the base price.
    qint64 aboveInputTokens = 0;
    Price price = {};

    friend constexpr bool operator==(const LongContext &, const LongContext &) = default;
};

/// Prices that hold together: one row of a provider's price list.
struct PriceTable
{
    Price base = {};
    std::optional<LongContext> longContext = {};

    constexpr const Price &forPrompt(qint64 tokens) const
    {
        return longContext && tokens > longContext->aboveInputTokens ? longContext->price : base;
    }

    friend constexpr bool operator==(const PriceTable &, const PriceTable &) = default;
};

/// A price list that takes the place of the one before it at a moment that was announced.
struct PriceChange
{
    Timestamp from;
    PriceTable table = {};

    friend constexpr bool operator==(const PriceChange &, const PriceChange &) = default;
};

/// All that a provider charges for one model.
struct Pricing
{
    PriceTable table = {};
    /// In order of their dates.
    QList<PriceChange> changes = {};

    /// The list that is valid for a call that starts then.
    const PriceTable &at(Timestamp moment) const;

    friend bool operator==(const Pricing &, const Pricing &) = default;
};

/// What the provider charges for a call, before markup and rounding. A call keeps the prices it started with.
Picos cost(const Usage &usage, const Pricing &pricing, Timestamp startedAt);

static_assert(Price { .input = 150'000, .output = 600'000, .cachedInput = 75'000 }.of({ .inFresh = 25, .outText = 8 })
                  == 8'550'000,
              "25 tokens at 0.15 and 8 at 0.60 USD per million are 8.55 micro-dollars");
static_assert(Price { .input = 3, .output = 5 }.of(
                  { .inFresh = 1, .inCached = 1, .inWrite = 1, .inWriteLong = 1, .outText = 1, .outReasoning = 1 })
                  == 4 * 3 + 2 * 5,
              "a kind without a price of its own costs what input or output costs");
static_assert(
    PriceTable { .base = { .input = 1 }, .longContext = LongContext { 1000, { .input = 2 } } }.forPrompt(1000).input
        == 1,
    "the limit itself is not above it");
static_assert(
    PriceTable { .base = { .input = 1 }, .longContext = LongContext { 1000, { .input = 2 } } }.forPrompt(1001).input
    == 2);
static_assert(Price { .input = 1, .output = 1 }.of({ .inFresh = -5, .outText = 2 }) == 2, "nothing is ever credited");

// JSON. Prices are decimals of USD per million tokens with at most six places, as text or as numbers.

class JsonFields;
class JsonWriter;

/// Highest price that is accepted: 100,000 USD per million tokens.
inline constexpr Money LargestPrice = Money::fromMicros(100'000'000'000);

/// As the database and the starter catalogue have it: {"input": "8", "cached_input": "0.4", …, "long_context": {…},
/// "price_changes": [{"from": "2026-12-01", …}]}.
Pricing storedPricing(JsonFields &fields);
QJsonObject storedJson(const Pricing &pricing);

/// The price members of a mapping in the admin API and the bootstrap file: "input_usd_per_mtok", "output_usd_per_mtok",
/// optional "cached_input_…", "cache_write_…", "cache_write_1h_…", "reasoning_usd_per_mtok", "tiers" (at most one, with
/// "above_input_tokens") and "price_changes" (with "from"). Empty when it has none of them; input and output belong
/// together.
std::optional<Pricing> mappingPricing(JsonFields &fields);
/// The same members, with the prices that are valid at that moment, into an object that was begun.
void writeMappingPrices(JsonWriter &json, const Pricing &pricing, Timestamp moment);

} // namespace assistiv
