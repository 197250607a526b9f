// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/anthropic/anthropicencoder.h"

#include "core/jsonwriter.h"
#include "providers/jsonread.h"
#include "providers/middle/wire.h"

#include <QtCore/QStringDecoder>

#include <algorithm>
#include <array>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using middle::Block;
using middle::CacheLife;
using middle::Field;
using middle::isBlank;
using middle::Message;

constexpr QByteArrayView UsualVersion = "2023-06-01";
constexpr qint64 UsualMaxTokens = 4096;
constexpr int MostCacheMarks = 4;
constexpr qsizetype LongestUserId = 256;
constexpr QByteArrayView JsonInstruction
    = "Answer with a single JSON object and nothing else: no explanation and no code fence.";
constexpr qsizetype LongestTitle = 500;

struct ThinkingBudget
{
    QByteArrayView effort;
    qint64 tokens;
};

// Tokens of thinking for models that want to be told a number.
constexpr std::array<ThinkingBudget, 6> Budgets = { {
    { "minimal", 1024 },
    { "low", 2048 },
    { "medium", 8192 },
    { "high", 16384 },
    { "xhigh", 32000 },
    { "max", 32000 },
} };

constexpr std::array<QByteArrayView, 4> ImageTypes = { "image/jpeg", "image/png", "image/gif", "image/webp" };

// Ids come from other providers, too, and not all of them keep to the characters that are allowed here.
QByteArray callIdFor(QByteArray id)
{
    for (char &c : id) {
        const bool isAllowed
            = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!isAllowed)
            c = '_';
    }
    return id;
}

// At most that many bytes, without a character cut in two.
QByteArray shortened(const QByteArray &text, qsizetype most)
{
    qsizetype size = qMin(text.size(), most);
    while (size < text.size() && size > 0 && (uchar(text[size]) & 0xC0) == 0x80)
        --size;
    return text.first(size);
}

QByteArray textBlock(const QByteArray &text)
{
    JsonWriter json;
    json.beginObject().key("type").utf8("text").key("text").utf8(text).endObject();
    return json.take();
}

// What a provider said once may come back through a client: only the members of a thinking block are taken from it.
QByteArray thinkingBlock(const QByteArray &blob)
{
    const auto block = json::parse(blob);
    if (!block)
        return {};
    const QByteArrayView type = json::text(*block, "type");
    const QByteArrayView signature = json::text(*block, "signature");
    const QByteArrayView data = json::text(*block, "data");
    JsonWriter json;
    if (type == "thinking" && !signature.isEmpty()) {
        json.beginObject().key("type").utf8(type).key("thinking").utf8(json::text(*block, "thinking"));
        json.key("signature").utf8(signature).endObject();
    } else if (type == "redacted_thinking" && !data.isEmpty()) {
        json.beginObject().key("type").utf8(type).key("data").utf8(data).endObject();
    }
    return json.take();
}

class AnthropicEncoder
{
public:
    AnthropicEncoder(const middle::Request &request, const UpstreamTarget &target)
        : m_request(request), m_target(target), m_version(anthropicVersion(target.options))
    {
    }

    Result<UpstreamCall> encode()
    {
        if (middle::wantsOtherTier(m_request))
            return middle::unsupported(m_request, Field::ServiceTier);
        planMaxTokens();
        planTools();
        planThinking();
        planSystem();
        // Texts without a visible character are refused there; what that leaves empty disappears.
        m_messages = middle::messagesOf(
            m_request.turns, [this](const middle::Part &part, Message &message) { addPart(part, message); });
        if (m_error)
            return *m_error;
        if (auto problem = middle::conversationProblem(m_request, m_messages))
            return *problem;
        markForCache();

        UpstreamCall call;
        call.path = "/v1/messages";
        call.headers = { { "anthropic-version", m_version } };
        call.body = body();
        call.dropped = middle::namesOf(m_request, m_dropped);
        return call;
    }

private:
    void refuse(const Error &error)
    {
        if (!m_error)
            m_error = error;
    }

