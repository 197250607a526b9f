// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "limits/ratedelta.h"

namespace assistiv {

namespace {

constexpr auto ShortForm = QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals;

// "platform,user.requests.tokens,…;platform,…": ids in 22 characters; no user stands for the platform's keys.

template<typename SomeId>
QByteArray shortId(const SomeId &id)
{
    return id.isNull() ? QByteArray() : QUuid::fromString(id.toString()).toRfc4122().toBase64(ShortForm);
}

template<typename SomeId>
std::optional<SomeId> idFrom(const QByteArray &text)
{
    const auto bytes = QByteArray::fromBase64Encoding(text, ShortForm | QByteArray::AbortOnBase64DecodingErrors);
    if (!bytes || bytes.decoded.size() != 16)
        return {};
    return SomeId::parse(QUuid::fromRfc4122(bytes.decoded).toString(QUuid::WithoutBraces));
}

std::optional<RateDelta> deltaFrom(const PlatformId &platform, const QByteArray &text)
{
    const QByteArrayList parts = text.split('.');
    if (parts.size() != 3)
        return {};
    const auto user = parts[0].isEmpty() ? std::optional(EndUserId()) : idFrom<EndUserId>(parts[0]);
    bool requestsAreNumber = false;
    bool tokensAreNumber = false;
    const qint64 requests = parts[1].toLongLong(&requestsAreNumber);
    const qint64 tokens = parts[2].toLongLong(&tokensAreNumber);
    if (!user || !requestsAreNumber || !tokensAreNumber || requests < 0 || tokens < 0)
        return {};
    return RateDelta { platform, *user, requests, tokens };
}

} // namespace

QByteArrayList encodeRateDeltas(const QList<RateDelta> &deltas, qsizetype mostBytes)
{
    QByteArrayList lines;
    QByteArray line;
    PlatformId platform;
    for (const RateDelta &delta : deltas) {
        const QByteArray entry = ',' + shortId(delta.endUser) + '.' + QByteArray::number(delta.requests) + '.'
            + QByteArray::number(delta.tokens);
        const QByteArray head = (line.isEmpty() ? QByteArray() : QByteArray(";")) + shortId(delta.platform);
        const bool isSame = delta.platform == platform && !line.isEmpty();
        const QByteArray more = isSame ? entry : head + entry;
        if (!line.isEmpty() && line.size() + more.size() > mostBytes) {
            lines.append(std::exchange(line, shortId(delta.platform) + entry));
        } else {
            line += more;
        }
        platform = delta.platform;
    }
    if (!line.isEmpty())
        lines.append(line);
    return lines;
}

std::optional<QList<RateDelta>> decodeRateDeltas(QByteArrayView line)
{
    QList<RateDelta> deltas;
    const QByteArrayList groups = line.toByteArray().split(';');
    for (const QByteArray &group : groups) {
        const QByteArrayList parts = group.split(',');
        const auto platform = idFrom<PlatformId>(parts.constFirst());
        if (!platform || parts.size() < 2)
            return {};
        for (qsizetype at = 1; at < parts.size(); ++at) {
            const auto delta = deltaFrom(*platform, parts[at]);
            if (!delta)
                return {};
            deltas.append(*delta);
        }
    }
    return deltas;
}

} // namespace assistiv
