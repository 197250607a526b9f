// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/google/googleencoder.h"

#include "core/jsonwriter.h"
#include "providers/google/googlenames.h"
#include "providers/jsonread.h"
#include "providers/middle/wire.h"

#include <algorithm>
#include <array>
#include <limits>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using middle::Field;
using middle::Message;

// What Google itself names for calls that it has not signed.
constexpr QByteArrayView NoSignature = "skip_thought_signature_validator";

struct GoogleEffort
{
    QByteArrayView effort;
    QByteArrayView level;
    qint64 budget;
};

// From little to much.
constexpr std::array<GoogleEffort, 7> GoogleEfforts = { {
    { "none", "MINIMAL", 0 },
    { "minimal", "MINIMAL", 512 },
    { "low", "LOW", 1024 },
    { "medium", "MEDIUM", 8192 },
    { "high", "HIGH", 24576 },
    { "xhigh", "HIGH", 24576 },
    { "max", "HIGH", 24576 },
} };
// The larger of the models that think by budget cannot do without.
constexpr qint64 LeastProBudget = 128;

QByteArray textPart(const QByteArray &text)
{
    JsonWriter json;
    json.beginObject().key("text").utf8(text).endObject();
    return json.take();
}

QByteArray inlineData(const QByteArray &mimeType, const QByteArray &base64)
{
    JsonWriter json;
    json.beginObject().key("inlineData").beginObject();
    json.key("mimeType").utf8(mimeType).key("data").utf8(base64).endObject().endObject();
    return json.take();
}

QByteArray withSignature(QByteArray part, QByteArrayView signature)
{
    JsonWriter json;
    json.key("thoughtSignature").utf8(signature);
    part.chop(1);
    return part + ',' + json.take() + '}';
}

class GoogleEncoder
{
public:
    GoogleEncoder(const middle::Request &request, const UpstreamTarget &target)
        : m_request(request), m_target(target), m_names(request.tools)
    {
    }

    Result<UpstreamCall> encode()
    {
        if (middle::wantsOtherTier(m_request))
            return middle::unsupported(m_request, Field::ServiceTier);
        readSignatures();
        const QList<Message> messages = middle::messagesOf(
            m_request.turns, [this](const middle::Part &part, Message &message) { addPart(part, message); });
        if (m_error)
            return *m_error;
        if (auto problem = middle::conversationProblem(m_request, messages))
            return *problem;

        UpstreamCall call;
        call.path = path();
        call.body = body(messages);
        call.dropped = middle::namesOf(m_request, m_dropped);
        return call;
    }

private:
    void refuse(const Error &error)
    {
        if (!m_error)
            m_error = error;
    }

    QByteArray path() const
    {
        // Tuned models have a collection of their own in their id.
        const QByteArray name = m_target.model.contains('/') ? m_target.model : "models/" + m_target.model;
        return '/' + name.toPercentEncoding("/") + ":streamGenerateContent?alt=sse";
    }

    // Signatures of calls that come beside them and not in them.
    void readSignatures()
    {
        for (const middle::Turn &turn : m_request.turns) {
            for (const middle::Part &part : turn.parts) {
                const auto *opaque = std::get_if<middle::Opaque>(&part.content);
                const auto blob = opaque && m_target.owns(*opaque) ? json::parse(opaque->blob) : std::nullopt;
                if (!blob)
                    continue;
                const QByteArrayView call = json::text(*blob, "call");
                const QByteArrayView signature = json::text(*blob, "thought_signature");
                if (!call.isEmpty() && !signature.isEmpty())
                    m_signatures.insert(call.toByteArray(), signature.toByteArray());
            }
        }
    }

