// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/catalogwords.h"

#include <QtCore/QRegularExpression>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

template<typename T>
struct Word
{
    T value;
    QLatin1StringView word;
};

constexpr Word<ProviderKind> KindWords[] = {
    { ProviderKind::OpenAi, "openai"_L1 },   { ProviderKind::Anthropic, "anthropic"_L1 },
    { ProviderKind::Google, "google"_L1 },   { ProviderKind::Xai, "xai"_L1 },
    { ProviderKind::Sandbox, "sandbox"_L1 },
};
constexpr Word<UpstreamApi> ApiWords[] = {
    { UpstreamApi::Chat, "chat"_L1 },
    { UpstreamApi::Responses, "responses"_L1 },
    { UpstreamApi::Messages, "messages"_L1 },
    { UpstreamApi::GenerateContent, "generateContent"_L1 },
};
constexpr Word<Sampling> SamplingWords[] = {
    { Sampling::Yes, "yes"_L1 },
    { Sampling::EffortNoneOnly, "effort_none_only"_L1 },
    { Sampling::Never, "never"_L1 },
};
constexpr Word<Thinking> ThinkingWords[] = {
    { Thinking::Always, "always"_L1 },
    { Thinking::Adaptive, "adaptive"_L1 },
    { Thinking::Budget, "budget"_L1 },
    { Thinking::Level, "level"_L1 },
};

template<typename T, size_t Count>
QLatin1StringView wordIn(const Word<T> (&words)[Count], T value)
{
    for (const auto &entry : words) {
        if (entry.value == value)
            return entry.word;
    }
    return {};
}

template<typename T, size_t Count>
std::optional<T> valueIn(const Word<T> (&words)[Count], QStringView word)
{
    for (const auto &entry : words) {
        if (entry.word == word)
            return entry.value;
    }
    return {};
}

template<typename T, size_t Count>
QStringList listOf(const Word<T> (&words)[Count])
{
    QStringList list;
    for (const auto &entry : words)
        list.append(entry.word);
    return list;
}

QByteArrayList utf8List(const QStringList &texts)
{
    QByteArrayList list;
    for (const QString &text : texts)
        list.append(text.toUtf8());
    return list;
}

QJsonArray arrayOf(const QByteArrayList &texts)
{
    QJsonArray array;
    for (const QByteArray &text : texts)
        array.append(QString::fromUtf8(text));
    return array;
}

void addList(QJsonObject &object, QLatin1StringView name, const QByteArrayList &texts)
{
    if (!texts.isEmpty())
        object.insert(name, arrayOf(texts));
}

constexpr QLatin1StringView OwnHeaders[] = {
    "authorization"_L1, "x-api-key"_L1,       "x-goog-api-key"_L1,    "host"_L1,       "content-length"_L1,
    "content-type"_L1,  "connection"_L1,      "transfer-encoding"_L1, "user-agent"_L1, "accept"_L1,
    "expect"_L1,        "accept-encoding"_L1, "anthropic-version"_L1, "te"_L1,         "upgrade"_L1,
};

bool isVisible(const QString &text)
{
    return std::all_of(text.begin(), text.end(), [](QChar c) { return c >= u' ' && c <= u'~'; });
}

QList<std::pair<QByteArray, QByteArray>> readHeaders(JsonFields &fields)
{
    constexpr QLatin1StringView Name = "extra_headers"_L1;
    static const QRegularExpression namePattern(u"\\A[A-Za-z0-9-]{1,100}\\z"_s);
    QList<std::pair<QByteArray, QByteArray>> headers;
    const auto reader = fields.object(Name);
    if (!reader)
        return headers;
    const QJsonObject object = reader->json();
    for (auto header = object.constBegin(); header != object.constEnd(); ++header) {
        const QString value = header.value().toString();
        const bool isOwn =
            std::find(std::begin(OwnHeaders), std::end(OwnHeaders), header.key().toLower()) != std::end(OwnHeaders);
        if (isOwn || !namePattern.match(header.key()).hasMatch() || !header.value().isString() || value.size() > 1000
            || !isVisible(value) || object.size() > 20)
            fields.refuse(
                Name,
                u"extra_headers must be at most 20 header names with text values, none of them the gateway's own."_s);
        headers.append({ header.key().toLatin1(), value.toLatin1() });
    }
    return headers;
}

} // namespace

QLatin1StringView wordOf(ProviderKind kind)
{
    return wordIn(KindWords, kind);
}

QLatin1StringView wordOf(UpstreamApi api)
{
    return wordIn(ApiWords, api);
}

QStringList providerKindWords()
{
    return listOf(KindWords);
}

QStringList upstreamApiWords()
{
    return listOf(ApiWords);
}

std::optional<ProviderKind> providerKindFrom(QStringView word)
{
    return valueIn(KindWords, word);
}

std::optional<UpstreamApi> upstreamApiFrom(QStringView word)
{
    return valueIn(ApiWords, word);
}

