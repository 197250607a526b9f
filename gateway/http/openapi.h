// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/routes.h"

#include <QtCore/QJsonObject>

namespace assistiv {

/// The description of a table's routes in OpenAPI 3.1. Method, path, key and Idempotency-Key are the table's own; what a
/// route takes and answers is said in resources/openapi/, one file for each group of endpoints (docs/contributing.md).
QJsonObject openApiDocument(const RouteTable &table, const QString &version);

/// The files that the document is made of: each with the name of a tag, operations by "GET /path", and schemas by name.
QList<QJsonObject> openApiGroups();

} // namespace assistiv
