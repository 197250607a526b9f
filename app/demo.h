// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QJsonObject>
#include <QtCore/QString>

namespace assistiv {

/// The bootstrap of --demo: one platform with the sandbox provider, a wallet, and one user with a budget.
QJsonObject demoBootstrap();

/// A curl line that answers, for that user's key.
QString demoCurlLine(const QString &origin, const QString &endUserKey);

} // namespace assistiv
