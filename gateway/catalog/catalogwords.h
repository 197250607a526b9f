// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/catalogsnapshot.h"
#include "catalog/jsonfields.h"

namespace assistiv {

// The words and JSON forms of what catalogsnapshot.h declares, as the contract, the database and the starter catalogue
// have them.

QStringList providerKindWords();
QStringList upstreamApiWords();
std::optional<ProviderKind> providerKindFrom(QStringView word);
std::optional<UpstreamApi> upstreamApiFrom(QStringView word);
/// A provider's base URL without a slash at the end.
QByteArray beginningOfCalls(const QString &baseUrl);
/// What providers of a kind speak when nothing else is said about a model.
UpstreamApi usualApi(ProviderKind kind);

ModelQuirks readQuirks(JsonFields &fields);
QJsonObject quirksJson(const ModelQuirks &quirks);

inline constexpr QLatin1StringView ProviderOptionNames[] = {
    QLatin1StringView("allow_private_address"),
    QLatin1StringView("usage_in_stream"),
    QLatin1StringView("price_free"),
    QLatin1StringView("max_tokens_field"),
    QLatin1StringView("drop_fields"),
    QLatin1StringView("first_byte_timeout_ms"),
    QLatin1StringView("anthropic_version"),
    QLatin1StringView("extra_headers"),
};
/// Reads the members of these names and leaves the others alone.
ProviderOptions readProviderOptions(JsonFields &fields);
/// Only what differs from the default.
QJsonObject providerOptionsJson(const ProviderOptions &options);

} // namespace assistiv
