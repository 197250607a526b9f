// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/middle/request.h"

namespace assistiv {

/// Opaque reasoning state as the text that stands in an item's encrypted_content: it travels through stores and
/// clients.
QByteArray sealedState(const middle::Opaque &opaque);
/// Empty when the text is anything else.
std::optional<middle::Opaque> openedState(QByteArrayView text);

} // namespace assistiv
