// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/jsonread.h"
#include "providers/middle/request.h"

#include <utility>

// What OpenAI's two protocols write the same way.
namespace assistiv::client {

/// The members of an object that count, in order: of a repeated name the last one, and none that is null.
QList<std::pair<QByteArrayView, json::dom::element>> members(json::dom::object object);

middle::CacheLife cacheLife(json::dom::element parent);

/// Empty when it is neither a web address nor a data URL in base64.
std::optional<middle::Image> image(QByteArrayView url, QByteArrayView detail);
/// Empty when data is neither a data URL in base64 nor the bare base64 of a PDF.
std::optional<middle::File> file(QByteArrayView data, QByteArrayView name);

/// Of the object that holds the name; empty when parameters is no object.
std::optional<middle::Tool> function(json::dom::element described);
middle::ToolChoice::Mode choiceMode(QByteArrayView word);
/// Of the object that holds name and schema; empty when schema is no object.
std::optional<middle::Format> schemaFormat(json::dom::element described);

} // namespace assistiv::client
