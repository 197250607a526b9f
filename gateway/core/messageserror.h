// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/errors.h"

#include <QtCore/QByteArray>

namespace assistiv {

/// An error as clients of the Messages API know it (docs/contract/messages.md, "Errors"): their word for its class, and
/// our code beside it. Inside a stream there is no id of the request.
QByteArray messagesErrorBody(const Error &error, QByteArrayView requestId = {});
/// The event that ends a stream which failed.
QByteArray messagesErrorFrame(const Error &error);

} // namespace assistiv
