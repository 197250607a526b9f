// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QUrl>

#include <functional>

class QObject;

namespace assistiv {

/// Asks the gateway at that origin for its /health over a real connection, as a client would. Calls back once, from the event
/// loop, within five seconds. The certificate is not checked: it is our own socket, often under another name.
void probeHealth(const QString &origin, QObject *context, std::function<void(bool healthy)> done);

} // namespace assistiv
