// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/catalog.h"
#include "catalog/llmconfigs.h"
#include "ledger/budgets.h"
#include "ledger/calllog.h"
#include "ledger/idempotency.h"
#include "ledger/wallets.h"
#include "store/accountstate.h"
#include "tenants/apikeys.h"
#include "tenants/audit.h"
#include "tenants/endusers.h"
#include "tenants/platforms.h"

namespace assistiv {

/// Everything that decides, for one thread: plain synchronous calls on that thread's connection.
struct Services
{
    explicit Services(const ServiceContext &context)
        : context(context), catalog(context), llmConfigs(context), wallets(context), budgets(context), callLog(context),
          idempotency(context), audit(context), apiKeys(context), platforms(context, apiKeys, wallets),
          endUsers(context, apiKeys, budgets)
    {
    }

    ServiceContext context;
    Catalog catalog;
    LlmConfigs llmConfigs;
    Wallets wallets;
    Budgets budgets;
    CallLog callLog;
    Idempotency idempotency;
    Audit audit;
    ApiKeys apiKeys;
    Platforms platforms;
    EndUsers endUsers;
};

} // namespace assistiv
