// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer.h"

#include "jsontext.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace mock {
namespace {

constexpr std::string_view IdPlaceholder = "IIIIIIIIIIIIIIIIIIIIIIIIIIIII"; // 29, as in real ids
constexpr std::string_view CreatedPlaceholder = "1700000000";
constexpr std::string_view DatePlaceholder = "Thu, 01 Jan 1970 00:00:00 GMT";
constexpr long ResetDelayMs = 5; // so that the bytes before it are read first
constexpr std::string_view HtmlPage = "<!DOCTYPE html><html><body><h1>Be right back</h1></body></html>";
constexpr std::string_view RequestIdPlaceholder = "RRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRR";

std::string_view reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 307:
        return "Temporary Redirect";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 402:
        return "Payment Required";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 413:
        return "Payload Too Large";
    case 422:
        return "Unprocessable Entity";
    case 429:
        return "Too Many Requests";
    case 500:
        return "Internal Server Error";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    default:
        return "Unknown";
    }
}

std::string httpDate(std::time_t when)
{
    std::tm parts{};
    gmtime_r(&when, &parts);
    std::array<char, 40> text;
    std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return text.data();
}

/// Puts an answer together and remembers where the patches are.
class Builder
{
public:
    Answer answer;

    Builder &text(std::string_view s)
    {
        answer.bytes += s;
        return *this;
    }
    Builder &slot(Answer::Slot slot, std::string_view placeholder)
    {
        answer.patches.push_back({answer.bytes.size(), slot});
        return text(placeholder);
    }
    Builder &id() { return slot(Answer::Slot::Id, IdPlaceholder); }
    Builder &created() { return slot(Answer::Slot::Created, CreatedPlaceholder); }

    /// Head with the headers of the real thing; `length` < 0 means chunked.
    Builder &head(int status, std::string_view contentType, long length, std::string_view moreHeaders = {})
    {
        answer.status = status;
        text("HTTP/1.1 ").text(std::to_string(status)).text(" ").text(reason(status)).text("\r\nDate: ");
        slot(Answer::Slot::Date, DatePlaceholder).text("\r\nContent-Type: ").text(contentType);
        if (length >= 0)
            text("\r\nContent-Length: ").text(std::to_string(length));
        else
            text("\r\nTransfer-Encoding: chunked\r\nCache-Control: no-cache");
        text("\r\nConnection: keep-alive\r\naccess-control-expose-headers: X-Request-ID\r\nopenai-organization: "
             "mock-org\r\n"
             "openai-processing-ms: 12\r\nopenai-version: 2020-10-01\r\nx-ratelimit-limit-requests: 10000\r\n"
             "x-ratelimit-limit-tokens: 2000000\r\nx-ratelimit-remaining-requests: 9999\r\n"
             "x-ratelimit-remaining-tokens: 1999975\r\nx-ratelimit-reset-requests: 6ms\r\nx-ratelimit-reset-tokens: "
             "0s\r\n"
             "x-request-id: req_");
        return slot(Answer::Slot::RequestId, RequestIdPlaceholder).text("\r\n").text(moreHeaders).text("\r\n");
    }

    /// Adds what another builder has made, as the body.
    Builder &append(const Builder &other)
    {
        const std::size_t offset = answer.bytes.size();
        for (const Answer::Patch &p : other.answer.patches)
            answer.patches.push_back({p.offset + offset, p.slot});
        if (other.answer.usageEnd > 0)
            answer.usageEnd = other.answer.usageEnd + offset;
        return text(other.answer.bytes);
    }

    /// Everything added since the last call may be sent `delayMs` after that.
    void endPiece(long delayMs)
    {
        const std::size_t begin = answer.pieces.empty() ? 0 : answer.pieces.back().end;
        const std::size_t end = answer.bytes.size();
        if (!answer.pieces.empty() && delayMs == 0)
            answer.pieces.back().end = end;
        else if (end > begin || delayMs > 0 || answer.pieces.empty())
            answer.pieces.push_back({end, static_cast<unsigned>(delayMs)});
    }

