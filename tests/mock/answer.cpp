// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer.h"

#include "builder.h"
#include "wireformat.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace mock {
namespace {

constexpr long ResetDelayMs = 5; // so that the bytes before it are read first
constexpr std::string_view HtmlPage = "<!DOCTYPE html><html><body><h1>Be right back</h1></body></html>";

// ---------------------------------------------------------------- JSON answers

void appendWhole(Builder &out, const WireFormat &format, const Builder &body)
{
    out.head(200, "application/json", static_cast<long>(body.answer.bytes.size()), format.headers()).append(body);
}

AnswerPointer wholeAnswer(const WireFormat &format, const Scenario &scenario, Builder body)
{
    using Fault = Scenario::Fault;
    const std::size_t half = body.answer.bytes.size() / 2;
    Builder out;
    const bool breaks =
        scenario.fault == Fault::ResetMid || scenario.fault == Fault::Cut || scenario.fault == Fault::HangMid;
    if (breaks || scenario.fault == Fault::HalfJson || scenario.fault == Fault::CutClean
        || scenario.fault == Fault::BadFrame) {
        const auto announced = static_cast<long>(breaks ? body.answer.bytes.size() : half);
        std::erase_if(body.answer.patches,
                      [half](const Answer::Patch &p) { return p.offset + RequestIdPlaceholder.size() > half; });
        body.answer.bytes.resize(half);
        body.answer.usageEnd = 0;
        out.head(200, "application/json", announced, format.headers()).append(body);
        out.answer.end = scenario.fault == Fault::ResetMid ? Answer::End::Reset
            : scenario.fault == Fault::Cut                 ? Answer::End::Fin
            : scenario.fault == Fault::HangMid             ? Answer::End::Never
                                                           : Answer::End::KeepAlive;
    } else {
        appendWhole(out, format, body);
        if (scenario.fault == Fault::Dup)
            appendWhole(out, format, body);
        if (scenario.fault == Fault::CloseIdle)
            out.answer.end = Answer::End::FinWhenDone;
    }
    out.endPiece(scenario.delayMs);
    if (scenario.fault == Fault::ResetMid)
        out.endPiece(ResetDelayMs);
    out.splitPieces(static_cast<std::size_t>(scenario.writeBytes));
    return out.finish();
}

// ---------------------------------------------------------------- streams

/// Sends a script frame by frame, and breaks it off where a fault wants it.
class StreamBuilder
{
public:
    StreamBuilder(const WireFormat &format, const Scenario &scenario, const Question &question)
        : m_format(format)
        , m_scenario(scenario)
        , m_question(question)
        , m_script(format.stream(scenario, question))
    {
        m_out.head(200, "text/event-stream; charset=utf-8", -1, format.headers());
    }

    AnswerPointer build()
    {
        using Fault = Scenario::Fault;
        httpChunks(m_script.opening);
        m_out.endPiece(m_scenario.delayMs);

        const std::size_t half = std::max<std::size_t>(m_script.contents.size() / 2, 1);
        if (m_script.contents.empty())
            halfWay();
        for (std::size_t i = 0; i < m_script.contents.size() && !m_stopped; ++i) {
            const StreamScript::Content &content = m_script.contents[i];
            httpChunks(content.frames);
            mark(content.bytes);
            m_out.endPiece(m_scenario.gapMs);
            if (i + 1 == half)
                halfWay();
        }
        if (m_stopped)
            return finish();

        httpChunks(m_script.closing);
        endOfBody();
        m_out.endPiece(m_scenario.gapMs);
        if (m_scenario.fault == Fault::Dup) {
            appendWhole(m_out, m_format, m_format.whole(m_scenario, m_question));
            m_out.endPiece(0);
        }
        if (m_scenario.fault == Fault::CloseIdle)
            m_out.answer.end = Answer::End::FinWhenDone;
        return finish();
    }

private:
    /// What some faults do after half of the chunks.
    void halfWay()
    {
        using Fault = Scenario::Fault;
        switch (m_scenario.fault) {
        case Fault::ResetMid:
            m_out.endPiece(ResetDelayMs);
            return stop(Answer::End::Reset);
        case Fault::Cut:
            return stop(Answer::End::Fin);
        case Fault::HangMid:
            return stop(Answer::End::Never);
        case Fault::CutClean:
            endOfBody();
            break;
        case Fault::ErrorFrame:
            httpChunks({frame(m_script.errorFrame)});
            endOfBody();
            break;
        case Fault::BadFrame:
            return httpChunks({frame(m_script.brokenFrame)});
        default:
            return;
        }
        m_out.endPiece(m_scenario.gapMs);
        stop(Answer::End::KeepAlive);
    }

