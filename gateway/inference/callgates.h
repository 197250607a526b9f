// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "inference/inferenceparts.h"

namespace assistiv {

/// Gates 3 to 7 of one request, the same for every route of inference (docs/contract/inference.md, "Gate order").
/// However often they are asked, and however many upstream calls follow, the request counts once.
class CallGates
{
public:
    CallGates(InferenceParts &parts, const Caller &caller) : m_parts(parts), m_caller(caller) {}

    /// RateLimitExceeded, then what AccountBook::admit() says. Miss also means that the day's earlier requests are not
    /// known yet: loading the account brings them. Adds the x-ratelimit headers to the answer when it counts.
    std::variant<Admission, Error, AccountBook::Miss, AccountBook::ResetDue> pass(HttpExchange &client);
    /// An upstream call of the request has finished.
    void noteTokens(qint64 total) { m_parts.limiter.addTokens(m_caller.platform, m_caller.endUser, total); }

private:
    InferenceParts &m_parts;
    const Caller m_caller;
    bool m_isCounted = false;
};

} // namespace assistiv
