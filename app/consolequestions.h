// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/models/consolevalues.h"
#include "core/result.h"
#include "ledger/refusals.h"

namespace assistiv {

struct Services;

/// What the console's models ask, answered from one thread's Services. Reads run on a reader, writes on the writer; none of it
/// knows windows.
namespace ConsoleQuestions {

Result<QList<console::PlatformSummary>> platforms(Services &services);
Result<console::CreatedPlatform> createPlatform(Services &services, const console::NewPlatform &wanted);
Result<console::SetUpProgress> setUp(Services &services, PlatformId platform);

Result<QList<console::ProviderSummary>> providers(Services &services, PlatformId platform);
Result<console::AddedProviderKey> addProviderKey(Services &services, const console::NewProviderKey &key);
Result<console::AddedProviderKey> useEchoModel(Services &services, PlatformId platform);
/// Those of the provider's models that were found there, as the catalogue knows them.
Result<QList<console::OfferedModel>> offeredModels(Services &services, ProviderId provider, const QStringList &foundIds);

Result<console::WalletState> wallet(Services &services, PlatformId platform);
Result<console::WalletBooking> topUp(Services &services, const console::WalletTopUp &topUp);
Result<std::optional<console::WalletBooking>> findTopUp(Services &services, PlatformId platform, const QString &idempotencyKey);

Result<console::CreatedEndUser> createEndUser(Services &services, const console::NewEndUser &wanted);
Result<console::CreatedEndUser> createEndUserKey(Services &services, PlatformId platform, EndUserId endUser);

Result<console::OverviewFigures> overview(Services &services, const Refusals &refusals, PlatformId platform,
                                          console::OverviewRange range);
Result<std::optional<console::RequestRow>> latestRequest(Services &services, const Refusals &refusals, PlatformId platform,
                                                         qint64 sinceMs);

} // namespace ConsoleQuestions
} // namespace assistiv