    void stop(Answer::End end)
    {
        m_stopped = true;
        m_out.answer.end = end;
    }

    void httpChunks(const std::vector<Builder> &frames)
    {
        for (const Builder &each : frames) {
            std::array<char, 20> size;
            std::snprintf(size.data(), size.size(), "%zx\r\n", each.answer.bytes.size());
            m_out.text(size.data()).append(each).text("\r\n");
        }
    }

    void endOfBody() { m_out.text("0\r\n\r\n"); }

    void mark(std::size_t bytes)
    {
        m_contentBytes += bytes;
        m_out.answer.marks.push_back({m_out.answer.bytes.size(), m_contentBytes, ++m_chunks});
    }

    AnswerPointer finish()
    {
        m_out.splitPieces(static_cast<std::size_t>(m_scenario.writeBytes));
        return m_out.finish();
    }

    const WireFormat &m_format;
    const Scenario &m_scenario;
    const Question &m_question;
    const StreamScript m_script;
    Builder m_out;
    std::size_t m_contentBytes = 0;
    unsigned m_chunks = 0;
    bool m_stopped = false;
};

} // namespace

namespace {

/// What some faults answer in the place of what was asked; null for the others.
AnswerPointer answerInstead(const WireFormat &format, const Scenario &scenario, bool streams)
{
    using Fault = Scenario::Fault;
    const auto whole = [&scenario](Builder &out, Answer::End end) {
        out.answer.end = end;
        out.endPiece(scenario.delayMs);
        return out.finish();
    };
    Builder out;
    switch (scenario.fault) {
    case Fault::Html:
        out.head(200, "text/html", static_cast<long>(HtmlPage.size()), format.headers()).text(HtmlPage);
        return whole(out, Answer::End::KeepAlive);
    case Fault::Empty:
        out.head(200, "application/json", 0, format.headers());
        return whole(out, Answer::End::KeepAlive);
    case Fault::Reset:
    case Fault::Close:
        out.answer.status = 0;
        return whole(out, scenario.fault == Fault::Reset ? Answer::End::Reset : Answer::End::Fin);
    case Fault::Hang:
        out.answer.status = 0;
        return whole(out, Answer::End::Never);
    case Fault::ErrorFrame:
        if (!streams) {
            Scenario error = scenario;
            error.status = 500;
            return statusFaultAnswer(format, error, {}, {});
        }
        break;
    default:
        break;
    }
    return {};
}

} // namespace

std::vector<FunctionCall> twoCalls()
{
    return {{"get_weather", "{\\\"location\\\":\\\"Paris\\\"}"},
            {"get_time", "{\\\"timezone\\\":\\\"Europe/Paris\\\"}"}};
}

AnswerPointer jsonAnswer(int status, std::string_view body)
{
    Builder out;
    out.head(status, "application/json", static_cast<long>(body.size()), chatFormat().headers()).text(body);
    out.endPiece(0);
    return out.finish();
}

AnswerPointer errorAnswer(const WireFormat &format, const Complaint &complaint)
{
    const std::string body = format.error(complaint);
    Builder out;
    out.head(complaint.status, "application/json", static_cast<long>(body.size()), format.headers()).text(body);
    out.endPiece(0);
    return out.finish();
}

AnswerPointer statusFaultAnswer(const WireFormat &format, const Scenario &scenario, std::string_view key,
                                std::string_view location)
{
    Complaint complaint = format.complaint(scenario);
    if (scenario.keyInMessage)
        complaint.message.append(" You sent ")
            .append(key)
            .append(", the organization's is sk-proj-" + std::string(20, 'a') + std::string(20, '7') + ".");

    // Formats that say it in the body have no header for it.
    const bool hasHeaders = complaint.retryDelay.empty();
    std::string headers;
    if (hasHeaders && scenario.retryAfter >= 0)
        headers += "Retry-After: " + std::to_string(scenario.retryAfter) + "\r\n";
    if (hasHeaders && scenario.retryAfterMs >= 0)
        headers += "retry-after-ms: " + std::to_string(scenario.retryAfterMs) + "\r\n";
    if (scenario.retryAfterDate >= 0)
        headers += "Retry-After: " + httpDate(std::time(nullptr) + scenario.retryAfterDate) + "\r\n";
    if (scenario.noRetry)
        headers += "x-should-retry: false\r\n";
    if (complaint.status >= 300 && complaint.status < 400)
        headers.append("Location: ").append(location).append("\r\n");

    const std::string body = format.error(complaint);
    Builder out;
    out.head(complaint.status, "application/json", static_cast<long>(body.size()), format.headers(), headers)
        .text(body);
    out.endPiece(scenario.delayMs);
    return out.finish();
}