    /// Cuts the pieces into smaller ones, a millisecond apart.
    void splitPieces(std::size_t size)
    {
        if (size == 0)
            return;
        std::vector<Answer::Piece> small;
        std::size_t begin = 0;
        for (const Answer::Piece &piece : answer.pieces) {
            unsigned delayMs = piece.delayMs;
            do {
                begin = std::min(begin + size, piece.end);
                small.push_back({begin, delayMs});
                delayMs = 1;
            } while (begin < piece.end);
        }
        answer.pieces = std::move(small);
    }

    AnswerPointer finish() { return std::make_shared<const Answer>(std::move(answer)); }
};

// ---------------------------------------------------------------- texts

struct Text
{
    std::string json; // as inside a JSON string
    std::vector<json::Character> characters;

    explicit Text(std::string raw) : json(std::move(raw)), characters(json::characters(json)) { }

    struct Part
    {
        std::string_view json;
        std::size_t bytes;
    };
    /// Part number `index` of `count` equal ones.
    Part part(std::size_t index, std::size_t count) const
    {
        const std::size_t from = index * characters.size() / count;
        const std::size_t to = (index + 1) * characters.size() / count;
        const std::size_t begin = from == 0 ? 0 : characters[from - 1].end;
        const std::size_t end = to == 0 ? 0 : characters[to - 1].end;
        std::size_t bytes = 0;
        for (std::size_t i = from; i < to; ++i)
            bytes += characters[i].utf8Bytes;
        return {std::string_view(json).substr(begin, end - begin), bytes};
    }
    std::size_t bytes() const { return part(0, 1).bytes; }
};

/// The sample text repeated and cut so that it has exactly `size` bytes as UTF-8.
Text content(const Scenario &scenario)
{
    static const std::string plain = "Hello! How can I assist you today? ";
    static const std::string wild =
        "Gr\\u00fc\u00dfe, \u4e16\\u754c! \U0001F600\\ud83d\\ude80 \\\"quoted\\\" \\\\ line\\nnext\\ttab \u20ac ";
    const std::string &sample = scenario.unicode ? wild : plain;
    const std::vector<json::Character> characters = json::characters(sample);
    std::string raw;
    auto missing = static_cast<std::size_t>(scenario.contentBytes);
    raw.reserve(missing * 2);
    for (std::size_t i = 0; missing > 0; i = (i + 1) % characters.size()) {
        const std::size_t begin = i == 0 ? 0 : characters[i - 1].end;
        if (characters[i].utf8Bytes > missing) {
            raw.append(missing, '.');
            break;
        }
        raw.append(sample, begin, characters[i].end - begin);
        missing -= characters[i].utf8Bytes;
    }
    return Text(std::move(raw));
}

std::string_view finishReason(const Scenario &scenario, const Question &question)
{
    if (!question.calls.empty())
        return "tool_calls";
    if (scenario.kind == Scenario::Kind::Length)
        return "length";
    return scenario.kind == Scenario::Kind::ContentFilter ? "content_filter" : "stop";
}

bool isRefusal(const Scenario &scenario)
{
    return scenario.kind == Scenario::Kind::Refusal;
}

std::string usageObject(const Scenario &s)
{
    return "{\"prompt_tokens\":" + std::to_string(s.prompt) + ",\"completion_tokens\":" + std::to_string(s.completion)
        + ",\"total_tokens\":" + std::to_string(s.prompt + s.completion)
        + ",\"prompt_tokens_details\":{\"cached_tokens\":" + std::to_string(s.cached)
        + ",\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":" + std::to_string(s.reasoning)
        + ",\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}";
}

std::string errorObject(std::string_view message, std::string_view type, std::string_view code)
{
    std::string text = "{\"error\":{\"message\":\"";
    text.append(message).append("\",\"type\":\"").append(type).append("\",\"param\":null,\"code\":");
    if (code.empty())
        text += "null";
    else
        text.append("\"").append(code).append("\"");
    return text + "}}";
}

std::string callId(std::size_t index)
{
    return "call_mock" + std::string(19, 'A') + static_cast<char>('0' + index % 10);
}

// ---------------------------------------------------------------- JSON answers