    void addPart(const middle::Part &part, Message &message)
    {
        // The last part may have been another message's.
        const bool followsText = std::exchange(m_followsText, false) && !message.blocks.isEmpty();
        if (const auto *text = std::get_if<middle::Text>(&part.content))
            return addText(text->text, message);
        if (const auto *refusal = std::get_if<middle::Refusal>(&part.content))
            return addText(refusal->text, message);
        if (const auto *image = std::get_if<middle::Image>(&part.content))
            return message.add(imagePart(*image, part));
        if (const auto *file = std::get_if<middle::File>(&part.content))
            return message.add(inlineData(file->mimeType, file->base64));
        if (const auto *call = std::get_if<middle::ToolCall>(&part.content))
            return addCall(*call, message);
        if (const auto *result = std::get_if<middle::ToolResult>(&part.content))
            return addResult(*result, part, message);
        if (const auto *opaque = std::get_if<middle::Opaque>(&part.content))
            addSignature(*opaque, followsText, message);
        // Reasoning in words is nothing that Google takes back.
    }

    void addText(const QByteArray &text, Message &message)
    {
        if (middle::isBlank(text))
            return;
        message.add(textPart(text));
        m_followsText = true;
    }

    // The signature of a text goes back with that text, or with an empty one, as it comes in streams.
    void addSignature(const middle::Opaque &opaque, bool followsText, Message &message)
    {
        const auto blob = m_target.owns(opaque) ? json::parse(opaque.blob) : std::nullopt;
        const QByteArray signature = blob ? json::text(*blob, "thought_signature").toByteArray() : QByteArray();
        if (signature.isEmpty() || json::member(*blob, "call"))
            return;
        const QByteArray text = followsText ? message.blocks.takeLast().json : textPart({});
        message.add(withSignature(text, signature));
    }

    QByteArray imagePart(const middle::Image &image, const middle::Part &part)
    {
        // Google fetches from its own store only, and we do not fetch for clients.
        if (image.base64.isEmpty())
            refuse(middle::unsupported(part, u"Send the image as a data URL for this model."_s));
        return inlineData(middle::imageType(image), image.base64);
    }

    void addCall(const middle::ToolCall &call, Message &message)
    {
        const QByteArray name = m_names.sent(call.name);
        m_callNames.insert(call.id, name);
        JsonWriter json;
        json.beginObject().key("functionCall").beginObject().key("id").utf8(call.id).key("name").utf8(name);
        json.key("args").raw(middle::argumentsObject(call.arguments)).endObject().endObject();
        const QByteArray signature = signatureOf(call, message.callIds.isEmpty());
        message.addCall(call.id, signature.isEmpty() ? json.take() : withSignature(json.take(), signature));
    }

    // Models that think by level refuse a conversation whose calls are not signed; of parallel ones only the first is.
    QByteArray signatureOf(const middle::ToolCall &call, bool isFirst) const
    {
        if (const QByteArray signature = m_signatures.value(call.id); !signature.isEmpty())
            return signature;
        const bool isOurs = call.signer.isEmpty() || call.signer == m_target.signer();
        if (isOurs && !call.signature.isEmpty())
            return call.signature;
        return isFirst && m_target.quirks.thinking != Thinking::Budget ? NoSignature.toByteArray() : QByteArray();
    }

    void addResult(const middle::ToolResult &result, const middle::Part &part, Message &message)
    {
        const auto name = m_callNames.constFind(result.callId);
        if (name == m_callNames.constEnd()) {
            return refuse({ .code = ErrorCode::ValidationError,
                            .message = u"There is no call \"%1\" in the messages before its result."_s.arg(
                                QString::fromUtf8(result.callId)),
                            .param = QString::fromUtf8(part.place) });
        }
        QByteArrayList texts;
        QByteArrayList others;
        for (const auto &piece : result.content) {
            if (const auto *image = std::get_if<middle::Image>(&piece))
                others.append(imagePart(*image, part));
            else if (const auto *file = std::get_if<middle::File>(&piece))
                others.append(inlineData(file->mimeType, file->base64));
            else
                texts.append(std::get<middle::Text>(piece).text);
        }
        JsonWriter json;
        json.beginObject().key("functionResponse").beginObject();
        json.key("id").utf8(result.callId).key("name").utf8(*name);
        json.key("response").raw(responseOf(texts.join('\n'), result.isError)).endObject().endObject();
        message.addResult(result.callId, json.take());
        for (const QByteArray &other : std::as_const(others))
            message.add(other);
    }