AnswerPointer answerTo(const WireFormat &format, const Scenario &scenario, const Question &question)
{
    if (AnswerPointer instead = answerInstead(format, scenario, question.stream))
        return instead;
    const bool streams = question.stream && scenario.fault != Scenario::Fault::HalfJson;
    return streams ? StreamBuilder(format, scenario, question).build()
                   : wholeAnswer(format, scenario, format.whole(scenario, question));
}

AnswerPointer embeddingsAnswer(const Scenario &scenario, std::string_view model, std::size_t inputs)
{
    std::string body = "{\"object\":\"list\",\"data\":[";
    for (std::size_t i = 0; i < inputs; ++i) {
        body.append(i == 0 ? "" : ",").append("{\"object\":\"embedding\",\"index\":").append(std::to_string(i));
        body += ",\"embedding\":[0.125,-0.25,0.5,-0.0625,0.75,0.03125,-0.875,0.25]}";
    }
    body.append("],\"model\":\"")
        .append(model)
        .append("\",\"usage\":{\"prompt_tokens\":")
        .append(std::to_string(scenario.prompt));
    body.append(",\"total_tokens\":").append(std::to_string(scenario.prompt)).append("}}");
    Builder out;
    out.head(200, "application/json", static_cast<long>(body.size()), chatFormat().headers()).text(body);
    out.answer.usageEnd = out.answer.bytes.size();
    out.endPiece(scenario.delayMs);
    return out.finish();
}

AnswerPointer modelsAnswer(const WireFormat &format, const Scenario &scenario, std::string_view key,
                           std::string_view location)
{
    if (scenario.fault == Scenario::Fault::Status)
        return statusFaultAnswer(format, scenario, key, location);
    if (AnswerPointer instead = answerInstead(format, scenario, false))
        return instead;
    return wholeAnswer(format, scenario, frame(format.modelList({"mock-small", "mock-p100-c50-k20", "mock-tools"})));
}

void patch(std::string &bytes, const Answer &answer, std::uint64_t serial, std::int64_t nowMs)
{
    static thread_local std::time_t dateSecond = 0;
    static thread_local std::string date;
    const std::time_t second = nowMs / 1000;
    if (second != dateSecond) {
        date = httpDate(second);
        dateSecond = second;
    }
    std::array<char, 40> id{};
    std::uint64_t mixed = (serial + 0x9e3779b97f4a7c15ULL) * 0xbf58476d1ce4e5b9ULL;
    for (std::size_t i = 0; i < 20; ++i, mixed = mixed * 6364136223846793005ULL + 1442695040888963407ULL)
        id[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"[mixed >> 59];
    // The call's number in the last digits, so that ids in a log can be told apart by eye.
    std::uint64_t rest = serial;
    for (std::size_t i = 32; i-- > 20; rest /= 10)
        id[i] = static_cast<char>('0' + rest % 10);
    const std::string created = std::to_string(second); // ten digits until the year 2286

    for (const Answer::Patch &p : answer.patches) {
        char *to = bytes.data() + p.offset;
        switch (p.slot) {
        case Answer::Slot::Id:
            std::copy_n(id.data() + 32 - IdPlaceholder.size(), IdPlaceholder.size(), to);
            break;
        case Answer::Slot::Created:
            std::copy_n(created.data(), CreatedPlaceholder.size(), to);
            break;
        case Answer::Slot::Date:
            std::copy_n(date.data(), DatePlaceholder.size(), to);
            break;
        case Answer::Slot::RequestId:
            std::copy_n(id.data(), RequestIdPlaceholder.size(), to);
            break;
        }
    }
}

} // namespace mock
