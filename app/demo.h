// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "services/bootstrap.h"

namespace assistiv {

struct Services;

/// What a start with --demo has ready for whoever tries the gateway.
struct Demo
{
    /// The name of the keys that --demo makes: active ones of that name are revoked by the next start.
    static constexpr QLatin1StringView KeyName { "Made by --demo" };

    /// ids and keys that were made in this run.
    BootstrapOutcome made;
    /// Made in this run. Empty: there is no demo, and trouble says why.
    QString userKey;
    /// Why a call with that key would be refused; empty: it would not.
    QString trouble;
};

/// Makes what is missing of the demo (a platform with the sandbox provider and a wallet, one user with a budget) and a
/// fresh key for its user. What is there stays as the operator left it, and only a new platform gets money
/// (docs/contract/headless-and-admin.md, "Demo"). Must run inside a transaction.
Result<Demo> setUpDemo(Services &services);

/// What is said about it once the gateway serves there: a curl line, and why it would not answer.
QString demoText(const Demo &demo, const QString &origin);

} // namespace assistiv
