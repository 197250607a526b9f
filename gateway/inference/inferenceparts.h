// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/metrics.h"
#include "core/turns.h"
#include "inference/conversationdesk.h"
#include "inference/cooldowns.h"
#include "ledger/accountbook.h"
#include "ledger/refusals.h"
#include "ledger/settlement.h"
#include "limits/ratelimiter.h"
#include "net/httpreply.h"
#include "tenants/accountdesk.h"

namespace assistiv {

/// What the inference exchanges of one worker use; lives as long as the worker.
struct InferenceParts
{
    AccountBook &book;
    RateLimiter &limiter;
    AccountDesk &accounts;
    ConversationDesk &conversations;
    /// Requests on one thread of one owner take turns.
    Turns &turns;
    Settlements &settlements;
    Refusals &refusals;
    Cooldowns &cooldowns;
    HttpClient &network;
    const Clock &clock;
    /// How errors look to a client is decided one module to the right.
    void (*replyError)(HttpExchange &client, const Error &error);
    QByteArray (*errorBody)(const Error &error);
    /// Calls in flight on all workers.
    std::atomic<int> &inFlight;
    Metrics &metrics;
};

} // namespace assistiv
