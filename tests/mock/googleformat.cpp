// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "wireformat.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace mock {
namespace {

struct StatusWord
{
    int status;
    std::string_view word;
};
constexpr std::array statusWords{
    StatusWord{400, "INVALID_ARGUMENT"},  StatusWord{401, "UNAUTHENTICATED"}, StatusWord{403, "PERMISSION_DENIED"},
    StatusWord{404, "NOT_FOUND"},         StatusWord{409, "ABORTED"},         StatusWord{429, "RESOURCE_EXHAUSTED"},
    StatusWord{500, "INTERNAL"},          StatusWord{501, "UNIMPLEMENTED"},   StatusWord{503, "UNAVAILABLE"},
    StatusWord{504, "DEADLINE_EXCEEDED"}, StatusWord{499, "CANCELLED"},
};

const std::vector<std::string_view> knownMembers{
    "cachedContent", "contents", "generationConfig",  "model",      "safetySettings",
    "serviceTier",   "store",    "systemInstruction", "toolConfig", "tools"};
const std::vector<std::string_view> knownSettings{"candidateCount",
                                                  "enableEnhancedCivicAnswers",
                                                  "frequencyPenalty",
                                                  "logprobs",
                                                  "maxOutputTokens",
                                                  "mediaResolution",
                                                  "presencePenalty",
                                                  "responseJsonSchema",
                                                  "responseLogprobs",
                                                  "responseMimeType",
                                                  "responseModalities",
                                                  "responseSchema",
                                                  "seed",
                                                  "speechConfig",
                                                  "stopSequences",
                                                  "temperature",
                                                  "thinkingConfig",
                                                  "topK",
                                                  "topP"};
constexpr std::array<std::string_view, 6> dataMembers{"text",         "inlineData",       "fileData",
                                                      "functionCall", "functionResponse", "executableCode"};
constexpr std::string_view AnySignature = "skip_thought_signature_validator";

Complaint invalid(std::string_view what)
{
    return {400, std::string(what), {}, {}, {}};
}

Complaint unknownName(std::string_view name, std::string_view where)
{
    return invalid("Invalid JSON payload received. Unknown name \\\"" + std::string(name) + "\\\"" + std::string(where)
                   + ": Cannot find field.");
}

bool isName(std::string_view name)
{
    const auto isLetter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !name.empty() && name.size() <= 128 && isLetter(name.front())
        && std::all_of(name.begin(), name.end(), [&](char c) {
               return isLetter(c) || (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-';
           });
}

std::string signature(std::string_view model)
{
    return "c2lnbmVk/" + std::string(model);
}

/// Reads the contents in order: calls are signed by this model and answered at once.
class Contents
{
public:
    explicit Contents(std::string_view model) : m_signature(signature(model)) { }

    std::optional<Complaint> read(std::string_view contents)
    {
        const auto list = json::elements(contents);
        if (!list || list->empty())
            return invalid("* GenerateContentRequest.contents: contents is not specified");
        for (const std::string_view entry : *list) {
            if (auto complaint = content(entry))
                return complaint;
        }
        return m_open > 0 ? std::optional(unanswered()) : std::nullopt;
    }

private:
    std::optional<Complaint> content(std::string_view entry)
    {
        const auto members = json::members(entry);
        const auto parts = members ? json::elements(json::find(*members, "parts")) : std::nullopt;
        if (!parts || parts->empty())
            return invalid("* GenerateContentRequest.contents: contents.parts must not be empty.");
        const std::string_view role = stringIn(*members, "role");
        if (role != "user" && role != "model")
            return invalid("Please use a valid role: user, model.");
        std::size_t calls = 0;
        std::size_t results = 0;
        for (const std::string_view each : *parts) {
            if (auto complaint = part(each, role == "model", calls, results))
                return complaint;
        }
        if (m_open != results)
            return unanswered();
        m_open = calls;
        return {};
    }

    std::optional<Complaint> part(std::string_view text, bool isModel, std::size_t &calls, std::size_t &results) const
    {
        const auto members = json::members(text);
        const auto count = members
            ? std::count_if(dataMembers.begin(), dataMembers.end(),
                            [&](std::string_view name) { return !json::find(*members, name).empty(); })
            : 0;
        if (count != 1)
            return invalid("* GenerateContentRequest.contents.parts.data: required oneof field 'data' must have one "
                           "initialized field");
        const auto call = json::members(json::find(*members, "functionCall"));
        const auto result = json::members(json::find(*members, "functionResponse"));
        const auto &function = call ? call : result;
        if (!function)
            return {};
        if (isModel != call.has_value())
            return invalid(
                "Please ensure that function calls have the role model and function responses the role user");
        if (!isName(stringIn(*function, "name")))
            return invalid("GenerateContentRequest.contents.parts.function: Name cannot be empty or is invalid");
        if (!json::find(*function, call ? "args" : "response").starts_with('{'))
            return invalid("Invalid value at 'contents.parts.function' (type.googleapis.com/google.protobuf.Struct)");
        if (result) {
            ++results;
            return {};
        }
        const std::string_view given = stringIn(*members, "thoughtSignature");
        if (calls++ == 0 && given.empty())
            return invalid("Function call is missing a thought_signature in functionCall parts.");
        if (!given.empty() && given != m_signature && given != AnySignature)
            return invalid("Corrupted thought signature.");
        return {};
    }

    static Complaint unanswered()
    {
        return invalid(
            "Please ensure that the number of function response parts is equal to the number of function call "
            "parts of the function call turn.");
    }

    const std::string m_signature;
    std::size_t m_open = 0;
};

std::optional<Complaint> checkTools(std::string_view tools)
{
    for (const std::string_view entry : json::elements(tools).value_or(std::vector<std::string_view>())) {
        const auto tool = json::members(entry);
        const auto functions = tool ? json::elements(json::find(*tool, "functionDeclarations")) : std::nullopt;
        if (!functions || functions->empty())
            return invalid("* GenerateContentRequest.tools: functionDeclarations must not be empty");
        for (const std::string_view each : *functions) {
            const auto function = json::members(each);
            if (!function || !isName(stringIn(*function, "name")))
                return invalid(
                    "* GenerateContentRequest.tools[0].function_declarations[0].name: Invalid function name. "
                    "Must start with a letter or an underscore.");
            if (const std::string_view name =
                    unknownMember(*function,
                                  {"name", "description", "parameters", "parametersJsonSchema", "response",
                                   "responseJsonSchema", "behavior"});
                !name.empty())
                return unknownName(name, " at 'tools[0].function_declarations[0]'");
        }
    }
    return {};
}

std::optional<Complaint> checkSettings(std::string_view text)
{
    if (text.empty())
        return {};
    const auto settings = json::members(text);
    if (!settings)
        return invalid("Invalid value at 'generation_config'");
    if (const std::string_view name = unknownMember(*settings, knownSettings); !name.empty())
        return unknownName(name, " at 'generation_config'");
    const auto limit = numberIn(*settings, "maxOutputTokens");
    if (limit && (*limit < 1 || *limit > 65536))
        return invalid("Unable to submit request because it has a maxOutputTokens value out of the supported range");
    const auto seed = numberIn(*settings, "seed");
    if (seed && (*seed < -2147483648L || *seed > 2147483647L))
        return invalid("Invalid value at 'generation_config.seed' (TYPE_INT32)");
    const auto stops = json::elements(json::find(*settings, "stopSequences"));
    if (stops && stops->size() > 5)
        return invalid("The number of stop sequences must be at most 5");
    const bool hasSchema = !json::find(*settings, "responseJsonSchema").empty();
    if (hasSchema && stringIn(*settings, "responseMimeType") != "application/json")
        return invalid("* GenerateContentRequest.generation_config.response_json_schema: only allowed with "
                       "response_mime_type application/json");
    const auto thinking = json::members(json::find(*settings, "thinkingConfig"));
    if (thinking && !json::find(*thinking, "thinkingLevel").empty() && !json::find(*thinking, "thinkingBudget").empty())
        return invalid("You can only set one of thinking budget and thinking level.");
    return {};
}

/// Google's generateContent.
class GoogleFormat final : public WireFormat
{
public:
    std::string_view route() const override { return "generateContent"; }
    std::string_view keyHeader() const override { return "x-goog-api-key"; }
    Builder headers() const override { return frame("vary: X-Origin\r\nserver: scaffolding on HTTPServer2\r\n"); }

    std::string error(const Complaint &complaint) const override
    {
        const auto *found = std::find_if(statusWords.begin(), statusWords.end(),
                                         [&](const StatusWord &each) { return each.status == complaint.status; });
        const std::string word(found == statusWords.end() ? "UNKNOWN" : found->word);
        std::string details;
        const auto add = [&details](std::string_view type, std::string_view members) {
            details.append(details.empty() ? "" : ",").append(R"({"@type":"type.googleapis.com/google.rpc.)");
            details.append(type).append("\",").append(members).append("}");
        };
        const std::string &reason = complaint.reason.empty() ? complaint.code : complaint.reason;
        if (!reason.empty())
            add("ErrorInfo", "\"reason\":\"" + reason + R"(","domain":"googleapis.com")");
        if (!complaint.retryDelay.empty())
            add("RetryInfo", "\"retryDelay\":\"" + complaint.retryDelay + "\"");
        return "{\"error\":{\"code\":" + std::to_string(complaint.status) + ",\"message\":\"" + complaint.message
            + "\",\"status\":\"" + word + "\"" + (details.empty() ? "" : ",\"details\":[" + details + "]") + "}}";
    }

    Complaint complaint(const Scenario &scenario) const override
    {
        Complaint made = WireFormat::complaint(scenario);
        made.code.clear();
        if (scenario.errorCode == "context_length_exceeded")
            made.message = "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).";
        if (scenario.retryAfter >= 0)
            made.retryDelay = std::to_string(scenario.retryAfter) + "s";
        if (scenario.retryAfterMs >= 0) {
            const std::string thousandths = std::to_string(1000 + scenario.retryAfterMs % 1000);
            made.retryDelay = std::to_string(scenario.retryAfterMs / 1000) + "." + thousandths.substr(1) + "s";
        }
        return made;
    }

    std::optional<Complaint> checkKey(std::string_view, std::string_view key) const override
    {
        if (key.empty())
            return Complaint{403, "Method doesn't allow unregistered callers. Please use API Key.", {}, {}, {}};
        if (key.starts_with("bad-key"))
            return Complaint{400, "API key not valid. Please pass a valid API key.", {}, "API_KEY_INVALID", {}};
        return {};
    }

    std::string modelList(const std::vector<std::string_view> &names) const override
    {
        std::string list;
        for (const std::string_view name : names)
            list.append(list.empty() ? "" : ",")
                .append("{\"name\":\"models/")
                .append(name)
                .append("\",\"displayName\":\"Mock\",\"supportedGenerationMethods\":[\"generateContent\"]}");
        return "{\"models\":[" + list + "]}";
    }

    std::optional<Complaint> check(const Inquiry &inquiry) const override
    {
        // Not the real thing's: nobody may write keys where logs keep them.
        if (inquiry.query.find("key=") != std::string_view::npos)
            return invalid("the key belongs into the header x-goog-api-key");
        if (const std::string_view name = unknownMember(inquiry.members, knownMembers); !name.empty())
            return unknownName(name, "");
        if (auto complaint = checkSettings(json::find(inquiry.members, "generationConfig")))
            return complaint;
        if (auto complaint = checkTools(json::find(inquiry.members, "tools")))
            return complaint;
        return Contents(inquiry.model).read(json::find(inquiry.members, "contents"));
    }

    std::string_view conversation() const override { return "contents"; }
    bool hasResults(std::string_view entry) const override
    {
        return entry.find(R"("functionResponse")") != std::string_view::npos;
    }
    // There is no place for one.
    std::string_view user(const std::vector<json::Member> &) const override { return {}; }

    Builder whole(const Scenario &scenario, const Question &question) const override
    {
        std::string parts;
        for (std::size_t i = 0; i < question.calls.size(); ++i)
            parts += (i == 0 ? "" : ",") + functionCall(question, i);
        if (question.calls.empty())
            parts = "{\"text\":\"" + content(scenario).json + "\"}";
        return piece(scenario, question, parts, true);
    }

    StreamScript stream(const Scenario &scenario, const Question &question) const override
    {
        StreamScript script;
        const auto add = [&](const std::string &part, std::size_t bytes) {
            script.contents.push_back({{event(piece(scenario, question, part, false))}, bytes});
        };
        for (std::size_t i = 0; i < question.calls.size(); ++i)
            add(functionCall(question, i),
                Text(question.calls[i].name).bytes() + Text(question.calls[i].arguments).bytes());
        const bool hasText = question.calls.empty() && !isRefusal(scenario);
        const Text text = content(scenario);
        const auto count = static_cast<std::size_t>(scenario.chunks);
        for (std::size_t i = 0; hasText && i < count; ++i) {
            const Text::Part part = text.part(i, count);
            add("{\"text\":\"" + std::string(part.json) + "\"}", part.bytes);
        }
        script.closing.push_back(event(piece(scenario, question, R"({"text":""})", true)));
        script.errorFrame =
            "data: " + error({503, "The model is overloaded. Please try again later.", {}, {}, {}}) + "\r\n\r\n";
        script.brokenFrame = "data: {\"candidates\":[{\"content\":{\"par\r\n\r\n";
        return script;
    }

private:
    static Builder event(const Builder &piece)
    {
        Builder made;
        return std::move(made.text("data: ").append(piece).text("\r\n\r\n"));
    }

    static std::string functionCall(const Question &question, std::size_t number)
    {
        const FunctionCall &call = question.calls[number];
        return "{\"functionCall\":{\"id\":\"" + callId("fc_mock", number) + "\",\"name\":\"" + call.name
            + "\",\"args\":" + json::unescaped(call.arguments) + "}"
            + (number == 0 ? ",\"thoughtSignature\":\"" + signature(question.model) + "\"" : "") + "}";
    }

    // The last one says why it is, and all that was used.
    static Builder piece(const Scenario &scenario, const Question &question, std::string_view parts, bool isLast)
    {
        Builder made;
        made.text("{");
        if (isRefusal(scenario)) {
            made.text(R"("promptFeedback":{"blockReason":"PROHIBITED_CONTENT"})");
        } else {
            made.text(R"("candidates":[{"content":{"parts":[)").text(parts).text(R"(],"role":"model"})");
            if (isLast)
                made.text(",\"finishReason\":\"").text(finishReason(scenario)).text("\"");
            made.text(",\"index\":0}]");
        }
        if (scenario.fault != Scenario::Fault::NoUsage) {
            made.text(",\"usageMetadata\":{").text(usage(scenario, isLast)).text("}");
            made.answer.usageEnd = isLast ? made.answer.bytes.size() : 0;
        }
        made.text(",\"modelVersion\":\"").text(question.model).text("\",\"responseId\":\"").id();
        return std::move(made.text("\"}"));
    }

    static std::string_view finishReason(const Scenario &scenario)
    {
        if (scenario.kind == Scenario::Kind::Length)
            return "MAX_TOKENS";
        return scenario.kind == Scenario::Kind::ContentFilter ? "SAFETY" : "STOP";
    }

    static std::string usage(const Scenario &s, bool isLast)
    {
        std::string text = "\"promptTokenCount\":" + std::to_string(s.prompt);
        if (s.cached > 0)
            text += ",\"cachedContentTokenCount\":" + std::to_string(s.cached);
        if (isLast)
            text += ",\"candidatesTokenCount\":" + std::to_string(s.completion - s.reasoning);
        if (isLast && s.reasoning > 0)
            text += ",\"thoughtsTokenCount\":" + std::to_string(s.reasoning);
        return text + ",\"totalTokenCount\":" + std::to_string(s.prompt + (isLast ? s.completion : 0));
    }
};

} // namespace

const WireFormat &googleFormat()
{
    static const GoogleFormat format;
    return format;
}

} // namespace mock
