// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "openaiformat.h"

namespace mock {
namespace {

std::string_view finishReason(const Scenario &scenario, const Question &question)
{
    if (!question.calls.empty())
        return "tool_calls";
    if (scenario.kind == Scenario::Kind::Length)
        return "length";
    return scenario.kind == Scenario::Kind::ContentFilter ? "content_filter" : "stop";
}

std::string usageObject(const Scenario &s)
{
    return "{\"prompt_tokens\":" + std::to_string(s.prompt) + ",\"completion_tokens\":" + std::to_string(s.completion)
        + ",\"total_tokens\":" + std::to_string(s.prompt + s.completion)
        + ",\"prompt_tokens_details\":{\"cached_tokens\":" + std::to_string(s.cached)
        + ",\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":" + std::to_string(s.reasoning)
        + ",\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}";
}

/// OpenAI's chat completions, and embeddings beside them.
class ChatFormat final : public OpenAiFormat
{
public:
    std::string_view route() const override { return "chat"; }
    // Whatever is strict JSON and names a model.
    std::optional<Complaint> check(const Inquiry &) const override { return {}; }
    std::string_view conversation() const override { return "messages"; }
    bool hasResults(std::string_view entry) const override
    {
        const auto members = json::members(entry);
        return members && stringIn(*members, "role") == "tool";
    }

    Builder whole(const Scenario &scenario, const Question &question) const override
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
                    .text(callId("call_mock", i))
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

    StreamScript stream(const Scenario &scenario, const Question &question) const override
    {
        StreamScript script;
        const bool refuses = isRefusal(scenario);
        script.opening.push_back(delta(question,
                                       "{\"role\":\"assistant\",\"content\":"
                                           + std::string(question.calls.empty() && !refuses ? "\"\"" : "null")
                                           + (refuses ? "" : ",\"refusal\":null") + "}"));
        if (question.calls.empty())
            addContent(script, scenario, question);
        else
            addCalls(script, question);

        script.closing.push_back(delta(question, "{}", finishReason(scenario, question)));
        if (question.includeUsage && scenario.fault != Scenario::Fault::NoUsage) {
            Builder usage = frameStart(question);
            usage.text("],\"usage\":").text(usageObject(scenario)).text("}\n\n");
            usage.answer.usageEnd = usage.answer.bytes.size();
            script.closing.push_back(std::move(usage));
        }
        if (scenario.fault != Scenario::Fault::NoDone)
            script.closing.push_back(frame("data: [DONE]\n\n"));
        script.errorFrame = "data: " + error(failure()) + "\n\n";
        script.brokenFrame =
            "data: {\"id\":\"chatcmpl-broken\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"ind\n\n";
        return script;
    }

private:
    static void addContent(StreamScript &script, const Scenario &scenario, const Question &question)
    {
        const Text text = content(scenario);
        const auto count = static_cast<std::size_t>(scenario.chunks);
        const std::string member = isRefusal(scenario) ? "{\"refusal\":\"" : "{\"content\":\"";
        for (std::size_t i = 0; i < count; ++i) {
            const Text::Part part = text.part(i, count);
            script.contents.push_back({{delta(question, member + std::string(part.json) + "\"}")}, part.bytes});
        }
    }

    static void addCalls(StreamScript &script, const Question &question)
    {
        for (std::size_t i = 0; i < question.calls.size(); ++i) {
            const FunctionCall &call = question.calls[i];
            const Text arguments(call.arguments);
            const std::string index = "{\"tool_calls\":[{\"index\":" + std::to_string(i);
            script.contents.push_back({{delta(question,
                                              index + ",\"id\":\"" + callId("call_mock", i)
                                                  + "\",\"type\":\"function\",\"function\":{\"name\":\"" + call.name
                                                  + "\",\"arguments\":\"\"}}]}")},
                                       Text(call.name).bytes()});
            for (std::size_t fragment = 0; fragment < CallFragments; ++fragment) {
                const Text::Part part = arguments.part(fragment, CallFragments);
                script.contents.push_back(
                    {{delta(question, index + ",\"function\":{\"arguments\":\"" + std::string(part.json) + "\"}}]}")},
                     part.bytes});
            }
        }
    }

    static Builder frameStart(const Question &question)
    {
        Builder made;
        made.text("data: {\"id\":\"chatcmpl-")
            .id()
            .text("\",\"object\":\"chat.completion.chunk\",\"created\":")
            .created();
        made.text(",\"model\":\"").text(question.model);
        made.text("\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_mock00000001\",\"choices\":[");
        return made;
    }

    static Builder delta(const Question &question, std::string_view delta, std::string_view finish = {})
    {
        Builder made = frameStart(question);
        made.text("{\"index\":0,\"delta\":").text(delta).text(",\"logprobs\":null,\"finish_reason\":");
        if (finish.empty())
            made.text("null");
        else
            made.text("\"").text(finish).text("\"");
        made.text(question.includeUsage ? "}],\"usage\":null}\n\n" : "}]}\n\n");
        return made;
    }
};

} // namespace

const WireFormat &chatFormat()
{
    static const ChatFormat format;
    return format;
}

} // namespace mock
