// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "openaiformat.h"

#include <algorithm>
#include <set>

namespace mock {
namespace {

const std::vector<std::string_view> knownMembers{"background",
                                                 "conversation",
                                                 "include",
                                                 "input",
                                                 "instructions",
                                                 "max_output_tokens",
                                                 "max_tool_calls",
                                                 "metadata",
                                                 "model",
                                                 "parallel_tool_calls",
                                                 "previous_response_id",
                                                 "prompt",
                                                 "prompt_cache_key",
                                                 "prompt_cache_options",
                                                 "reasoning",
                                                 "safety_identifier",
                                                 "service_tier",
                                                 "store",
                                                 "stream",
                                                 "stream_options",
                                                 "temperature",
                                                 "text",
                                                 "tool_choice",
                                                 "tools",
                                                 "top_logprobs",
                                                 "top_p",
                                                 "truncation",
                                                 "user"};
constexpr std::string_view ReasoningState = "c2lnbmVk";

Complaint invalid(std::string_view what, std::string_view code = "invalid_value")
{
    return {400, std::string(what), std::string(code), {}, {}};
}

Complaint missing(std::string_view name)
{
    return invalid("Missing required parameter: '" + std::string(name) + "'.", "missing_required_parameter");
}

/// Reads the input in order: each call has its result behind it, each result its call before.
class Input
{
public:
    std::optional<Complaint> read(std::string_view input)
    {
        if (json::rawString(input))
            return {};
        const auto list = json::elements(input);
        if (!list || list->empty())
            return missing("input");
        for (const std::string_view entry : *list) {
            if (auto complaint = item(entry))
                return complaint;
        }
        if (!m_open.empty())
            return invalid("No tool output found for function call " + std::string(*m_open.begin()) + ".");
        return {};
    }

private:
    std::optional<Complaint> item(std::string_view text)
    {
        const auto members = json::members(text);
        if (!members)
            return invalid("Invalid type for 'input[0]': expected an object.", "invalid_type");
        const std::string_view type = stringIn(*members, "type");
        const std::string_view callId = stringIn(*members, "call_id");
        if (type == "function_call") {
            if (callId.empty() || stringIn(*members, "name").empty() || json::find(*members, "arguments").empty())
                return missing("input[0].call_id");
            m_open.insert(callId);
            return {};
        }
        if (type == "function_call_output") {
            if (m_open.erase(callId) == 0)
                return invalid("No tool call found for function call output with call_id " + std::string(callId) + ".");
            return json::find(*members, "output").empty() ? std::optional(missing("input[0].output")) : std::nullopt;
        }
        if (type == "reasoning")
            return stringIn(*members, "encrypted_content") == ReasoningState
                ? std::nullopt
                : std::optional(invalid("The encrypted content could not be verified.", "invalid_encrypted_content"));
        if (!type.empty() && type != "message")
            return invalid("Invalid value: '" + std::string(type) + "'.");
        return message(*members);
    }

    static std::optional<Complaint> message(const std::vector<json::Member> &members)
    {
        const std::string_view role = stringIn(members, "role");
        if (role != "user" && role != "assistant" && role != "system" && role != "developer")
            return invalid("Invalid value: '" + std::string(role)
                           + "'. Supported values are: 'assistant', 'system', "
                             "'developer', and 'user'.");
        const std::string_view content = json::find(members, "content");
        if (json::rawString(content))
            return {};
        const auto parts = json::elements(content);
        if (!parts)
            return missing("input[0].content");
        for (const std::string_view each : *parts) {
            const auto part = json::members(each);
            const std::string_view type = part ? stringIn(*part, "type") : std::string_view();
            const bool fits = role == "assistant"
                ? type == "output_text" || type == "refusal"
                : type == "input_text" || type == "input_image" || type == "input_file";
            if (!fits)
                return invalid("Invalid value: '" + std::string(type) + "' in the content of a message of this role.");
        }
        return {};
    }

    std::set<std::string_view> m_open;
};

std::optional<Complaint> checkTools(std::string_view tools)
{
    for (const std::string_view each : json::elements(tools).value_or(std::vector<std::string_view>())) {
        const auto tool = json::members(each);
        if (!tool || stringIn(*tool, "type") != "function")
            return invalid("Invalid value for 'tools[0].type'.");
        for (const std::string_view name : {"name", "parameters", "strict"}) {
            if (json::find(*tool, name).empty())
                return missing("tools[0]." + std::string(name));
        }
    }
    return {};
}

/// OpenAI's Responses.
class ResponsesFormat final : public OpenAiFormat
{
public:
    std::string_view route() const override { return "responses"; }