Builder completionBody(const Scenario &scenario, const Question &question)
{
    Builder body;
    body.text("{\"id\":\"chatcmpl-").id().text("\",\"object\":\"chat.completion\",\"created\":").created();
    body.text(",\"model\":\"")
        .text(question.model)
        .text("\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
    const Text text = content(scenario);
    if (!question.calls.empty()) {
        body.text("null,\"tool_calls\":[");
        for (std::size_t i = 0; i < question.calls.size(); ++i) {
            body.text(i == 0 ? "" : ",")
                .text("{\"id\":\"")
                .text(callId(i))
                .text("\",\"type\":\"function\",\"function\":{\"name\":\"");
            body.text(question.calls[i].name)
                .text("\",\"arguments\":\"")
                .text(question.calls[i].arguments)
                .text("\"}}");
        }
        body.text("],\"refusal\":null");
    } else if (isRefusal(scenario)) {
        body.text("null,\"refusal\":\"").text(text.json).text("\"");
    } else {
        body.text("\"").text(text.json).text("\",\"refusal\":null");
    }
    body.text(",\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"")
        .text(finishReason(scenario, question))
        .text("\"}]");
    if (scenario.fault != Scenario::Fault::NoUsage) {
        body.text(",\"usage\":").text(usageObject(scenario));
        body.answer.usageEnd = body.answer.bytes.size();
    }
    body.text(",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_mock00000001\"}\n");
    return body;
}

void appendCompletion(Builder &out, const Builder &body)
{
    out.head(200, "application/json", static_cast<long>(body.answer.bytes.size())).append(body);
}

AnswerPointer completion(const Scenario &scenario, const Question &question)
{
    using Fault = Scenario::Fault;
    Builder body = completionBody(scenario, question);
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
        out.head(200, "application/json", announced).append(body);
        out.answer.end = scenario.fault == Fault::ResetMid ? Answer::End::Reset
            : scenario.fault == Fault::Cut                 ? Answer::End::Fin
            : scenario.fault == Fault::HangMid             ? Answer::End::Never
                                                           : Answer::End::KeepAlive;
    } else {
        appendCompletion(out, body);
        if (scenario.fault == Fault::Dup)
            appendCompletion(out, body);
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

/// Writes a stream frame by frame.
class StreamBuilder
{
public:
    StreamBuilder(const Scenario &scenario, const Question &question) : m_scenario(scenario), m_question(question)
    {
        m_out.head(200, "text/event-stream; charset=utf-8", -1);
    }

    AnswerPointer build()
    {
        using Fault = Scenario::Fault;
        delta("{\"role\":\"assistant\",\"content\":"
              + std::string(m_question.calls.empty() && !isRefusal(m_scenario) ? "\"\"" : "null")
              + (isRefusal(m_scenario) ? "" : ",\"refusal\":null") + "}");
        m_out.endPiece(m_scenario.delayMs);

        m_question.calls.empty() ? contentChunks() : callChunks();
        if (m_stopped)
            return finish();

        delta("{}", finishReason(m_scenario, m_question));
        if (m_question.includeUsage && m_scenario.fault != Fault::NoUsage)
            usageChunk();
        if (m_scenario.fault != Fault::NoDone)
            rawFrame("data: [DONE]\n\n");
        endOfBody();
        m_out.endPiece(m_scenario.gapMs);
        if (m_scenario.fault == Fault::Dup) {
            appendCompletion(m_out, completionBody(m_scenario, m_question));
            m_out.endPiece(0);
        }
        if (m_scenario.fault == Fault::CloseIdle)
            m_out.answer.end = Answer::End::FinWhenDone;
        return finish();
    }

private:
    void contentChunks()
    {
        const Text text = content(m_scenario);
        const auto count = static_cast<std::size_t>(m_scenario.chunks);
        const std::string_view member = isRefusal(m_scenario) ? "refusal" : "content";
        for (std::size_t i = 0; i < count && !m_stopped; ++i) {
            const Text::Part part = text.part(i, count);
            delta("{\"" + std::string(member) + "\":\"" + std::string(part.json) + "\"}");
            mark(part.bytes);
            m_out.endPiece(m_scenario.gapMs);
            if (i + 1 == std::max<std::size_t>(count / 2, 1))
                halfWay();
        }
    }

    void callChunks()
    {
        constexpr std::size_t Fragments = 4;
        const std::size_t half = std::max<std::size_t>(m_question.calls.size() * (Fragments + 1) / 2, 1);
        std::size_t sent = 0;
        for (std::size_t i = 0; i < m_question.calls.size(); ++i) {
            const FunctionCall &call = m_question.calls[i];
            const Text arguments(call.arguments);
            const std::string index = "{\"tool_calls\":[{\"index\":" + std::to_string(i);
            for (std::size_t fragment = 0; fragment <= Fragments && !m_stopped; ++fragment) {
                if (fragment == 0) {
                    delta(index + ",\"id\":\"" + callId(i) + "\",\"type\":\"function\",\"function\":{\"name\":\""
                          + call.name + "\",\"arguments\":\"\"}}]}");
                    mark(Text(call.name).bytes());
                } else {
                    const Text::Part part = arguments.part(fragment - 1, Fragments);
                    delta(index + ",\"function\":{\"arguments\":\"" + std::string(part.json) + "\"}}]}");
                    mark(part.bytes);
                }
                m_out.endPiece(m_scenario.gapMs);
                if (++sent == half)
                    halfWay();
            }
        }
    }

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
            rawFrame(
                "data: "
                + errorObject("The server had an error while processing your request.", "server_error", "server_error")
                + "\n\n");
            endOfBody();
            break;
        case Fault::BadFrame:
            rawFrame("data: {\"id\":\"chatcmpl-broken\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"ind\n\n");
            return;
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

    Builder frameStart()
    {
        Builder frame;
        frame.text("data: {\"id\":\"chatcmpl-")
            .id()
            .text("\",\"object\":\"chat.completion.chunk\",\"created\":")
            .created();
        frame.text(",\"model\":\"").text(m_question.model);
        frame.text("\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_mock00000001\",\"choices\":[");
        return frame;
    }

    void delta(std::string_view delta, std::string_view finish = {})
    {
        Builder frame = frameStart();
        frame.text("{\"index\":0,\"delta\":").text(delta).text(",\"logprobs\":null,\"finish_reason\":");
        if (finish.empty())
            frame.text("null");
        else
            frame.text("\"").text(finish).text("\"");
        frame.text(m_question.includeUsage ? "}],\"usage\":null}\n\n" : "}]}\n\n");
        httpChunk(frame);
    }

    void usageChunk()
    {
        Builder frame = frameStart();
        frame.text("],\"usage\":").text(usageObject(m_scenario)).text("}\n\n");
        frame.answer.usageEnd = frame.answer.bytes.size();
        httpChunk(frame);
    }

    void rawFrame(std::string_view text)
    {
        Builder frame;
        frame.text(text);
        httpChunk(frame);
    }

    void httpChunk(const Builder &frame)
    {
        std::array<char, 20> size;
        std::snprintf(size.data(), size.size(), "%zx\r\n", frame.answer.bytes.size());
        m_out.text(size.data()).append(frame).text("\r\n");
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

    const Scenario &m_scenario;
    const Question &m_question;
    Builder m_out;
    std::size_t m_contentBytes = 0;
    unsigned m_chunks = 0;
    bool m_stopped = false;
};

struct ErrorKind
{
    int status;
    std::string_view type;
    std::string_view code;
    std::string_view message;
};
constexpr ErrorKind errorKinds[] = {
    {400, "invalid_request_error", "invalid_value", "Invalid value for 'messages'."},
    {401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."},
    {402, "billing_error", "billing_not_active", "Your account is not active."},
    {403, "invalid_request_error", "permission_denied", "You are not allowed to use this model."},
    {404, "invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."},
    {408, "server_error", "timeout", "The request timed out."},
    {409, "invalid_request_error", "conflict", "The resource is being changed by another request."},
    {413, "invalid_request_error", "request_too_large", "The request is too large."},
    {422, "invalid_request_error", "unprocessable_entity", "The request could not be processed."},
    {429, "requests", "rate_limit_exceeded", "Rate limit reached for requests."},
    {500, "server_error", "", "The server had an error while processing your request."},
    {502, "server_error", "", "Bad gateway."},
    {503, "server_error", "", "The server is overloaded or not ready yet."},
    {504, "server_error", "", "Gateway timeout."},
    {529, "overloaded_error", "", "Overloaded."},
};

const ErrorKind &errorKind(int status)
{
    const auto *found = std::find_if(std::begin(errorKinds), std::end(errorKinds),
                                     [status](const ErrorKind &k) { return k.status == status; });
    return found == std::end(errorKinds) ? errorKinds[10] : *found;
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
    out.head(status, "application/json", static_cast<long>(body.size())).text(body);
    out.endPiece(0);
    return out.finish();
}

AnswerPointer errorAnswer(int status, std::string_view message, std::string_view code)
{
    return jsonAnswer(status, errorObject(message, errorKind(status).type, code));
}

AnswerPointer statusFaultAnswer(const Scenario &scenario, std::string_view bearer, std::string_view location)
{
    const ErrorKind &kind = errorKind(scenario.status);
    std::string message(kind.message);
    std::string_view code = kind.code;
    std::string_view type = kind.type;
    if (scenario.errorCode == "insufficient_quota") {
        message = "You exceeded your current quota, please check your plan and billing details.";
        code = type = "insufficient_quota";
    } else if (scenario.errorCode == "context_length_exceeded") {
        message =
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 130001 tokens.";
        code = "context_length_exceeded";
    }
    if (scenario.keyInMessage)
        message.append(" You sent ")
            .append(bearer)
            .append(", the organization's is sk-proj-" + std::string(20, 'a') + std::string(20, '7') + ".");

    std::string headers;
    if (scenario.retryAfter >= 0)
        headers += "Retry-After: " + std::to_string(scenario.retryAfter) + "\r\n";
    if (scenario.retryAfterMs >= 0)
        headers += "retry-after-ms: " + std::to_string(scenario.retryAfterMs) + "\r\n";
    if (scenario.retryAfterDate >= 0)
        headers += "Retry-After: " + httpDate(std::time(nullptr) + scenario.retryAfterDate) + "\r\n";
    if (scenario.noRetry)
        headers += "x-should-retry: false\r\n";
    if (scenario.status >= 300 && scenario.status < 400)
        headers.append("Location: ").append(location).append("\r\n");

    const std::string body = errorObject(message, type, code);
    Builder out;
    out.head(scenario.status, "application/json", static_cast<long>(body.size()), headers).text(body);
    out.endPiece(scenario.delayMs);
    return out.finish();
}

AnswerPointer chatAnswer(const Scenario &scenario, const Question &question)
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
        out.head(200, "text/html", static_cast<long>(HtmlPage.size())).text(HtmlPage);
        return whole(out, Answer::End::KeepAlive);
    case Fault::Empty:
        out.head(200, "application/json", 0);
        return whole(out, Answer::End::KeepAlive);
    case Fault::Reset:
    case Fault::Close:
        out.answer.status = 0;
        return whole(out, scenario.fault == Fault::Reset ? Answer::End::Reset : Answer::End::Fin);
    case Fault::Hang:
        out.answer.status = 0;
        return whole(out, Answer::End::Never);
    case Fault::ErrorFrame:
        if (!question.stream) {
            Scenario error = scenario;
            error.status = 500;
            return statusFaultAnswer(error, {}, {});
        }
        break;
    case Fault::HalfJson:
        return completion(scenario, question);
    default:
        break;
    }
    return question.stream ? StreamBuilder(scenario, question).build() : completion(scenario, question);
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
    out.head(200, "application/json", static_cast<long>(body.size())).text(body);
    out.answer.usageEnd = out.answer.bytes.size();
    out.endPiece(scenario.delayMs);
    return out.finish();
}

AnswerPointer modelsAnswer()
{
    std::string body = "{\"object\":\"list\",\"data\":[";
    const std::array names{"mock-small", "mock-p100-c50-k20", "mock-tools"};
    for (const char *name : names)
        body.append(body.back() == '[' ? "" : ",")
            .append("{\"id\":\"")
            .append(name)
            .append("\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"mock\"}");
    return jsonAnswer(200, body + "]}");
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
