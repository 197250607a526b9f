// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace mock {

/// What a model name asks for; the language is described in README.md.
struct Scenario
{
    enum class Kind { Text, Tools, Call, Refusal, Length, ContentFilter, Json };
    enum class Fault {
        None,
        Status, // with all that can stand behind it
        Html,
        Empty,
        HalfJson,
        NoUsage,
        Reset,
        Close,
        ResetMid,
        Cut,
        CutClean,
        NoDone,
        Hang,
        HangMid,
        ErrorFrame,
        BadFrame,
        CloseIdle,
        Dup
    };

    static Scenario fromModel(std::string_view model);

    long prompt = 25;
    long cached = 5;
    long completion = 8;
    long reasoning = 0;
    long chunks = 8;
    long contentBytes = 34;
    long delayMs = 0;
    long gapMs = 0;
    long writeBytes = 0; // 0: as many as the socket takes
    long firstCalls = 0; // 0: no such limit
    long everyCall = 0; // 0: every call
    bool unicode = false;
    Kind kind = Kind::Text;
    Fault fault = Fault::None;
    std::string faultName;
    int status = 200;
    std::string errorCode; // instead of the usual one of the status
    long retryAfter = -1;
    long retryAfterMs = -1;
    long retryAfterDate = -1;
    bool noRetry = false;
    bool keyInMessage = false;
    std::string unknownOption; // not empty: the name is not a sentence of the language
};

} // namespace mock