    static QByteArray responseOf(const QByteArray &text, bool isError)
    {
        if (const auto object = isError ? std::nullopt : middle::jsonObject(text))
            return *object;
        JsonWriter json;
        json.beginObject().key(isError ? "error" : "output").utf8(text).endObject();
        return json.take();
    }

    QByteArray body(const QList<Message> &messages)
    {
        JsonWriter json;
        json.beginObject();
        writeInstructions(json);
        json.key("contents").beginArray();
        for (const Message &message : messages) {
            json.beginObject().key("role").utf8(message.isAssistant ? "model" : "user").key("parts").beginArray();
            for (const middle::Block &block : message.blocks)
                json.raw(block.json);
            json.endArray().endObject();
        }
        json.endArray();
        writeTools(json);
        if (const QByteArray generation = generationConfig(); generation != "{}")
            json.key("generationConfig").raw(generation);
        json.endObject();
        // These do not exist here.
        m_dropped += { Field::LogitBias, Field::Logprobs, Field::Verbosity,
                       Field::User,      Field::CacheKey, Field::Other };
        return json.take();
    }

    void writeInstructions(JsonWriter &json) const
    {
        const QList<middle::SystemText> instructions = middle::instructionsOf(m_request);
        if (instructions.isEmpty())
            return;
        json.key("systemInstruction").beginObject().key("parts").beginArray();
        for (const middle::SystemText &instruction : instructions)
            json.raw(textPart(instruction.text));
        json.endArray().endObject();
    }

    void writeTools(JsonWriter &json) const
    {
        const QList<middle::Tool> tools = middle::toolsOf(m_request);
        if (tools.isEmpty())
            return;
        json.key("tools").beginArray().beginObject().key("functionDeclarations").beginArray();
        for (const middle::Tool &tool : tools) {
            json.beginObject().key("name").utf8(m_names.sent(tool.name));
            if (!tool.description.isEmpty())
                json.key("description").utf8(tool.description);
            // A function without parameters has no schema here.
            const QByteArray schema = middle::objectSchema(tool.parameters);
            if (schema != middle::EmptyObjectSchema)
                json.key("parametersJsonSchema").raw(schema);
            json.endObject();
        }
        json.endArray().endObject().endArray();
        const bool isStrict
            = std::any_of(tools.begin(), tools.end(), [](const middle::Tool &tool) { return tool.strict == true; });
        writeToolChoice(json, isStrict);
    }

    void writeToolChoice(JsonWriter &json, bool isStrict) const
    {
        using Mode = middle::ToolChoice::Mode;
        const middle::ToolChoice &choice = m_request.toolChoice;
        QByteArrayView mode;
        switch (choice.mode) {
        case Mode::Auto: mode = isStrict ? "VALIDATED" : "AUTO"; break;
        case Mode::None: mode = "NONE"; break;
        case Mode::Required:
        case Mode::Named: mode = "ANY"; break;
        }
        json.key("toolConfig").beginObject().key("functionCallingConfig").beginObject().key("mode").utf8(mode);
        if (choice.mode == Mode::Named)
            json.key("allowedFunctionNames").beginArray().utf8(m_names.sent(choice.name)).endArray();
        json.endObject().endObject();
    }

    QByteArray generationConfig()
    {
        JsonWriter json;
        json.beginObject();
        if (const auto limit = middle::outputLimit(m_request, m_target.maxOutputTokens))
            json.member("maxOutputTokens", *limit);
        writeSampling(json);
        writeStop(json);
        writeFormat(json);
        writeThinking(json);
        json.endObject();
        return json.take();
    }

