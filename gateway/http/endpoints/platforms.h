// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/endpoint.h"
#include "http/jsonbody.h"
#include "tenants/platforms.h"

namespace assistiv {

class JsonWriter;

/// The largest settings object of one request.
inline constexpr int LargestSettings = 64 * 1024;

/// The routes of a platform for itself.
const QList<Route> &platformRoutes();

/// The members of a platform object, without the braces.
void writePlatform(JsonWriter &json, const Platform &platform);
QByteArray platformJson(const Platform &platform);
/// name, slug and settings of a PATCH.
PlatformChange platformChange(JsonBody &body);

} // namespace assistiv