QByteArray beginningOfCalls(const QString &baseUrl)
{
    QByteArray beginning = baseUrl.toUtf8();
    while (beginning.endsWith('/'))
        beginning.chop(1);
    return beginning;
}

UpstreamApi usualApi(ProviderKind kind)
{
    switch (kind) {
    case ProviderKind::Anthropic: return UpstreamApi::Messages;
    case ProviderKind::Google: return UpstreamApi::GenerateContent;
    case ProviderKind::OpenAi:
    case ProviderKind::Xai:
    case ProviderKind::Sandbox: break;
    }
    return UpstreamApi::Chat;
}

ModelQuirks readQuirks(JsonFields &fields)
{
    ModelQuirks quirks;
    if (const auto word = fields.oneOf("sampling"_L1, listOf(SamplingWords)))
        quirks.sampling = valueIn(SamplingWords, *word).value_or(Sampling::Yes);
    if (const auto word = fields.oneOf("thinking"_L1, listOf(ThinkingWords)))
        quirks.thinking = valueIn(ThinkingWords, *word).value_or(Thinking::Unknown);
    quirks.thinkingOff = fields.text("thinking_off"_L1, 1, 40).value_or(QString()).toUtf8();
    quirks.forcedToolChoice = fields.flag("forced_tool_choice"_L1).value_or(true);
    quirks.efforts = utf8List(fields.texts("efforts"_L1, 20, 40).value_or(QStringList()));
    quirks.rejects = utf8List(fields.texts("rejects"_L1, 100, 100).value_or(QStringList()));
    quirks.chatRejects = utf8List(fields.texts("chat_rejects"_L1, 100, 100).value_or(QStringList()));
    fields.finish();
    return quirks;
}

QJsonObject quirksJson(const ModelQuirks &quirks)
{
    QJsonObject object { { u"sampling"_s, QString(wordIn(SamplingWords, quirks.sampling)) } };
    if (quirks.thinking != Thinking::Unknown)
        object.insert("thinking"_L1, QString(wordIn(ThinkingWords, quirks.thinking)));
    if (!quirks.thinkingOff.isEmpty())
        object.insert("thinking_off"_L1, QString::fromUtf8(quirks.thinkingOff));
    if (!quirks.forcedToolChoice)
        object.insert("forced_tool_choice"_L1, false);
    addList(object, "efforts"_L1, quirks.efforts);
    addList(object, "rejects"_L1, quirks.rejects);
    addList(object, "chat_rejects"_L1, quirks.chatRejects);
    return object;
}

ProviderOptions readProviderOptions(JsonFields &fields)
{
    const ProviderOptions usual;
    ProviderOptions options;
    options.allowPrivateAddress = fields.flag("allow_private_address"_L1).value_or(usual.allowPrivateAddress);
    options.usageInStream = fields.flag("usage_in_stream"_L1).value_or(usual.usageInStream);
    options.priceFree = fields.flag("price_free"_L1).value_or(usual.priceFree);
    options.maxTokensField = fields.oneOf("max_tokens_field"_L1, { u"max_tokens"_s, u"max_completion_tokens"_s })
                                 .value_or(QString())
                                 .toLatin1();
    options.dropFields = utf8List(fields.texts("drop_fields"_L1, 100, 100).value_or(QStringList()));
    options.firstByteTimeoutMs = int(fields.integer("first_byte_timeout_ms"_L1, 1'000, 3'600'000).value_or(0));
    const QString version = fields.text("anthropic_version"_L1, 1, 40).value_or(QString());
    if (!isVisible(version))
        fields.refuse("anthropic_version"_L1, u"anthropic_version must be a date as the provider names it."_s);
    options.anthropicVersion = version.toLatin1();
    options.extraHeaders = readHeaders(fields);
    return options;
}

QJsonObject providerOptionsJson(const ProviderOptions &options)
{
    const ProviderOptions usual;
    QJsonObject object;
    if (options.allowPrivateAddress != usual.allowPrivateAddress)
        object.insert("allow_private_address"_L1, options.allowPrivateAddress);
    if (options.usageInStream != usual.usageInStream)
        object.insert("usage_in_stream"_L1, options.usageInStream);
    if (options.priceFree != usual.priceFree)
        object.insert("price_free"_L1, options.priceFree);
    if (!options.maxTokensField.isEmpty())
        object.insert("max_tokens_field"_L1, QString::fromLatin1(options.maxTokensField));
    addList(object, "drop_fields"_L1, options.dropFields);
    if (options.firstByteTimeoutMs > 0)
        object.insert("first_byte_timeout_ms"_L1, options.firstByteTimeoutMs);
    if (!options.anthropicVersion.isEmpty())
        object.insert("anthropic_version"_L1, QString::fromLatin1(options.anthropicVersion));
    QJsonObject headers;
    for (const auto &[name, value] : options.extraHeaders)
        headers.insert(QString::fromLatin1(name), QString::fromLatin1(value));
    if (!headers.isEmpty())
        object.insert("extra_headers"_L1, headers);
    return object;
}

} // namespace assistiv
