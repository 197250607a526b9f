// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/openaiusage.h"

namespace assistiv::openai {

namespace {

using json::dom::element;

/// The two APIs count the same under other names.
struct CountNames
{
    std::string_view input;
    std::string_view inputDetails;
    std::string_view output;
    std::string_view outputDetails;
};
constexpr CountNames ChatNames{"prompt_tokens", "prompt_tokens_details", "completion_tokens",
                               "completion_tokens_details"};
constexpr CountNames ResponsesNames{"input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details"};

struct Counts
{
    qint64 input = 0;
    qint64 cached = 0;
    qint64 written = 0;
    qint64 output = 0;
    qint64 reasoning = 0;
};

qint64 detail(element reported, std::string_view details, std::string_view name)
{
    const auto found = json::member(reported, details);
    return found && found->is_object() ? json::count(*found, name).value_or(0) : 0;
}

std::optional<Counts> counts(element reported, const CountNames &names)
{
    if (!reported.is_object() || !json::member(reported, names.input))
        return {};
    const auto input = json::count(reported, names.input);
    const auto output = json::count(reported, names.output);
    if (!input || !output)
        return {};
    return Counts{.input = *input,
                  .cached = detail(reported, names.inputDetails, "cached_tokens"),
                  .written = detail(reported, names.inputDetails, "cache_write_tokens"),
                  .output = *output,
                  .reasoning = detail(reported, names.outputDetails, "reasoning_tokens")};
}

Usage usageOf(Counts counts)
{
    // Details that exceed the whole are no parts of it.
    if (counts.cached > counts.input)
        counts.input += counts.cached;
    if (counts.cached + counts.written > counts.input)
        counts.input += counts.written;
    const qint64 reasoning = qMin(counts.reasoning, counts.output);
    return {.inFresh = counts.input - counts.cached - counts.written,
            .inCached = counts.cached,
            .inWrite = counts.written,
            .outText = counts.output - reasoning,
            .outReasoning = reasoning};
}

} // namespace

std::optional<Usage> chatUsage(element reported, bool countsReasoningBeside)
{
    auto found = counts(reported, ChatNames);
    if (!found)
        return {};
    if (found->reasoning > 0) {
        int64_t total = -1;
        if (reported["total_tokens"].get(total))
            total = -1;
        const bool beside = total == found->input + found->output + found->reasoning;
        const bool inside = total == found->input + found->output;
        const bool guess = countsReasoningBeside || found->reasoning > found->output;
        if (beside || (!inside && guess))
            found->output += found->reasoning;
    }
    return usageOf(*found);
}

std::optional<Usage> responsesUsage(element reported)
{
    const auto found = counts(reported, ResponsesNames);
    return found ? std::optional(usageOf(*found)) : std::nullopt;
}

} // namespace assistiv::openai
