// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/admin.h"

#include "core/jsonwriter.h"
#include "http/endpoints/apikeys.h"
#include "http/endpoints/pathids.h"
#include "http/endpoints/platforms.h"
#include "http/endpoints/wallet.h"
#include "services/services.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

QByteArray createdPlatformJson(const CreatedPlatform &created)
{
    JsonWriter json;
    json.beginObject();
    writePlatform(json, created.platform);
    json.key("api_key").raw(apiKeyJson(created.key.key, created.key.rawKey));
    return json.endObject().take();
}

QByteArray auditJson(const AuditEntry &entry)
{
    JsonWriter json;
    json.beginObject().member("id", entry.id).member("actor", entry.actor).member("action", entry.action);
    json.textOrNull("target", entry.target).key("details").raw(entry.details).member("created_at", entry.createdAt);
    return json.endObject().take();
}

Result<Work> listPlatforms(const ManagementCall &call)
{
    QueryReader query(call.query);
    const Page page = query.page();
    if (const auto valid = query.check(); !valid)
        return valid.error();
    return Work([page](Services &services) -> Result<Answer> {
        const auto found = services.platforms.list(page.offset(), page.limit);
        if (!found)
            return found.error();
        QByteArrayList rows;
        for (const Platform &platform : found->rows)
            rows.append(platformJson(platform));
        return Answer { 200, listJson(rows, found->total, page) };
    });
}

Result<Work> createPlatform(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    PlatformDraft draft;
    draft.name = body.requiredText("name"_L1, 1, 100);
    draft.slug = body.requiredText("slug"_L1, 1, 63);
    draft.settings = body.object("settings"_L1, LargestSettings).value_or(draft.settings);
    if (const auto valid = body.check(); !valid)
        return valid.error();
    return Work([draft, actor = call.caller.key.toString()](Services &services) -> Result<Answer> {
        const auto created = services.platforms.create(draft);
        if (!created)
            return created.error();
        JsonWriter details;
        details.beginObject().member("slug", draft.slug).endObject();
        const QString target = created->platform.id.toString();
        if (const auto noted = services.audit.note(actor, "platform.create"_L1, target, details.json()); !noted)
            return noted.error();
        return Answer { 201, createdPlatformJson(*created) };
    });
}

Result<Work> getPlatform(const ManagementCall &call)
{
    const auto id = platformInPath(call);
    if (!id)
        return id.error();
    return Work([id = *id](Services &services) -> Result<Answer> {
        const auto platform = services.platforms.get(id);
        if (!platform)
            return platform.error();
        return Answer { 200, platformJson(*platform) };
    });
}

/// What the change asks for, as the audit log keeps it.
QByteArray detailsOf(const PlatformChange &change)
{
    JsonWriter json;
    json.beginObject();
    if (change.name)
        json.member("name", *change.name);
    if (change.slug)
        json.member("slug", *change.slug);
    if (change.settings)
        json.key("settings").raw(*change.settings);
    if (change.isActive)
        json.member("is_active", *change.isActive);
    return json.endObject().take();
}

Result<Work> patchPlatform(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    PlatformChange change = platformChange(body);
    change.isActive = body.flag("is_active"_L1);
    if (body.has("is_active"_L1) && body.isNull("is_active"_L1))
        body.refuse("is_active"_L1, u"cannot be null"_s);
    if (const auto valid = body.check(); !valid)
        return valid.error();
    const auto id = platformInPath(call);
    if (!id)
        return id.error();
    return Work([id = *id, change, actor = call.caller.key.toString()](Services &services) -> Result<Answer> {
        const auto platform = services.platforms.patch(id, change);
        if (!platform)
            return platform.error();
        const auto noted = services.audit.note(actor, "platform.update"_L1, id.toString(), detailsOf(change));
        if (!noted)
            return noted.error();
        return Answer { 200, platformJson(*platform) };
    });
}

Result<Work> deletePlatform(const ManagementCall &call)
{
    const auto id = platformInPath(call);
    if (!id)
        return id.error();
    return Work([id = *id, actor = call.caller.key.toString()](Services &services) -> Result<Answer> {
        if (const auto removed = services.platforms.remove(id); !removed)
            return removed.error();
        if (const auto noted = services.audit.note(actor, "platform.delete"_L1, id.toString()); !noted)
            return noted.error();
        return Answer { .status = 204 };
    });
}

