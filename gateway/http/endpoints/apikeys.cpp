// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/apikeys.h"

#include "core/jsonwriter.h"
#include "http/endpoints/pathids.h"
#include "services/services.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Result<Work> listPlatformKeys(const ManagementCall &call)
{
    QueryReader query(call.query);
    const Page page = query.page();
    ApiKeyFilter filter;
    if (query.oneOf("type"_L1, { u"platform"_s, u"end_user"_s }) == u"end_user"_s)
        filter.type = KeyType::EndUser;
    if (const auto user = query.uuid("end_user_id"_L1))
        filter.endUser = EndUserId::parse(*user);
    if (const auto valid = query.check(); !valid)
        return valid.error();
    if (filter.endUser && filter.type != KeyType::EndUser) {
        return Error { .code = ErrorCode::ValidationError,
                       .message = u"end_user_id goes with type=end_user only."_s,
                       .param = u"end_user_id"_s };
    }
    return Work([id = call.caller.platform, filter, page](Services &services) -> Result<Answer> {
        const auto found = services.apiKeys.list(id, filter, page.offset(), page.limit);
        if (!found)
            return found.error();
        return Answer { 200, apiKeyListJson(*found, page) };
    });
}

Result<Work> createOwnKey(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    const ApiKeyDraft draft = apiKeyDraft(body);
    if (const auto valid = body.check(); !valid)
        return valid.error();
    return Work([id = call.caller.platform, draft](Services &services) -> Result<Answer> {
        // It may have been deleted since the key was checked.
        if (const auto platform = services.platforms.get(id); !platform)
            return platform.error();
        const auto made = services.apiKeys.createForPlatform(id, draft);
        if (!made)
            return made.error();
        return Answer { 201, apiKeyJson(made->key, made->rawKey) };
    });
}

Result<Work> patchAnyKey(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    ApiKeyChange change;
    change.name = body.text("name"_L1, 1, 100);
    change.isActive = body.flag("is_active"_L1);
    if (body.has("expires_at"_L1))
        change.expiresAt = body.time("expires_at"_L1);
    for (const auto name : { "name"_L1, "is_active"_L1 }) {
        if (body.has(name) && body.isNull(name))
            body.refuse(name, u"cannot be null"_s);
    }
    if (const auto valid = body.check(); !valid)
        return valid.error();
    const auto key = apiKeyInPath(call, 1);
    if (!key)
        return key.error();
    return Work([platform = call.caller.platform, key = *key, change](Services &services) -> Result<Answer> {
        const auto changed = services.apiKeys.patch(platform, key, change);
        if (!changed)
            return changed.error();
        return Answer { 200, apiKeyJson(*changed) };
    });
}

Result<Work> revokeAnyKey(const ManagementCall &call)
{
    const auto key = apiKeyInPath(call, 1);
    if (!key)
        return key.error();
    return Work([platform = call.caller.platform, key = *key](Services &services) -> Result<Answer> {
        if (const auto revoked = services.apiKeys.revoke(platform, key); !revoked)
            return revoked.error();
        return Answer { .status = 204 };
    });
}

} // namespace

QByteArray apiKeyJson(const ApiKey &key, const QString &rawKey)
{
    JsonWriter json;
    json.beginObject().member("id", key.id).member("platform_id", key.platform).member("end_user_id", key.endUser);
    json.member("type", QString(wordOf(key.type))).member("key_prefix", key.prefix);
    if (!rawKey.isEmpty())
        json.member("raw_key", rawKey);
    json.member("name", key.name).key("scopes").beginArray();
    for (const QString &scope : key.scopes)
        json.value(scope);
    json.endArray().member("is_active", key.isActive).member("last_used_at", key.lastUsedAt);
    json.member("expires_at", key.expiresAt).member("created_at", key.createdAt).endObject();
    return json.take();
}

QByteArray apiKeyListJson(const ApiKeyRows &found, const Page &page)
{
    QByteArrayList rows;
    for (const ApiKeyRow &row : found.rows)
        rows.append(apiKeyJson(row));
    return listJson(rows, found.total, page);
}

ApiKeyDraft apiKeyDraft(JsonBody &body)
{
    ApiKeyDraft draft;
    draft.name = body.text("name"_L1, 1, 100).value_or(draft.name);
    draft.scopes = body.texts("scopes"_L1, 20, 50).value_or(draft.scopes);
    draft.expiresAt = body.time("expires_at"_L1);
    return draft;
}

const QList<Route> &apiKeyRoutes()
{
    static const QList<Route> routes {
        { HttpMethod::Get, "/v1/platforms/{platformId}/api-keys"_L1, RequiredKey::Platform, listPlatformKeys },
        { HttpMethod::Post, "/v1/platforms/{platformId}/api-keys"_L1, RequiredKey::Platform, createOwnKey },
        { HttpMethod::Patch, "/v1/platforms/{platformId}/api-keys/{keyId}"_L1, RequiredKey::Platform, patchAnyKey },
        { HttpMethod::Delete, "/v1/platforms/{platformId}/api-keys/{keyId}"_L1, RequiredKey::Platform, revokeAnyKey },
    };
    return routes;
}

} // namespace assistiv
