// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "scenario.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

namespace mock {
namespace {

std::optional<long> wholeNumber(std::string_view text)
{
    long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > 1'000'000'000)
        return {};
    return value;
}

bool takeNumber(std::string_view &text, std::string_view prefix, long &value)
{
    if (!text.starts_with(prefix))
        return false;
    const std::string_view rest = text.substr(prefix.size());
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const auto number = wholeNumber(rest.substr(0, digits));
    if (!number)
        return false;
    value = *number;
    text = rest.substr(digits);
    return true;
}

bool takeWord(std::string_view &text, std::string_view word)
{
    if (!text.starts_with(word))
        return false;
    text.remove_prefix(word.size());
    return true;
}

struct FaultName
{
    std::string_view name;
    Scenario::Fault fault;
};
constexpr FaultName faultNames[] = {
    {"html", Scenario::Fault::Html},
    {"empty", Scenario::Fault::Empty},
    {"halfjson", Scenario::Fault::HalfJson},
    {"nousage", Scenario::Fault::NoUsage},
    {"reset", Scenario::Fault::Reset},
    {"close", Scenario::Fault::Close},
    {"resetmid", Scenario::Fault::ResetMid},
    {"cut", Scenario::Fault::Cut},
    {"cutclean", Scenario::Fault::CutClean},
    {"nodone", Scenario::Fault::NoDone},
    {"hang", Scenario::Fault::Hang},
    {"hangmid", Scenario::Fault::HangMid},
    {"errorframe", Scenario::Fault::ErrorFrame},
    {"badframe", Scenario::Fault::BadFrame},
    {"closeidle", Scenario::Fault::CloseIdle},
    {"dup", Scenario::Fault::Dup},
};

bool setStatusFault(Scenario &scenario, std::string_view text)
{
    long status = 0;
    if (!takeNumber(text, "", status) || status < 300 || status > 599)
        return false;
    scenario.status = static_cast<int>(status);
    while (!text.empty()) {
        if (takeWord(text, "nr"))
            scenario.noRetry = true;
        else if (takeWord(text, "key"))
            scenario.keyInMessage = true;
        else if (!takeNumber(text, "rams", scenario.retryAfterMs) && !takeNumber(text, "rad", scenario.retryAfterDate)
                 && !takeNumber(text, "ra", scenario.retryAfter))
            return false;
    }
    return true;
}

bool setFault(Scenario &scenario, std::string_view text)
{
    if (scenario.fault != Scenario::Fault::None)
        return false;
    scenario.faultName = text;
    const auto *found = std::find_if(std::begin(faultNames), std::end(faultNames),
                                     [text](const FaultName &f) { return f.name == text; });
    if (found != std::end(faultNames)) {
        scenario.fault = found->fault;
        return true;
    }
    scenario.fault = Scenario::Fault::Status;
    if (text == "quota") {
        scenario.status = 429;
        scenario.errorCode = "insufficient_quota";
        return true;
    }
    if (text == "context") {
        scenario.status = 400;
        scenario.errorCode = "context_length_exceeded";
        return true;
    }
    if (text == "state") {
        scenario.status = 400;
        scenario.errorCode = "invalid_encrypted_content";
        return true;
    }
    if (text == "redirect") {
        scenario.status = 307;
        return true;
    }
    return setStatusFault(scenario, text);
}

bool setKind(Scenario &scenario, std::string_view option)
{
    if (option == "tools")
        scenario.kind = Scenario::Kind::Tools;
    else if (option == "call")
        scenario.kind = Scenario::Kind::Call;
    else if (option == "refusal")
        scenario.kind = Scenario::Kind::Refusal;
    else if (option == "length")
        scenario.kind = Scenario::Kind::Length;
    else if (option == "content_filter")
        scenario.kind = Scenario::Kind::ContentFilter;
    else if (option == "json")
        scenario.kind = Scenario::Kind::Json;
    else
        return false;
    return true;
}

/// What was written with a number; the rest of the scenario follows from what was not.
struct Given
{
    bool cached = false;
    bool prompt = false;
    bool chunks = false;
    bool size = false;
};

bool setNumber(Scenario &scenario, Given &given, std::string_view option)
{
    const auto whole = [option](std::string_view prefix, long &value) {
        std::string_view rest = option;
        return takeNumber(rest, prefix, value) && rest.empty();
    };
    if (whole("p", scenario.prompt))
        return given.prompt = true;
    if (whole("k", scenario.cached))
        return given.cached = true;
    if (whole("n", scenario.chunks))
        return given.chunks = true;
    if (whole("s", scenario.contentBytes))
        return given.size = true;
    return whole("c", scenario.completion) || whole("r", scenario.reasoning) || whole("d", scenario.delayMs)
        || whole("g", scenario.gapMs) || whole("w", scenario.writeBytes) || whole("first", scenario.firstCalls)
        || whole("every", scenario.everyCall);
}

} // namespace

Scenario Scenario::fromModel(std::string_view model)
{
    Scenario scenario;
    if (!model.starts_with("mock-"))
        return scenario;
    model.remove_prefix(5);

    Given given;
    bool faultFollows = false;
    while (true) {
        const std::size_t dash = std::min(model.find('-'), model.size());
        const std::string_view option = model.substr(0, dash);
        bool known = true;
        if (faultFollows) {
            known = setFault(scenario, option);
            faultFollows = false;
        } else if (option == "fault") {
            faultFollows = true;
        } else if (option == "u") {
            scenario.unicode = true;
        } else if (option != "small" && !setNumber(scenario, given, option) && !setKind(scenario, option)) {
            known = option.starts_with("x");
        }
        if (!known && scenario.unknownOption.empty())
            scenario.unknownOption = option.empty() ? "(empty)" : option;
        if (dash == model.size())
            break;
        model.remove_prefix(dash + 1);
    }
    if (faultFollows && scenario.unknownOption.empty())
        scenario.unknownOption = "fault";

    if (given.prompt && !given.cached)
        scenario.cached = 0;
    if (given.chunks && !given.size)
        scenario.contentBytes = 5 * scenario.chunks;
    scenario.chunks = std::max(scenario.chunks, 1L);
    return scenario;
}

} // namespace mock