Result<Work> createPlatformKey(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    const ApiKeyDraft draft = apiKeyDraft(body);
    if (const auto valid = body.check(); !valid)
        return valid.error();
    const auto id = platformInPath(call);
    if (!id)
        return id.error();
    return Work([id = *id, draft, actor = call.caller.key.toString()](Services &services) -> Result<Answer> {
        if (const auto valid = services.apiKeys.checkExpiry(draft.expiresAt); !valid)
            return valid.error();
        if (const auto platform = services.platforms.get(id); !platform)
            return platform.error();
        const auto made = services.apiKeys.createForPlatform(id, draft);
        if (!made)
            return made.error();
        JsonWriter details;
        details.beginObject().member("key_id", made->key.id).member("name", made->key.name).endObject();
        const auto noted = services.audit.note(actor, "platform.create_key"_L1, id.toString(), details.json());
        if (!noted)
            return noted.error();
        return Answer { 201, apiKeyJson(made->key, made->rawKey) };
    });
}

QString defaultDescription(WalletRowType type)
{
    switch (type) {
    case WalletRowType::Refund: return u"Refund"_s;
    case WalletRowType::Adjustment: return u"Adjustment"_s;
    default: return u"Top-up"_s;
    }
}

Result<Work> bookOnWallet(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    if (!body.has("type"_L1) || body.isNull("type"_L1))
        body.refuse("type"_L1, u"is required"_s);
    const auto word = body.oneOf("type"_L1, { u"top_up"_s, u"refund"_s, u"adjustment"_s });
    const WalletRowType type = fromWord<WalletRowType>(word.value_or(QString())).value_or(WalletRowType::TopUp);
    const Money least = type == WalletRowType::Adjustment ? -LargestAmount : Money::fromMicros(1);
    const Money amount = body.requiredMoney("amount"_L1, least, LargestAmount);
    if (amount.isZero())
        body.refuse("amount"_L1, u"must not be 0"_s);
    const QString description = body.text("description"_L1, 0, 500).value_or(defaultDescription(type));
    if (const auto valid = body.check(); !valid)
        return valid.error();
    const auto id = platformInPath(call);
    if (!id)
        return id.error();
    return Work([id = *id, type, amount, description, actor = actorOf(call)](Services &services) -> Result<Answer> {
        const auto row = services.wallets.adjust(id, type, amount, description, actor);
        if (!row)
            return row.error();
        JsonWriter details;
        details.beginObject().member("type", QString(wordOf(type))).member("amount", amount);
        details.member("transaction_id", row->id).endObject();
        const auto noted = services.audit.note(actor.key.toString(), "wallet.book"_L1, id.toString(), details.json());
        if (!noted)
            return noted.error();
        return Answer { 200, walletRowJson(*row) };
    });
}

Result<Work> listAudit(const ManagementCall &call)
{
    QueryReader query(call.query);
    const Page page = query.page();
    if (const auto valid = query.check(); !valid)
        return valid.error();
    return Work([page](Services &services) -> Result<Answer> {
        const auto found = services.audit.list(page.offset(), page.limit);
        if (!found)
            return found.error();
        QByteArrayList rows;
        for (const AuditEntry &entry : found->rows)
            rows.append(auditJson(entry));
        return Answer { 200, listJson(rows, found->total, page) };
    });
}

} // namespace

const QList<Route> &adminRoutes()
{
    static constexpr auto AllPlatforms = "/v1/admin/platforms"_L1;
    static constexpr auto OnePlatform = "/v1/admin/platforms/{platformId}"_L1;
    static constexpr auto Bookings = "/v1/admin/platforms/{platformId}/wallet/transactions"_L1;
    static const QList<Route> routes {
        { HttpMethod::Get, AllPlatforms, RequiredKey::Admin, listPlatforms },
        { HttpMethod::Post, AllPlatforms, RequiredKey::Admin, createPlatform },
        { HttpMethod::Get, OnePlatform, RequiredKey::Admin, getPlatform },
        { HttpMethod::Patch, OnePlatform, RequiredKey::Admin, patchPlatform },
        { HttpMethod::Delete, OnePlatform, RequiredKey::Admin, deletePlatform },
        { HttpMethod::Post, "/v1/admin/platforms/{platformId}/api-keys"_L1, RequiredKey::Admin, createPlatformKey },
        { HttpMethod::Post, Bookings, RequiredKey::Admin, bookOnWallet, true },
        { HttpMethod::Get, "/v1/admin/audit"_L1, RequiredKey::Admin, listAudit },
    };
    return routes;
}

} // namespace assistiv