    void planMaxTokens()
    {
        const qint64 limit = m_target.maxOutputTokens.value_or(0);
        m_maxTokens = middle::outputLimit(m_request, limit).value_or(limit > 0 ? limit : UsualMaxTokens);
    }

    void planTools()
    {
        const middle::ToolChoice &choice = m_request.toolChoice;
        for (const middle::Tool &tool : middle::toolsOf(m_request))
            m_tools.append(toolBlock(tool));
        if (m_tools.isEmpty())
            return;
        if (!isForced(choice.mode) || m_target.quirks.forcedToolChoice) {
            m_choice = choice.mode;
        } else if (choice.mode == middle::ToolChoice::Mode::Named) {
            m_instructions.append("Answer with a call of the tool \"" + choice.name + "\" and nothing else.");
        } else {
            m_instructions.append("Answer with a call of at least one of the tools and nothing else.");
        }
    }

    static Block toolBlock(const middle::Tool &tool)
    {
        JsonWriter json;
        json.beginObject().key("name").utf8(tool.name);
        if (!tool.description.isEmpty())
            json.key("description").utf8(tool.description);
        json.key("input_schema").raw(middle::objectSchema(tool.parameters));
        if (tool.strict)
            json.member("strict", *tool.strict);
        json.endObject();
        return { json.take(), tool.cache };
    }

    static bool isForced(middle::ToolChoice::Mode mode)
    {
        return mode == middle::ToolChoice::Mode::Required || mode == middle::ToolChoice::Mode::Named;
    }

    void planThinking()
    {
        const QByteArray &effort = m_request.effort;
        switch (m_target.quirks.thinking) {
        case Thinking::Always:
            m_effort = effort == "none" ? "low"_ba : effortWord();
            if (!m_request.summary.isEmpty())
                think("adaptive");
            break;
        case Thinking::Adaptive:
            if (effort == "none") {
                const QByteArray &off = m_target.quirks.thinkingOff;
                JsonWriter json;
                json.beginObject().key("type").utf8(off.isEmpty() ? "disabled"_ba : off).endObject();
                m_thinking = json.take();
            } else if (!effort.isEmpty()) {
                m_effort = effortWord();
                think("adaptive");
            }
            break;
        case Thinking::Budget:
            planBudget();
            break;
        case Thinking::Level: // Google's
        case Thinking::Unknown:
            break;
        }
        if (m_effort.isEmpty() && m_thinking.isEmpty() && effort != "none")
            m_dropped.append(Field::Effort);
        if (!m_isThinking)
            m_dropped.append(Field::Summary);
    }

    QByteArray effortWord() const { return m_request.effort == "minimal" ? "low"_ba : m_request.effort; }

    void planBudget()
    {
        const auto budget = std::find_if(Budgets.begin(), Budgets.end(), [this](const ThinkingBudget &each) {
            return each.effort == m_request.effort;
        });
        // The API refuses thinking together with a forced call, and in a tool loop whose earlier thinking is lost.
        if (budget != Budgets.end() && budget->tokens < m_maxTokens && !isForced(m_choice) && !hasLostThinking())
            think("enabled", budget->tokens);
    }

    void think(QByteArrayView type, qint64 budgetTokens = 0)
    {
        JsonWriter json;
        json.beginObject().key("type").utf8(type);
        if (budgetTokens > 0)
            json.member("budget_tokens", budgetTokens);
        if (!m_request.summary.isEmpty())
            json.key("display").utf8("summarized");
        json.endObject();
        m_thinking = json.take();
        m_isThinking = true;
    }