    std::optional<Complaint> check(const Inquiry &inquiry) const override
    {
        if (const std::string_view name = unknownMember(inquiry.members, knownMembers); !name.empty())
            return invalid("Unknown parameter: '" + std::string(name) + "'.", "unknown_parameter");
        const std::string_view limit = json::find(inquiry.members, "max_output_tokens");
        if (!limit.empty() && limit != "null" && numberIn(inquiry.members, "max_output_tokens").value_or(0) < 16)
            return invalid("Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16.",
                           "integer_below_min_value");
        if (auto complaint = checkTools(json::find(inquiry.members, "tools")))
            return complaint;
        return Input().read(json::find(inquiry.members, "input"));
    }

    std::string_view conversation() const override { return "input"; }
    bool hasResults(std::string_view entry) const override
    {
        const auto members = json::members(entry);
        return members && stringIn(*members, "type") == "function_call_output";
    }

    Builder whole(const Scenario &scenario, const Question &question) const override
    {
        return response(scenario, question, status(scenario), items(scenario, question));
    }

    StreamScript stream(const Scenario &scenario, const Question &question) const override
    {
        return Script(scenario, question).make();
    }

private:
    /// Numbers the events of one stream.
    class Script
    {
    public:
        Script(const Scenario &scenario, const Question &question) : m_scenario(scenario), m_question(question) { }

        StreamScript make()
        {
            for (const char *type : {"response.created", "response.in_progress"}) {
                m_script.opening.push_back(
                    event(type, frame("\"response\":").append(response(m_scenario, m_question, "in_progress", {}))));
            }
            const std::vector<std::string> items = ResponsesFormat::items(m_scenario, m_question);
            std::size_t index = 0;
            if (m_scenario.reasoning > 0) {
                m_script.opening.push_back(itemEvent("added", index, items[index]));
                m_script.opening.push_back(itemEvent("done", index, items[index]));
                ++index;
            }
            for (std::size_t i = 0; i < m_question.calls.size(); ++i, ++index)
                call(i, index, items[index]);
            if (m_question.calls.empty())
                text(index, items[index]);

            const std::string_view end = status(m_scenario);
            if (m_scenario.fault != Scenario::Fault::NoDone) {
                Builder last = event("response." + std::string(end),
                                     frame("\"response\":").append(response(m_scenario, m_question, end, items)));
                m_script.closing.push_back(std::move(last));
            }
            m_script.errorFrame = "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\""
                + failure().message + "\",\"param\":null,\"sequence_number\":" + std::to_string(m_number) + "}\n\n";
            m_script.brokenFrame =
                "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"del\n\n";
            return std::move(m_script);
        }

    private:
        Builder event(std::string_view type, const Builder &members)
        {
            Builder made;
            made.text("event: ").text(type).text("\ndata: {\"type\":\"").text(type).text("\",\"sequence_number\":");
            return std::move(made.text(std::to_string(m_number++)).text(",").append(members).text("}\n\n"));
        }
        Builder itemEvent(std::string_view what, std::size_t index, std::string_view item)
        {
            return event("response.output_item." + std::string(what),
                         frame("\"output_index\":" + std::to_string(index) + ",\"item\":" + std::string(item)));
        }
        Builder place(std::string_view type, std::size_t index, std::string_view id, std::string_view members)
        {
            return event(type,
                         frame("\"item_id\":\"" + std::string(id) + "\",\"output_index\":" + std::to_string(index) + ","
                               + std::string(members)));
        }

        void call(std::size_t number, std::size_t index, std::string_view item)
        {
            const FunctionCall &call = m_question.calls[number];
            const std::string id = callId("fc_mock", number);
            m_script.contents.push_back(
                {{itemEvent("added", index, functionCall(call, number, {}, "in_progress"))}, Text(call.name).bytes()});
            const Text arguments(call.arguments);
            for (std::size_t i = 0; i < CallFragments; ++i) {
                const Text::Part part = arguments.part(i, CallFragments);
                m_script.contents.push_back({{place("response.function_call_arguments.delta", index, id,
                                                    "\"delta\":\"" + std::string(part.json) + "\"")},
                                             part.bytes});
            }
            std::vector<Builder> &last = m_script.contents.back().frames;
            last.push_back(place("response.function_call_arguments.done", index, id,
                                 "\"name\":\"" + call.name + "\",\"arguments\":\"" + call.arguments + "\""));
            last.push_back(itemEvent("done", index, item));
        }

