// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "expectation.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

namespace bench {
namespace {

constexpr std::string_view Sample = "Hello! How can I assist you today? "; // of mockprovider

/// The number behind a one-letter option of a model's name.
std::optional<std::size_t> option(std::string_view model, char letter)
{
    while (true) {
        const std::size_t dash = model.find('-');
        if (dash == std::string_view::npos)
            return {};
        model.remove_prefix(dash + 1);
        const std::string_view word = model.substr(0, model.find('-'));
        if (word.size() > 1 && word.front() == letter
            && word.find_first_not_of("0123456789", 1) == std::string_view::npos)
            return std::strtoul(std::string(word.substr(1)).c_str(), nullptr, 10);
    }
}

std::string sampleText(std::size_t size)
{
    std::string text;
    while (text.size() < size)
        text += Sample;
    text.resize(size);
    return text;
}

bool contains(std::string_view text, std::string_view part)
{
    return text.find(part) != std::string_view::npos;
}

} // namespace

Expectation::Expectation(std::string model, const Options &options)
    : m_model(std::move(model))
    , m_stream(options.stream)
    , m_includeUsage(options.includeUsage)
{
    const auto chunks = option(m_model, 'n');
    m_content = sampleText(option(m_model, 's').value_or(chunks ? 5 * *chunks : 34));
    m_modelMember = "\"model\":\"" + m_model + "\"";
    m_contentMember = "\"content\":\"" + m_content + "\"";
    m_usageMember = "\"prompt_tokens\":" + std::to_string(option(m_model, 'p').value_or(25));

    std::string body = "{\"model\":\"" + m_model
        + "\",\"messages\":[{\"role\":\"system\",\"content\":\"You are a helpful "
          "assistant.\"},{\"role\":\"user\",\"content\":\""
        + sampleText(options.promptBytes) + "\"}],\"temperature\":0.7,\"max_tokens\":256";
    if (m_stream)
        body += m_includeUsage ? ",\"stream\":true,\"stream_options\":{\"include_usage\":true}" : ",\"stream\":true";
    body += "}";
    m_request = "POST " + options.path + " HTTP/1.1\r\nHost: " + options.host + "\r\nAuthorization: Bearer "
        + options.key
        + "\r\nContent-Type: application/json\r\nAccept: " + (m_stream ? "text/event-stream" : "application/json")
        + "\r\nUser-Agent: benchclient\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

bool Expectation::hasUsage(std::string_view text) const
{
    const std::size_t at = text.find(m_usageMember);
    if (at == std::string_view::npos)
        return false;
    const std::string_view rest = text.substr(at + m_usageMember.size());
    return !rest.empty() && (rest.front() == ',' || rest.front() == '}');
}

std::string Expectation::problem(std::string_view body) const
{
    if (m_stream)
        return streamProblem(body);
    if (!contains(body, m_modelMember))
        return "another model";
    if (!contains(body, m_contentMember))
        return "another content";
    if (!hasUsage(body))
        return "another usage";
    return contains(body, "\"finish_reason\":\"stop\"") ? "" : "no finish_reason";
}

std::string Expectation::streamProblem(std::string_view body) const
{
    constexpr std::string_view Data = "data: ";
    constexpr std::string_view Content = "\"delta\":{\"content\":\"";
    std::string_view missing = m_content;
    bool finished = false;
    bool done = false;
    bool usage = false;
    while (!body.empty()) {
        const std::size_t end = body.find("\n\n");
        if (end == std::string_view::npos)
            return "half a frame";
        std::string_view frame = body.substr(0, end);
        body.remove_prefix(end + 2);
        if (frame.starts_with(':')) // a ping
            continue;
        if (!frame.starts_with(Data) || done)
            return "not a frame of data";
        frame.remove_prefix(Data.size());
        if (frame == "[DONE]") {
            done = true;
            continue;
        }
        if (!contains(frame, m_modelMember))
            return frame.starts_with("{\"error\"") ? "an error frame" : "another model";
        if (const std::size_t at = frame.find(Content); at != std::string_view::npos) {
            const std::string_view text =
                frame.substr(at + Content.size(), frame.find('"', at + Content.size()) - at - Content.size());
            if (!missing.starts_with(text))
                return "another content";
            missing.remove_prefix(text.size());
        }
        finished = finished || contains(frame, "\"finish_reason\":\"stop\"");
        if (contains(frame, "\"prompt_tokens\"")) {
            if (!m_includeUsage || !hasUsage(frame))
                return "a usage that is not right";
            usage = true;
        }
    }
    if (!missing.empty())
        return "content is missing";
    if (!finished)
        return "no finish_reason";
    if (usage != m_includeUsage)
        return "usage is missing";
    return done ? "" : "no [DONE]";
}

} // namespace bench
