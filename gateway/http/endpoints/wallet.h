// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/endpoint.h"
#include "ledger/wallets.h"

namespace assistiv {

/// The routes of a platform's wallet.
const QList<Route> &walletRoutes();

/// The transaction object.
QByteArray walletRowJson(const WalletRow &row);
/// Who moves the money of this request.
Actor actorOf(const ManagementCall &call);
/// The same with the request's Idempotency-Key, for the routes that honour it: on the others the header means nothing.
Actor actorWithKeyOf(const ManagementCall &call);

} // namespace assistiv
