// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArray>
#include <QtCore/QStringList>

#include <optional>

namespace assistiv {

/// The provider's own ids in a list of its models, of whatever wire format; empty when it is no such list.
std::optional<QStringList> modelIdsIn(QByteArrayView body);

} // namespace assistiv
