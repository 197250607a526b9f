// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/endpoint.h"
#include "http/jsonbody.h"
#include "tenants/apikeys.h"

namespace assistiv {

/// The routes of platform keys.
const QList<Route> &apiKeyRoutes();

/// The API key object; with raw_key when a key was just made.
QByteArray apiKeyJson(const ApiKey &key, const QString &rawKey = {});
/// A page of keys.
QByteArray apiKeyListJson(const ApiKeyRows &found, const Page &page);
/// name, scopes and expires_at of a new key.
ApiKeyDraft apiKeyDraft(JsonBody &body);

} // namespace assistiv
