// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/responses/opaquestate.h"

namespace assistiv {

namespace {

// "v1.<provider>.<model>.<state in base64>": no slug of a provider and no base64 has a dot, a model may.
constexpr QByteArrayView StateVersion = "v1.";

} // namespace

QByteArray sealedState(const middle::Opaque &opaque)
{
    return StateVersion.toByteArray() + opaque.provider + '.' + opaque.model + '.'
        + opaque.blob.toBase64(QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals);
}

std::optional<middle::Opaque> openedState(QByteArrayView text)
{
    if (!text.startsWith(StateVersion))
        return {};
    text = text.sliced(StateVersion.size());
    const qsizetype first = text.indexOf('.');
    const qsizetype last = text.lastIndexOf('.');
    if (first < 0 || first == last)
        return {};
    const auto blob = QByteArray::fromBase64Encoding(
        text.sliced(last + 1).toByteArray(), QByteArray::Base64UrlEncoding | QByteArray::AbortOnBase64DecodingErrors);
    if (!blob)
        return {};
    return middle::Opaque{text.first(first).toByteArray(), text.sliced(first + 1, last - first - 1).toByteArray(),
                          *blob};
}

} // namespace assistiv
