// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtNetwork/QHostAddress>

struct sockaddr;

namespace assistiv {

/// Whether an address belongs to the public internet. Everything else is refused to calls whose target a customer
/// chose: this machine, the networks around it, cloud metadata services, and IPv6 forms that wrap an IPv4 address. Ask
/// it about resolved addresses, at the moment of connecting; a name says nothing.
bool isPublicAddress(const QHostAddress &address);
/// The same for a socket address; only IPv4 and IPv6 can be public.
bool isPublicAddress(const sockaddr *address);

} // namespace assistiv
