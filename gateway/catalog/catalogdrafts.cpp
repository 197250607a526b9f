// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/catalogdrafts.h"

#include "catalog/catalogwords.h"

#include <QtCore/QRegularExpression>
#include <QtCore/QUrl>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr int MostMappings = 20;
constexpr int LongestUrl = 2048;
constexpr int LowestPriority = 1'000'000;

std::optional<QString> matching(JsonFields &fields, QLatin1StringView name, const QRegularExpression &pattern,
                                const QString &rule)
{
    const auto text = fields.text(name, 1, 128);
    // A slug and an id must not be taken for each other.
    if (text && (!pattern.match(*text).hasMatch() || ModelId::parse(*text)))
        fields.refuse(name, rule);
    return text;
}

std::optional<std::optional<qint64>> optionalLimit(JsonFields &fields, QLatin1StringView name)
{
    if (!fields.has(name))
        return {};
    return fields.integer(name, 1, 1'000'000'000);
}

} // namespace

QString baseUrlProblem(const QString &text)
{
    const QUrl url(text, QUrl::StrictMode);
    if (text.size() > LongestUrl || !url.isValid() || (url.scheme() != "https"_L1 && url.scheme() != "http"_L1)
        || url.host().isEmpty())
        return u"base_url must be an http or https URL."_s;
    if (!url.userInfo().isEmpty() || url.hasQuery() || url.hasFragment())
        return u"base_url must have no user, password, query or fragment."_s;
    return {};
}

ProviderDraft readProviderDraft(JsonFields &fields)
{
    static const QRegularExpression slugPattern(u"\\A[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\\z"_s);
    ProviderDraft draft;
    draft.slug = matching(fields, "slug"_L1, slugPattern,
                          u"slug must be 1 to 63 lower-case letters, digits and inner hyphens."_s);
    if (const auto kind = fields.oneOf("kind"_L1, providerKindWords()))
        draft.kind = providerKindFrom(*kind);
    draft.name = fields.text("name"_L1, 1, 100);
    draft.baseUrl = fields.text("base_url"_L1, 0, LongestUrl);
    if (draft.baseUrl && !draft.baseUrl->isEmpty()) {
        if (const QString problem = baseUrlProblem(*draft.baseUrl); !problem.isEmpty())
            fields.refuse("base_url"_L1, problem);
    }
    draft.isEnabled = fields.flag("is_enabled"_L1);

    (void)readProviderOptions(fields); // for its rules
    for (const QLatin1StringView name : ProviderOptionNames) {
        if (fields.has(name))
            draft.options.insert(name, fields.value(name));
    }
    fields.finish();
    return draft;
}

MappingDraft readMappingDraft(JsonFields &fields)
{
    MappingDraft draft;
    // An answer of the API carries both: "provider" is the slug then.
    const QLatin1StringView reference =
        fields.has("provider_id"_L1) && !fields.has("provider"_L1) ? "provider_id"_L1 : "provider"_L1;
    draft.provider = fields.requiredText(reference, 1, 63);
    draft.providerModelId = fields.text("provider_model_id"_L1, 1, 200);
    if (const auto api = fields.oneOf("upstream_api"_L1, upstreamApiWords()))
        draft.upstreamApi = upstreamApiFrom(*api);
    if (const auto priority = fields.integer("priority"_L1, 0, LowestPriority))
        draft.priority = int(*priority);
    draft.isEnabled = fields.flag("is_enabled"_L1);
    if (auto quirks = fields.object("quirks"_L1))
        draft.quirks = readQuirks(*quirks);
    draft.pricing = mappingPricing(fields);
    fields.finish();
    return draft;
}

ModelDraft readModelDraft(JsonFields &fields)
{
    static const QRegularExpression slugPattern(u"\\A[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}\\z"_s);
    ModelDraft draft;
    draft.slug = matching(fields, "slug"_L1, slugPattern,
                          u"slug must be 1 to 128 letters, digits and . _ : @ + - and begin with a letter or digit."_s);
    draft.displayName = fields.text("display_name"_L1, 1, 200);
    draft.isEnabled = fields.flag("is_enabled"_L1);
    draft.contextWindow = optionalLimit(fields, "context_window"_L1);
    draft.maxOutputTokens = optionalLimit(fields, "max_output_tokens"_L1);
    draft.capabilities = fields.texts("capabilities"_L1, 50, 50);

    // A model that was read from the API and is sent back has them as "providers".
    const QLatin1StringView name =
        fields.has("providers"_L1) && !fields.has("mappings"_L1) ? "providers"_L1 : "mappings"_L1;
    if (auto mappings = fields.objects(name, MostMappings)) {
        QList<MappingDraft> drafts;
        QStringList seen;
        for (JsonFields &mapping : *mappings) {
            drafts.append(readMappingDraft(mapping));
            if (seen.contains(drafts.constLast().provider))
                mapping.refuse("provider"_L1, u"A model has at most one mapping for each provider."_s);
            seen.append(drafts.constLast().provider);
        }
        draft.mappings = drafts;
    }
    fields.finish();
    return draft;
}

} // namespace assistiv
