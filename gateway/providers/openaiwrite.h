// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/jsonwriter.h"
#include "providers/providercodec.h"

// What both of OpenAI's wire formats need of a request.
namespace assistiv::openai {

/// The address, or a data URL.
QByteArray imageUrl(const middle::Image &image);
QByteArray dataUrl(const middle::File &file);
QByteArray fileName(const middle::File &file);
QByteArray text(const QList<middle::SystemText> &system);

QByteArrayView choiceWord(middle::ToolChoice::Mode mode);
/// {"Authorization": "Bearer …"}; none for servers without a key.
HttpHeaders bearer(const QByteArray &secret);

/// The nearest effort that the model knows, rather less than more; what is no word for an effort stays.
QByteArray effortFor(const ModelQuirks &quirks, const QByteArray &effort);

} // namespace assistiv::openai
