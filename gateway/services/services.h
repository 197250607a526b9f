// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/catalog.h"
#include "catalog/llmconfigs.h"
#include "ledger/budgets.h"
#include "ledger/calllog.h"
#include "ledger/idempotency.h"
#include "ledger/responses.h"
#include "ledger/wallets.h"
#include "store/accountstate.h"
#include "tenants/apikeys.h"
#include "tenants/audit.h"
#include "tenants/endusers.h"
#include "tenants/platforms.h"
#include "tenants/ratelimits.h"
#include "webhooks/deliveries.h"
#include "webhooks/dispatch.h"
#include "webhooks/endpoints.h"

namespace assistiv {

/// Everything that decides, for one thread: plain synchronous calls on that thread's connection.
struct Services
{
    explicit Services(const ServiceContext &parts)
        : context(parts), catalog(parts), llmConfigs(parts), wallets(parts), budgets(parts), callLog(parts), idempotency(parts),
          responses(parts), audit(parts), apiKeys(parts), platforms(parts, apiKeys, wallets), endUsers(parts, apiKeys, budgets),
          rateLimits(parts), webhookEndpoints(parts), webhookDeliveries(parts, webhookEndpoints), dispatch(parts)
    {
    }

    ServiceContext context;
    Catalog catalog;
    LlmConfigs llmConfigs;
    Wallets wallets;
    Budgets budgets;
    CallLog callLog;
    Idempotency idempotency;
    Responses responses;
    Audit audit;
    ApiKeys apiKeys;
    Platforms platforms;
    EndUsers endUsers;
    RateLimits rateLimits;
    WebhookEndpoints webhookEndpoints;
    WebhookDeliveries webhookDeliveries;
    Dispatch dispatch;
};

} // namespace assistiv
