// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"

#include <QtCore/QByteArray>
#include <QtCore/QByteArrayList>
#include <QtCore/QList>

#include <optional>
#include <utility>
#include <variant>

/// What the clients' protocols and the providers' wire formats have in common: each protocol is translated to these
/// values and from them, so that n protocols and m providers need n + m translations
/// (docs/contract/providers-middle-form.md). All texts are UTF-8.
namespace assistiv::middle {

/// For how long the provider is asked to keep the prompt up to a part in its cache.
enum class CacheLife { None, Minutes, Hour };

struct Text
{
    QByteArray text = {};
    friend bool operator==(const Text &, const Text &) = default;
};

/// The model declined to answer.
struct Refusal
{
    QByteArray text = {};
    friend bool operator==(const Refusal &, const Refusal &) = default;
};

/// What the model thought on its way, as far as the provider shows it.
struct Reasoning
{
    QByteArray text = {};
    friend bool operator==(const Reasoning &, const Reasoning &) = default;
};

/// An image, either at an address or with its data.
struct Image
{
    QByteArray url = {};
    QByteArray mimeType = {};
    QByteArray base64 = {};
    /// "auto", "low", "high" or empty.
    QByteArray detail = {};
    friend bool operator==(const Image &, const Image &) = default;
};

struct File
{
    QByteArray mimeType = {};
    QByteArray base64 = {};
    QByteArray name = {};
    friend bool operator==(const File &, const File &) = default;
};

/// The model wants a function called.
struct ToolCall
{
    QByteArray id = {};
    QByteArray name = {};
    /// As the model wrote them: mostly the text of a JSON object, but nobody has checked.
    QByteArray arguments = {};
    /// What the provider wants back with this call (Google's thought signature); empty for the others.
    QByteArray signature = {};
    /// Whose signature it is, as UpstreamTarget::signer() says; empty when nobody knows.
    QByteArray signer = {};
    friend bool operator==(const ToolCall &, const ToolCall &) = default;
};

struct ToolResult
{
    QByteArray callId = {};
    QList<std::variant<Text, Image, File>> content = {};
    bool isError = false;
    friend bool operator==(const ToolResult &, const ToolResult &) = default;
};

/// Reasoning state that only its provider understands. It goes back to the same model of the same provider or nowhere.
struct Opaque
{
    /// Slug of the provider and its own id of the model.
    QByteArray provider = {};
    QByteArray model = {};
    /// May come back from a client, so a codec must not trust it.
    QByteArray blob = {};
    friend bool operator==(const Opaque &, const Opaque &) = default;
};

struct Part
{
    std::variant<Text, Refusal, Reasoning, Image, File, ToolCall, ToolResult, Opaque> content = Text();
    CacheLife cache = CacheLife::None;
    /// Where the client wrote it, for the param of an error: "messages[3].content[1]".
    QByteArray place = {};
    friend bool operator==(const Part &, const Part &) = default;
};

/// Developer turns are instructions in the middle of a conversation; those before its first turn are Request::system.
enum class Role { Developer, User, Assistant };

struct Turn
{
    Role role = Role::User;
    /// In order. Refusals, reasoning, calls and opaque state come only from the assistant; results, images and files
    /// only from the user.
    QList<Part> parts = {};
    friend bool operator==(const Turn &, const Turn &) = default;
};

struct SystemText
{
    QByteArray text = {};
    CacheLife cache = CacheLife::None;
    friend bool operator==(const SystemText &, const SystemText &) = default;
};

/// A function that the model may ask for.
struct Tool
{
    QByteArray name = {};
    QByteArray description = {};
    /// JSON Schema, an object; empty when the client gave none.
    QByteArray parameters = {};
    std::optional<bool> strict = {};
    CacheLife cache = CacheLife::None;
    friend bool operator==(const Tool &, const Tool &) = default;
};

struct ToolChoice
{
    enum class Mode { Auto, None, Required, Named };
    Mode mode = Mode::Auto;
    /// Of the one function that must be called.
    QByteArray name = {};
    /// When not empty, only these functions may be called, in the given mode.
    QByteArrayList allowed = {};
    friend bool operator==(const ToolChoice &, const ToolChoice &) = default;
};

/// The form of the answer's text.
struct Format
{
    enum class Kind { Text, JsonObject, JsonSchema };
    Kind kind = Kind::Text;
    QByteArray name = {};
    QByteArray description = {};
    /// An object; empty when the client gave none.
    QByteArray schema = {};
    std::optional<bool> strict = {};
    friend bool operator==(const Format &, const Format &) = default;
};

/// The members of a request that a provider may not know. Each protocol has its own names for them: see Request::given.
enum class Field {
    Messages,
    Tools,
    ToolChoice,
    ParallelCalls,
    Format,
    MaxTokens,
    Stop,
    Temperature,
    TopP,
    TopK,
    Seed,
    FrequencyPenalty,
    PresencePenalty,
    LogitBias,
    Logprobs,
    Effort,
    Summary,
    Verbosity,
    User,
    CacheKey,
    ServiceTier,
    /// Everything that has no place in the middle form.
    Other,
};

/// One question to a model.
struct Request
{
    /// The slug the client asked for.
    QByteArray model = {};

