// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "webhooks/secrets.h"

#include "core/hashing.h"
#include "core/vault.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr QByteArrayView SecretPrefix = "whsec_";
/// Their base64 has no padding.
constexpr int SecretBytes = 24;

QByteArray sealingContext(const WebhookEndpointId &endpoint)
{
    return "webhook_secrets/" + endpoint.toLatin1();
}

} // namespace

Result<QByteArray> WebhookSecrets::create(const WebhookEndpointId &endpoint)
{
    const QByteArray secret = SecretPrefix.toByteArray() + randomBytes(SecretBytes).toBase64();
    const QByteArray sealed = m_context.vault.seal(secret, sealingContext(endpoint)).toBase64();
    if (const auto stored = m_store.insert(endpoint, sealed); !stored)
        return stored.error();
    return secret;
}

Result<QByteArray> WebhookSecrets::current(const WebhookEndpointId &endpoint)
{
    const auto secrets = alive(endpoint);
    if (!secrets)
        return secrets.error();
    return secrets->constFirst();
}

Result<WebhookSecrets::Rotation> WebhookSecrets::rotate(const WebhookEndpointId &endpoint)
{
    const Timestamp now = m_context.clock.now();
    const Timestamp end = now.plusMs(OverlapMs);
    if (const auto ended = m_store.end(endpoint, end); !ended)
        return ended.error();
    if (const auto removed = m_store.removeOld(endpoint, now, MostReplaced); !removed)
        return removed.error();
    const auto secret = create(endpoint);
    if (!secret)
        return secret.error();
    return Rotation { *secret, end };
}

Result<QByteArrayList> WebhookSecrets::signingKeys(const WebhookEndpointId &endpoint)
{
    const auto secrets = alive(endpoint);
    if (!secrets)
        return secrets.error();
    QByteArrayList keys;
    for (const QByteArray &secret : *secrets)
        keys.append(QByteArray::fromBase64(secret.sliced(SecretPrefix.size())));
    return keys;
}

Result<QByteArrayList> WebhookSecrets::alive(const WebhookEndpointId &endpoint)
{
    const auto sealed = m_store.alive(endpoint, m_context.clock.now());
    if (!sealed)
        return sealed.error();
    if (sealed->isEmpty())
        return Error { ErrorCode::Internal, u"The endpoint has no secret."_s };
    QByteArrayList secrets;
    for (const QByteArray &one : *sealed) {
        const auto secret = m_context.vault.open(QByteArray::fromBase64(one), sealingContext(endpoint));
        if (!secret)
            return secret.error();
        secrets.append(*secret);
    }
    return secrets;
}

} // namespace assistiv
