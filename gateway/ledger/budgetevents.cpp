// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/budgetevents.h"

#include "core/jsonwriter.h"
#include "webhooks/envelope.h"

namespace assistiv {

namespace {

QByteArray dataOf(const LedgerRow &row)
{
    JsonWriter json;
    json.beginObject();
    json.member("platform_id", row.platform).member("end_user_id", row.endUser).member("budget_id", row.budget);
    json.member("transaction_id", row.id).member("type", QString(wordOf(row.type))).member("amount_usd", row.amount);
    json.member("max_usd_after", row.maxAfter).member("used_usd_after", row.usedAfter);
    json.member("remaining_usd_after", row.remainingAfter()).textOrNull("reason", row.reason);
    json.key("metadata").raw(row.metadata);
    return json.endObject().take();
}

} // namespace

Result<void> BudgetEvents::announce(const QList<BudgetNews> &news)
{
    QList<WebhookMessage> messages;
    messages.reserve(news.size());
    for (const auto &[event, row] : news) {
        const QByteArray type(wordOf(event).data(), wordOf(event).size());
        const QByteArray eventId = row.id.toLatin1() + ':' + type;
        const QByteArray body = webhookBody(type, eventId, row.createdAt, dataOf(row));
        messages.append(
            { row.platform, row.endUser, type, eventId, body, row.createdAt, event == WebhookEvent::Debited });
    }
    return m_outbox.append(messages);
}

} // namespace assistiv
