// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/wallet.h"

#include "core/jsonwriter.h"
#include "http/jsonbody.h"
#include "services/services.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 LargestWalletPage = 200;

QByteArray walletJson(const Wallet &wallet, const QList<WalletRow> &recent)
{
    JsonWriter json;
    json.beginObject().member("id", wallet.id).member("platform_id", wallet.platform).member("balance", wallet.balance);
    json.key("currency").utf8("usd").member("low_balance_threshold", wallet.lowBalanceThreshold);
    json.member("is_active", wallet.isActive).member("created_at", wallet.createdAt).member("updated_at", wallet.updatedAt);
    json.key("recent_transactions").beginArray();
    for (const WalletRow &row : recent) {
        json.beginObject().member("id", row.id).member("type", QString(wordOf(row.type))).member("amount", row.amount);
        json.member("balance_after", row.balanceAfter).member("description", row.description);
        json.member("created_at", row.createdAt).endObject();
    }
    json.endArray().endObject();
    return json.take();
}

Result<Work> getWallet(const ManagementCall &call)
{
    return Work([id = call.caller.platform](Services &services) -> Result<Answer> {
        const auto wallet = services.wallets.get(id);
        if (!wallet)
            return wallet.error();
        const auto recent = services.wallets.recent(id);
        if (!recent)
            return recent.error();
        return Answer { 200, walletJson(*wallet, *recent) };
    });
}

Result<Work> topUpWallet(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    const Money amount = body.requiredMoney("amount"_L1, Money::fromMicros(1), LargestAmount);
    const QString description = body.text("description"_L1, 0, 500).value_or(u"Top-up"_s);
    if (const auto valid = body.check(); !valid)
        return valid.error();
    return Work([id = call.caller.platform, amount, description, actor = actorOf(call)](Services &services) -> Result<Answer> {
        const auto row = services.wallets.topUp(id, amount, description, actor);
        if (!row)
            return row.error();
        return Answer { 200, walletRowJson(*row) };
    });
}

Result<Work> listWalletRows(const ManagementCall &call)
{
    QueryReader query(call.query);
    const Page page = query.page(LargestWalletPage);
    WalletFilter filter;
    if (const auto type = query.oneOf("type"_L1, allWords<WalletRowType>()))
        filter.type = fromWord<WalletRowType>(*type);
    filter.since = query.time("since"_L1);
    filter.until = query.time("until"_L1);
    if (const auto user = query.uuid("end_user_id"_L1))
        filter.endUser = EndUserId::parse(*user);
    if (const auto valid = query.check(); !valid)
        return valid.error();
    return Work([id = call.caller.platform, filter, page](Services &services) -> Result<Answer> {
        const auto found = services.wallets.rows(id, filter, page.offset(), page.limit);
        if (!found)
            return found.error();
        QByteArrayList rows;
        for (const WalletRow &row : found->rows)
            rows.append(walletRowJson(row));
        return Answer { 200, listJson(rows, found->total, page) };
    });
}

} // namespace

QByteArray walletRowJson(const WalletRow &row)
{
    JsonWriter json;
    json.beginObject().member("id", row.id).member("platform_id", row.platform).member("wallet_id", row.wallet);
    json.member("type", QString(wordOf(row.type))).member("amount", row.amount).member("balance_after", row.balanceAfter);
    json.member("description", row.description).textOrNull("reference", row.reference).key("metadata").raw(row.metadata);
    json.member("created_at", row.createdAt).endObject();
    return json.take();
}

Actor actorOf(const ManagementCall &call)
{
    return { .source = LedgerSource::Api, .key = call.caller.key };
}

Actor actorWithKeyOf(const ManagementCall &call)
{
    Actor actor = actorOf(call);
    actor.idempotencyKey = QString::fromLatin1(call.request.header("idempotency-key"));
    return actor;
}

const QList<Route> &walletRoutes()
{
    static const QList<Route> routes {
        { HttpMethod::Get, "/v1/platforms/{platformId}/wallet"_L1, RequiredKey::Platform, getWallet },
        { HttpMethod::Post, "/v1/platforms/{platformId}/wallet/topup"_L1, RequiredKey::Platform, topUpWallet, true },
        { HttpMethod::Get, "/v1/platforms/{platformId}/wallet/transactions"_L1, RequiredKey::Platform, listWalletRows },
    };
    return routes;
}

} // namespace assistiv
