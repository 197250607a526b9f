// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "webhooks/secretstore.h"

#include "store/database.h"

namespace assistiv {

using namespace Qt::StringLiterals;

Result<void> WebhookSecretStore::insert(const WebhookEndpointId &endpoint, const QByteArray &sealed)
{
    Query query = m_db.prepare(u"INSERT INTO webhook_secrets (endpoint_id, sealed_secret) VALUES (?, ?)"_s);
    return query.bind(endpoint, sealed).exec();
}

Result<QByteArrayList> WebhookSecretStore::alive(const WebhookEndpointId &endpoint, Timestamp now)
{
    Query query = m_db.prepare(u"SELECT sealed_secret FROM webhook_secrets "
                               "WHERE endpoint_id = ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY seq DESC"_s);
    if (const auto read = query.bind(endpoint, now).exec(); !read)
        return read.error();
    QByteArrayList sealed;
    while (query.next())
        sealed.append(query.text(0).toLatin1());
    return sealed;
}

Result<void> WebhookSecretStore::end(const WebhookEndpointId &endpoint, Timestamp at)
{
    Query query =
        m_db.prepare(u"UPDATE webhook_secrets SET expires_at = ? WHERE endpoint_id = ? AND expires_at IS NULL"_s);
    return query.bind(at, endpoint).exec();
}

Result<void> WebhookSecretStore::removeOld(const WebhookEndpointId &endpoint, Timestamp now, int kept)
{
    Query query = m_db.prepare(
        u"DELETE FROM webhook_secrets WHERE endpoint_id = ? AND expires_at IS NOT NULL AND (expires_at <= ? OR "
        "seq NOT IN (SELECT seq FROM webhook_secrets WHERE endpoint_id = ? AND expires_at IS NOT NULL "
        "ORDER BY seq DESC LIMIT ?))"_s);
    return query.bind(endpoint, now, endpoint, kept).exec();
}

} // namespace assistiv
