// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "store/accountstate.h"
#include "webhooks/secretstore.h"

namespace assistiv {

/// The secrets that an endpoint's deliveries are signed with (docs/contract/webhooks.md): "whsec_" and standard base64,
/// stored sealed and readable again.
class WebhookSecrets
{
public:
    /// How long a secret signs beside the one that has replaced it.
    static constexpr qint64 OverlapMs = 24 * 60 * 60 * 1000;
    /// How many replaced ones sign at most.
    static constexpr int MostReplaced = 5;

    struct Rotation
    {
        QByteArray secret;
        Timestamp previousExpiresAt;
    };

    explicit WebhookSecrets(const ServiceContext &context) : m_context(context), m_store(context.db) { }

    /// The first one of an endpoint.
    Result<QByteArray> create(const WebhookEndpointId &endpoint);
    /// Internal when there is none, or it cannot be opened; the same below.
    Result<QByteArray> current(const WebhookEndpointId &endpoint);
    Result<Rotation> rotate(const WebhookEndpointId &endpoint);
    /// The HMAC keys that sign now, newest first.
    Result<QByteArrayList> signingKeys(const WebhookEndpointId &endpoint);

private:
    /// Those that sign now, newest first and at least one.
    Result<QByteArrayList> alive(const WebhookEndpointId &endpoint);

    ServiceContext m_context;
    WebhookSecretStore m_store;
};

} // namespace assistiv
