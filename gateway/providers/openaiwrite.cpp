// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/openaiwrite.h"

#include <QtCore/QLocale>

#include <algorithm>
#include <array>

namespace assistiv::openai {

namespace {

constexpr std::array<QByteArrayView, 7> EffortsFromLeast = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};

} // namespace

QByteArray numberText(double number)
{
    return QByteArray::number(number, 'g', QLocale::FloatingPointShortest);
}

QByteArray imageUrl(const middle::Image &image)
{
    return image.base64.isEmpty() ? image.url : "data:" + image.mimeType + ";base64," + image.base64;
}

QByteArray dataUrl(const middle::File &file)
{
    return "data:" + file.mimeType + ";base64," + file.base64;
}

QByteArray fileName(const middle::File &file)
{
    if (!file.name.isEmpty())
        return file.name;
    return file.mimeType == "application/pdf" ? "file.pdf" : "file";
}

QByteArray text(const QList<middle::SystemText> &system)
{
    QByteArrayList texts;
    for (const middle::SystemText &each : system)
        texts.append(each.text);
    return texts.join("\n\n");
}

QByteArrayView choiceWord(middle::ToolChoice::Mode mode)
{
    switch (mode) {
    case middle::ToolChoice::Mode::None:
        return "none";
    case middle::ToolChoice::Mode::Required:
        return "required";
    case middle::ToolChoice::Mode::Auto:
    case middle::ToolChoice::Mode::Named:
        break;
    }
    return "auto";
}

HttpHeaders bearer(const QByteArray &secret)
{
    if (secret.isEmpty() || secret == "none")
        return {};
    return {{"Authorization", "Bearer " + secret}};
}

bool takesSampling(const ModelQuirks &quirks, const QByteArray &effort)
{
    return quirks.sampling == Sampling::Yes || (quirks.sampling == Sampling::EffortNoneOnly && effort == "none");
}

QByteArray effortFor(const ModelQuirks &quirks, const QByteArray &effort)
{
    const auto wanted = std::find(EffortsFromLeast.begin(), EffortsFromLeast.end(), effort);
    if (quirks.efforts.isEmpty() || wanted == EffortsFromLeast.end())
        return effort;
    const auto isKnown = [&](QByteArrayView word) {
        return std::any_of(quirks.efforts.begin(), quirks.efforts.end(),
                           [&](const QByteArray &each) { return each == word; });
    };
    const auto below = std::find_if(std::make_reverse_iterator(wanted + 1), EffortsFromLeast.rend(), isKnown);
    if (below != EffortsFromLeast.rend())
        return below->toByteArray();
    const auto above = std::find_if(wanted, EffortsFromLeast.end(), isKnown);
    return above != EffortsFromLeast.end() ? above->toByteArray() : effort;
}

bool hasUsualPrice(const middle::Request &request)
{
    const QByteArray &tier = request.serviceTier;
    return tier.isEmpty() || tier == "auto" || tier == "default";
}

} // namespace assistiv::openai