        void text(std::size_t index, std::string_view item)
        {
            const std::string kind = isRefusal(m_scenario) ? "response.refusal" : "response.output_text";
            const std::string logprobs = isRefusal(m_scenario) ? "" : ",\"logprobs\":[]";
            const Text text = content(m_scenario);
            m_script.opening.push_back(itemEvent("added", index, message("in_progress", {})));
            m_script.opening.push_back(place("response.content_part.added", index, MessageId,
                                             "\"content_index\":0,\"part\":" + part(m_scenario, {})));
            const auto count = static_cast<std::size_t>(m_scenario.chunks);
            for (std::size_t i = 0; i < count; ++i) {
                const Text::Part piece = text.part(i, count);
                m_script.contents.push_back(
                    {{place(kind + ".delta", index, MessageId,
                            "\"content_index\":0,\"delta\":\"" + std::string(piece.json) + "\"" + logprobs)},
                     piece.bytes});
            }
            const std::string whole = isRefusal(m_scenario) ? "\"refusal\":\"" : "\"text\":\"";
            m_script.closing.push_back(
                place(kind + ".done", index, MessageId, "\"content_index\":0," + whole + text.json + "\"" + logprobs));
            m_script.closing.push_back(place("response.content_part.done", index, MessageId,
                                             "\"content_index\":0,\"part\":" + part(m_scenario, text.json)));
            m_script.closing.push_back(itemEvent("done", index, item));
        }

        const Scenario &m_scenario;
        const Question &m_question;
        StreamScript m_script;
        std::size_t m_number = 0;
    };

    static constexpr std::string_view MessageId = "msg_mock00000001";

    static std::string_view status(const Scenario &scenario)
    {
        const bool isCut = scenario.kind == Scenario::Kind::Length || scenario.kind == Scenario::Kind::ContentFilter;
        return isCut ? "incomplete" : "completed";
    }

    static std::string part(const Scenario &scenario, std::string_view text)
    {
        if (isRefusal(scenario))
            return R"({"type":"refusal","refusal":")" + std::string(text) + "\"}";
        return R"({"type":"output_text","text":")" + std::string(text) + R"(","annotations":[],"logprobs":[]})";
    }

    static std::string message(std::string_view status, std::string_view content)
    {
        return "{\"id\":\"" + std::string(MessageId) + R"(","type":"message","status":")" + std::string(status)
            + R"(","role":"assistant","content":[)" + std::string(content) + "]}";
    }

    static std::string functionCall(const FunctionCall &call, std::size_t number, std::string_view arguments,
                                    std::string_view status)
    {
        return "{\"id\":\"" + callId("fc_mock", number) + R"(","type":"function_call","status":")" + std::string(status)
            + "\",\"call_id\":\"" + callId("call_mock", number) + "\",\"name\":\"" + call.name + "\",\"arguments\":\""
            + std::string(arguments) + "\"}";
    }

    static std::vector<std::string> items(const Scenario &scenario, const Question &question)
    {
        std::vector<std::string> all;
        if (scenario.reasoning > 0)
            all.push_back(R"({"id":"rs_mock00000001","type":"reasoning","summary":[],"encrypted_content":")"
                          + std::string(ReasoningState) + "\"}");
        for (std::size_t i = 0; i < question.calls.size(); ++i)
            all.push_back(functionCall(question.calls[i], i, question.calls[i].arguments, "completed"));
        if (question.calls.empty())
            all.push_back(message(status(scenario), part(scenario, content(scenario).json)));
        return all;
    }

    static Builder response(const Scenario &scenario, const Question &question, std::string_view status,
                            const std::vector<std::string> &items)
    {
        Builder made;
        made.text("{\"id\":\"resp_").id().text("\",\"object\":\"response\",\"created_at\":").created();
        made.text(",\"status\":\"").text(status).text(R"(","background":false,"error":null,"incomplete_details":)");
        const bool isLength = scenario.kind == Scenario::Kind::Length;
        if (status == "incomplete")
            made.text(isLength ? R"({"reason":"max_output_tokens"})" : R"({"reason":"content_filter"})");
        else
            made.text("null");
        made.text(R"(,"instructions":null,"max_output_tokens":null,"model":")").text(question.model);
        made.text("\",\"output\":[");
        for (std::size_t i = 0; i < items.size(); ++i)
            made.text(i == 0 ? "" : ",").text(items[i]);
        made.text(
            R"(],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},)"
            R"("store":false,"temperature":1.0,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],)"
            R"("top_p":1.0,"truncation":"disabled","metadata":{},"usage":)");
        if (status == "in_progress" || scenario.fault == Scenario::Fault::NoUsage) {
            made.text("null");
        } else {
            made.text(usage(scenario));
            made.answer.usageEnd = made.answer.bytes.size();
        }
        return std::move(made.text("}"));
    }

    static std::string usage(const Scenario &s)
    {
        return "{\"input_tokens\":" + std::to_string(s.prompt) + R"(,"input_tokens_details":{"cached_tokens":)"
            + std::to_string(s.cached) + R"(,"cache_write_tokens":0},"output_tokens":)" + std::to_string(s.completion)
            + R"(,"output_tokens_details":{"reasoning_tokens":)" + std::to_string(s.reasoning)
            + "},\"total_tokens\":" + std::to_string(s.prompt + s.completion) + "}";
    }
};

} // namespace

const WireFormat &responsesFormat()
{
    static const ResponsesFormat format;
    return format;
}

} // namespace mock
