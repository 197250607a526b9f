// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "wireformat.h"

#include <algorithm>
#include <array>
#include <set>

namespace mock {
namespace {

struct ErrorType
{
    int status;
    std::string_view type;
};
constexpr std::array errorTypes{
    ErrorType{400, "invalid_request_error"}, ErrorType{401, "authentication_error"},
    ErrorType{402, "billing_error"},         ErrorType{403, "permission_error"},
    ErrorType{404, "not_found_error"},       ErrorType{408, "timeout_error"},
    ErrorType{409, "conflict_error"},        ErrorType{413, "request_too_large"},
    ErrorType{422, "invalid_request_error"}, ErrorType{429, "rate_limit_error"},
    ErrorType{504, "timeout_error"},         ErrorType{529, "overloaded_error"},
};

const std::vector<std::string_view> knownMembers{
    "cache_control", "container",   "context_management", "inference_geo", "max_tokens", "mcp_servers",    "messages",
    "metadata",      "model",       "output_config",      "service_tier",  "speed",      "stop_sequences", "stream",
    "system",        "temperature", "thinking",           "tool_choice",   "tools",      "top_k",          "top_p"};

Complaint invalid(std::string_view what)
{
    return {400, std::string(what), {}, {}, {}};
}

bool isId(std::string_view id)
{
    return !id.empty() && std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

bool isBlank(std::string_view text)
{
    for (const std::string_view blank : {"\\n", "\\t", "\\r", " "}) {
        if (text.starts_with(blank))
            return isBlank(text.substr(blank.size()));
    }
    return text.empty();
}

/// Reads the messages in order; what is open must be answered by the next one.
class Conversation
{
public:
    std::optional<Complaint> read(std::string_view messages)
    {
        const auto list = json::elements(messages);
        if (!list || list->empty())
            return invalid("messages: at least one message is required");
        for (const std::string_view entry : *list) {
            if (auto complaint = message(entry))
                return complaint;
        }
        return unanswered();
    }

private:
    std::optional<Complaint> message(std::string_view entry)
    {
        const auto members = json::members(entry);
        if (!members)
            return invalid("messages: Input should be an object");
        const std::string_view role = stringIn(*members, "role");
        if (role != "user" && role != "assistant")
            return invalid("messages: Unexpected role. Allowed roles are \\\"user\\\" or \\\"assistant\\\"");
        const std::string_view content = json::find(*members, "content");
        if (const auto text = json::rawString(content)) {
            if (isBlank(*text))
                return invalid("messages: text content blocks must contain non-whitespace text");
        }
        const auto blocks = json::elements(content);
        if (!json::rawString(content) && (!blocks || blocks->empty()))
            return invalid("messages: content must not be empty");
        std::set<std::string_view> answered;
        std::set<std::string_view> asked;
        for (const std::string_view each : blocks.value_or(std::vector<std::string_view>())) {
            if (auto complaint = block(each, role == "assistant" ? asked : answered, role == "assistant"))
                return complaint;
        }
        if (role == "assistant" && m_open.empty()) {
            m_open = std::move(asked);
            return {};
        }
        for (const std::string_view id : answered) {
            if (m_open.erase(id) == 0)
                return invalid("messages: unexpected `tool_use_id` found in `tool_result` blocks: " + std::string(id));
        }
        if (auto complaint = unanswered())
            return complaint;
        m_open = std::move(asked);
        return {};
    }

    std::optional<Complaint> block(std::string_view text, std::set<std::string_view> &ids, bool isAssistant) const
    {
        const auto members = json::members(text);
        if (!members)
            return invalid("messages: content blocks must be objects");
        const std::string_view type = stringIn(*members, "type");
        if (type == "text")
            return isBlank(stringIn(*members, "text"))
                ? std::optional(invalid("messages: text content blocks must contain non-whitespace text"))
                : std::nullopt;
        const bool isUse = type == "tool_use";
        if (isUse ? !isAssistant : type == "tool_result" && isAssistant)
            return invalid("messages: `tool_use` belongs to the assistant, `tool_result` to the user");
        if (isUse || type == "tool_result") {
            const std::string_view id = stringIn(*members, isUse ? "id" : "tool_use_id");
            if (!isId(id) || !ids.insert(id).second)
                return invalid("messages: ids of `tool_use` must be unique and match ^[a-zA-Z0-9_-]+$");
            if (isUse && (stringIn(*members, "name").empty() || !json::find(*members, "input").starts_with('{')))
                return invalid("messages: `tool_use` needs name and input");
            return {};
        }
        if (type == "thinking")
            return stringIn(*members, "signature") == "c2lnbmVk"
                ? std::nullopt
                : std::optional(invalid("messages: Invalid `signature` in `thinking` block"));
        const bool isMedia = type == "image" || type == "document";
        if (!isMedia && type != "redacted_thinking")
            return invalid("messages: Input tag does not match any of the expected tags");
        return isMedia && !json::find(*members, "source").starts_with('{')
            ? std::optional(invalid("messages: source: Field required"))
            : std::nullopt;
    }

    std::optional<Complaint> unanswered() const
    {
        if (m_open.empty())
            return {};
        return invalid("messages: `tool_use` ids were found without `tool_result` blocks immediately after: "
                       + std::string(*m_open.begin()));
    }

    std::set<std::string_view> m_open;
};

std::optional<Complaint> checkTools(std::string_view tools)
{
    if (tools.empty())
        return {};
    const auto list = json::elements(tools);
    if (!list)
        return invalid("tools: Input should be a valid array");
    for (const std::string_view each : *list) {
        const auto tool = json::members(each);
        const auto schema = tool ? json::members(json::find(*tool, "input_schema")) : std::nullopt;
        if (!tool || stringIn(*tool, "name").empty())
            return invalid("tools: name: Field required");
        if (!schema || stringIn(*schema, "type") != "object")
            return invalid("tools: input_schema.type: Field required");
    }
    return {};
}

/// Anthropic's Messages API.
class MessagesFormat final : public WireFormat
{
public:
    std::string_view route() const override { return "messages"; }
    std::string_view keyHeader() const override { return "x-api-key"; }

    Builder headers() const override
    {
        Builder out;
        out.text("anthropic-organization-id: mock-org\r\nanthropic-ratelimit-requests-limit: 10000\r\n"
                 "anthropic-ratelimit-requests-remaining: 9999\r\nrequest-id: req_");
        return std::move(out.requestId().text("\r\n"));
    }

    std::string error(const Complaint &complaint) const override
    {
        const auto *found = std::find_if(errorTypes.begin(), errorTypes.end(),
                                         [&](const ErrorType &each) { return each.status == complaint.status; });
        std::string type(found == errorTypes.end() ? "api_error" : found->type);
        if (complaint.code == "unknown_option")
            type = complaint.code;
        return R"({"type":"error","error":{"type":")" + type + R"(","message":")" + complaint.message
            + R"("},"request_id":"req_mock"})";
    }

    Complaint complaint(const Scenario &scenario) const override
    {
        if (scenario.errorCode == "insufficient_quota")
            return {402, "Your credit balance is too low to access the Anthropic API.", {}, {}, {}};
        if (scenario.errorCode == "context_length_exceeded")
            return {400, "prompt is too long: 200001 tokens > 200000 maximum", {}, {}, {}};
        return WireFormat::complaint(scenario);
    }

    std::optional<Complaint> checkKey(std::string_view head, std::string_view key) const override
    {
        if (key.empty())
            return Complaint{401, "x-api-key header is required", {}, {}, {}};
        if (key.starts_with("bad-key"))
            return Complaint{401, "invalid x-api-key", {}, {}, {}};
        const std::string_view version = headerValue(head, "anthropic-version");
        if (version.empty())
            return invalid("anthropic-version: header is required");
        if (version != "2023-06-01" && version != "2026-10-21")
            return invalid("anthropic-version: is not a valid version");
        return {};
    }

    std::string modelList(const std::vector<std::string_view> &names) const override
    {
        std::string list;
        for (const std::string_view name : names)
            list.append(list.empty() ? "" : ",")
                .append("{\"type\":\"model\",\"id\":\"")
                .append(name)
                .append("\",\"display_name\":\"Mock\",\"created_at\":\"2026-01-01T00:00:00Z\"}");
        return "{\"data\":[" + list + "],\"has_more\":false}";
    }

    std::optional<Complaint> check(const Inquiry &inquiry) const override
    {
        if (const std::string_view name = unknownMember(inquiry.members, knownMembers); !name.empty())
            return invalid(std::string(name) + ": Extra inputs are not permitted");
        const bool hasLimit = !json::find(inquiry.members, "max_tokens").empty();
        if (inquiry.isCount && (hasLimit || !json::find(inquiry.members, "stream").empty()))
            return invalid("max_tokens, stream: Extra inputs are not permitted");
        if (!inquiry.isCount && numberIn(inquiry.members, "max_tokens").value_or(0) < 1)
            return invalid("max_tokens: Field required");
        const bool samples = !json::find(inquiry.members, "temperature").empty();
        if (samples && !json::find(inquiry.members, "top_p").empty())
            return invalid("`temperature` and `top_p` cannot both be specified for this model.");
        if (samples && headerValue(inquiry.head, "anthropic-version") == "2026-10-21")
            return invalid("temperature: is not supported by this version");
        if (auto complaint = checkTools(json::find(inquiry.members, "tools")))
            return complaint;
        return Conversation().read(json::find(inquiry.members, "messages"));
    }

    std::string_view conversation() const override { return "messages"; }
    bool hasResults(std::string_view entry) const override
    {
        return entry.find(R"("tool_result")") != std::string_view::npos;
    }
    std::string_view user(const std::vector<json::Member> &members) const override
    {
        const auto metadata = json::members(json::find(members, "metadata"));
        return metadata ? stringIn(*metadata, "user_id") : std::string_view();
    }

    Builder whole(const Scenario &scenario, const Question &question) const override
    {
        Builder out = messageStart(question);
        out.text(",\"content\":[");
        std::string blocks =
            scenario.reasoning > 0 ? R"({"type":"thinking","thinking":"","signature":"c2lnbmVk"})" : "";
        const auto add = [&blocks](std::string_view block) { blocks.append(blocks.empty() ? "" : ",").append(block); };
        for (std::size_t i = 0; i < question.calls.size(); ++i)
            add(toolUse(question.calls[i], i, json::unescaped(question.calls[i].arguments)));
        if (hasText(scenario, question))
            add("{\"type\":\"text\",\"text\":\"" + content(scenario).json + "\"}");
        out.text(blocks).text("],").text(stop(scenario, question));
        if (scenario.fault != Scenario::Fault::NoUsage) {
            out.text(",\"usage\":{").text(inputUsage(scenario)).text(",").text(outputUsage(scenario)).text("}");
            out.answer.usageEnd = out.answer.bytes.size();
        }
        return std::move(out.text("}"));
    }

    StreamScript stream(const Scenario &scenario, const Question &question) const override
    {
        const bool hasUsage = scenario.fault != Scenario::Fault::NoUsage;
        StreamScript script;
        Builder start;
        start.text("event: message_start\ndata: {\"type\":\"message_start\",\"message\":")
            .append(messageStart(question));
        start.text(R"(,"content":[],"stop_reason":null,"stop_sequence":null)");
        if (hasUsage)
            start.text(",\"usage\":{").text(inputUsage(scenario)).text(",\"output_tokens\":1}");
        script.opening.push_back(std::move(start.text("}}\n\n")));
        script.opening.push_back(event("ping", {}));
        std::size_t index = 0;
        if (scenario.reasoning > 0) {
            script.opening.push_back(blockEvent("content_block_start", index,
                                                R"("content_block":{"type":"thinking","thinking":"","signature":""})"));
            script.opening.push_back(blockEvent("content_block_delta", index,
                                                R"("delta":{"type":"signature_delta","signature":"c2lnbmVk"})"));
            script.opening.push_back(blockEvent("content_block_stop", index++, {}));
        }
        for (std::size_t i = 0; i < question.calls.size(); ++i)
            addCall(script, question.calls[i], i, index++);
        if (hasText(scenario, question))
            addText(script, scenario, index);

        Builder end = event("message_delta",
                            "\"delta\":{" + stop(scenario, question) + "}"
                                + (hasUsage ? ",\"usage\":{" + outputUsage(scenario) + "}" : ""));
        end.answer.usageEnd = hasUsage ? end.answer.bytes.size() : 0;
        script.closing.push_back(std::move(end));
        if (scenario.fault != Scenario::Fault::NoDone)
            script.closing.push_back(event("message_stop", {}));
        script.errorFrame = "event: error\ndata: " + error({529, "Overloaded", {}, {}, {}}) + "\n\n";
        script.brokenFrame = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"ind\n\n";
        return script;
    }