    // The conversation ends in results of calls whose turn has no thinking of this model.
    bool hasLostThinking() const
    {
        const auto isResult = [](const middle::Part &part) {
            return std::holds_alternative<middle::ToolResult>(part.content);
        };
        const auto isThinking = [this](const middle::Part &part) {
            const auto *opaque = std::get_if<middle::Opaque>(&part.content);
            return opaque && m_target.owns(*opaque) && !thinkingBlock(opaque->blob).isEmpty();
        };
        bool endsInResults = false;
        for (auto turn = m_request.turns.crbegin(); turn != m_request.turns.crend(); ++turn) {
            if (turn->role == middle::Role::User)
                endsInResults = endsInResults || std::any_of(turn->parts.begin(), turn->parts.end(), isResult);
            else if (turn->role == middle::Role::Assistant)
                return endsInResults && std::none_of(turn->parts.begin(), turn->parts.end(), isThinking);
        }
        return false;
    }

    // Instructions in the middle of the conversation have no place of their own here.
    void planSystem()
    {
        for (const middle::SystemText &text : middle::instructionsOf(m_request))
            m_system.append({ textBlock(text.text), text.cache });
        const middle::Format &format = m_request.format;
        if (format.kind == middle::Format::Kind::JsonObject
            || (format.kind == middle::Format::Kind::JsonSchema && !middle::hasSchema(format)))
            m_instructions.append(JsonInstruction.toByteArray());
        for (const QByteArray &text : std::as_const(m_instructions))
            m_system.append({ textBlock(text) });
    }

    void addPart(const middle::Part &part, Message &message)
    {
        if (const auto *text = std::get_if<middle::Text>(&part.content))
            return message.add(isBlank(text->text) ? QByteArray() : textBlock(text->text), part.cache);
        if (const auto *refusal = std::get_if<middle::Refusal>(&part.content))
            return message.add(isBlank(refusal->text) ? QByteArray() : textBlock(refusal->text), part.cache);
        if (const auto *image = std::get_if<middle::Image>(&part.content))
            return message.add(imageBlock(*image, part), part.cache);
        if (const auto *file = std::get_if<middle::File>(&part.content))
            return message.add(documentBlock(*file, part), part.cache);
        if (const auto *opaque = std::get_if<middle::Opaque>(&part.content))
            return message.add(m_target.owns(*opaque) ? thinkingBlock(opaque->blob) : QByteArray(), CacheLife::None);
        if (const auto *call = std::get_if<middle::ToolCall>(&part.content)) {
            JsonWriter json;
            const QByteArray id = callIdFor(call->id);
            json.beginObject().key("type").utf8("tool_use").key("id").utf8(id).key("name").utf8(call->name);
            json.key("input").raw(middle::argumentsObject(call->arguments)).endObject();
            return message.addCall(id, json.take(), part.cache);
        }
        if (const auto *result = std::get_if<middle::ToolResult>(&part.content))
            message.addResult(callIdFor(result->callId), resultBlock(*result, part), part.cache);
        // Reasoning in words is nothing that Anthropic takes back.
    }

    QByteArray imageBlock(const middle::Image &image, const middle::Part &part)
    {
        JsonWriter json;
        json.beginObject().key("type").utf8("image").key("source").beginObject();
        if (image.base64.isEmpty()) {
            if (!image.url.startsWith("https://"))
                refuse(middle::unsupported(part, u"This model takes images at https addresses and as data only."_s));
            json.key("type").utf8("url").key("url").utf8(image.url);
        } else {
            const QByteArray type = middle::imageType(image);
            if (std::find(ImageTypes.begin(), ImageTypes.end(), type) == ImageTypes.end())
                refuse(middle::unsupported(part, u"This model takes images of type JPEG, PNG, GIF and WebP only."_s));
            json.key("type").utf8("base64").key("media_type").utf8(type).key("data").utf8(image.base64);
        }
        json.endObject().endObject();
        return json.take();
    }