    void writeSampling(JsonWriter &json)
    {
        // Seeds have 32 bits here.
        if (m_request.seed && *m_request.seed == qint64(qint32(*m_request.seed)))
            json.member("seed", *m_request.seed);
        else
            m_dropped.append(Field::Seed);
        if (!middle::takesSampling(m_target.quirks, m_request)) {
            m_dropped += { Field::Temperature, Field::TopP, Field::TopK, Field::FrequencyPenalty,
                           Field::PresencePenalty };
            return;
        }
        const auto write = [&json](QByteArrayView name, std::optional<double> number) {
            if (number)
                json.key(name).raw(middle::numberText(*number));
        };
        write("temperature", m_request.temperature);
        write("topP", m_request.topP);
        if (m_request.topK)
            json.member("topK", *m_request.topK);
        write("frequencyPenalty", m_request.frequencyPenalty);
        write("presencePenalty", m_request.presencePenalty);
    }

    void writeStop(JsonWriter &json) const
    {
        const auto begin = m_request.stop.begin();
        if (std::all_of(begin, m_request.stop.end(), [](const QByteArray &stop) { return stop.isEmpty(); }))
            return;
        json.key("stopSequences").beginArray();
        for (const QByteArray &stop : m_request.stop) {
            if (!stop.isEmpty())
                json.utf8(stop);
        }
        json.endArray();
    }

    void writeFormat(JsonWriter &json) const
    {
        if (m_request.format.kind == middle::Format::Kind::Text)
            return;
        json.key("responseMimeType").utf8("application/json");
        if (middle::hasSchema(m_request.format))
            json.key("responseJsonSchema").raw(m_request.format.schema);
    }

    void writeThinking(JsonWriter &json)
    {
        const Thinking thinking = m_target.quirks.thinking;
        const auto effort = std::find_if(GoogleEfforts.begin(), GoogleEfforts.end(), [this](const GoogleEffort &each) {
            return each.effort == m_request.effort;
        });
        const bool byLevel = thinking == Thinking::Level;
        const bool isKnown = (byLevel || thinking == Thinking::Budget) && effort != GoogleEfforts.end();
        const qint64 budget = isKnown && !byLevel ? budgetOf(*effort) : -1;
        const bool isShown = (byLevel || thinking == Thinking::Budget) && !m_request.summary.isEmpty() && budget != 0;
        if (!isKnown)
            m_dropped.append(Field::Effort);
        if (!isShown)
            m_dropped.append(Field::Summary);
        if (!isKnown && !isShown)
            return;
        json.key("thinkingConfig").beginObject();
        if (isKnown && byLevel)
            json.key("thinkingLevel").utf8(levelOf(effort));
        else if (isKnown)
            json.member("thinkingBudget", budget);
        if (isShown)
            json.member("includeThoughts", true);
        json.endObject();
    }

    // The next level that the model has, upwards if it can be.
    QByteArrayView levelOf(const GoogleEffort *wanted) const
    {
        const QByteArrayList &known = m_target.quirks.efforts;
        const auto isKnown = [&known](const GoogleEffort &each) { return known.contains(each.effort); };
        if (known.isEmpty())
            return wanted->level;
        const auto *next = std::find_if(wanted, GoogleEfforts.data() + GoogleEfforts.size(), isKnown);
        if (next != GoogleEfforts.data() + GoogleEfforts.size())
            return next->level;
        const auto highest = std::find_if(GoogleEfforts.rbegin(), GoogleEfforts.rend(), isKnown);
        return highest != GoogleEfforts.rend() ? highest->level : wanted->level;
    }

    qint64 budgetOf(const GoogleEffort &effort) const
    {
        return m_target.model.contains("-pro") ? qMax(effort.budget, LeastProBudget) : effort.budget;
    }

    const middle::Request &m_request;
    const UpstreamTarget &m_target;
    const GoogleNames m_names;
    std::optional<Error> m_error;
    /// By the call's id.
    QHash<QByteArray, QByteArray> m_signatures;
    /// As sent, by the call's id: a result needs the name of its function.
    QHash<QByteArray, QByteArray> m_callNames;
    /// The last block is a text that has no signature.
    bool m_followsText = false;
    QList<Field> m_dropped;
};

} // namespace

Result<UpstreamCall> encodeGoogle(const middle::Request &request, const UpstreamTarget &target)
{
    return GoogleEncoder(request, target).encode();
}

} // namespace assistiv
