// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/endusers.h"

#include "core/jsonwriter.h"
#include "http/endpoints/apikeys.h"
#include "http/endpoints/pathids.h"
#include "http/jsonbody.h"
#include "services/services.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr int LargestUserMetadata = 16 * 1024;

void writeEndUser(JsonWriter &json, const EndUser &user)
{
    json.member("id", user.id).member("platform_id", user.platform).member("external_id", user.externalId);
    json.textOrNull("display_name", user.displayName).key("metadata").raw(user.metadata);
    json.member("is_active", user.isActive).member("created_at", user.createdAt).member("updated_at", user.updatedAt);
}

QByteArray endUserJson(const EndUser &user)
{
    JsonWriter json;
    json.beginObject();
    writeEndUser(json, user);
    return json.endObject().take();
}

QByteArray createdUserJson(const CreatedEndUser &created)
{
    JsonWriter json;
    json.beginObject();
    writeEndUser(json, created.user);
    const ApiKey &key = created.key.key;
    json.key("api_key").beginObject().member("id", key.id).member("key_prefix", key.prefix);
    json.member("raw_key", created.key.rawKey).member("name", key.name).key("scopes").beginArray();
    for (const QString &scope : key.scopes)
        json.value(scope);
    json.endArray().member("is_active", key.isActive).member("expires_at", key.expiresAt);
    json.member("created_at", key.createdAt).endObject().endObject();
    return json.take();
}

Result<Work> listEndUsers(const ManagementCall &call)
{
    QueryReader query(call.query);
    const Page page = query.page();
    EndUserFilter filter;
    filter.externalId = query.text("external_id"_L1);
    filter.isActive = query.flag("is_active"_L1);
    filter.q = query.text("q"_L1);
    if (const auto valid = query.check(); !valid)
        return valid.error();
    return Work([id = call.caller.platform, filter, page](Services &services) -> Result<Answer> {
        const auto found = services.endUsers.list(id, filter, page.offset(), page.limit);
        if (!found)
            return found.error();
        QByteArrayList rows;
        for (const EndUser &user : found->rows)
            rows.append(endUserJson(user));
        return Answer { 200, listJson(rows, found->total, page) };
    });
}

Result<Work> createEndUser(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    EndUserDraft draft;
    draft.externalId = body.requiredText("external_id"_L1, 1, 255);
    draft.displayName = body.text("display_name"_L1, 1, 100).value_or(QString());
    draft.metadata = body.object("metadata"_L1, LargestUserMetadata).value_or(draft.metadata);
    if (const auto valid = body.check(); !valid)
        return valid.error();
    return Work([caller = call.caller, draft](Services &services) -> Result<Answer> {
        const auto created = services.endUsers.create(caller.platform, draft, caller.key);
        if (!created)
            return created.error();
        return Answer { created->isNew ? 201 : 200, createdUserJson(*created) };
    });
}

Result<Work> getEndUser(const ManagementCall &call)
{
    const auto user = endUserInPath(call);
    if (!user)
        return user.error();
    return Work([platform = call.caller.platform, user = *user](Services &services) -> Result<Answer> {
        const auto found = services.endUsers.get(platform, user);
        if (!found)
            return found.error();
        return Answer { 200, endUserJson(*found) };
    });
}

Result<Work> patchEndUser(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    EndUserChange change;
    change.externalId = body.text("external_id"_L1, 1, 255);
    change.metadata = body.object("metadata"_L1, LargestUserMetadata);
    change.isActive = body.flag("is_active"_L1);
    if (body.has("display_name"_L1))
        change.displayName = body.text("display_name"_L1, 1, 100).value_or(QString());
    for (const auto name : { "external_id"_L1, "metadata"_L1, "is_active"_L1 }) {
        if (body.has(name) && body.isNull(name))
            body.refuse(name, u"cannot be null"_s);
    }
    if (const auto valid = body.check(); !valid)
        return valid.error();
    const auto user = endUserInPath(call);
    if (!user)
        return user.error();
    return Work([platform = call.caller.platform, user = *user, change](Services &services) -> Result<Answer> {
        const auto changed = services.endUsers.patch(platform, user, change);
        if (!changed)
            return changed.error();
        return Answer { 200, endUserJson(*changed) };
    });
}

Result<Work> deleteEndUser(const ManagementCall &call)
{
    const auto user = endUserInPath(call);
    if (!user)
        return user.error();
    return Work([platform = call.caller.platform, user = *user](Services &services) -> Result<Answer> {
        if (const auto removed = services.endUsers.remove(platform, user); !removed)
            return removed.error();
        return Answer { .status = 204 };
    });
}

Result<Work> listUserKeys(const ManagementCall &call)
{
    QueryReader query(call.query);
    const Page page = query.page();
    if (const auto valid = query.check(); !valid)
        return valid.error();
    const auto user = endUserInPath(call);
    if (!user)
        return user.error();
    return Work([platform = call.caller.platform, user = *user, page](Services &services) -> Result<Answer> {
        const auto found = services.endUsers.keys(platform, user, page.offset(), page.limit);
        if (!found)
            return found.error();
        return Answer { 200, apiKeyListJson(*found, page) };
    });
}

Result<Work> createUserKey(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    const ApiKeyDraft draft = apiKeyDraft(body);
    if (const auto valid = body.check(); !valid)
        return valid.error();
    const auto user = endUserInPath(call);
    if (!user)
        return user.error();
    return Work([platform = call.caller.platform, user = *user, draft](Services &services) -> Result<Answer> {
        const auto made = services.endUsers.createKey(platform, user, draft);
        if (!made)
            return made.error();
        return Answer { 201, apiKeyJson(made->key, made->rawKey) };
    });
}

Result<Work> revokeUserKey(const ManagementCall &call)
{
    const auto user = endUserInPath(call);
    if (!user)
        return user.error();
    const auto key = apiKeyInPath(call, 2);
    return Work([platform = call.caller.platform, user = *user, key](Services &services) -> Result<Answer> {
        // The user first: of an unknown user no key is looked for.
        if (const auto known = services.endUsers.get(platform, user); !known)
            return known.error();
        if (!key)
            return key.error();
        if (const auto revoked = services.endUsers.revokeKey(platform, user, *key); !revoked)
            return revoked.error();
        return Answer { .status = 204 };
    });
}

} // namespace

const QList<Route> &endUserRoutes()
{
    static constexpr auto Users = "/v1/platforms/{platformId}/end-users"_L1;
    static constexpr auto User = "/v1/platforms/{platformId}/end-users/{endUserId}"_L1;
    static constexpr auto Keys = "/v1/platforms/{platformId}/end-users/{endUserId}/api-keys"_L1;
    static constexpr auto Key = "/v1/platforms/{platformId}/end-users/{endUserId}/api-keys/{keyId}"_L1;
    static const QList<Route> routes {
        { HttpMethod::Get, Users, RequiredKey::Platform, listEndUsers },
        { HttpMethod::Post, Users, RequiredKey::Platform, createEndUser },
        { HttpMethod::Get, User, RequiredKey::Platform, getEndUser },
        { HttpMethod::Patch, User, RequiredKey::Platform, patchEndUser },
        { HttpMethod::Delete, User, RequiredKey::Platform, deleteEndUser },
        { HttpMethod::Get, Keys, RequiredKey::Platform, listUserKeys },
        { HttpMethod::Post, Keys, RequiredKey::Platform, createUserKey },
        { HttpMethod::Delete, Key, RequiredKey::Platform, revokeUserKey },
    };
    return routes;
}

} // namespace assistiv