    QList<SystemText> system = {};
    QList<Turn> turns = {};

    QList<Tool> tools = {};
    ToolChoice toolChoice = {};
    /// Whether the model may ask for several functions at once.
    std::optional<bool> parallelCalls = {};
    Format format = {};

    std::optional<qint64> maxTokens = {};
    QByteArrayList stop = {};
    std::optional<double> temperature = {};
    std::optional<double> topP = {};
    std::optional<qint64> topK = {};
    std::optional<qint64> seed = {};
    std::optional<double> frequencyPenalty = {};
    std::optional<double> presencePenalty = {};
    /// JSON object; empty when there is none.
    QByteArray logitBias = {};
    bool logprobs = false;
    std::optional<qint64> topLogprobs = {};
    /// none, minimal, low, medium, high, xhigh, max, or what the client made up; empty when it said nothing.
    QByteArray effort = {};
    /// How it wants the reasoning summarised; empty: not at all.
    QByteArray summary = {};
    QByteArray verbosity = {};
    QByteArray user = {};
    QByteArray cacheKey = {};
    QByteArray serviceTier = {};

    /// The prompt begins as that of the call before (a further round of a tool loop), so caching it pays.
    bool isContinued = false;

    // How the client wants its answer.
    bool stream = false;
    bool includeUsage = false;
    /// Opaque reasoning state is shown.
    bool includeOpaque = false;
    /// What its protocol repeats of the request in the answer, in that protocol's own form.
    QByteArray echo = {};

    /// Members the client sent that Field has words for, each under the client's own name and in its order.
    QList<std::pair<Field, QByteArray>> given = {};
    /// The value of each member of Field::Other that could be passed on to a provider that knows it: name and JSON.
    QList<std::pair<QByteArray, QByteArray>> others = {};

    /// Prompt tokens when the provider reports none: 4 bytes a token, rounded up, 1000 for each image or file.
    qint64 estimatedPromptTokens = 0;

    /// The client's name for a field; empty when it did not send it.
    QByteArray nameOf(Field field) const
    {
        for (const auto &[candidate, name] : given) {
            if (candidate == field)
                return name;
        }
        return {};
    }
};

/// Prompt tokens when the provider reports none: 4 bytes a token for texts, calls and tools, 1000 for an image or file.
qint64 estimatedPromptTokens(const Request &request);

/// Takes out what only the provider of an earlier answer understands: opaque parts, and the signatures of calls.
void removeState(Request &request);

/// The client's names of those fields, for x-dropped-params. Names that do not fit a header line are left out.
QByteArrayList namesOf(const Request &request, const QList<Field> &fields);
/// UnsupportedParameter: the model takes no such field.
Error unsupported(const Request &request, Field field);
/// UnsupportedParameter: the model takes parts, but not this one.
Error unsupported(const Part &part, const QString &why);

} // namespace assistiv::middle
