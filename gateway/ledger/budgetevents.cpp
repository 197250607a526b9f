// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/budgetevents.h"

#include "core/jsonwriter.h"

namespace assistiv {

namespace {

constexpr QByteArrayView ApiVersion = "2026-04-11";

QByteArray bodyOf(const QByteArray &eventType, const QByteArray &eventId, const LedgerRow &row)
{
    JsonWriter json;
    json.beginObject().key("event_type").utf8(eventType).key("event_id").utf8(eventId);
    json.key("api_version").utf8(ApiVersion).member("created_at", row.createdAt);
    json.key("data").beginObject();
    json.member("platform_id", row.platform).member("end_user_id", row.endUser).member("budget_id", row.budget);
    json.member("transaction_id", row.id).member("type", QString(wordOf(row.type))).member("amount_usd", row.amount);
    json.member("max_usd_after", row.maxAfter).member("used_usd_after", row.usedAfter);
    json.member("remaining_usd_after", row.remainingAfter()).textOrNull("reason", row.reason);
    json.key("metadata").raw(row.metadata);
    return json.endObject().endObject().take();
}

} // namespace

Result<void> BudgetEvents::announce(const QList<BudgetNews> &news)
{
    QList<WebhookMessage> messages;
    messages.reserve(news.size());
    for (const auto &[event, row] : news) {
        const QByteArray type(wordOf(event).data(), wordOf(event).size());
        const QByteArray eventId = row.id.toLatin1() + ':' + type;
        messages.append({ row.platform, row.endUser, type, eventId, bodyOf(type, eventId, row), row.createdAt,
                          event == WebhookEvent::Debited });
    }
    return m_outbox.append(messages);
}

} // namespace assistiv