private:
    static Builder event(std::string_view type, std::string_view members)
    {
        Builder made;
        made.text("event: ").text(type).text("\ndata: {\"type\":\"").text(type).text("\"");
        return std::move(made.text(members.empty() ? "" : ",").text(members).text("}\n\n"));
    }
    static Builder blockEvent(std::string_view type, std::size_t index, std::string_view members)
    {
        return event(type, "\"index\":" + std::to_string(index) + (members.empty() ? "" : ",") + std::string(members));
    }

    static void addText(StreamScript &script, const Scenario &scenario, std::size_t index)
    {
        script.opening.push_back(
            blockEvent("content_block_start", index, R"("content_block":{"type":"text","text":""})"));
        const Text text = content(scenario);
        const auto count = static_cast<std::size_t>(scenario.chunks);
        for (std::size_t i = 0; i < count; ++i) {
            const Text::Part part = text.part(i, count);
            script.contents.push_back(
                {{blockEvent("content_block_delta", index,
                             R"("delta":{"type":"text_delta","text":")" + std::string(part.json) + "\"}")},
                 part.bytes});
        }
        script.closing.push_back(blockEvent("content_block_stop", index, {}));
    }

    static void addCall(StreamScript &script, const FunctionCall &call, std::size_t number, std::size_t index)
    {
        script.contents.push_back(
            {{blockEvent("content_block_start", index, "\"content_block\":" + toolUse(call, number, "{}"))},
             Text(call.name).bytes()});
        const Text arguments(call.arguments);
        for (std::size_t i = 0; i < CallFragments; ++i) {
            const Text::Part part = arguments.part(i, CallFragments);
            script.contents.push_back({{blockEvent("content_block_delta", index,
                                                   R"("delta":{"type":"input_json_delta","partial_json":")"
                                                       + std::string(part.json) + "\"}")},
                                       part.bytes});
        }
        script.contents.back().frames.push_back(blockEvent("content_block_stop", index, {}));
    }

    static std::string toolUse(const FunctionCall &call, std::size_t number, std::string_view input)
    {
        return "{\"type\":\"tool_use\",\"id\":\"" + callId("toolu_mock", number) + "\",\"name\":\"" + call.name
            + "\",\"input\":" + std::string(input) + "}";
    }

    static Builder messageStart(const Question &question)
    {
        Builder made;
        made.text("{\"id\":\"msg_").id().text(R"(","type":"message","role":"assistant","model":")");
        return std::move(made.text(question.model).text("\""));
    }

    // A refusal says why, and nothing else.
    static bool hasText(const Scenario &scenario, const Question &question)
    {
        return question.calls.empty() && !isRefusal(scenario);
    }

    static std::string stop(const Scenario &scenario, const Question &question)
    {
        if (isRefusal(scenario))
            return R"("stop_reason":"refusal","stop_sequence":null,"stop_details":{"type":"refusal","category":"other",)"
                   R"("explanation":")"
                + content(scenario).json + "\"}";
        const std::string_view reason = !question.calls.empty() ? "tool_use"
            : scenario.kind == Scenario::Kind::Length           ? "max_tokens"
            : scenario.kind == Scenario::Kind::ContentFilter    ? "refusal"
                                                                : "end_turn";
        return "\"stop_reason\":\"" + std::string(reason) + "\",\"stop_sequence\":null";
    }

    static std::string inputUsage(const Scenario &s)
    {
        return "\"input_tokens\":" + std::to_string(s.prompt - s.cached)
            + R"(,"cache_creation_input_tokens":0,"cache_read_input_tokens":)" + std::to_string(s.cached);
    }
    static std::string outputUsage(const Scenario &s)
    {
        return "\"output_tokens\":" + std::to_string(s.completion) + R"(,"output_tokens_details":{"thinking_tokens":)"
            + std::to_string(s.reasoning) + "}";
    }
};

} // namespace

const WireFormat &messagesFormat()
{
    static const MessagesFormat format;
    return format;
}

} // namespace mock
