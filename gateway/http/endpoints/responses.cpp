// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/responses.h"

#include "core/jsonwriter.h"
#include "services/services.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Result<Work> getResponse(const ManagementCall &call)
{
    return Work([owner = ResponseOwner::of(call.caller), id = call.pathValues.constFirst()](Services &services) -> Result<Answer> {
        const auto body = services.responses.body(owner, id);
        if (!body)
            return body.error();
        return Answer { 200, *body };
    });
}

Result<Work> deleteResponse(const ManagementCall &call)
{
    return Work([owner = ResponseOwner::of(call.caller), id = call.pathValues.constFirst()](Services &services) -> Result<Answer> {
        if (const auto removed = services.responses.remove(owner, id); !removed)
            return removed.error();
        JsonWriter json;
        json.beginObject().key("id").utf8(id).key("object").utf8("response").member("deleted", true).endObject();
        return Answer { 200, json.take() };
    });
}

} // namespace

const QList<Route> &responseRoutes()
{
    static const QList<Route> routes {
        { HttpMethod::Get, "/v1/responses/{responseId}"_L1, RequiredKey::PlatformOrEndUser, getResponse },
        { HttpMethod::Delete, "/v1/responses/{responseId}"_L1, RequiredKey::PlatformOrEndUser, deleteResponse },
    };
    return routes;
}

} // namespace assistiv
