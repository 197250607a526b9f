// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/jsonwriter.h"
#include "providers/providercodec.h"

// What both of OpenAI's wire formats need of a request.
namespace assistiv::openai {

/// Shortest text that reads back as the same number.
QByteArray numberText(double number);
/// The address, or a data URL.
QByteArray imageUrl(const middle::Image &image);
QByteArray dataUrl(const middle::File &file);
QByteArray fileName(const middle::File &file);
QByteArray text(const QList<middle::SystemText> &system);

QByteArrayView choiceWord(middle::ToolChoice::Mode mode);
/// {"Authorization": "Bearer …"}; none for servers without a key.
HttpHeaders bearer(const QByteArray &secret);

/// Whether the model takes temperature and the like, asked with this effort.
bool takesSampling(const ModelQuirks &quirks, const QByteArray &effort);
/// The nearest effort that the model knows, rather less than more; what is no word for an effort stays.
QByteArray effortFor(const ModelQuirks &quirks, const QByteArray &effort);
/// Other tiers have other prices.
bool hasUsualPrice(const middle::Request &request);

} // namespace assistiv::openai