    QByteArray documentBlock(const middle::File &file, const middle::Part &part)
    {
        JsonWriter json;
        json.beginObject().key("type").utf8("document").key("source").beginObject();
        if (file.mimeType == "application/pdf") {
            json.key("type").utf8("base64").key("media_type").utf8("application/pdf").key("data").utf8(file.base64);
        } else {
            const QByteArray text = file.mimeType == "text/plain" ? QByteArray::fromBase64(file.base64) : QByteArray();
            QStringDecoder utf8(QStringDecoder::Utf8);
            const QString decoded = utf8(text);
            if (isBlank(text) || utf8.hasError())
                refuse(middle::unsupported(part, u"This model takes PDF files and plain text in UTF-8 only."_s));
            json.key("type").utf8("text").key("media_type").utf8("text/plain").key("data").value(decoded);
        }
        json.endObject();
        if (!file.name.isEmpty())
            json.key("title").utf8(shortened(file.name, LongestTitle));
        json.endObject();
        return json.take();
    }

    QByteArray resultBlock(const middle::ToolResult &result, const middle::Part &part)
    {
        QByteArrayList blocks;
        QByteArray onlyText;
        for (const auto &piece : result.content) {
            if (const auto *image = std::get_if<middle::Image>(&piece)) {
                blocks.append(imageBlock(*image, part));
            } else if (const auto *file = std::get_if<middle::File>(&piece)) {
                blocks.append(documentBlock(*file, part));
            } else if (const QByteArray &text = std::get<middle::Text>(piece).text; !isBlank(text)) {
                blocks.append(textBlock(text));
                onlyText = text;
            }
        }
        JsonWriter json;
        json.beginObject().key("type").utf8("tool_result").key("tool_use_id").utf8(callIdFor(result.callId));
        if (blocks.size() == 1 && !onlyText.isEmpty())
            json.key("content").utf8(onlyText);
        else if (!blocks.isEmpty())
            json.key("content").raw('[' + blocks.join(',') + ']');
        if (result.isError)
            json.member("is_error", true);
        json.endObject();
        return json.take();
    }

    // The last marks count most: they cover the longest beginnings of the prompt.
    void markForCache()
    {
        QList<Block *> marked;
        const auto collect = [&marked](QList<Block> &blocks) {
            for (Block &block : blocks) {
                if (block.cache != CacheLife::None)
                    marked.append(&block);
            }
        };
        collect(m_tools);
        collect(m_system);
        for (Message &message : m_messages)
            collect(message.blocks);
        m_marksWhole = !m_request.cacheKey.isEmpty() || m_request.isContinued;
        const qsizetype most = MostCacheMarks - (m_marksWhole ? 1 : 0);
        for (qsizetype i = qMax(qsizetype(0), marked.size() - most); i < marked.size(); ++i) {
            Block &block = *marked[i];
            block.json.chop(1);
            block.json += block.cache == CacheLife::Hour ? R"(,"cache_control":{"type":"ephemeral","ttl":"1h"}})"
                                                         : R"(,"cache_control":{"type":"ephemeral"}})";
        }
    }

    QByteArray body()
    {
        JsonWriter json;
        json.beginObject().key("model").utf8(m_target.model).member("max_tokens", m_maxTokens).member("stream", true);
        writeBlocks(json, "system", m_system);
        json.key("messages").beginArray();
        for (const Message &message : std::as_const(m_messages)) {
            json.beginObject().key("role").utf8(message.isAssistant ? "assistant" : "user");
            writeBlocks(json, "content", message.blocks);
            json.endObject();
        }
        json.endArray();
        writeBlocks(json, "tools", m_tools);
        writeToolChoice(json);
        if (!m_thinking.isEmpty())
            json.key("thinking").raw(m_thinking);
        writeOutputConfig(json);
        writeStop(json);
        writeSampling(json);
        if (const QByteArray user = shortened(m_request.user, LongestUserId); !user.isEmpty())
            json.key("metadata").beginObject().key("user_id").utf8(user).endObject();
        if (m_marksWhole)
            json.key("cache_control").beginObject().key("type").utf8("ephemeral").endObject();
        json.endObject();
        // These do not exist here.
        m_dropped += { Field::Seed,     Field::FrequencyPenalty, Field::PresencePenalty, Field::LogitBias,
                       Field::Logprobs, Field::Verbosity,        Field::Other };
        return json.take();
    }

