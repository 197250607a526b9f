// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/platforms.h"

#include "core/jsonwriter.h"
#include "services/services.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Result<Work> getOwnPlatform(const ManagementCall &call)
{
    return Work([id = call.caller.platform](Services &services) -> Result<Answer> {
        const auto platform = services.platforms.get(id);
        if (!platform)
            return platform.error();
        return Answer { 200, platformJson(*platform) };
    });
}

Result<Work> patchOwnPlatform(const ManagementCall &call)
{
    JsonBody body(call.request.body);
    const PlatformChange change = platformChange(body);
    if (const auto valid = body.check(); !valid)
        return valid.error();
    return Work([id = call.caller.platform, change](Services &services) -> Result<Answer> {
        const auto platform = services.platforms.patch(id, change);
        if (!platform)
            return platform.error();
        return Answer { 200, platformJson(*platform) };
    });
}

Result<Work> deleteOwnPlatform(const ManagementCall &call)
{
    return Work([id = call.caller.platform](Services &services) -> Result<Answer> {
        if (const auto removed = services.platforms.remove(id); !removed)
            return removed.error();
        return Answer { .status = 204 };
    });
}

} // namespace

void writePlatform(JsonWriter &json, const Platform &platform)
{
    json.member("id", platform.id).member("name", platform.name).member("slug", platform.slug);
    json.member("is_active", platform.isActive);
    const PlatformSettings settings = PlatformSettings::from(platform.settings);
    json.key("settings").beginObject().member("default_budget_usd", settings.defaultBudget);
    json.key("markup_percentage").raw(settings.markupPercentage).key("end_user_wallet").raw(settings.endUserWallet);
    for (const auto &[name, value] : settings.others) {
        QByteArray escaped;
        appendJsonString(escaped, name);
        json.key(QByteArrayView(escaped).sliced(1, escaped.size() - 2)).raw(value);
    }
    json.endObject().member("created_at", platform.createdAt).member("updated_at", platform.updatedAt);
}

QByteArray platformJson(const Platform &platform)
{
    JsonWriter json;
    json.beginObject();
    writePlatform(json, platform);
    return json.endObject().take();
}

PlatformChange platformChange(JsonBody &body)
{
    PlatformChange change;
    change.name = body.text("name"_L1, 1, 100);
    change.slug = body.text("slug"_L1, 1, 63);
    change.settings = body.object("settings"_L1, LargestSettings);
    for (const auto name : { "name"_L1, "slug"_L1, "settings"_L1 }) {
        if (body.has(name) && body.isNull(name))
            body.refuse(name, u"cannot be null"_s);
    }
    return change;
}

const QList<Route> &platformRoutes()
{
    static const QList<Route> routes {
        { HttpMethod::Get, "/v1/platforms/{platformId}"_L1, RequiredKey::Platform, getOwnPlatform },
        { HttpMethod::Patch, "/v1/platforms/{platformId}"_L1, RequiredKey::Platform, patchOwnPlatform },
        { HttpMethod::Delete, "/v1/platforms/{platformId}"_L1, RequiredKey::Platform, deleteOwnPlatform },
    };
    return routes;
}

} // namespace assistiv