    static void writeBlocks(JsonWriter &json, QByteArrayView name, const QList<Block> &blocks)
    {
        if (blocks.isEmpty())
            return;
        json.key(name).beginArray();
        for (const Block &block : blocks)
            json.raw(block.json);
        json.endArray();
    }

    void writeToolChoice(JsonWriter &json) const
    {
        using Mode = middle::ToolChoice::Mode;
        const bool isSerial = m_request.parallelCalls == false && m_choice != Mode::None;
        if (m_tools.isEmpty() || (m_choice == Mode::Auto && !isSerial))
            return;
        json.key("tool_choice").beginObject().key("type");
        switch (m_choice) {
        case Mode::Auto: json.utf8("auto"); break;
        case Mode::None: json.utf8("none"); break;
        case Mode::Required: json.utf8("any"); break;
        case Mode::Named: json.utf8("tool").key("name").utf8(m_request.toolChoice.name); break;
        }
        if (isSerial)
            json.member("disable_parallel_tool_use", true);
        json.endObject();
    }

    void writeOutputConfig(JsonWriter &json) const
    {
        const bool hasSchema = middle::hasSchema(m_request.format);
        if (!hasSchema && m_effort.isEmpty())
            return;
        json.key("output_config").beginObject();
        if (!m_effort.isEmpty())
            json.key("effort").utf8(m_effort);
        if (hasSchema)
            json.key("format").beginObject().key("type").utf8("json_schema").key("schema").raw(m_request.format.schema);
        if (hasSchema)
            json.endObject();
        json.endObject();
    }

    void writeStop(JsonWriter &json) const
    {
        QByteArrayList visible;
        for (const QByteArray &stop : m_request.stop) {
            if (!isBlank(stop))
                visible.append(stop);
        }
        if (visible.isEmpty())
            return;
        json.key("stop_sequences").beginArray();
        for (const QByteArray &stop : std::as_const(visible))
            json.utf8(stop);
        json.endArray();
    }

    void writeSampling(JsonWriter &json)
    {
        const bool modelTakesIt = middle::takesSampling(m_target.quirks, m_request);
        // Later versions of the API refuse it for all models; a model that thinks takes none either.
        if (!modelTakesIt || m_isThinking || m_version != UsualVersion) {
            m_dropped += { Field::Temperature, Field::TopP, Field::TopK };
            return;
        }
        if (m_request.temperature) {
            json.key("temperature").raw(middle::numberText(qMin(*m_request.temperature, 1.0)));
            m_dropped.append(Field::TopP); // recent models refuse both together
        } else if (m_request.topP) {
            json.key("top_p").raw(middle::numberText(*m_request.topP));
        }
        if (m_request.topK)
            json.member("top_k", *m_request.topK);
    }

    const middle::Request &m_request;
    const UpstreamTarget &m_target;
    const QByteArray m_version;
    std::optional<Error> m_error;
    qint64 m_maxTokens = 0;
    QList<Block> m_tools;
    middle::ToolChoice::Mode m_choice = middle::ToolChoice::Mode::Auto;
    /// Ours, for what the model has no switch for.
    QByteArrayList m_instructions;
    /// JSON object; empty: nothing is said about thinking.
    QByteArray m_thinking;
    QByteArray m_effort;
    bool m_isThinking = false;
    QList<Block> m_system;
    QList<Message> m_messages;
    /// The last block that can be cached is marked, whichever it is.
    bool m_marksWhole = false;
    QList<Field> m_dropped;
};

} // namespace

QByteArray anthropicVersion(const ProviderOptions &options)
{
    return options.anthropicVersion.isEmpty() ? UsualVersion.toByteArray() : options.anthropicVersion;
}

Result<UpstreamCall> encodeAnthropic(const middle::Request &request, const UpstreamTarget &target)
{
    return AnthropicEncoder(request, target).encode();
}

} // namespace assistiv
